internal import Foundation
public import SyncCore

extension Console {
  /// Prints, before an act, that nothing undoes it.
  public func sayLasting(_ what: LocalizedText) {
    say("Không hoàn tác được: \(what.vi)", "This cannot be undone: \(what.en)")
  }

  /// Asks before an act that people at work would notice, or that cannot be taken back.
  ///
  /// - Parameters:
  ///   - isGiven: True when the command line agrees already (`--yes`).
  ///   - question: Asked on a terminal, with `[y/N]` after it.
  ///   - elsewhere: Printed when nobody can be asked: what to add to the command. Nothing may have been changed.
  /// - Throws: `ToolExit.failed`, after printing the reason, unless somebody agrees.
  public func requireConsent(_ isGiven: Bool, question: LocalizedText, elsewhere: LocalizedText) throws {
    if isGiven { return }
    guard isatty(0) == 1, isTerminal, !isJSON else {
      refuse(elsewhere)
      throw ToolExit.failed
    }
    warn(LocalizedText(vi: question.vi + " [c/K]", en: question.en + " [y/N]"))
    let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased() ?? ""
    guard ["y", "c"].contains(answer.prefix(1)) else {
      refuse(LocalizedText(vi: "Không đổi gì.", en: "Nothing was changed."))
      throw ToolExit.failed
    }
  }
}
