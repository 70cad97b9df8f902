internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Outcome of a call that signs in, signs out or lets people in: a page, or the way to another page with a session to keep.
struct ConsoleAnswer {
  var status = HTTPResponse.Status.ok
  var title = ""
  var content: HTML = .none
  /// Address to go on to instead.
  var location: String?
  /// A session to keep; `.some(nil)` lets go of it.
  var session: String??
}

/// Takes calls to the pages of signing in and of people.
struct SignInDesk: Sendable {
  let survey: SurveyHub
  private let passwords = PasswordDesk()

  init(survey: SurveyHub) { self.survey = survey }

  /// Nil where the path is none of its own.
  ///
  /// - Parameters:
  ///   - fields: Of a posted form that is known to come from a page of ours; nil for a call that reads.
  ///   - source: The caller's network address.
  ///   - origin: Where the console is reached, for links that are handed over.
  func answer(
    _ path: String, parameters: (String) -> String?, fields: FieldsBody?, visitor: Visitor?, query: ConsoleQuery, source: String,
    origin: String
  ) async throws -> ConsoleAnswer? {
    let parts = path.split(separator: "/").map(String.init)
    let pages = SignInPages(query: query)
    switch (parts.first, parts.count) {
    case ("sign-in", 1):
      let to = Self.local(fields?["to"] ?? parameters("to"))
      guard let fields else { return try await signInPage(pages, to: to, fault: nil, status: .ok) }
      return try await signIn(fields, to: to, pages, source: source)
    case ("invitation", 2): return try await invitation(parts[1], fields, pages)
    case ("sign-out", 1):
      guard let session = visitor?.session else { return ConsoleAnswer(status: .seeOther, location: query.link("/sign-in")) }
      try await survey.signOut(session, everywhere: fields?["everywhere"] == "1" ? visitor?.person.name : nil)
      return ConsoleAnswer(status: .seeOther, location: query.link("/sign-in"), session: .some(nil))
    case ("account", 1):
      return visitor.map { ConsoleAnswer(title: $0.person.name, content: pages.account($0)) }
    case ("people", 1):
      guard let visitor else { return nil }
      return try await people(fields, visitor, pages, origin: origin)
    default: return nil
    }
  }

  /// A path of this console; anything else is its beginning.
  static func local(_ address: String?) -> String {
    guard let address, address.hasPrefix("/"), !address.hasPrefix("//"), !address.contains("\\"), !address.hasPrefix("/sign-"),
      address.utf8.count < 2000, address.unicodeScalars.allSatisfy({ !$0.isUnprintable })
    else { return "/now" }
    return address
  }

  private func signInPage(_ pages: SignInPages, to: String, fault: LocalizedText?, status: HTTPResponse.Status) async throws
    -> ConsoleAnswer
  {
    let hasPeople = try await !survey.people().isEmpty
    return ConsoleAnswer(
      status: status, title: pages.query.words.text("Đăng nhập", "Sign in"),
      content: pages.signIn(to: to, fault: fault, hasPeople: hasPeople))
  }

  private func signIn(_ fields: FieldsBody, to: String, _ pages: SignInPages, source: String) async throws -> ConsoleAnswer {
    if let card = fields["card"], !card.isEmpty { return try await signIn(card: card, to: to, pages, source: source) }
    let (name, password) = (fields["name"] ?? "", fields["password"] ?? "")
    let kept = try await survey.password(of: name)
    switch try await passwords.judge(password, name: FoldedText(String(name.prefix(Person.nameLengthMax))).text, source: source, kept: kept)
    {
    case .right:
      return ConsoleAnswer(status: .seeOther, location: to, session: try await survey.signIn(name))
    case .wrong:
      let fault = LocalizedText(vi: "Tên hoặc mật khẩu không đúng.", en: "The name or the password is wrong.")
      return try await signInPage(pages, to: to, fault: fault, status: .forbidden)
    case .wait(let seconds):
      let fault = LocalizedText(
        vi: "Sai nhiều lần; thử lại sau \(seconds) giây.", en: "Wrong too often; try again in \(seconds) seconds.")
      return try await signInPage(pages, to: to, fault: fault, status: .tooManyRequests)
    }
  }

  /// A unit's lead, by the code on the card with which a device of theirs enrolled.
  private func signIn(card: String, to: String, _ pages: SignInPages, source: String) async throws -> ConsoleAnswer {
    do {
      let (session, unit) = try await survey.signIn(card: card, from: source)
      let place = to == "/now" ? pages.query.unit(unit) : to
      return ConsoleAnswer(status: .seeOther, location: place, session: session)
    } catch let error as SyncError {
      return try await signInPage(pages, to: to, fault: error.explanation, status: .forbidden)
    }
  }

  private func invitation(_ secret: String, _ fields: FieldsBody?, _ pages: SignInPages) async throws -> ConsoleAnswer {
    guard let person = try await survey.invited(by: secret) else {
      throw SyncError(
        .badRequest, vi: "Liên kết mời này đã dùng hoặc hết hạn; xin liên kết mới.",
        en: "This invitation was used or has ended; ask for another.")
    }
    func page(_ fault: LocalizedText?) -> ConsoleAnswer {
      ConsoleAnswer(
        status: fault == nil ? .ok : .unprocessableContent, title: person.name, content: pages.invitation(secret, person, fault: fault))
    }
    guard let fields else { return page(nil) }
    let password = fields["password"] ?? ""
    guard (PasswordHash.lengthMin...PasswordHash.lengthMax).contains(password.count) else {
      return page(
        LocalizedText(
          vi: "Mật khẩu cần ít nhất \(PasswordHash.lengthMin) ký tự.",
          en: "The password needs at least \(PasswordHash.lengthMin) characters."))
    }
    guard password == fields["again"] else { return page(LocalizedText(vi: "Hai lần gõ khác nhau.", en: "The two are not the same.")) }
    guard let session = try await survey.accept(secret, password: try PasswordHash.encode(password)) else { return page(nil) }
    return ConsoleAnswer(status: .seeOther, location: pages.query.link("/now"), session: session)
  }

  private func people(_ fields: FieldsBody?, _ visitor: Visitor, _ pages: SignInPages, origin: String) async throws -> ConsoleAnswer {
    var (link, fault): ((name: String, address: String)?, LocalizedText?) = (nil, nil)
    if let fields {
      let name = fields["name"] ?? ""
      do {
        if fields["do"] == "remove" {
          let act = try IntendedAct("people remove", subject: name, by: visitor.person.name, look: ActLook.people)
          try await survey.hub.acting(act) { try await survey.removePerson(name, by: visitor.person) }
        } else {
          let may = Set(fields.all("may").compactMap { Capability(rawValue: $0) })
          let scope = fields["scope"].map { $0.trimmingCharacters(in: .whitespaces) }.flatMap { $0.isEmpty ? nil : UnitCode($0) }
          let tag = fields["tag"].map { $0.trimmingCharacters(in: .whitespaces) }.flatMap { $0.isEmpty ? nil : $0 }
          let act = try IntendedAct("people invite", subject: name, by: visitor.person.name, look: ActLook.people)
          let secret = try await survey.hub.acting(act) { try await survey.invite(name, may, scope: scope, tag: tag, by: visitor.person) }
          link = (name, "\(origin)/invitation/\(secret)")
        }
      } catch let error as SyncError { fault = error.explanation }
    }
    let content = pages.people(try await survey.people(of: visitor.person), visitor: visitor, link: link, fault: fault)
    return ConsoleAnswer(
      status: fault == nil ? .ok : .unprocessableContent, title: pages.query.words.text("Người dùng", "People"), content: content)
  }
}
