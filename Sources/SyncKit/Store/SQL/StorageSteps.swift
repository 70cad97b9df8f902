internal import Synchronization

/// Where storage work may be cut off between statements.
package enum StorageMoment: String, Sendable, CaseIterable {
  /// Every statement of an engine transaction ran; it is not committed yet.
  case beforeCommit
  /// An engine transaction was committed; whoever asked for it has not been told.
  case committed
  /// The key file was written; the database does not know of it yet.
  case secretsSaved
  /// A hub's store was written anew without what was deleted; nobody noted it yet.
  case rewritten
}

/// A moment of storage work at which a process may die.
package enum StorageStep: Sendable, Hashable {
  /// A statement that writes is about to run in an engine transaction.
  case statement(String)
  case moment(StorageMoment)

  /// A name that stays the same as values vary: the verb and table of a statement.
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

/// Tells a test each step of storage work, which may throw there as a crash or a full disk would. Otherwise nobody listens,
/// and a step costs one comparison.
package final class StorageSteps: Sendable {
  package typealias Listener = @Sendable (StorageStep) throws -> Void

  private let current = Mutex<Listener?>(nil)

  package init() {}

  /// Hears of every step from the next transaction on.
  package var listener: Listener? {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }

  package func reached(_ moment: StorageMoment) throws { try listener?(.moment(moment)) }
}
