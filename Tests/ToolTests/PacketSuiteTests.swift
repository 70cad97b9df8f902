import Crypto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore

/// A packet that a real browser makes with its own cryptography, without a library: docs/protocol.md's second suite.
@Suite struct PacketSuiteTests {
  @Test(.long, .enabled(if: WebFormTests.hasBrowser, "Needs Chromium and playwright: make deps")) func aBrowserMakesAPacketThatTheHubOpens()
    async throws
  {
    let key = Curve25519.KeyAgreement.PrivateKey()
    var content = WirePacketContent()
    (content.table, content.columns) = ("answer", ["id", "words"])
    content.values = try ColumnCoder.encode(name: "", cells: [.text("r"), .text("Có")])
    let message = try content.serializedData()
    var plain = Data()
    withUnsafeBytes(of: UInt32(message.count).littleEndian) { plain.append(contentsOf: $0) }
    plain += message + Data(count: Packets.sizeClassesBytes[0] - 4 - message.count)
    let info = Packets.context(scope: "07201", dropKey: "k")
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/packet.py").path
    let ended = try await Tool.run(WebFormTests.python, [script, key.publicKey.rawRepresentation.hex, info.hex, plain.hex])
    #expect(ended.status == 0, "\(ended.errors)")
    let said = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: String])
    var packet = WirePacket()
    (packet.dropKey, packet.suite) = ("k", .aes256Gcm)
    packet.encapsulated = try #require(Data(hex: said["encapsulated"] ?? ""))
    packet.ciphertext = try #require(Data(hex: said["ciphertext"] ?? ""))
    let opened = try #require(Packets.open(packet, scope: "07201", key: key))
    #expect(opened.table == "answer" && opened.cells == [CellChange("id", .text("r")), CellChange("words", .text("Có"))])
  }
}
