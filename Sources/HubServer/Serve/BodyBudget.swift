internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// The memory that bodies of calls take while they arrive and are worked on, over all connections.
final class BodyBudget: Sendable {
  /// Bytes of all bodies together, at most.
  static let bytesMax = 48 << 20
  /// Bounds the part of senders that proved nothing: enrolments, packets, posted pages.
  static let openBytesMax = 16 << 20
  /// The bodies of one device, and of one network address that proved nothing.
  static let deviceBytesMax = 24 << 20
  static let addressBytesMax = 8 << 20
  /// Part of a body's bytes that came lately, from which on it is not cut off for another's sake.
  static let recentShareMin = 0.5
  /// Looks whether a body that was cut off gave its room back, and the time between two of them in milliseconds.
  static let looksMax = 40
  static let lookEveryMs = 50

  /// Names the sender whose bodies are counted together.
  enum Account: Hashable, Sendable {
    case device(String)
    case address(String)

    fileprivate var bytesMax: Int {
      switch self {
      case .device: BodyBudget.deviceBytesMax
      case .address: BodyBudget.addressBytesMax
      }
    }
  }

  /// Bounds that leave no room.
  fileprivate enum Shortage {
    case ofSender
    case ofOpen
    case ofAll
  }

  /// A body whose sender proved nothing.
  private struct OpenBody {
    var account: Account
    var connection: Connection
    var bytes = 0
  }

  private struct State {
    var total = 0
    var open = 0
    var accounts: [Account: Int] = [:]
    var bodies: [ObjectIdentifier: OpenBody] = [:]
  }

  private let state = Mutex(State())

  var bytesTaken: Int { state.withLock { $0.total } }

  /// Keeps by which connection a body comes whose sender proved nothing, so that it can be cut off for another's sake.
  fileprivate func begin(_ body: ObjectIdentifier, of account: Account, by connection: Connection) {
    guard case .address = account else { return }
    state.withLock { $0.bodies[body] = OpenBody(account: account, connection: connection) }
  }

  fileprivate func end(_ body: ObjectIdentifier, bytes: Int, of account: Account) {
    state.withLock { state in
      state.bodies[body] = nil
      guard bytes > 0 else { return }
      state.total -= bytes
      if case .address = account { state.open -= bytes }
      let left = (state.accounts[account] ?? 0) - bytes
      state.accounts[account] = left > 0 ? left : nil
    }
  }

  /// - Returns: Nil when the bytes are taken.
  fileprivate func take(_ bytes: Int, for account: Account, body: ObjectIdentifier) -> Shortage? {
    state.withLock { state -> Shortage? in
      let mine = state.accounts[account] ?? 0
      guard mine + bytes <= account.bytesMax else { return .ofSender }
      guard state.total + bytes <= Self.bytesMax else { return .ofAll }
      if case .address = account {
        guard state.open + bytes <= Self.openBytesMax else { return .ofOpen }
        state.open += bytes
      }
      state.total += bytes
      state.accounts[account] = mine + bytes
      state.bodies[body]?.bytes += bytes
      return nil
    }
  }

  /// Cuts off the body of which least came lately for the room that it takes, where one may be cut off.
  ///
  /// - Returns: Whether room will come: a body is cut off now, or was before and has not given its room back yet.
  fileprivate func makesRoom(for account: Account, body: ObjectIdentifier, where shortage: Shortage) -> Bool {
    // The registry is copied, because the bodies' connections have locks of their own.
    let bodies = state.withLock { $0.bodies }.filter { shortage != .ofSender || $0.value.account == account }
    if bodies.contains(where: { $0.key != body && $0.value.connection.isCut }) { return true }
    let now = ContinuousClock.now
    let shares = bodies.compactMap { id, open -> (id: ObjectIdentifier, connection: Connection, share: Double)? in
      open.connection.recentShare(of: open.bytes, at: now).map { (id, open.connection, $0) }
    }
    // A body that is the slowest itself takes nobody's room.
    guard let slowest = shares.min(by: { $0.share < $1.share }), slowest.share < Self.recentShareMin, slowest.id != body else {
      return false
    }
    slowest.connection.cut()
    return true
  }
}

/// Body of one call: read as far as it may be, and counted for as long as this value lives.
final class CallBody {
  enum End {
    case whole
    case tooLarge
    /// Others take the room.
    case noRoom
    /// Cut off, since the body came too slowly.
    case tooSlow
    /// The connection broke.
    case broken
  }

  private(set) var data = Data()
  private let budget: BodyBudget
  private let account: BodyBudget.Account

  init(_ budget: BodyBudget, for account: BodyBudget.Account) {
    self.budget = budget
    self.account = account
  }

  deinit { budget.end(ObjectIdentifier(self), bytes: data.count, of: account) }

  /// Reads until the end or a bound. What came before it stays in `data`.
  func read(_ request: Request, of connection: Connection?, bytesMax: Int) async -> End {
    let declared = request.headers[.contentLength].flatMap { Int($0) }
    if let declared, declared > bytesMax { return .tooLarge }
    if let connection { budget.begin(ObjectIdentifier(self), of: account, by: connection) }
    do {
      for try await buffer in request.body {
        guard data.count + buffer.readableBytes <= bytesMax else { return .tooLarge }
        guard await takes(buffer.readableBytes, of: connection) else { return connection?.isCut == true ? .tooSlow : .noRoom }
        data.append(contentsOf: buffer.readableBytesView)
      }
    } catch {
      return connection?.isCut == true ? .tooSlow : .broken
    }
    if connection?.isCut == true { return .tooSlow }
    let isWhole = connection?.isCallWhole ?? true
    return isWhole && declared.map { data.count >= $0 } ?? true ? .whole : .broken
  }

  /// Takes room for what came, of a slower body where all is taken.
  private func takes(_ bytes: Int, of connection: Connection?) async -> Bool {
    let body = ObjectIdentifier(self)
    for _ in 0..<BodyBudget.looksMax {
      guard let shortage = budget.take(bytes, for: account, body: body) else { return true }
      guard connection?.isCut != true, budget.makesRoom(for: account, body: body, where: shortage) else { return false }
      do { try await Task.sleep(for: .milliseconds(BodyBudget.lookEveryMs)) } catch { return false }
    }
    return false
  }
}
