import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Copies devices as an image of a disk does, and compares what replicas hold, versions included.
extension World {
  /// A second store with the same database and key, as if the first had been copied at this moment.
  func copy(_ replica: Replica, to name: String, clock: (any WallClock)? = nil) async throws -> Replica {
    try await replica.checkpoint("TRUNCATE")
    for suffix in ["", ".key"] {
      try FileManager.default.copyItem(atPath: replica.path + suffix, toPath: folder.path + "/\(name).sqlite" + suffix)
    }
    return try self.replica(name, clock: clock)
  }

  @discardableResult func sync(_ replica: Replica) async throws -> SyncSummary { try await replica.sync(with: transport) }

  /// Exchanges until nobody has anything new.
  func settle(_ replicas: [Replica]) async throws {
    for _ in 0..<3 { for replica in replicas { try await sync(replica) } }
  }

  /// Every row of the replicated tables at the hub: life, and each written cell with its version.
  func hubStates() async throws -> [String] {
    let shapes = hubStore.tables.byName
    return try await hub.read { session in try RowStore(session: session, shapes: shapes).everything(shapes) }
  }

  func expectConverged(_ replicas: [Replica], _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) async throws {
    let standard = try await hubStates()
    for replica in replicas {
      #expect(try await replica.states() == standard, comment, sourceLocation: location)
      let status = try await replica.status()
      #expect(status.addsUp && status.pendingChanges + status.sealedChanges + status.waitingChanges == 0, comment, sourceLocation: location)
    }
  }
}

extension Replica {
  func states() async throws -> [String] { try await engineRead { [shapes] in try $0.rows.everything(shapes) } }

  var identity: ReplicaID { get throws { try secrets().signingKey.replica } }

  /// What it says was out of the ordinary.
  func notices() async throws -> [SyncNotice.Kind] { try await status().notices.map(\.kind) }
}

extension RowStore {
  fileprivate func everything(_ shapes: [String: TableShape]) throws -> [String] {
    var lines: [String] = []
    for shape in shapes.values.sorted(by: { $0.name < $1.name }) where shape.declaration.kind == .replicated {
      for row in try session.rows("SELECT key FROM \(quote(shape.metadataTable)) ORDER BY key") {
        guard let state = try load(shape, key: row[0], in: nil)?.state else { continue }
        let cells = state.cells.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.value.shown)@\($0.value.origin.version)" }
        let given = state.lifeOrigin.map { "\($0.version)" } ?? "-"
        lines.append("\(shape.name)/\(row[0].shown) life \(state.life) given \(given) \(cells.joined(separator: " "))")
      }
    }
    return lines
  }
}
