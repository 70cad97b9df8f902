internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// The memory that answers take until they are written, over all connections. A small answer, which fits into its connection's buffers, is
/// not counted.
final class AnswerBudget: Sendable {
  /// Bytes of all answers together, at most.
  static let bytesMax = 96 << 20
  /// The answers to one device, and to one network address that proved nothing.
  static let deviceBytesMax = 16 << 20
  static let addressBytesMax = 8 << 20
  /// Bytes of an answer that is not counted, and of each piece of a larger one.
  static let pieceBytesMax = Connections.Limits.readBytesMax

  /// Room of one answer, given back with the last reference to it.
  final class Room: Sendable {
    private let budget: AnswerBudget
    private let account: BodyBudget.Account
    private let bytes: Int

    fileprivate init(_ bytes: Int, of account: BodyBudget.Account, in budget: AnswerBudget) {
      self.bytes = bytes
      self.account = account
      self.budget = budget
    }

    deinit { budget.give(bytes, of: account) }
  }

  private struct State {
    var total = 0
    var accounts: [BodyBudget.Account: Int] = [:]
  }

  private let state = Mutex(State())

  var bytesTaken: Int { state.withLock { $0.total } }

  /// Takes room for an answer; an answer that is larger than an account's bound goes out alone.
  ///
  /// - Returns: Nil when others take it, or earlier answers to the same account.
  func room(for bytes: Int, of account: BodyBudget.Account) -> Room? {
    let counted = bytes > Self.pieceBytesMax ? bytes : 0
    let isTaken = state.withLock { state -> Bool in
      guard counted > 0 else { return true }
      let mine = state.accounts[account] ?? 0
      guard state.total + counted <= Self.bytesMax, mine == 0 || mine + counted <= Self.accountBytesMax(account) else { return false }
      state.total += counted
      state.accounts[account] = mine + counted
      return true
    }
    return isTaken ? Room(counted, of: account, in: self) : nil
  }

  private static func accountBytesMax(_ account: BodyBudget.Account) -> Int {
    switch account {
    case .device: deviceBytesMax
    case .address: addressBytesMax
    }
  }

  fileprivate func give(_ bytes: Int, of account: BodyBudget.Account) {
    guard bytes > 0 else { return }
    state.withLock { state in
      state.total -= bytes
      let left = (state.accounts[account] ?? 0) - bytes
      state.accounts[account] = left > 0 ? left : nil
    }
  }

  /// Makes a body that keeps its room until it is written, or given up. A large one goes out in pieces, so that a reader who takes nothing
  /// is told from one who is slow.
  static func body(_ bytes: Data, in room: Room?) -> ResponseBody {
    guard bytes.count > pieceBytesMax else { return ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)) }
    return ResponseBody(contentLength: bytes.count) { writer in
      defer { withExtendedLifetime(room) {} }
      var next = bytes.startIndex
      while next < bytes.endIndex {
        let end = min(next + pieceBytesMax, bytes.endIndex)
        // Each piece is a copy: one that is not written yet would keep the whole answer in memory.
        try await writer.write(ByteBuffer(bytes: bytes[next..<end]))
        next = end
      }
      try await writer.finish(nil)
    }
  }
}
