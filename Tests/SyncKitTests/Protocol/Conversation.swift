import Crypto
import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// One whole conversation between a hub and two devices, with every key, code and moment fixed: the same bytes each time.
/// docs/protocol.md shows them, the files in `Vectors` hold them.
struct Conversation {
  static func bytes(from first: UInt8) -> Data { Data((0..<32).map { first + $0 }) }
  static let hubPrivate = bytes(from: 0)
  static let devicePrivate = bytes(from: 32)
  static let otherPrivate = bytes(from: 64)
  static let dropPrivate = bytes(from: 96)
  static let unitSecret = bytes(from: 128)
  static let incarnation = Data((0..<16).map { 0xa0 + UInt8($0) })
  static let code = "ABCDEFGH23"
  static let startMs: UInt64 = 1_711_929_600_000
  static let scope = "07201"

  /// File names without extension, in the order of the conversation.
  private(set) var vectors: [(name: String, bytes: Data)] = []
  /// The Authorization header of the device's first feed call.
  private(set) var authorization = ""
  /// The target of that call.
  private(set) var feedTarget = ""
  private(set) var batches: [BatchContent] = []
  let hubKey: VerifyingKey
  let unitKey: Data

  /// Has the conversation with a hub in this process.
  init() async throws {
    let device = try #require(SigningKey(rawRepresentation: Self.devicePrivate))
    let other = try #require(SigningKey(rawRepresentation: Self.otherPrivate))
    let folder = try TemporaryFolder()
    let clock = TestClock(Self.startMs)
    let keys = try Self.hubKeys(in: folder.path + "/keys")
    hubKey = try #require(VerifyingKey(rawRepresentation: keys.signing.publicKey))
    unitKey = keys.unitKey(scope: Self.scope)
    let store = try SQLiteHubStore.open(
      at: folder.path + "/hub.sqlite", tables: World.tables, migrator: World.migrator, clock: clock)
    try await store.write { session in
      try session.execute("INSERT INTO hub_incarnation (id, started_ms) VALUES (?1, 0)", [.blob(Self.incarnation)])
      for code in [Self.code, "ZYXWVUTS98"] {
        try session.execute(
          "INSERT INTO hub_code (hash, scope, read_scopes, made_ms) VALUES (?1, ?2, ?3, 0)",
          [.blob(Data(SHA256.hash(data: Data(code.utf8)))), .text(Self.scope), .text("24\n" + Self.scope)])
      }
    }
    let hub = try await Hub.open(store: store, keys: keys, clock: clock)

    func call(_ request: HubRequest, as key: SigningKey? = nil) async throws -> Data {
      var request = request
      if let key { request.headers["authorization"] = try RequestSignature.header(for: request, hubTimeMs: clock.nowMs(), key: key) }
      return try await LocalTransport(hub: hub).exchange(request).body
    }
    func enrol(_ key: SigningKey, code: String, label: String) async throws -> (request: Data, response: Data) {
      var request = WireEnrolRequest()
      request.code = code
      request.publicKey = key.publicKey
      request.label = label
      request.proof = try key.sign(Data(code.utf8), as: .enrol)
      let body = try request.serializedData()
      return (body, try await call(HubRequest("POST", "/v1/enroll", body: body)))
    }
    func push(_ content: BatchContent, name: String) async throws -> Data {
      let sealed = try BatchCodec.seal(content, with: device)
      batches.append(content)
      vectors.append(("batch-" + name, sealed.bytes))
      vectors.append(
        ("receipt-" + name, try await call(HubRequest("PUT", "/v1/batches/\(sealed.hash.hex)", body: sealed.bytes), as: device)))
      return sealed.hash
    }

    vectors.append(("hub", try await call(HubRequest("GET", "/v1/hub"))))
    let first = try await enrol(device, code: Self.code, label: "Máy 1")
    vectors += [("enrol-request", first.request), ("enrol-response", first.response)]
    _ = try await enrol(other, code: "ZYXWVUTS98", label: "Máy 2")

    clock.advance(60_000)
    let hash = try await push(Self.firstBatch(device.replica), name: "1")
    clock.advance(1000)
    feedTarget = "/v1/feed?cursor=&backlog=0&packets=0&skewMs=0"
    authorization = try RequestSignature.header(for: HubRequest("GET", feedTarget), hubTimeMs: clock.nowMs(), key: device)
    let own = try await call(HubRequest("GET", feedTarget), as: device)
    vectors.append(("page-author", own))
    let cursor = try PageCodec.open(own, hub: hubKey).cursor
    clock.advance(1000)
    _ = try await push(Self.secondBatch(device.replica, previous: hash, cursor: cursor), name: "2")
    clock.advance(1000)
    vectors.append(("page-reader", try await call(HubRequest("GET", feedTarget), as: other)))
    try store.close()
  }

  /// Two transactions: two rows are born; one is edited, the other deleted.
  private static func firstBatch(_ replica: ReplicaID) -> BatchContent {
    let born = [
      RowChange(
        table: "note", key: .text("n1"), life: 1,
        cells: [CellChange("unit", .text(scope)), CellChange("a", .integer(12)), CellChange("b", .real(0.5))]),
      RowChange(
        table: "note", key: .text("n2"), life: 1,
        cells: [CellChange("unit", .text(scope)), CellChange("a", .text("mưa")), CellChange("b", .null)]),
    ]
    let later = [
      RowChange(
        table: "note", key: .text("n1"), life: 1,
        cells: [CellChange("c", .text("mưa to, mưa to, mưa to, đường lầy, đường lầy, mưa to"))]),
      RowChange(table: "note", key: .text("n2"), life: 2, cells: []),
    ]
    return BatchContent(
      replica: replica, scope: scope, number: 1, previous: Data(), cursor: Data(),
      units: [
        ChangeUnit(stamp: HybridTimestamp(wallMs: startMs + 10_000), changes: born),
        ChangeUnit(stamp: HybridTimestamp(wallMs: startMs + 20_000, counter: 3), changes: later),
      ])
  }

  /// A blob, a negative number, and a clock that ran seventy-five years ahead: the hub gives that unit another stamp.
  private static func secondBatch(_ replica: ReplicaID, previous: Data, cursor: Data) -> BatchContent {
    BatchContent(
      replica: replica, scope: scope, number: 2, previous: previous, cursor: cursor,
      units: [
        ChangeUnit(
          stamp: HybridTimestamp(wallMs: startMs + 61_500),
          changes: [RowChange(table: "note", key: .text("n1"), life: 1, cells: [CellChange("a", .integer(-1))])]),
        ChangeUnit(
          stamp: HybridTimestamp(wallMs: 4_078_771_200_000),
          changes: [RowChange(table: "note", key: .text("n1"), life: 1, cells: [CellChange("b", .blob(Data([0xde, 0xad])))])]),
      ])
  }

  static func hubKeys(in folder: String) throws -> HubKeys {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let signing = try #require(SigningKey(rawRepresentation: hubPrivate))
    try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: signing, unitKey: unitSecret))
    let drop = try JSONSerialization.data(withJSONObject: ["format": 1, "privateKey": dropPrivate.base64EncodedString()])
    try drop.write(to: URL(fileURLWithPath: folder + "/drop-x.key"))
    return try HubKeys.load(from: folder)
  }

  // MARK: The packet, which no two runs make alike

  static let packetCells: [(column: String, value: CellValue)] = [
    ("id", .text("r1")), ("unit", .text(scope)), ("day", .text("2024-04-01")), ("words", .text("công khai, rõ ràng")),
  ]

  func makePacket() throws -> Data {
    let folder = try TemporaryFolder()
    let keys = try Self.hubKeys(in: folder.path + "/keys")
    return try Packets.make(
      table: "answer", cells: Self.packetCells, scope: Self.scope, dropKey: keys.dropKey, unitKey: unitKey
    ).serializedData()
  }
}
