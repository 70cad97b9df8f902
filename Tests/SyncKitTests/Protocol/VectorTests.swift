import Crypto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

/// Where the samples lie. `SYNCKIT_REGENERATE=1 swift test --filter VectorTests` writes them and the protocol's section anew; commit a
/// difference only when you can explain it.
enum SampleFiles {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  static let root = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let protocolText = root.appendingPathComponent("docs/protocol.md")
  static let isRegenerating = ProcessInfo.processInfo.environment["SYNCKIT_REGENERATE"] == "1"

  static func url(_ name: String) -> URL { folder.appendingPathComponent("Vectors/\(name).hex") }

  static func load(_ name: String) throws -> Data {
    let text = try String(contentsOf: url(name), encoding: .utf8)
    return try #require(Data(hex: text.filter { !$0.isWhitespace }))
  }

  /// 32 bytes a line.
  static func lines(_ bytes: Data) -> String {
    stride(from: 0, to: bytes.count, by: 32).map { Data(bytes.dropFirst($0).prefix(32)).hex }.joined(separator: "\n")
  }

  static func save(_ name: String, _ bytes: Data) throws {
    try Data((lines(bytes) + "\n").utf8).write(to: url(name))
  }
}

@Suite(.serialized) struct VectorTests {
  /// The compressed column's bytes come from zlib's deflate at level 6, alike since version 1.2; another library's may differ and
  /// still be right.
  @Test func aFixedConversationGivesTheStoredBytes() async throws {
    let conversation = try await Conversation()
    for (name, bytes) in conversation.vectors {
      if SampleFiles.isRegenerating { try SampleFiles.save(name, bytes) }
      #expect(try SampleFiles.load(name) == bytes, "\(name): see SampleFiles")
    }
  }

  @Test func theStoredPacketOpensAndIsAuthentic() async throws {
    let conversation = try await Conversation()
    if SampleFiles.isRegenerating, (try? SampleFiles.load("packet")) == nil {
      try SampleFiles.save("packet", try conversation.makePacket())
    }
    let packet = try WirePacket(serializedBytes: try SampleFiles.load("packet"))
    #expect(Packets.isAuthentic(packet, scope: Conversation.scope, unitKey: conversation.unitKey))
    #expect(!Packets.isAuthentic(packet, scope: "07202", unitKey: conversation.unitKey))
    let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Conversation.dropPrivate)
    let opened = try #require(Packets.open(packet, scope: Conversation.scope, key: key))
    #expect(opened.table == "answer")
    #expect(opened.cells == Conversation.packetCells.map { CellChange($0.column, $0.value) })
    #expect(Packets.open(packet, scope: "07202", key: key) == nil)
  }

  @Test func theStoredBundleOpensAndHoldsTheSamples() async throws {
    let conversation = try await Conversation()
    if SampleFiles.isRegenerating, (try? SampleFiles.load("bundle")) == nil {
      try SampleFiles.save("bundle", try BundleSample.make(conversation))
    }
    let device = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
    let (found, damage) = try BundleSample.stored()
    let made = try BundleSample.sections(device, conversation.hubKey.replica.bytes)
    #expect(damage.isEmpty && found.dropFirst().map(\.kind) == made.map(\.kind))
    #expect(found.dropFirst().map(\.body) == made.map(\.body))
  }

  @Test func theProtocolTextShowsTheStoredBytes() async throws {
    let conversation = try await Conversation()
    let section = try SampleText(conversation: conversation).markdown()
    let begin = "<!-- samples: written by VectorTests -->\n"
    let end = "<!-- end of samples -->\n"
    let text = try String(contentsOf: SampleFiles.protocolText, encoding: .utf8)
    let start = try #require(text.range(of: begin))
    let stop = try #require(text.range(of: end))
    let present = String(text[start.upperBound..<stop.lowerBound])
    if SampleFiles.isRegenerating && present != section {
      try Data((text[..<start.upperBound] + section + text[stop.lowerBound...]).utf8).write(to: SampleFiles.protocolText)
    } else {
      #expect(present == section, "run with SYNCKIT_REGENERATE=1 and read the difference")
    }
  }
}

/// The section of docs/protocol.md with the samples.
private struct SampleText {
  let conversation: Conversation

  private struct Sample {
    var name: String
    var title: String
    var message: String
    var signed: [String: String] = [:]
  }

  private static let samples = [
    Sample(name: "enrol-request", title: "Enrolment, request: the body of `POST /v1/enroll`", message: "EnrolRequest"),
    Sample(
      name: "enrol-response", title: "Enrolment, response", message: "EnrolResponse",
      signed: ["/certificate": "Certificate", "/hub_info": "HubInfo"]),
    Sample(name: "batch-1", title: "The device's first batch", message: "Signed", signed: ["": "Batch"]),
    Sample(name: "receipt-1", title: "Its receipt", message: "Signed", signed: ["": "Receipt"]),
    Sample(name: "page-author", title: "The page its author gets: acknowledgements", message: "Signed", signed: ["": "FeedPage"]),
    Sample(
      name: "batch-2", title: "The second batch: chained, with a cursor, its second unit stamped in 2099", message: "Signed",
      signed: ["": "Batch"]),
    Sample(name: "receipt-2", title: "Its receipt", message: "Signed", signed: ["": "Receipt"]),
    Sample(
      name: "page-reader", title: "The page another device gets: both batches, the last unit with the hub's stamp", message: "Signed",
      signed: ["": "FeedPage"]),
    Sample(name: "packet", title: "A packet, encrypted once and kept", message: "Packet"),
  ]

  func markdown() throws -> String {
    let proto = try String(contentsOf: SampleFiles.root.appendingPathComponent("proto/synckit.proto"), encoding: .utf8)
    let reader = WireReader(proto: proto)
    let device = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
    let hub = try #require(SigningKey(rawRepresentation: Conversation.hubPrivate))
    let drop = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Conversation.dropPrivate)
    var text = """

      | Fixed input | Value |
      |---|---|
      | device's private key (Ed25519 seed) | `\(Conversation.devicePrivate.hex)` |
      | device's public key | `\(device.publicKey.hex)` |
      | device's ReplicaID | `\(device.replica)` |
      | hub's private key (Ed25519 seed) | `\(Conversation.hubPrivate.hex)` |
      | hub's public key | `\(hub.publicKey.hex)` |
      | hub's ReplicaID | `\(hub.replica)` |
      | unit key of scope `\(Conversation.scope)` | `\(conversation.unitKey.hex)` |
      | drop key, private (X25519) | `\(Conversation.dropPrivate.hex)` |
      | drop key, public | `\(drop.publicKey.rawRepresentation.hex)` |
      | hub's bundle key, private (X25519) | `\(try BundleSample.hubKey().rawRepresentation.hex)` |
      | hub's bundle key, public | `\(try BundleSample.hubKey().publicKey.rawRepresentation.hex)` |
      | enrolment code | `\(Conversation.code)` |

      **A signed request.** `GET \(conversation.feedTarget)` by that device, 61 s after the conversation began, carries

      ```
      Authorization: \(conversation.authorization)
      ```


      """
    for sample in Self.samples {
      let bytes = try SampleFiles.load(sample.name)
      text += "**\(sample.title)** (`\(sample.name).hex`, \(bytes.count) bytes, SHA-256 `\(bytes.sha256.hex)`)\n\n"
      text += "```\n\(SampleFiles.lines(bytes))\n```\n\n"
      let shown = try reader.lines(bytes, as: sample.message, signed: sample.signed).map(Self.cut)
      text += "```\n\(shown.joined(separator: "\n"))\n```\n\n"
      if let said = try said(sample, bytes) { text += "It says:\n\n```\n\(said)\n```\n\n" }
    }
    return text + (try BundleSample.markdown())
  }

  /// A ciphertext fills a page; its first bytes are enough beside the hex above.
  private static func cut(_ line: String) -> String {
    line.utf8.count > 1000
      ? String(line.prefix(100)) + "… (\((line.utf8.count - line.split(separator: "=")[0].utf8.count - 2) / 2) bytes)" : line
  }

  private func said(_ sample: Sample, _ bytes: Data) throws -> String? {
    switch sample.signed[""] {
    case "Batch":
      let device = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
      let author = try #require(VerifyingKey(rawRepresentation: device.publicKey))
      let content = try BatchCodec.open(SealedBatch(bytes: bytes), author: author)
      return content.units.enumerated().map { Self.unit("unit \($0)", $1.stamp, $1.changes) }.joined(separator: "\n")
    case "FeedPage":
      return try PageCodec.open(bytes, hub: conversation.hubKey).units.map { unit in
        Self.unit("position \(unit.position), batch \(unit.batchNumber) unit \(unit.index)", unit.stamp, unit.changes)
      }.joined(separator: "\n")
    default: return nil
    }
  }

  private static func unit(_ name: String, _ stamp: HybridTimestamp, _ changes: [RowChange]) -> String {
    var lines = ["\(name), stamp \(stamp.rawValue) = \(stamp.wallMs) ms, counter \(stamp.counter)"]
    for change in changes {
      let cells = change.cells.map { "\($0.column) = \(shown($0.value))" }.joined(separator: ", ")
      lines.append("  \(change.table) \(shown(change.key)) life \(change.life)" + (cells.isEmpty ? "" : ": " + cells))
    }
    return lines.joined(separator: "\n")
  }

  private static func shown(_ value: CellValue) -> String {
    switch value {
    case .null: "NULL"
    case .integer(let number): "integer \(number)"
    case .real(let number): "real \(number)"
    case .text(let text): "text \"\(text)\""
    case .blob(let bytes): "blob \(bytes.hex)"
    }
  }
}
