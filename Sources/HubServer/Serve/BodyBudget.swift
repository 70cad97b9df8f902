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

  private struct State {
    var total = 0
    var open = 0
    var accounts: [Account: Int] = [:]
  }

  private let state = Mutex(State())

  var bytesTaken: Int { state.withLock { $0.total } }

  fileprivate func take(_ bytes: Int, for account: Account) -> Bool {
    state.withLock { state in
      let mine = state.accounts[account] ?? 0
      guard state.total + bytes <= Self.bytesMax, mine + bytes <= account.bytesMax else { return false }
      if case .address = account {
        guard state.open + bytes <= Self.openBytesMax else { return false }
        state.open += bytes
      }
      state.total += bytes
      state.accounts[account] = mine + bytes
      return true
    }
  }

  fileprivate func give(_ bytes: Int, of account: Account) {
    guard bytes > 0 else { return }
    state.withLock { state in
      state.total -= bytes
      if case .address = account { state.open -= bytes }
      let left = (state.accounts[account] ?? 0) - bytes
      state.accounts[account] = left > 0 ? left : nil
    }
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

  deinit { budget.give(data.count, of: account) }

  /// Reads until the end or a bound. What came before it stays in `data`.
  func read(_ request: Request, of connection: Connection?, bytesMax: Int) async -> End {
    let declared = request.headers[.contentLength].flatMap { Int($0) }
    if let declared, declared > bytesMax { return .tooLarge }
    do {
      for try await buffer in request.body {
        guard data.count + buffer.readableBytes <= bytesMax else { return .tooLarge }
        guard budget.take(buffer.readableBytes, for: account) else { return .noRoom }
        data.append(contentsOf: buffer.readableBytesView)
      }
    } catch {
      return connection?.isCut == true ? .tooSlow : .broken
    }
    if connection?.isCut == true { return .tooSlow }
    let isWhole = connection?.isCallWhole ?? true
    return isWhole && declared.map { data.count >= $0 } ?? true ? .whole : .broken
  }
}
