import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A hub and devices whose rows refer to blobs.
enum Pictures {
  static let schema = World.Schema(
    tables: [ReplicatedTable("note", scopeColumn: "unit"), ReplicatedTable("picture", scopeColumn: "unit", blobs: ["blob"])],
    sql: """
      CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a, b, c TEXT COLLATE NOCASE DEFAULT 'none') WITHOUT ROWID;
      CREATE TABLE picture (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, blob TEXT) WITHOUT ROWID;
      """)

  static func world(_ limits: BlobLimits = BlobLimits()) async throws -> World {
    var options = Hub.Options()
    options.blobs = limits
    // Disks of test machines may be nearly full.
    options.blobs.freeBytesMin = min(limits.freeBytesMin, 1 << 20)
    return try await World(options: options, schema: schema, folder: try TemporaryFolder())
  }
}

extension Replica {
  /// Adds a row and the picture it refers to.
  @discardableResult
  func addPicture(_ id: String, _ content: Data, unit: String = "07201") async throws -> BlobID {
    let blob = try blobs.keep(content)
    try await execute("INSERT INTO picture (id, unit, blob) VALUES (?, ?, ?)", [id, unit, blob.hex])
    return blob
  }
}

/// A way to a hub on which the connection breaks after so many bytes of requests, as often as asked. What had come of a batch by then
/// is kept as the server keeps it; of any other call nothing is known to the hub, or its answer is lost.
final class CuttingTransport: Transport {
  private struct State {
    /// Bytes that go through before the next cut; nil: no cut.
    var left: Int?
    var sent = 0
    var cuts = 0
  }

  private let hub: Hub
  private let losesAnswers: Bool
  private let state = Mutex(State())

  /// - Parameter losesAnswers: Whether a call cut at its very end reaches the hub.
  init(_ hub: Hub, losesAnswers: Bool = true) {
    self.hub = hub
    self.losesAnswers = losesAnswers
  }

  /// Bytes of bodies that left the device.
  var sent: Int { state.withLock { $0.sent } }
  var cuts: Int { state.withLock { $0.cuts } }

  func cut(after bytes: Int?) { state.withLock { $0.left = bytes } }

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let through: Int? = state.withLock { state in
      guard let left = state.left, left <= request.body.count, !request.body.isEmpty else {
        state.sent += request.body.count
        state.left = state.left.map { $0 - request.body.count }
        return nil
      }
      state.sent += left
      state.left = nil
      state.cuts += 1
      return left
    }
    let whole = LocalTransport(hub: hub)
    guard let through else { return try await whole.send(request, timeoutMs: timeoutMs) }
    var part = request
    part.body = request.body.prefix(through)
    if through == request.body.count, losesAnswers {
      _ = try await whole.send(request, timeoutMs: timeoutMs)
    } else if request.path.hasPrefix("/v1/batches/") {
      try? await hub.keepPartial(part)
    }
    throw SyncError(.unreachable, vi: "Mất mạng.", en: "The connection broke.")
  }
}
