internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore

/// Answers of return bundles to one device, found by the question that the device would ask. The answers stay in their files.
struct BundleAnswers: Sendable {
  private struct Key: Hashable {
    var kind: SectionKind
    var about: Data
  }

  private struct Place: Sendable {
    var path: String
    var section: BundleReader.Section
    var writtenMs: UInt64
  }

  /// Answers that are read, in all files together.
  static let answersMax = 200_000

  private var places: [Key: Place] = [:]
  private(set) var files: [BundleReport.File] = []
  /// Parcels for this device.
  private(set) var parcels = 0
  /// Deliveries that the hub reports, unchecked: what it has read.
  private(set) var deliveries: [Data] = []

  /// Reads a return bundle.
  ///
  /// - Parameters:
  ///   - replica: Device whose answers are read.
  ///   - key: The device's own key, from which the key of its answers is derived.
  mutating func read(_ path: String, for replica: ReplicaID, key: SigningKey) throws {
    var file = BundleReport.File(path: path)
    defer { files.append(file) }
    let reader: BundleReader
    do { reader = try BundleReader(path) } catch let error as SyncError {
      file.isRefused = true
      return file.note(error.explanation)
    }
    file.bytes = reader.size
    var seen: Set<Data> = []
    var others: Set<Data> = []
    while let item = try reader.next() {
      switch item {
      case .damage(let text, _): file.note(text)
      case .parcel(let parcel):
        guard parcel.wire.to == replica.bytes else {
          if !parcel.wire.to.isEmpty { others.insert(parcel.wire.to) }
          continue
        }
        do { reader.use(try parcel.opened(with: try BundleKey.device(key))) } catch let error as SyncError {
          file.note(error.explanation)
          continue
        }
        if seen.insert(parcel.tag).inserted { parcels += 1 }
      case .section(let section, let body):
        guard let parcel = section.parcel, let kind = section.kind else {
          file.unknown += 1
          continue
        }
        if kind == .delivery, parcel.wire.to.isEmpty, deliveries.count < BundleLimits.marksMax {
          deliveries.append(body)
        } else if seen.contains(parcel.tag) {
          do { try note(section, kind, body, in: path) } catch let error as SyncError { file.note(error.explanation) }
        }
      }
    }
    (file.sections, file.others) = (reader.sections, others.count)
  }

  private mutating func note(_ section: BundleReader.Section, _ kind: SectionKind, _ body: Data, in path: String) throws {
    guard let parcel = section.parcel else { return }
    let wire = try Self.open(section, body)
    guard wire.about.count <= WireLimits.cursorBytesMax else { throw ByteReader.short }
    let key = Key(kind: kind, about: wire.about)
    let standing = places[key]
    // Keeps the newer of two answers, but replaces nothing signed by something unsigned.
    if let standing, standing.writtenMs > parcel.wire.writtenMs { return }
    if standing != nil, wire.status != 200 { return }
    guard standing != nil || places.count < Self.answersMax else {
      throw SyncError(.tooLarge, vi: "Quá nhiều câu trả lời trong một lần nhập.", en: "Too many answers for one import.")
    }
    places[key] = Place(path: path, section: section, writtenMs: parcel.wire.writtenMs)
  }

  private static func open(_ section: BundleReader.Section, _ body: Data) throws -> WireBundleAnswer {
    guard let parcel = section.parcel else { throw ByteReader.short }
    let plain = try parcel.open(body, kind: section.head.kind, index: section.head.index)
    return try WireBundleAnswer.parse(plain, named: LocalizedText(vi: "câu trả lời", en: "answer"))
  }

  func has(_ kind: SectionKind, _ about: Data = Data()) -> Bool { places[Key(kind: kind, about: about)] != nil }

  /// Returns whether an answer is as new as the newest hub information here.
  func isOfNewest(_ kind: SectionKind, _ about: Data) -> Bool {
    guard let place = places[Key(kind: kind, about: about)], let newest = places[Key(kind: .hubAnswer, about: Data())] else { return false }
    return place.writtenMs >= newest.writtenMs
  }

  /// Returns the answer as HTTP would have brought it; nil when there is none.
  func answer(_ kind: SectionKind, _ about: Data = Data()) throws -> HubResponse? {
    guard let place = places[Key(kind: kind, about: about)] else { return nil }
    let wire = try Self.open(place.section, try BundleReader(place.path).body(of: place.section))
    return HubResponse(status: Int(wire.status), headers: ["content-type": HubResponse.contentType], body: wire.body)
  }
}

/// Transport that answers calls from return bundles.
struct BundleTransport: Transport {
  let answers: BundleAnswers
  /// Hub's signed answer about its present incarnation, as this device first read it: by now the hub may have more of its pages
  /// back.
  var life: Data?

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    if let life, request.path == "/v1/life" {
      return HubResponse(status: 200, headers: ["content-type": HubResponse.contentType], body: life)
    }
    let about = try Self.about(request)
    guard let about, let response = try answers.answer(about.kind, about.key) else { throw Self.notAnswered }
    return response
  }

  private static func about(_ request: HubRequest) throws -> (kind: SectionKind, key: Data)? {
    func place(_ name: String) -> Data { Data(base64URL: request.query(name) ?? "") ?? Data() }
    let parts = request.path.split(separator: "/").map(String.init)
    switch (request.method, parts.dropFirst().first ?? "", parts.count) {
    case ("GET", "hub", 2): return (.hubAnswer, Data())
    case ("POST", "succession", 2):
      let name = LocalizedText(vi: "yêu cầu đổi danh tính", en: "succession request")
      let wire = try WireSuccession.parse(try WireSuccessionRequest.parse(request.body, named: name).body, named: name)
      return (.successionAnswer, wire.publicKey)
    case ("PUT", "batches", 3): return Data(hex: parts[2]).map { (.receiptAnswer, $0) }
    case ("GET", "feed", 2): return (.feedAnswer, place("cursor"))
    case ("GET", "snapshot", 2):
      let asked = SnapshotRequest(scope: request.query("scope") ?? "", cursor: place("cursor"), next: place("next"))
      return (.snapshotAnswer, asked.about)
    case ("GET", "life", 2): return (.lifeAnswer, place("cursor"))
    case ("PUT", "pages", 2): return (.pageAnswer, request.body.sha256)
    default: return nil
    }
  }

  static var notAnswered: SyncError {
    SyncError(
      .notAnswered, vi: "Bọc trả lời này chưa trả lời hết; xuất một bọc mới và gửi lên tỉnh.",
      en: "This return does not answer everything; export a new bundle and send it to the hub.")
  }
}
