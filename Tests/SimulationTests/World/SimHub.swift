import Crypto
import Foundation
import Synchronization

@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// The simulated hub's machine.
final class SimHub {
  let disk: Disk
  let clock: SimClock
  private(set) var keys: HubKeys
  private let keysFolder: String
  let program: Program
  /// Version of the program on it.
  var version: Int
  var isDiskFull = false
  /// Whether its journal is trimmed, and scopes are fetched in bulk.
  var isTrimmed = false
  /// Nil for a picture that the hub takes; nil itself where it takes all.
  var judgeBlob: (@Sendable (Data) -> LocalizedText?)?
  private(set) var store: SQLiteHubStore?

  /// What links deliver to, from whatever task calls.
  final class Port: Sendable {
    private let state = Mutex<(hub: Hub?, trap: CrashTrap?)>((nil, nil))
    private let lives = Mutex(0)
    /// How often the hub's store was put back.
    var epoch: Int {
      get { lives.withLock { $0 } }
      set { lives.withLock { $0 = newValue } }
    }
    var hub: Hub? {
      get { state.withLock { $0.trap?.sprungAt == nil ? $0.hub : nil } }
      set { state.withLock { $0.hub = newValue } }
    }
    var trap: CrashTrap? {
      get { state.withLock { $0.trap } }
      set { state.withLock { $0.trap = newValue } }
    }

    /// Nil when the hub is down, or died before it could answer.
    func deliver(_ request: HubRequest) async -> HubResponse? {
      guard let hub else { return nil }
      let response = await hub.answer(request)
      return self.hub == nil ? nil : response
    }

    func keepPartial(_ request: HubRequest) async { try? await hub?.keepPartial(request) }
  }

  let port = Port()

  init(folder: String, clock: SimClock, version: Int, dice: inout Dice, program: Program = .usual) throws {
    disk = Disk(path: folder + "/hub.sqlite")
    self.clock = clock
    self.version = version
    self.program = program
    keysFolder = folder + "/keys"
    keys = try Self.keys(in: keysFolder, &dice)
  }

  /// Gives a form a key of its own, and opens the hub again, which then knows of it.
  func addFormKey() async throws {
    try close()
    _ = try HubKeys.addDropKey(in: keysFolder, nowMs: clock.nowMs(), owner: DropKeyOwner(campaign: "campaign", form: "form"))
    keys = try HubKeys.load(from: keysFolder)
    _ = try await open()
  }

  /// The same keys for the same seed.
  private static func keys(in folder: String, _ dice: inout Dice) throws -> HubKeys {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if let key = SigningKey(rawRepresentation: Data(dice.bytes(32))) {
      try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: key, unitKey: Data(dice.bytes(32))))
    }
    let drop = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Data(dice.bytes(32)))
    let file = ["format": "1", "privateKey": "\"" + drop.rawRepresentation.base64EncodedString() + "\""]
    let json = "{" + file.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    try Data(json.utf8).write(to: URL(fileURLWithPath: folder + "/drop-0.key"))
    return try HubKeys.load(from: folder)
  }

  func open() async throws -> Hub {
    if let hub = port.hub { return hub }
    let opened = try SQLiteHubStore.open(at: disk.path, tables: program.tables(version), migrator: program.migrator(version), clock: clock)
    store = opened
    if let trap = port.trap { opened.steps.listener = { try trap.reached($0.label) } }
    var options = Hub.Options()
    // Whatever else is on the machine that simulates.
    options.blobs.freeBytesMin = 0
    // Small, so that snapshots of several pages are met.
    options.snapshotRowsMax = 4
    if isTrimmed { options.firstUnitsMax = 60 }
    options.observer = DerivedObserver()
    if let judgeBlob { options.judgeBlob = judgeBlob }
    let hub = try await Hub.open(store: opened, keys: keys, clock: clock, options: options)
    port.hub = hub
    return hub
  }

  func close() throws {
    port.hub = nil
    port.trap = nil
    try store?.close()
    store = nil
    isDiskFull = false
  }

  /// Stops the hub after so many storage steps more; also one that is yet to be opened.
  func arm(_ trap: CrashTrap) {
    port.trap = trap
    store?.steps.listener = { try trap.reached($0.label) }
  }

  /// After work under a trap: brings a hub that was killed back as it was at that instant.
  ///
  /// - Returns: Where it had been stopped.
  func disarm() async throws -> String? {
    guard let trap = port.trap else { return nil }
    store?.steps.listener = nil
    port.trap = nil
    guard let label = trap.sprungAt else { return nil }
    try close()
    try trap.bringBack()
    _ = try await open()
    return label
  }

  func limitDisk(pages: Int?) async throws {
    guard let store else { return }
    try await store.write { session in
      let count = try session.integer("PRAGMA page_count") ?? 0
      _ = try session.rows("PRAGMA max_page_count = \(pages.map { count + Int64($0) } ?? 1_073_741_823)")
    }
    isDiskFull = pages != nil
  }
}

/// Says what `Tables.derived` says.
private struct DerivedObserver: MergeObserver {
  let tables: Set<String> = [Tables.derived.table]

  func merged(table: String, key: CellValue, scope: String, isNew: Bool, hubMs: UInt64, in session: any HubSession) throws {}

  func isDerived(table: String, key: CellValue, column: String, member: String?, in session: any HubSession) throws -> Bool {
    Tables.isDerived(RowName(table: table, key: key.text ?? ""), Place(column: column, part: member ?? ""))
  }
}
