import Foundation
import GRDB
import Synchronization

@testable import SyncCore
@testable import SyncKit
@testable import SyncStore

/// One simulated device: its files, its program, its clock, its way to the hub, and what the simulation knows of it.
final class Device {
  let index: Int
  let disk: Disk
  let clock: SimClock
  let scope: String
  let readScopes: [String]
  let link: Link
  let program: Program
  /// Version of the program on it.
  var version: Int
  /// Nil while it is switched off.
  private(set) var replica: Replica?
  var exchange: Exchange?
  /// An answer that was damaged on its way sent it to a scope that is not its own.
  var isMisled = false
  var isDiskFull = false
  var isRevoked = false

  /// Whether the simulation knows how many writes its capture log has.
  var isCounted = true
  /// What the simulation knows of the store: goes with its files where they go.
  var known = Known()

  struct Known {
    /// Batches looked at so far, and the hash of the last.
    var batches: UInt64 = 0
    var lastHash = Data()
    /// Batches of other scopes, which the hub asked for.
    var asked: Set<Data> = []
    /// Its own units by stamp, whatever identity they are sealed under.
    var own: [UInt64: [Int]] = [:]
    var ownUnits = Numbers()
    /// Units whose rows it holds: those it applied and its own.
    var applied = Numbers()
    /// What was told to it, by scope and position.
    var told: [String: [UInt64: History.Place]] = [:]
    var position: [String: UInt64] = [:]
    /// The life of the hub that each scope's position is of.
    var life: [String: Data] = [:]
    /// Its own writes, by number in the history.
    var writes = Numbers()
    /// Lines its capture log should have had so far.
    var captured = 0
    var packetsMade = 0
    /// Keys of the anonymous rows it accepted.
    var answers: Set<String> = []
  }

  struct Exchange {
    var driver: SyncDriver
    var session: SyncSession
    var action: SyncSession.Action
  }

  init(
    index: Int, folder: String, clock: SimClock, scope: String, readScopes: [String], version: Int, link: Link, seed: UInt64,
    program: Program = .usual
  ) {
    self.index = index
    disk = Disk(path: folder + "/d\(index).sqlite")
    self.clock = clock
    self.scope = scope
    self.readScopes = readScopes
    self.version = version
    self.link = link
    self.program = program
    secrets = SimKeyStore(seed: derive(seed, UInt64(index)))
  }

  var name: String { "d\(index)" }
  let secrets: SimKeyStore

  /// Gives it the identity that its seed says.
  func makeKey(_ dice: inout Dice) throws {
    guard let key = SigningKey(rawRepresentation: Data(dice.bytes(32))) else { return }
    try secrets.save(ReplicaSecrets(signingKey: key))
  }

  func open() throws -> Replica {
    if let replica { return replica }
    let opened = try Replica.open(
      at: disk.path, tables: program.tables(version), migrator: program.migrator(version), keyStore: secrets, clock: clock)
    replica = opened
    return opened
  }

  /// Ends its program; an exchange under way is forgotten.
  func close() throws {
    exchange = nil
    try replica?.close()
    replica = nil
    isDiskFull = false
  }

  /// Lets the database grow by no more than `pages` from here on.
  func limitDisk(pages: Int?) async throws {
    try await open().database.writeWithoutTransaction { db in
      let count = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages.map { count + $0 } ?? 1_073_741_823)")
    }
    isDiskFull = pages != nil
  }
}

/// A device's secrets, which stay when its program dies.
final class SimKeyStore: KeyStore {
  private let secrets = Mutex<ReplicaSecrets?>(nil)
  private let dice: Mutex<Dice>

  init(seed: UInt64) { dice = Mutex(Dice(seed: seed)) }

  func load() throws -> ReplicaSecrets? { secrets.withLock { $0 } }
  func save(_ secrets: ReplicaSecrets) throws { self.secrets.withLock { $0 = secrets } }
  func makeKey() -> SigningKey { dice.withLock { SigningKey(rawRepresentation: Data($0.bytes(32))) ?? SigningKey() } }
}
