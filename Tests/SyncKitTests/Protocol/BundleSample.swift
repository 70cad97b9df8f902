import Crypto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncBundle
@testable import SyncCore
@testable import SyncKit

/// A bundle to the hub, encrypted once and kept: of the sample conversation's device, with its first batch and the packet.
enum BundleSample {
  static func hubKey() throws -> Curve25519.KeyAgreement.PrivateKey {
    let code = HMAC<SHA256>.authenticationCode(for: Data("synckit/bundle-key/1".utf8), using: SymmetricKey(data: Conversation.unitSecret))
    return try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Data(code))
  }

  static func make(_ conversation: Conversation) throws -> Data {
    let folder = try TemporaryFolder()
    let device = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
    let hub = conversation.hubKey.replica.bytes
    let writer = try BundleWriter(folder.path + "/sample.skb")
    writer.begin(
      try Parcel.begin(
        hub: hub, from: device.replica.bytes, to: hub, recipient: try hubKey().publicKey.rawRepresentation,
        writtenMs: Conversation.startMs))
    for (kind, body) in try sections(device, hub) { try writer.add(kind, body) }
    return try Data(contentsOf: URL(fileURLWithPath: try writer.finish()[0]))
  }

  /// What is in it, in order.
  static func sections(_ device: SigningKey, _ hub: Data) throws -> [(kind: SectionKind, body: Data)] {
    let response = try WireEnrolResponse(serializedBytes: try SampleFiles.load("enrol-response"))
    var state = WireDeviceState()
    (state.format, state.hub, state.publicKey) = (1, hub, device.publicKey)
    (state.returnKey, state.backlog, state.packets) = (try BundleKey.devicePublic(device), 4, 1)
    (state.incarnation, state.writtenMs) = (Conversation.incarnation, Conversation.startMs)
    var packets = WireBundlePackets()
    packets.scope = Conversation.scope
    packets.requests = [try BundlePackets.request(try SampleFiles.load("packet"))]
    return [
      (.certificate, try response.certificate.serializedData()),
      (.state, try device.sealed(try state.serializedData(), as: .device)), (.batch, try SampleFiles.load("batch-1")),
      (.packets, try packets.serializedData()),
    ]
  }

  /// The sections of the stored file, decrypted.
  static func stored() throws -> (sections: [(kind: SectionKind?, index: UInt32, bytes: UInt32, body: Data)], damage: [LocalizedText]) {
    let folder = try TemporaryFolder()
    let path = folder.path + "/sample.skb"
    try SampleFiles.load("bundle").write(to: URL(fileURLWithPath: path))
    let reader = try BundleReader(path)
    var sections: [(kind: SectionKind?, index: UInt32, bytes: UInt32, body: Data)] = []
    var damage: [LocalizedText] = []
    while let item = try reader.next() {
      switch item {
      case .parcel(let parcel):
        reader.use(try parcel.opened(with: try hubKey()))
        sections.append((.parcel, 0, UInt32(parcel.bytes.count), parcel.bytes))
      case .section(let section, let body):
        let plain = try #require(section.parcel).open(body, kind: section.head.kind, index: section.head.index)
        sections.append((section.kind, section.head.index, section.head.bodyBytes, plain))
      case .damage(let text, _): damage.append(text)
      }
    }
    return (sections, damage)
  }

  static func markdown() throws -> String {
    let bytes = try SampleFiles.load("bundle")
    var text = "**A bundle, encrypted once and kept** (`bundle.hex`, \(bytes.count) bytes, SHA-256 `\(bytes.sha256.hex)`)\n\n"
    text += "| Section | Index | Bytes in the file | SHA-256, decrypted |\n|---|---|---|---|\n"
    for section in try stored().sections {
      text +=
        "| \(section.kind.map { "\($0.rawValue) \($0)" } ?? "") | \(section.index) | \(section.bytes) | `\(section.body.sha256.hex)` |\n"
    }
    return text + "\n"
  }
}
