internal import Foundation

/// Fault in a correctly signed unit: a part that no replica could store, or send on, as it is.
///
/// The unit is decoded with the nearest storable value in that place, so that people see it, and is held whole (L7). The batch's
/// bytes keep what was sent.
package struct UnitFault: Hashable, Sendable {
  /// Kind of fault. Raw values travel in receipts, behind the place, and never change their meaning.
  package enum Why: String, Sendable, CaseIterable {
    /// A name is empty, too long, or has a zero byte.
    case name
    /// A member's name is not in NFC.
    case nfc
    /// Bytes are not UTF-8.
    case utf8
    case zeroByte
    case notANumber
    /// The value is no JSON object, where members are required.
    case json
    /// A JSON object names one member twice.
    case member
    /// A cell is of another kind than its column says.
    case kind
    /// A column's bytes cannot be read.
    case unreadable
    /// An increment is over its bound, or repeated.
    case increment
    /// A value is longer than `WireLimits.valueBytesMax`.
    case long
    /// A key is longer than `WireLimits.keyBytesMax`.
    case longKey
    /// The value cannot be a key.
    case key
    /// A cell has too many members or increments.
    case parts
    /// A table has too many columns.
    case columns
    /// A batch has too many units.
    case units
    /// A life is 0, negative, or over `WireLimits.lifeMax`.
    case life
    /// A deletion has values.
    case deletion
    case generation
    /// A unit writes one cell of one row twice.
    case twice
    /// An encoding or a kind of cell is of a newer program.
    case newer
  }

  package var why: Why
  package var table: String
  /// Column; empty for the key or the row.
  package var column = ""

  package init(why: Why, table: String, column: String = "") {
    self.why = why
    self.table = table
    self.column = column
  }

  /// Fault as receipts spell it: the place, and the kind.
  package var detail: String { place.isEmpty ? why.rawValue : "\(place) \(why.rawValue)" }

  private var place: String { column.isEmpty ? table : "\(table).\(column)" }

  /// Faults recorded of one unit; with more of them it can only be declined.
  package static let notedMax = 16
}

/// Faults of one column.
struct ColumnFaults {
  /// Fault of every row that wrote the column.
  var all: UnitFault.Why?
  var rows: [Int: UnitFault.Why] = [:]

  /// Rows recorded one by one; with more of them, every row that wrote the column counts.
  static let rowsMax = 1000

  var isEmpty: Bool { all == nil && rows.isEmpty }

  func why(_ row: Int) -> UnitFault.Why? { all ?? (rows.isEmpty ? nil : rows[row]) }
}

extension TableCoder {
  /// Returns a name that can be shown and stored, in place of an invalid one.
  static func nearestName(_ name: String) -> String {
    let cut =
      name.utf8.count > WireLimits.nameBytesMax ? String(decoding: name.utf8.prefix(WireLimits.nameBytesMax - 4), as: UTF8.self) : name
    return cut.isEmpty ? "?" : cut.withoutZeroBytes
  }

  /// Returns a key in place of an invalid one, different for each, and the fault.
  static func nearestKey(_ key: CellValue) -> (key: CellValue, why: UnitFault.Why) {
    // Appends a hash, which keeps keys with equal beginnings apart.
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

  /// Returns a value that every store keeps unchanged, in place of one that some stores change, and the fault.
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
  /// Text with a question mark in place of each zero byte; its length stays the same.
  var withoutZeroBytes: String {
    guard hasZeroByte else { return self }
    return String(decoding: utf8.map { $0 == 0 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }
}
