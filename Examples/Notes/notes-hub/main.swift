// notes-hub FOLDER PORT: merges what the devices of one team send. Prints two codes, each for one device.
import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import SyncHub

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
let words = CommandLine.arguments
guard words.count == 3, let port = Int(words[2]) else { exit(64) }
let keysFolder = words[1] + "/keys"
let keys = try FileManager.default.fileExists(atPath: keysFolder) ? HubKeys.load(from: keysFolder) : HubKeys.create(in: keysFolder)
let hub = try await Hub.open(store: SQLiteHubStore.open(at: words[1] + "/hub.sqlite", tables: tables, migrator: migrator), keys: keys)
let codes = try await hub.makeCodes([("team", ["team"]), ("team", ["team"])])
FileHandle.standardOutput.write(Data(codes.map { "code \($0)\n" }.joined().utf8))

/// Gives one HTTP call to the hub.
let responder = CallbackResponder<BasicRequestContext> { request, _ in
  var call = HubRequest(request.method.rawValue, request.head.path ?? "/")
  for field in request.headers { call.headers[field.name.canonicalName] = field.value }
  let body = try? await request.body.collect(upTo: Hub.bodyBytesMax(for: call))
  call.body = Data((body ?? ByteBuffer()).readableBytesView)
  let answer = body == nil ? Hub.tooLarge(call) : await hub.answer(call)
  var headers = HTTPFields()
  for (name, value) in answer.headers { HTTPField.Name(name).map { headers[$0] = value } }
  return Response(status: .init(code: answer.status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
}
try await Application(responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: port))).runService()
