internal import Logging
internal import ServiceLifecycle
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Moves packets from the spool into the store every `Hub.packetFlushMs` while the hub serves, and releases the day's results where a
/// campaign asks for that. The first time it marks the store of a hub that never served, or by an earlier program.
struct PacketFlushing: Service {
  let survey: SurveyHub
  let logger: Logger

  private static let retryAfter = Duration.seconds(30)

  func run() async throws {
    while !Task.isCancelled && !Task.isShuttingDownGracefully {
      do {
        try await survey.hub.flushPackets()
        try await survey.markStore()
        _ = try await survey.releaseDaily()
      } catch {
        guard !Task.isCancelled && !Task.isShuttingDownGracefully else { return }
        // The packets stay where they are until the next turn: nothing is lost.
        logger.error("packets were not flushed", metadata: ["error": "\(error)"])
      }
      // A store that took nothing is asked again soon: what monitors are told follows from the last write.
      let pause = survey.hub.writeFailure == nil ? Duration.milliseconds(Hub.packetFlushMs) : Self.retryAfter
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
  }
}
