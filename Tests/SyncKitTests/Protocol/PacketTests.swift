import Crypto
import Foundation
import SwiftProtobuf
import Testing

@testable import SyncCore

@Suite struct PacketTests {
  private let key = Curve25519.KeyAgreement.PrivateKey()
  private let unitKey = Data(repeating: 7, count: 32)

  private func packet(
    _ cells: [(column: String, value: CellValue)], table: String = "answer", suite: WirePacketSuite = .chacha20Poly1305
  ) throws -> WirePacket {
    let dropKey = WireDropKey.with {
      $0.id = "k"
      $0.publicKey = key.publicKey.rawRepresentation
    }
    return try Packets.make(table: table, cells: cells, scope: "07201", dropKey: dropKey, unitKey: unitKey, suite: suite)
  }

  @Test func everySuiteIsOpenedAndNonePassesForAnother() throws {
    for suite in [WirePacketSuite.chacha20Poly1305] + Packets.suitesAdded {
      let made = try packet([("id", .text("r"))], suite: suite)
      #expect(made.suite == suite && Packets.isAuthentic(made, scope: "07201", unitKey: unitKey))
      #expect(Packets.open(made, scope: "07201", key: key)?.cells == [CellChange("id", .text("r"))])
      for other in [WirePacketSuite.chacha20Poly1305, .aes256Gcm, .UNRECOGNIZED(9)] where other != suite {
        var changed = made
        changed.suite = other
        #expect(!Packets.isAuthentic(changed, scope: "07201", unitKey: unitKey))
        #expect(Packets.open(changed, scope: "07201", key: key) == nil)
      }
    }
    #expect(throws: SyncError.self) { try packet([("id", .text("r"))], suite: .UNRECOGNIZED(9)) }
  }

  @Test func aPacketsLengthSaysNoMoreThanItsClass() throws {
    for size in [0, 1, 400, 600, 5000, 60_000] {
      let made = try packet([("id", .text("r")), ("words", .text(String(repeating: "é", count: size / 2)))])
      #expect(Packets.sizeClassesBytes.contains(made.ciphertext.count - 16) && made.encapsulated.count == 32)
    }
    var chance = SeededChance(1)
    let random = (0..<70_000).map { _ in UInt8.random(in: 0 ... .max, using: &chance) }
    #expect { try packet([("id", .blob(Data(random)))]) } throws: { ($0 as? SyncError)?.code == .tooLarge }
  }

  @Test func everyKindOfValueComesBack() throws {
    for seed in 0..<50 {
      var draw = ContentDraw(seed: UInt64(seed))
      let cells = (0..<10).map { (column: "c\($0)", value: draw.value(kind: $0)) }
      let opened = try #require(Packets.open(try packet(cells), scope: "07201", key: key))
      #expect(opened.table == "answer" && opened.cells == cells.map { CellChange($0.column, $0.value) })
    }
  }

  /// One value that no store keeps as it is must not fail the lot it is released with.
  @Test func aValueNoStoreKeepsSpoilsThePacket() throws {
    for value in [CellValue.real(.nan), .text("a\0b")] {
      #expect(Packets.open(try packet([("id", .text("r")), ("words", value)]), scope: "07201", key: key) == nil)
    }
    for names in [["id", "id"], ["id", ""], ["id", "a\0"], ["id", String(repeating: "x", count: WireLimits.nameBytesMax + 1)]] {
      #expect(Packets.open(try packet(names.map { ($0, .integer(1)) }), scope: "07201", key: key) == nil)
    }
  }

  @Test func whatWasAlteredIsNeitherAuthenticNorReadable() throws {
    let made = try packet([("id", .text("r"))])
    #expect(Packets.isAuthentic(made, scope: "07201", unitKey: unitKey))
    #expect(!Packets.isAuthentic(made, scope: "07201", unitKey: Data(count: 32)))
    let changes: [(inout WirePacket) -> Void] = [
      { $0.dropKey = "l" }, { $0.ciphertext[$0.ciphertext.startIndex] ^= 1 },
      { $0.encapsulated[$0.encapsulated.startIndex] ^= 1 }, { $0.encapsulated = Data() },
      { $0.ciphertext = Data() },
      { $0.encapsulated = Data(count: 32) },
    ]
    for change in changes {
      var other = made
      change(&other)
      #expect(!Packets.isAuthentic(other, scope: "07201", unitKey: unitKey))
      #expect(Packets.open(other, scope: "07201", key: key) == nil)
    }
  }
}
