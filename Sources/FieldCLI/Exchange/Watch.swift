internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Exchanges again and again until it is stopped: soon after something is written here, now and then otherwise, and less and less
/// often while the hub cannot be reached. Prints a line when something changed, and when the hub was lost or found again.
struct Watch: Sendable {
  /// Seconds between two exchanges while nothing is written here.
  static let idleSeconds = 30
  /// Seconds between two checks whether something was written here.
  static let lookSeconds = 2
  /// Seconds to wait after the first failure in a row, doubled after each further one up to the bound. The wait is spread from half
  /// to one and a half, so that devices that lost one hub do not come back together.
  static let backOffFirstSeconds = 5
  static let backOffSecondsMax = 300

  let exchange: Exchange
  let transport: any Transport
  private var console: Console { exchange.console }

  init(exchange: Exchange, transport: any Transport) {
    var exchange = exchange
    exchange.isInterruptible = false
    self.exchange = exchange
    self.transport = transport
  }

  /// Returns the seconds to wait.
  ///
  /// - Parameter chance: From 0 up to 1.
  static func backOffSeconds(failures: Int, chance: Double) -> Double {
    let doubled = backOffFirstSeconds << min(max(failures - 1, 0), 16)
    return Double(min(doubled, backOffSecondsMax)) * (0.5 + chance)
  }

  /// Runs until it is stopped.
  ///
  /// - Throws: Errors that waiting does not cure: the device was revoked, another hub answers.
  func run() async throws {
    do {
      try await interruptible { try await go() }
    } catch is CancellationError {
      console.say("Đã dừng.", "Stopped.")
    }
  }

  private func go() async throws {
    var failures = 0
    var isFirst = true
    while true {
      let (report, error) = try await exchange.run(through: transport)
      exchange.warn(report)
      if let error {
        try Task.checkCancellation()
        guard error.mayPass || error.code == .notAHub else {
          console.refuse(error.explanation, code: error.code.rawValue)
          throw ToolExit.failed
        }
        failures += 1
        if failures == 1 { console.warn(error.explanation) }
        if report.isWorthTelling { try tell(report) }
        let seconds = Self.backOffSeconds(failures: failures, chance: Double.random(in: 0..<1))
        if failures == 1 {
          console.say("Sẽ tự nối lại khi có mạng.", "Will reconnect by itself when there is a network.")
        }
        try await Task.sleep(for: .seconds(seconds))
        continue
      }
      if failures > 0 { console.say("Đã nối lại với tỉnh.", "Connected again.") }
      failures = 0
      if report.isWorthTelling || isFirst { try tell(report) }
      isFirst = false
      try await rest()
    }
  }

  private func tell(_ report: Exchange.Report) throws {
    try console.event(report)
    exchange.show(report)
    if let news = SyncWords.news(report.changed, console.words) { console.say("Mới: \(news.vi).", "New: \(news.en).") }
  }

  /// Waits until the next exchange is due, or something was written here.
  private func rest() async throws {
    let waiting = try await waiting()
    var seconds = 0
    while seconds < Self.idleSeconds {
      try await Task.sleep(for: .seconds(Self.lookSeconds))
      seconds += Self.lookSeconds
      if try await self.waiting() > waiting { return }
    }
  }

  private func waiting() async throws -> Int {
    let status = try await exchange.survey.replica.status()
    return status.pendingChanges + status.packetsWaiting
  }
}

extension Exchange.Report {
  /// True when anything was sent, came, or went wrong.
  var isWorthTelling: Bool { sent + received + sentPhotos + newConflicts > 0 || left != nil || !notices.isEmpty }
}
