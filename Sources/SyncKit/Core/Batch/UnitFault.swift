internal import Foundation

/// Something in a well-signed unit that no replica could store, or send on, as it is.
///
/// The unit is read with the nearest thing that can be stored in its place, so that people see it, and is held whole (L7). What was
/// sent stays in the batch's bytes.
package struct UnitFault: Hashable, Sendable {
  /// What is wrong. Raw values travel in receipts, behind the place, and never change their meaning.
  package enum Why: String, Sendable, CaseIterable {
    /// A name without bytes, of too many, or with a zero byte.
    case name
    /// The name of a member is not in NFC.
    case nfc
    /// Bytes that are not UTF-8.
    case utf8
    case zeroByte
    case notANumber
    /// No JSON object where members are told.
    case json
    /// A JSON object names one member twice.
    case member
    /// A cell of another kind than its column says.
    case kind
    /// A column whose bytes cannot be read.
    case unreadable
    /// An increment over its bound, or one that is told twice.
    case increment
    /// A value over `WireLimits.valueBytesMax`.
    case long
    /// A key over `WireLimits.keyBytesMax`.
    case longKey
    /// What no row can have as its key.
    case key
    /// More members or increments than one cell may have.
    case parts
    /// More columns than one table may have.
    case columns
    /// More units than one batch may have.
    case units
    /// A life of 0, below it, or over `WireLimits.lifeMax`.
    case life
    /// A deletion with values.
    case deletion
    case generation
    /// One cell of one row twice in one unit.
    case twice
    /// An encoding or a kind of cell of a newer program.
    case newer
  }

  package var why: Why
  package var table: String
  /// Empty: the key, or the row.
  package var column = ""

  package init(why: Why, table: String, column: String = "") {
    self.why = why
    self.table = table
    self.column = column
  }

  /// As receipts say it: the place, and what is wrong there.
  package var detail: String { place.isEmpty ? why.rawValue : "\(place) \(why.rawValue)" }

  private var place: String { column.isEmpty ? table : "\(table).\(column)" }

  /// Faults noted of one unit; with more of them it can only be declined.
  package static let notedMax = 16
}

/// What could not be read of one column.
struct ColumnFaults {
  /// Of every row that wrote it.
  var all: UnitFault.Why?
  var rows: [Int: UnitFault.Why] = [:]

  /// Rows noted one by one; of more, every row that wrote the column counts.
  static let rowsMax = 1000

  var isEmpty: Bool { all == nil && rows.isEmpty }

  func why(_ row: Int) -> UnitFault.Why? { all ?? (rows.isEmpty ? nil : rows[row]) }
}

extension TableCoder {
  /// A name that can be shown and stored, in place of one that cannot.
  static func nearestName(_ name: String) -> String {
    let cut =
      name.utf8.count > WireLimits.nameBytesMax ? String(decoding: name.utf8.prefix(WireLimits.nameBytesMax - 4), as: UTF8.self) : name
    return cut.isEmpty ? "?" : cut.withoutZeroBytes
  }

  /// A key of its own for what cannot be one, and why.
  static func nearestKey(_ key: CellValue) -> (key: CellValue, why: UnitFault.Why) {
    // The hash keeps keys apart whose beginnings are equal.
    func mark(_ bytes: Data) -> String { "…" + bytes.sha256.prefix(8).hex }
    switch key {
    case .text(let text) where text.utf8.count > WireLimits.keyBytesMax:
      return (.text(String(decoding: text.utf8.prefix(64), as: UTF8.self).withoutZeroBytes + mark(Data(text.utf8))), .longKey)
    case .blob(let bytes) where bytes.count > WireLimits.keyBytesMax: return (.text(mark(bytes)), .longKey)
    case .text(let text) where text.hasZeroByte: return (.text(text.withoutZeroBytes), .zeroByte)
    case .real(let number): return (.text(String(number)), .key)
    case .null: return (.text(""), .key)
    case .text, .blob, .integer: return (key, .key)
    }
  }

  /// A value that every store keeps, in place of one that some do not, and why.
  static func nearestValue(_ value: CellValue) -> (value: CellValue, why: UnitFault.Why) {
    switch value {
    case .text(let text) where text.utf8.count > WireLimits.valueBytesMax:
      let cut = String(decoding: text.utf8.prefix(WireLimits.valueBytesMax / 4), as: UTF8.self)
      return (.text(cut.withoutZeroBytes), .long)
    case .text(let text): return (.text(text.withoutZeroBytes), .zeroByte)
    case .blob(let bytes): return (.blob(Data(bytes.prefix(WireLimits.valueBytesMax))), .long)
    case .real, .integer, .null: return (.null, .notANumber)
    }
  }
}

extension String {
  /// With a question mark, which is no longer, in place of each zero byte.
  var withoutZeroBytes: String {
    guard hasZeroByte else { return self }
    return String(decoding: utf8.map { $0 == 0 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }
}
