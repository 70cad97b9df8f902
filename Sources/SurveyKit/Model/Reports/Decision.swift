internal import Foundation
package import SyncCore
public import SyncStore

/// Person's decision about a conflict.
public enum Decision: Sendable, Hashable {
  /// Keep the standing value.
  case keep
  /// Restore the overridden value.
  case take
  /// Write another value, as typed.
  case value(String)
  /// Take the last decision back.
  case undo

  /// Converts the decision for the engine.
  ///
  /// - Parameter read: Reads and judges a typed value.
  package func resolution(_ read: (String) async throws -> CellValue) async throws -> Resolution {
    switch self {
    case .keep: .keepWinner
    case .take: .takeLoser
    case .undo: .undo
    case .value(let text): .write(try await read(text))
    }
  }

  /// Returns a reason in its canonical spelling.
  ///
  /// - Throws: `SurveyFieldError.noReason`.
  package static func checked(reason: String) throws -> String {
    let line = ReportChange.cleaned(reason)
    guard !line.isEmpty else { throw SurveyFieldError.noReason }
    guard line.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
    return line
  }
}

/// Result of a decision.
public struct Decided: Sendable {
  /// Conflicts that were decided: the conflict, and those of the same declined unit.
  public var conflicts: [Conflict]
  /// Report that it is about, when that contradicts its form now.
  public var invalid: InvalidReport?

  package init(conflicts: [Conflict], invalid: InvalidReport? = nil) {
    self.conflicts = conflicts
    self.invalid = invalid
  }
}

extension Conflict {
  /// Refuses to put the losing value in the place of one that neither side of the conflict wrote: somebody wrote that since, and would lose it.
  ///
  /// - Parameter standing: What stands in the cell now; nil where no row stands.
  /// - Throws: `SyncError` `.badRequest`.
  package func refuseOverwriting(_ standing: CellValue?, by decision: Decision) throws {
    guard decision == .take, rule == .lastWriterWins || rule == .review, let standing, ![winning.value, losing.value].contains(standing)
    else { return }
    throw SyncError(
      .badRequest,
      vi: "Sau xung đột này đã có người ghi \(standing.logText.prefix(200)); hãy giữ (--keep), hoặc ghi rõ giá trị đúng bằng --value.",
      en:
        "Somebody has written \(standing.logText.prefix(200)) since this conflict; keep that (--keep), or state the right value with --value."
    )
  }

  /// Key of the report that the conflict is about.
  package var reportKey: String? { table == "report" ? key.text : nil }

  /// Returns the conflicts to which one decision applies: those of one declined unit together, unless a value is typed.
  package func together(in all: [Conflict], for decision: Decision) -> [Conflict] {
    guard let declinedUnit else { return [self] }
    switch decision {
    case .value: return [self]
    case .keep, .take: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && $0.isOpen }
    case .undo: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && !$0.isOpen && $0.resolution == resolution }
    }
  }
}
