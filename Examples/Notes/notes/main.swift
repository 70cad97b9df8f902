import Foundation
import GRDB
import SyncKit

// notes STORE COMMAND …: a shared list of notes, kept on this device and exchanged with a hub when there is one.

struct Note: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "note"
  var id = UUID().uuidString.prefix(8).lowercased()
  var team: String
  var title: String
  var copies = 0
}

// 1. Declares what is replicated. Tables not named here stay on the device.
let tables = [ReplicatedTable("note", scopeColumn: "team", policies: ["copies": .counter])]

let migrator = {
  var migrator = DatabaseMigrator()
  migrator.registerMigration("notes") { db in
    try db.execute(
      sql: """
        CREATE TABLE note (
          id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL DEFAULT '', title TEXT NOT NULL DEFAULT '', copies INTEGER NOT NULL DEFAULT 0)
        """)
  }
  return migrator
}()

func run(_ store: String, _ command: String, _ rest: [String]) async throws {
  let replica = try Replica.open(at: store, tables: tables, migrator: migrator)
  switch (command, rest.count) {
  case ("join", 2):
    try await replica.enroll(code: rest[0], label: "notes", through: HTTPTransport(hub: rest[1]))
  // 2. Writes with plain GRDB; the change is logged in the same transaction.
  case ("add", 1):
    guard let team = try await replica.enrolment()?.writeScope else { return print("First: notes STORE join CODE URL") }
    let note = Note(team: team, title: rest[0])
    try await replica.database.write { try note.insert($0) }
    print(note.id)
  case ("rename", 2):
    try await replica.database.write { try $0.execute(sql: "UPDATE note SET title = ? WHERE id = ?", arguments: [rest[1], rest[0]]) }
  case ("copy", 1):
    try await replica.database.write { try $0.execute(sql: "UPDATE note SET copies = copies + 1 WHERE id = ?", arguments: [rest[0]]) }
  case ("list", 0):
    for note in try await replica.database.read(Note.order(Column("title")).fetchAll) { print(note.id, note.copies, note.title) }
  // 3. Exchanges with the hub; may be cut off anywhere, and repeated.
  case ("sync", 0):
    guard let hub = try await replica.enrolment()?.hubAddress else { return print("First: notes STORE join CODE URL") }
    let done = try await replica.sync(with: HTTPTransport(hub: hub)).progress
    print("sent \(done.changesSent), received \(done.unitsApplied), conflicts \(try await replica.conflicts().count)")
  // 4. Shows where two wrote different things without seeing one another, and lets a person decide.
  case ("conflicts", 0):
    for conflict in try await replica.conflicts() {
      print(conflict.id.prefix(8), conflict.column, "stands:", conflict.winning.value, "overridden:", conflict.losing.value)
    }
  case ("settle", 3):
    let choice: Resolution = rest[1] == "other" ? .takeLoser : .keepWinner
    _ = try await replica.resolve(rest[0], as: choice, by: NSUserName(), because: rest[2])
  default: print("notes STORE join CODE URL | add TITLE | rename ID TITLE | copy ID | list | sync | conflicts | settle ID keep|other WHY")
  }
}

let words = Array(CommandLine.arguments.dropFirst())
do {
  try await run(words.first ?? "notes.sqlite", words.dropFirst().first ?? "help", Array(words.dropFirst(2)))
} catch {
  FileHandle.standardError.write(Data("notes: \(error)\n".utf8))
  exit(1)
}
