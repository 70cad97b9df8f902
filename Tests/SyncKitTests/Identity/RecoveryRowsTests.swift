import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub

/// Keys on paper, typed in again.
@Suite struct RecoveryRowsTests {
  private func sheet(dropKeys: Int = 2) throws -> (folder: TemporaryFolder, keys: HubKeys) {
    let folder = try TemporaryFolder()
    var keys = try HubKeys.create(in: folder.path + "/keys", nowMs: 1000)
    for index in 1..<dropKeys {
      _ = try HubKeys.addDropKey(in: folder.path + "/keys", nowMs: 1000 + UInt64(index))
      keys = try HubKeys.load(from: folder.path + "/keys")
    }
    return (folder, keys)
  }

  @Test func whatWasPrintedMakesTheSameKeys() throws {
    let (folder, keys) = try sheet(dropKeys: 3)
    // As people type: small letters, other digits for what looks like them, in another order, with words between.
    var chance = SeededChance(1)
    let rows = keys.recoveryRows.shuffled(using: &chance).map {
      $0.prefix(3) + $0.dropFirst(3).lowercased().replacing("o", with: "0").replacing("i", with: "1")
    }
    let text = "<h1>Hub 12</h1>\n" + rows.joined(separator: "\n\n") + "\nThe end."
    let again = try HubKeys.recover(text, in: folder.path + "/again")
    #expect(again.signing.publicKey == keys.signing.publicKey && again.unitKey(scope: "07201") == keys.unitKey(scope: "07201"))
    #expect(again.dropKeys.map(\.id) == keys.dropKeys.map(\.id) && again.dropKey == keys.dropKey)
    #expect(keys.recoveryRows.count == 7 + 3 * 4)
  }

  @Test func everyMistypedOrMissingRowIsNamedAndNothingIsWritten() throws {
    let (folder, keys) = try sheet()
    let rows = keys.recoveryRows
    for (index, row) in rows.enumerated() {
      var wrong = rows
      let letters = Array(row)
      // One letter, and two neighbours exchanged.
      let place = 5
      wrong[index] = String(letters[..<place]) + (letters[place] == "A" ? "B" : "A") + String(letters[(place + 1)...])
      #expect(throws: expected(row)) { try HubKeys.recover(wrong.joined(separator: "\n"), in: folder.path + "/x") }
      wrong.remove(at: index)
      #expect(throws: expected(row)) { try HubKeys.recover(wrong.joined(separator: "\n"), in: folder.path + "/x") }
    }
    // Rows under each other's names.
    var swapped = rows
    swapped[0] = "H1 " + rows[1].dropFirst(3)
    swapped[1] = "H2 " + rows[0].dropFirst(3)
    #expect(throws: SyncError.self) { try HubKeys.recover(swapped.joined(separator: "\n"), in: folder.path + "/x") }
    for text in ["", "no rows", String(repeating: "H1 ABCD-EFGH ", count: 9000)] {
      #expect(throws: SyncError.self) { try HubKeys.recover(text, in: folder.path + "/x") }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/x"))
    #expect(throws: SyncError.self, "keys that are there are not overwritten") {
      try HubKeys.recover(rows.joined(separator: "\n"), in: folder.path + "/keys")
    }
  }

  private func expected(_ row: String) -> SyncError {
    RecoveryRows.unreadable(String(row.prefix { $0 != " " }).filter { $0 != "." })
  }
}
