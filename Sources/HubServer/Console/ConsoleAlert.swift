internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// A sentence about what somebody should look at. Commands in it, between backticks, are set apart and break between words only.
struct ConsoleAlert {
  let sentence: String
  /// Something is wrong or lost unless somebody acts; otherwise somebody may want to know.
  let isFault: Bool

  struct Part: Equatable {
    var text: String
    var isCommand = false
  }

  var parts: [Part] {
    let pieces = sentence.split(separator: "`", omittingEmptySubsequences: false)
    return pieces.enumerated().map { index, text in
      // Of an odd number of backticks the last stands for itself.
      Part(text: String(text), isCommand: index % 2 == 1 && index < pieces.count - 1)
    }
  }

  var html: HTML {
    let said: [HTML] = parts.map { part in
      guard part.isCommand else { return "\(part.text)" }
      let words: [HTML] = part.text.split(separator: " ").enumerated().map { index, word in
        let gap: HTML? = index == 0 ? nil : " "
        return "\(gap)<span>\(String(word))</span>"
      }
      return "<code>\(words)</code>"
    }
    let (icon, tone) = isFault ? ("✗", "bad") : ("!", "warn")
    return "<p class=\"alert \(tone)\" role=\"alert\"><span class=\"icon\" aria-hidden=\"true\">\(icon)</span> \(said)</p>\n"
  }

  /// Everything that the board points out: what is wrong first.
  static func all(_ board: Board, _ words: Wording) -> [ConsoleAlert] {
    // Sentences that begin with a unit's code get its name.
    func named(_ unit: String, _ sentence: String) -> String {
      guard sentence.hasPrefix("\(unit): "), let name = board.rows.first(where: { $0.unit.rawValue == unit })?.name else { return sentence }
      return "\(name) (\(unit))\(sentence.dropFirst(unit.count))"
    }
    var faults = board.warnings.map { $0(words.language) }
    if board.strayAnswers > 0 {
      faults.append(
        words.text(
          "\(words.number(board.strayAnswers)) phiếu thuộc đơn vị không có trong danh sách.",
          "\(words.number(board.strayAnswers)) answers belong to units that are not in the list."))
    }
    faults += board.different.map { $0.explanation(words.language) }
    if let jump = board.clockJumpMs { faults.append(ClockCommand.explanation(jump, words)(words.language)) }
    var notes = board.latePackets.compactMap { late in late.explanation.map { named(late.unit, $0(words.language)) } }
    notes += board.aboveHeadcount.map { named($0.unit, $0.explanation(words.language)) }
    if let usage = board.photosDeferred {
      let (used, all) = (words.number(usage.bytes >> 20), words.number(usage.bytesMax >> 20))
      notes.append(
        words.text(
          "Đang hoãn nhận ảnh vì thiếu chỗ (\(used) / \(all) MiB): chữ vẫn nhận. Thêm chỗ bằng `hub photos --quota`, hoặc dọn đĩa.",
          "Photos are put off for want of room (\(used) / \(all) MiB); text goes on. Give more with `hub photos --quota`, or free the disk."
        ))
    }
    return faults.map { ConsoleAlert(sentence: $0, isFault: true) } + notes.map { ConsoleAlert(sentence: $0, isFault: false) }
  }
}
