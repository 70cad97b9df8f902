internal import Synchronization

/// Moments between statements at which storage work may be interrupted.
package enum StorageMoment: String, Sendable, CaseIterable {
  /// Every statement of an engine transaction ran; the transaction is not committed yet.
  case beforeCommit
  /// An engine transaction was committed; its caller has not been told.
  case committed
  /// The key file was written; the database does not know of it yet.
  case secretsSaved
  /// A hub's store was rewritten without what was deleted; nobody recorded it yet.
  case rewritten
}

/// Step of storage work at which a process may die.
package enum StorageStep: Sendable, Hashable {
  /// A writing statement is about to run in an engine transaction.
  case statement(String)
  case moment(StorageMoment)

  /// Name that stays the same as values vary: the verb and table of a statement.
  var label: String {
    switch self {
    case .moment(let moment): moment.rawValue
    case .statement(let sql): Self.label(of: sql)
    }
  }

  static func label(of sql: String) -> String {
    let words = sql.split(maxSplits: 6, whereSeparator: { $0.isWhitespace || $0 == "(" }).map(String.init)
    let verb = words.first?.uppercased() ?? ""
    guard let place = words.firstIndex(where: { ["INTO", "FROM", "UPDATE"].contains($0.uppercased()) }), place + 1 < words.count else {
      return verb
    }
    return verb + " " + words[place + 1].filter { $0 != "\"" }
  }
}

/// Calls a test's listener at each step of storage work; the listener may throw, as a crash or a full disk would. Without a
/// listener a step costs one comparison.
package final class FaultPoints: Sendable {
  package typealias Listener = @Sendable (StorageStep) throws -> Void

  private let current = Mutex<Listener?>(nil)

  package init() {}

  /// Listener that is called at every step from the next transaction on.
  package var listener: Listener? {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }

  package func reached(_ moment: StorageMoment) throws { try listener?(.moment(moment)) }
}
