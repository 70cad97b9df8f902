internal import Foundation
package import SyncCore
public import SyncStore

/// What a person says is right about a conflict.
public enum Decision: Sendable, Hashable {
  /// What stands.
  case keep
  /// What was overridden.
  case take
  /// Something else, as it is typed.
  case value(String)
  /// The decision made before was wrong.
  case undo

  /// - Parameter read: Reads and judges what was typed.
  package func resolution(_ read: (String) async throws -> CellValue) async throws -> Resolution {
    switch self {
    case .keep: .keepWinner
    case .take: .takeLoser
    case .undo: .undo
    case .value(let text): .write(try await read(text))
    }
  }

  /// - Throws: `SurveyFieldError.noReason`.
  package static func checked(reason: String) throws -> String {
    let line = ReportChange.cleaned(reason)
    guard !line.isEmpty else { throw SurveyFieldError.noReason }
    guard line.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
    return line
  }
}

/// What a decision did.
public struct Decided: Sendable {
  /// The conflict, and what was declined together with it.
  public var conflicts: [Conflict]
  /// The report it is about, where that contradicts its form now.
  public var invalid: InvalidReport?

  package init(conflicts: [Conflict], invalid: InvalidReport? = nil) {
    self.conflicts = conflicts
    self.invalid = invalid
  }
}

extension Conflict {
  /// The report it is about.
  package var reportKey: String? { table == "report" ? key.text : nil }

  /// The conflicts that one decision is about: what was declined as one thing is decided about as one, unless a value is typed.
  package func together(in all: [Conflict], for decision: Decision) -> [Conflict] {
    guard let declinedUnit else { return [self] }
    switch decision {
    case .value: return [self]
    case .keep, .take: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && $0.isOpen }
    case .undo: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && !$0.isOpen && $0.resolution == resolution }
    }
  }
}
