import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub

@Suite struct IngestQueueTests {
  private func queue(_ world: World) throws -> IngestQueue {
    let store = world.hubStore
    let key = SigningKey()
    return IngestQueue { body in
      try await store.write { session in
        try body(Ingest(session: session, tables: store.tables, key: key, wallMs: 1))
      }
    }
  }

  private func id(_ number: UInt8) throws -> ReplicaID { try #require(ReplicaID(bytes: Data(repeating: number, count: 16))) }

  @Test func workThatFailsHalfDoneIsUndoneAndFailsAlone() async throws {
    let world = try await World()
    let queue = try queue(world)
    @Sendable func write(_ number: UInt8, in ingest: Ingest) throws {
      try ingest.session.execute("INSERT INTO hub_upload (hash, start, bytes) VALUES (?1, 0, x'00')", [.blob(Data([number]))])
    }
    let results = try await withThrowingTaskGroup(of: (UInt8, Bool).self) { group in
      for number: UInt8 in 0..<30 {
        let replica = try id(number)
        group.addTask {
          do {
            _ = try await queue.run(
              { ingest in
                try write(number, in: ingest)
                if number % 10 == 7 { throw DatabaseError(resultCode: .SQLITE_CONSTRAINT, message: "no") }
                if number % 10 == 8 {
                  throw IngestQueue.HalfDone(reason: SyncError(.storeDamaged, vi: "hỏng", en: "damaged"))
                }
                return Data()
              }, from: replica, changes: 1)
            return (number, true)
          } catch let error as SyncError {
            #expect(error.code == (number % 10 == 8 ? .storeDamaged : .internalFault))
            return (number, false)
          }
        }
      }
      return try await group.reduce(into: [UInt8: Bool]()) { $0[$1.0] = $1.1 }
    }
    for (number, succeeded) in results { #expect(succeeded == ![7, 8].contains(number % 10)) }
    let kept = try await world.hub.read { try $0.rows("SELECT hash FROM hub_upload").compactMap { $0[0].blob?.first } }
    #expect(Set(kept) == Set(results.filter(\.value).keys))
  }

  /// Whoever else writes waits for one group at most.
  @Test func aGroupHasNoMoreRowsThanWhatOneMayWaitFor() async throws {
    let world = try await World()
    let (store, key, sizes) = (world.hubStore, SigningKey(), Tally())
    let queue = IngestQueue { body in
      let results = try await store.write { session in
        try body(Ingest(session: session, tables: store.tables, key: key, wallMs: 1))
      }
      await sizes.note(results.count)
      return results
    }
    let large = IngestQueue.groupChangesMax / 2 - 1
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number: UInt8 in 0..<40 {
        let replica = try id(number)
        group.addTask { _ = try await queue.run({ _ in Data() }, from: replica, changes: number < 39 ? large : large * 5) }
      }
      try await group.waitForAll()
    }
    let all = await sizes.all
    #expect(all.reduce(0, +) == 40 && all.allSatisfy { $0 <= 2 } && all.contains(2))
  }

  private actor Tally {
    private(set) var all: [Int] = []
    func note(_ count: Int) { all.append(count) }
  }

  @Test func oneReplicasFloodLeavesRoomForOthers() async throws {
    let world = try await World()
    let queue = try queue(world)
    let (flooder, other) = (try id(1), try id(2))
    let busy = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<2500 {
        group.addTask {
          do {
            _ = try await queue.run({ _ in Data() }, from: flooder, changes: 1)
            return false
          } catch let error as SyncError {
            return error.code == .busy
          }
        }
      }
      _ = try await queue.run({ _ in Data() }, from: other, changes: 1)
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(busy > 0)
  }
}
