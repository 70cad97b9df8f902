internal import Foundation
internal import SyncCore

/// Queue that lets batches which arrive together share one durable commit. While one transaction runs, jobs gather for the next.
actor IngestQueue {
  typealias Work = @Sendable (Ingest) throws -> Data

  private struct Job {
    var replica: ReplicaID
    var changes: Int
    var isAlone: Bool
    var work: Work
    var continuation: CheckedContinuation<Data, any Error>

    func fail(_ error: any Error) { continuation.resume(throwing: (error as? HalfDone)?.reason ?? error) }
  }

  /// Error of work that failed after it had written: only a rollback undoes it.
  struct HalfDone: Error {
    var reason: SyncError
  }

  /// Jobs in one transaction.
  static let groupMax = 32
  /// Row changes in one transaction of several jobs: about 20 ms of merging, for which every other writer waits.
  static let groupChangesMax = 500
  /// Jobs that may wait; a device that brings one more is told to come back.
  static let waitingMax = 2000
  /// Jobs of one replica that may wait. A device sends one batch after the other, so more are a flood.
  static let waitingOfOneMax = 8

  private var waiting: [Job] = []
  private var isRunning = false
  private let commit: @Sendable (@escaping @Sendable (Ingest) throws -> [Result<Data, any Error>]) async throws -> [Result<Data, any Error>]

  /// - Parameter commit: Runs its body in one durable transaction.
  init(
    commit: @escaping @Sendable (@escaping @Sendable (Ingest) throws -> [Result<Data, any Error>]) async throws -> [Result<Data, any Error>]
  ) {
    self.commit = commit
  }

  /// Runs `work` in the next transaction.
  ///
  /// A `SyncError` that `work` throws concerns `work` alone, and must come before `work` writes. After any other error the
  /// transaction is rolled back, and each of its jobs runs again in a transaction of its own.
  ///
  /// - Parameters:
  ///   - changes: Rows that `work` will merge.
  ///   - isAlone: True to run `work` in a transaction of its own, which it finishes itself and which any error rolls back.
  func run(_ work: @escaping Work, from replica: ReplicaID, changes: Int, isAlone: Bool = false) async throws -> Data {
    guard waiting.count < Self.waitingMax, waiting.count(where: { $0.replica == replica }) < Self.waitingOfOneMax else {
      throw SyncError(
        .busy, vi: "Máy chủ đang quá tải; thử lại sau ít giây.", en: "The hub is overloaded; try again in a few seconds.",
        retryAfterSeconds: 5)
    }
    return try await withCheckedThrowingContinuation { continuation in
      waiting.append(Job(replica: replica, changes: changes, isAlone: isAlone, work: work, continuation: continuation))
      if !isRunning {
        isRunning = true
        Task { await drain() }
      }
    }
  }

  private func drain() async {
    while !waiting.isEmpty {
      let group = nextGroup()
      waiting.removeFirst(group.count)
      do {
        try await run(group)
      } catch  where group.count > 1 {
        for job in group { await runAlone(job) }
      } catch {
        group[0].fail(error)
      }
    }
    isRunning = false
  }

  private func nextGroup() -> [Job] {
    var changes = 0
    return Array(
      waiting.prefix(Self.groupMax).enumerated().prefix { index, job in
        changes += job.changes
        return index == 0 || changes <= Self.groupChangesMax && !job.isAlone && !waiting[0].isAlone
      }.map(\.element))
  }

  private func runAlone(_ job: Job) async {
    do { try await run([job]) } catch { job.fail(error) }
  }

  /// - Throws: The error that rolled the transaction back; no job has been answered then.
  private func run(_ group: [Job]) async throws {
    let works = group.map(\.work)
    let isAlone = group[0].isAlone
    let results = try await commit { ingest in
      if isAlone { return [.success(try works[0](ingest))] }
      let results = try works.map { work -> Result<Data, any Error> in
        do { return .success(try work(ingest)) } catch let error as SyncError { return .failure(error) }
      }
      try ingest.finish()
      return results
    }
    for (job, result) in zip(group, results) { job.continuation.resume(with: result) }
  }
}
