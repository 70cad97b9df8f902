internal import Crypto
public import Foundation
public import SurveyKit
internal import SyncHub

/// What the token of a link `/s/TOKEN` says: who is asked what, and until when. Not a secret of a person: everybody of the
/// commune has the same one.
public struct FormLink: Sendable, Hashable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// The campaign's questionnaire for as long as the campaign takes answers, whatever its days were when the code was printed.
    case survey = 1
    /// The same, and no longer than `FormLink.expires`.
    case surveyUntil = 2
    /// Leads to a form of the campaign, where several are open: for as long as the campaign takes answers, or until `FormLink.expires`.
    case form = 3
    case formUntil = 4

    var hasForm: Bool { self == .form || self == .formUntil }
    var isUntil: Bool { self == .surveyUntil || self == .formUntil }
  }

  public var kind: Kind
  public var unit: UnitCode
  /// The last day it is valid, in the campaign's zone, where somebody set one; else the campaign's last day when it was made.
  public var expires: CalendarDay
  /// The beginning of the SHA-256 of the campaign's id: enough to tell campaigns apart, and short.
  let campaignMark: Data
  /// The same of the form's id, of a link to one form.
  let formMark: Data?

  static let campaignMarkBytes = 4

  public init(_ kind: Kind = .survey, campaign: String, unit: UnitCode, expires: CalendarDay) {
    self.init(kind: kind, unit: unit, expires: expires, campaignMark: Self.mark(of: campaign), formMark: nil)
  }

  /// - Parameter isLast: Whether it is valid no longer than `expires`.
  public init(form: String, campaign: String, unit: UnitCode, expires: CalendarDay, isLast: Bool) {
    self.init(
      kind: isLast ? .formUntil : .form, unit: unit, expires: expires, campaignMark: Self.mark(of: campaign), formMark: Self.mark(of: form))
  }

  init(kind: Kind, unit: UnitCode, expires: CalendarDay, campaignMark: Data, formMark: Data?) {
    self.kind = kind
    self.unit = unit
    self.expires = expires
    self.campaignMark = campaignMark
    self.formMark = formMark
  }

  /// Tells if the link's own last day is over.
  public func isOver(on today: CalendarDay) -> Bool { kind.isUntil && today > expires }

  public func belongs(to campaign: String) -> Bool { campaignMark == Self.mark(of: campaign) }

  /// Tells if it leads to a form of its campaign.
  public func leads(to form: String) -> Bool { formMark.map { $0 == Self.mark(of: form) } ?? true }

  private static func mark(of id: String) -> Data { Data(SHA256.hash(data: Data(id.utf8)).prefix(campaignMarkBytes)) }
}

/// Why a token is not accepted.
public enum FormLinkFault: Error, Sendable, Hashable {
  /// No token at all, or not a whole one.
  case malformed
  /// Signed by a key this hub does not have.
  case foreign
  /// Changed after it was signed.
  case forged
}

/// Signs links and checks them. Tokens are the same each time: printing again gives the same codes.
///
/// A token in bytes, written as letters and digits by `Base32`:
///
/// | bytes | are |
/// |---|---|
/// | 1 | 1, the format |
/// | 1 | the kind |
/// | 2 | the key's id |
/// | 2 | the last day, in days since 1970, most significant byte first |
/// | 4 | the campaign's mark |
/// | 4 | of a link to one form, the form's mark |
/// | 1…32 | the unit's code, ASCII |
/// | 12 | HMAC-SHA256 of all before it, the first 12 bytes |
public struct FormLinkKey: Sendable {
  /// Says which key signed, when a hub has had several.
  public let id: Data
  private let key: SymmetricKey

  /// Longest token in letters, whatever the unit's code.
  public static let tokenLettersMax = 96
  private static let format: UInt8 = 1
  private static let headBytes = 2 + keyIDBytes + 2 + FormLink.campaignMarkBytes
  private static let keyIDBytes = 2
  private static let tagBytes = 12

  /// - Parameter secret: 32 bytes that nobody else has.
  public init(secret: Data) {
    key = SymmetricKey(data: secret)
    id = Data(SHA256.hash(data: Data("synckit/link-key/1\0".utf8) + secret).prefix(Self.keyIDBytes))
  }

  /// - Returns: Nil when the unit's code or the day does not fit: a code longer than 32 bytes, a day before 1970 or after 2149.
  public func token(for link: FormLink) -> String? {
    guard link.unit.isWellFormed, let day = UInt16(exactly: link.expires.daysSince1970) else { return nil }
    var bytes = Data([Self.format, link.kind.rawValue]) + id + [UInt8(day >> 8), UInt8(day & 255)] + link.campaignMark
    guard link.kind.hasForm == (link.formMark != nil) else { return nil }
    bytes += link.formMark ?? Data()
    bytes.append(Data(link.unit.rawValue.utf8))
    return Base32.encode(bytes + tag(of: bytes))
  }

  /// The link a token stands for, once its signature was checked; whether it has expired is for the caller to ask.
  public func open(_ token: some StringProtocol) throws(FormLinkFault) -> FormLink {
    guard token.utf8.count <= Self.tokenLettersMax, let bytes = Base32.decode(token), bytes.count > Self.headBytes + Self.tagBytes,
      bytes[0] == Self.format
    else { throw .malformed }
    let body = bytes.dropLast(Self.tagBytes)
    guard bytes[2..<2 + Self.keyIDBytes] == id else { throw .foreign }
    // The library compares whole codes in constant time: so it is the codes of both tags that are compared.
    let doubled = HMAC<SHA256>.authenticationCode(for: tag(of: body), using: key)
    guard HMAC<SHA256>.isValidAuthenticationCode(doubled, authenticating: bytes.suffix(Self.tagBytes), using: key) else { throw .forged }
    guard let kind = FormLink.Kind(rawValue: bytes[1]) else { throw .malformed }
    let head = Self.headBytes + (kind.hasForm ? FormLink.campaignMarkBytes : 0)
    let unit = UnitCode(String(decoding: body.dropFirst(head), as: UTF8.self))
    let place = 2 + Self.keyIDBytes
    guard unit.isWellFormed, body.count > head,
      let expires = CalendarDay(daysSince1970: Int(bytes[place]) << 8 | Int(bytes[place + 1]))
    else { throw .malformed }
    return FormLink(
      kind: kind, unit: unit, expires: expires, campaignMark: Data(bytes[(place + 2)..<Self.headBytes]),
      formMark: kind.hasForm ? Data(bytes[Self.headBytes..<head]) : nil)
  }

  /// The id by which the hub keeps an answer once, from the id its page carried.
  ///
  /// Whoever saw the page cannot find the answer by it, and an id of one commune is never that of another's.
  ///
  /// - Parameter content: What the answer says: a draft that two people used gives two answers.
  public func answerID(draft: String, unit: UnitCode, content: Data) -> String {
    let name = Data("synckit/web-answer/2\0\(unit)\0\(draft)\0".utf8)
    let code = HMAC<SHA256>.authenticationCode(for: name + Data(SHA256.hash(data: content)), using: key)
    return Data(code.prefix(16)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  private var draftKey: SymmetricKey {
    HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Data("synckit/web-draft/1".utf8), outputByteCount: 32)
  }

  /// Answers on their way, sealed for the page that carries them and for this link: they outlive a restart of the hub, and whoever
  /// looks at the page's source reads and changes nothing.
  func seal(_ state: String, for path: String) throws -> String {
    let box = try AES.GCM.seal(Data(state.utf8), using: draftKey, authenticating: Data(path.utf8))
    return (box.combined ?? Data()).base64EncodedString()
  }

  /// - Returns: Nil for what was not sealed here for this link.
  func open(sealed state: String, for path: String) -> String? {
    guard let data = Data(base64Encoded: state), let box = try? AES.GCM.SealedBox(combined: data),
      let opened = try? AES.GCM.open(box, using: draftKey, authenticating: Data(path.utf8))
    else { return nil }
    return String(validating: opened, as: UTF8.self)
  }

  // MARK: Drafts kept at the hub

  /// Overhead of sealing a kept draft, in bytes.
  static let sealBytes = 28

  /// The name of a draft's file: who has it and the hub's keys cannot find the address by it.
  func name(of draftKey: DraftKey) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Data("synckit/web-kept-name/1\0\(draftKey.text)".utf8), using: key)
    return Base32.encode(Data(code.prefix(20)))
  }

  private func keptKey(_ draftKey: DraftKey) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Data("synckit/web-kept/1\0\(draftKey.text)".utf8), outputByteCount: 32)
  }

  /// Seals a draft for the hub's disk: it is opened with the hub's keys and the draft's key together.
  func seal(kept plain: Data, _ draftKey: DraftKey, for path: String) throws -> Data {
    try AES.GCM.seal(plain, using: keptKey(draftKey), authenticating: Data(path.utf8)).combined ?? Data()
  }

  /// - Returns: Nil for what was not sealed here under this key for this link.
  func open(kept sealed: Data, _ draftKey: DraftKey, for path: String) -> Data? {
    guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
    return try? AES.GCM.open(box, using: keptKey(draftKey), authenticating: Data(path.utf8))
  }

  private func tag(of bytes: Data) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/link/1\0".utf8) + bytes, using: key).prefix(Self.tagBytes))
  }
}
