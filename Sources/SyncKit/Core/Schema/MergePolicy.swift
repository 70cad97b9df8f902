internal import Foundation

/// Policy by which concurrent writes of one column merge. A column's policy never changes: another policy needs another column.
public enum MergePolicy: Sendable, Hashable {
  /// The later version stands. What it overwrote without having seen it is kept in a conflict.
  case lastWriterWins
  /// The later version stands, and conflicts ask for a person's decision.
  case review
  /// A JSON object whose members merge one by one, each by last writer. Writing a member as null, or leaving it out, removes it.
  case perKey
  /// The largest value stands, in SQLite's order; NULL is below every other value.
  case max
  /// The smallest value stands, in SQLite's order; NULL loses to every other value.
  case min
  /// The value latest in this list stands. Texts outside the list are refused.
  case ranked([String])
  /// Increments add up. A write tells how much more or less than before.
  case counter

  /// True when the policy itself decides, so that two writes of one life never open a conflict.
  package var settlesItself: Bool {
    switch self {
    case .max, .min, .ranked, .counter: true
    case .lastWriterWins, .review, .perKey: false
    }
  }

  /// True when the column's cell has parts that merge separately.
  package var hasParts: Bool { self == .perKey || self == .counter }

  /// Text of the policy in a stored declaration, by which a change is noticed.
  package var signature: String {
    switch self {
    case .lastWriterWins: "lww"
    // Equals `lastWriterWins`: changing between the two changes what is asked of people, not what stands.
    case .review: "lww"
    case .perKey: "perKey"
    case .max: "max"
    case .min: "min"
    case .ranked(let values): "ranked(" + values.joined(separator: ",") + ")"
    case .counter: "counter"
    }
  }

  /// Compares two values of a column: the greater one wins. Nil for policies that do not compare values.
  package func compare(_ a: CellValue, _ b: CellValue) -> ValueOrder? {
    switch self {
    case .lastWriterWins, .review, .perKey, .counter: nil
    case .max: a.order(to: b)
    case .min: a.isNull || b.isNull ? a.order(to: b) : b.order(to: a)
    case .ranked(let values): ValueOrder(Self.rank(of: a, in: values), Self.rank(of: b, in: values))
    }
  }

  private static func rank(of value: CellValue, in values: [String]) -> Int {
    guard case .text(let text) = value else { return -1 }
    return values.firstIndex { $0.utf8.elementsEqual(text.utf8) } ?? -1
  }
}

/// Policy for an edit that meets the deletion of its row, neither author having seen the other.
public enum DeletionPolicy: String, Sendable, Hashable {
  /// The row stays deleted; the edit is kept in a conflict, from which it can be restored.
  case deleteWins
  /// The hub inserts the row again at once, as it was with the edit.
  case editWins
}

package enum ValueOrder: Sendable, Hashable {
  case less, equal, greater

  init<T: Comparable>(_ a: T, _ b: T) { self = a < b ? .less : a > b ? .greater : .equal }
}

extension CellValue {
  /// Compares in SQLite's order: NULL, numbers by size, texts and blobs by their bytes.
  package func order(to other: CellValue) -> ValueOrder {
    switch (self, other) {
    case (.integer(let a), .integer(let b)): ValueOrder(a, b)
    case (.real(let a), .real(let b)): ValueOrder(a, b)
    case (.integer(let a), .real(let b)): Self.order(a, b)
    case (.real(let a), .integer(let b)): Self.order(b, a).reversed
    case (.text(let a), .text(let b)): Self.order(a.utf8, b.utf8)
    case (.blob(let a), .blob(let b)): Self.order(a, b)
    default: ValueOrder(kindOrder, other.kindOrder)
    }
  }

  /// Compares by kind and by the bytes on the wire: only the same value of the same kind is equal.
  func strictOrder(to other: CellValue) -> ValueOrder {
    if self == other { return .equal }
    var (a, b) = (Data(), Data())
    append(to: &a)
    other.append(to: &b)
    return Self.order(a, b)
  }

  private var kindOrder: Int {
    switch self {
    case .null: 0
    case .integer, .real: 1
    case .text: 2
    case .blob: 3
    }
  }

  /// Compares exactly, also an integer with more digits than a `Double` keeps.
  private static func order(_ a: Int64, _ b: Double) -> ValueOrder {
    if b >= 0x1p63 { return .less }
    if b < -0x1p63 { return .greater }
    let whole = b.rounded(.towardZero)
    guard let other = Int64(exactly: whole) else { return .less }
    return a == other ? ValueOrder(0, b - whole) : ValueOrder(a, other)
  }

  private static func order(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> ValueOrder {
    if a.lexicographicallyPrecedes(b) { return .less }
    return b.lexicographicallyPrecedes(a) ? .greater : .equal
  }
}

extension ValueOrder {
  var reversed: ValueOrder {
    switch self {
    case .less: .greater
    case .equal: .equal
    case .greater: .less
    }
  }
}
