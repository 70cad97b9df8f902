internal import Foundation

/// Lets batches that arrive together share one durable commit: while one transaction runs, the next one's work gathers.
actor IngestQueue {
  typealias Work = @Sendable (Ingest) throws -> Data

  private struct Job {
    var work: Work
    var continuation: CheckedContinuation<Data, any Error>
  }

  /// Jobs in one transaction.
  static let groupMax = 32
  /// Jobs that may wait; more are told to come back.
  static let waitingMax = 2000

  private var waiting: [Job] = []
  private var isRunning = false
  private let commit: @Sendable (@escaping @Sendable (Ingest) throws -> [Result<Data, any Error>]) async throws -> [Result<Data, any Error>]

  /// - Parameter commit: Runs its body in one durable transaction.
  init(
    commit: @escaping @Sendable (@escaping @Sendable (Ingest) throws -> [Result<Data, any Error>]) async throws -> [Result<Data, any Error>]
  ) {
    self.commit = commit
  }

  /// Runs `work` in the next transaction. A `SyncError` it throws concerns it alone, and must come before it writes.
  func run(_ work: @escaping Work) async throws -> Data {
    guard waiting.count < Self.waitingMax else {
      throw SyncError(
        .busy, vi: "Máy chủ đang quá tải; thử lại sau ít giây.", en: "The hub is overloaded; try again in a few seconds.",
        retryAfterSeconds: 5)
    }
    return try await withCheckedThrowingContinuation { continuation in
      waiting.append(Job(work: work, continuation: continuation))
      if !isRunning {
        isRunning = true
        Task { await drain() }
      }
    }
  }

  private func drain() async {
    while !waiting.isEmpty {
      let group = Array(waiting.prefix(Self.groupMax))
      waiting.removeFirst(group.count)
      let works = group.map(\.work)
      do {
        let results = try await commit { ingest in
          let results = try works.map { work -> Result<Data, any Error> in
            do { return .success(try work(ingest)) } catch let error as SyncError { return .failure(error) }
          }
          try ingest.finish()
          return results
        }
        for (job, result) in zip(group, results) { job.continuation.resume(with: result) }
      } catch {
        for job in group { job.continuation.resume(throwing: error) }
      }
    }
    isRunning = false
  }
}
