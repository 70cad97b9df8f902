import Foundation
import Synchronization

@testable import SyncCore
@testable import SyncHub

/// The way between one device and the hub, with all that happens to messages on it.
///
/// Belongs to one simulation, which waits for each call before it does anything else.
final class Link: Transport {
  typealias Deliver = @Sendable (HubRequest) async -> HubResponse?

  private struct State {
    var dice = Dice(seed: 0)
    var badLuck = 0.0
    var isDown = false
    var faults: Set<Fault> = []
    var seen: [Fault] = []
    var answers: [Answer] = []
    var lateRequests: [HubRequest] = []
    var lateAnswers: [Answer] = []
  }

  struct Answer {
    var request: HubRequest
    var response: HubResponse
    /// How often the hub had been put back when it gave it.
    var epoch: Int
  }

  private let state = Mutex(State())
  /// Hands a request to the hub; nil when it is down or died of it.
  private let deliver: Deliver
  private let keepPartial: @Sendable (HubRequest) async -> Void
  private let epoch: @Sendable () -> Int

  /// Messages the network holds back for one device.
  static let lateMax = 4

  init(deliver: @escaping Deliver, keepPartial: @escaping @Sendable (HubRequest) async -> Void, epoch: @escaping @Sendable () -> Int) {
    self.deliver = deliver
    self.keepPartial = keepPartial
    self.epoch = epoch
  }

  var isDown: Bool {
    get { state.withLock { $0.isDown } }
    set { state.withLock { $0.isDown = newValue } }
  }

  /// From here on messages meet `faults`, as `dice` will have it.
  func weather(_ dice: Dice, badLuck: Double, faults: Set<Fault>) {
    state.withLock {
      $0.dice = dice
      $0.badLuck = badLuck
      $0.faults = faults
    }
  }

  /// Faults that took effect, and undamaged answers that reached the device, since last asked.
  func takeSeen() -> [Fault] { state.withLock { taken(&$0.seen) } }
  func takeAnswers() -> [Answer] { state.withLock { taken(&$0.answers) } }

  func takeLateRequest(_ dice: inout Dice) -> HubRequest? { state.withLock { takeOne(&$0.lateRequests, &dice) } }
  func takeLateAnswer(_ dice: inout Dice) -> Answer? {
    state.withLock { takeOne(&$0.lateAnswers, &dice) }
  }

  func forgetLate() {
    state.withLock {
      $0.lateRequests = []
      $0.lateAnswers = []
    }
  }

  // MARK: Transport

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    guard request.body.count <= Hub.bodyBytesMax(for: request) else { return Hub.tooLarge(request) }
    let (fate, cut, isDown) = state.withLock { state -> (Fault?, Int, Bool) in
      guard state.dice.chance(state.badLuck) else { return (nil, 0, state.isDown) }
      let fate = state.dice.pick(Self.fates)
      return (state.faults.contains(fate) ? fate : nil, state.dice.below(1 << 30), state.isDown)
    }
    if isDown {
      note(.partition)
      throw Self.unreachable
    }
    switch fate {
    case .requestLost:
      note(.requestLost)
      throw Self.unreachable
    case .requestDelayed:
      let isKept = state.withLock { state in
        guard state.lateRequests.count < Self.lateMax else { return false }
        state.lateRequests.append(request)
        return true
      }
      note(isKept ? .requestDelayed : .requestLost)
      throw Self.timeout
    case .requestCut where request.body.count > 1:
      note(.requestCut)
      var part = request
      part.body = request.body.prefix(1 + cut % (request.body.count - 1))
      await keepPartial(part)
      throw Self.unreachable
    case .requestFlipped where !request.body.isEmpty:
      note(.requestFlipped)
      var damaged = request
      damaged.body = Self.flip(request.body, cut)
      return try await answered(request, deliver(damaged))
    case .repeated:
      note(.repeated)
      _ = await deliver(request)
      return try await answered(request, deliver(request))
    case .answerLost:
      _ = await deliver(request)
      note(.answerLost)
      throw Self.unreachable
    case .answerLate:
      guard let response = await deliver(request) else { throw Self.unreachable }
      note(.answerLate)
      let late = Answer(request: request, response: response, epoch: epoch())
      state.withLock { if $0.lateAnswers.count < Self.lateMax { $0.lateAnswers.append(late) } }
      throw Self.timeout
    case .answerCut:
      guard var response = await deliver(request), response.body.count > 1 else { throw Self.unreachable }
      note(.answerCut)
      response.body = response.body.prefix(cut % response.body.count)
      return response
    case .answerFlipped:
      guard var response = await deliver(request), !response.body.isEmpty else { throw Self.unreachable }
      note(.answerFlipped)
      response.body = Self.flip(response.body, cut)
      return response
    case .portal:
      note(.portal)
      return HubResponse(status: 200, headers: ["content-type": "text/html"], body: Data("<html>Log in</html>".utf8))
    default:
      return try await answered(request, deliver(request))
    }
  }

  private static let fates: [Fault] = [
    .requestLost, .requestDelayed, .requestCut, .requestFlipped, .repeated, .answerLost, .answerLate, .answerCut, .answerFlipped, .portal,
  ]

  private func answered(_ request: HubRequest, _ response: HubResponse?) throws -> HubResponse {
    guard let response else { throw Self.unreachable }
    let answer = Answer(request: request, response: response, epoch: epoch())
    state.withLock { $0.answers.append(answer) }
    return response
  }

  private func note(_ fault: Fault) { state.withLock { $0.seen.append(fault) } }

  private func taken<T>(_ list: inout [T]) -> [T] {
    defer { list = [] }
    return list
  }

  private func takeOne<T>(_ list: inout [T], _ dice: inout Dice) -> T? {
    list.isEmpty ? nil : list.remove(at: dice.below(list.count))
  }

  private static func flip(_ bytes: Data, _ place: Int) -> Data {
    var bytes = Data(bytes)
    bytes[place / 8 % bytes.count] ^= 1 << UInt8(place % 8)
    return bytes
  }

  private static var unreachable: SyncError { SyncError(.unreachable, vi: "mất", en: "lost") }
  private static var timeout: SyncError { SyncError(.timeout, vi: "quá lâu", en: "too late") }
}
