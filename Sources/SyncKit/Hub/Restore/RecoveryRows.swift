internal import Foundation
internal import SyncCore

/// Secrets as rows for paper: ten bytes a row, each with a checksum, so that a mistyped row is named.
///
/// A row reads `H3 ABCD-EFGH-IJKL-MNOP-QRST`: the secret's name, the row's number, then letters and the digits 2 to 7. In the last
/// row of a secret the number ends with a full stop. From the tenth row on numbers stand in brackets.
enum RecoveryRows {
  private static let bytesPerRow = 10
  private static let checkBytes = 2
  /// Size of a text that is read, in bytes; a printed sheet is far smaller.
  static let textBytesMax = 64 << 10

  static func rows(of secret: Data, named name: String) -> [String] {
    let starts = Array(stride(from: 0, to: secret.count, by: bytesPerRow))
    return starts.enumerated().map { index, start in
      let part = Data(secret.dropFirst(start).prefix(bytesPerRow))
      let number = index < 9 ? String(index + 1) : "(\(index + 1))"
      let label = name + number + (index == starts.count - 1 ? "." : "")
      let letters = Array(Base32.encode(part + check(of: part, label: label)))
      let groups = stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<min($0 + 4, letters.count)]) }
      return label + " " + groups.joined(separator: "-")
    }
  }

  /// Reads the secrets in a typed text.
  ///
  /// - Returns: The secrets by name.
  /// - Throws: `SyncError` naming the rows that do not fit or are missing.
  static func blocks(in text: String) throws -> [String: Data] {
    guard text.utf8.count <= textBytesMax else {
      throw SyncError(
        .keyUnusable, vi: "Tệp quá lớn, không phải tờ khôi phục khóa.", en: "The file is too large to be a recovery sheet.")
    }
    var parts: [String: [Int: Data]] = [:]
    var lengths: [String: Int] = [:]
    var wrong: [String] = []
    for row in text.split(whereSeparator: \.isNewline).flatMap({ rows(inLine: $0) }) {
      guard let part = row.part else {
        wrong.append(row.label)
        continue
      }
      parts[row.name, default: [:]][row.number] = part
      if row.isLast { lengths[row.name] = row.number }
    }
    for (name, rows) in parts {
      let count = lengths[name] ?? (rows.keys.max() ?? 0) + 1
      for number in 1...max(count, 1) where rows[number] == nil { wrong.append(name + String(number)) }
    }
    guard wrong.isEmpty, !parts.isEmpty else {
      let named = Set(wrong.map { $0.filter { $0 != "." } }).sorted().joined(separator: ", ")
      throw named.isEmpty ? unreadable("H") : unreadable(named)
    }
    return parts.mapValues { rows in rows.sorted { $0.key < $1.key }.reduce(Data()) { $0 + $1.value } }
  }

  /// A row as it stands in a text.
  private struct TypedRow {
    let name: String
    let number: Int
    let isLast: Bool
    let label: String
    /// Part of the secret in this row; nil where the check does not fit.
    let part: Data?

    init(name: String, number: Substring, end: Substring, letters: Substring) {
      self.name = name
      self.number = Int(number.filter(\.isNumber)) ?? 0
      isLast = !end.isEmpty
      label = name + number + end
      // Reads 0 and 1 as O and I: the alphabet has no such digits.
      let read = letters.uppercased().filter { $0.isLetter || $0.isNumber }.map { $0 == "0" ? "O" : $0 == "1" ? "I" : $0 }
      guard let bytes = Base32.decode(String(read)), bytes.count > checkBytes,
        check(of: bytes.dropLast(checkBytes), label: label) == bytes.suffix(checkBytes)
      else {
        part = nil
        return
      }
      part = Data(bytes.dropLast(checkBytes))
    }
  }

  /// Letters of a line that is meant as a row: fewer, or more, are other words.
  private static let typedLetters = 5...24

  /// Finds the rows of a line: as they are printed, or the line as a whole typed in small letters, or with spaces for dashes.
  private static func rows(inLine line: Substring) -> [TypedRow] {
    let printed = line.matches(of: #/\b([A-Z]\d?)(\d|\(\d\d\))(\.?)[ \t]+([A-Za-z0-9]{2,4}(?:-[A-Za-z0-9]{1,4})+)/#).map {
      TypedRow(name: String($0.1), number: $0.2, end: $0.3, letters: $0.4)
    }
    if !printed.isEmpty, printed.allSatisfy({ $0.part != nil }) { return printed }
    guard let match = line.wholeMatch(of: #/\s*([A-Za-z]\d?)(\d|\(\d\d\))(\.?)\s+([A-Za-z0-9](?:[A-Za-z0-9 \t–—-]*[A-Za-z0-9])?)\s*/#),
      typedLetters.contains(match.4.count(where: { $0.isLetter || $0.isNumber }))
    else { return printed }
    let typed = TypedRow(name: match.1.uppercased(), number: match.2, end: match.3, letters: match.4)
    return typed.part != nil || printed.isEmpty ? [typed] : printed
  }

  static func unreadable(_ rows: String) -> SyncError {
    SyncError(
      .keyUnusable, vi: "Dòng \(rows) của tờ khôi phục khóa bị thiếu hoặc gõ sai; xem lại rồi chạy lại. Chưa ghi gì.",
      en: "Row \(rows) of the recovery sheet is missing or mistyped; check it and run this again. Nothing was written.")
  }

  private static func check(of part: Data, label: String) -> Data {
    (Data("synckit/recovery/1\0\(label)\0".utf8) + part).sha256.prefix(checkBytes)
  }
}
