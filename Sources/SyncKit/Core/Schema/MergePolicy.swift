internal import Foundation

/// How concurrent writes of one column come together. A column's policy never changes: another policy is another column.
public enum MergePolicy: Sendable, Hashable {
  /// The later version stands. What it overwrote without having seen it is kept in a conflict.
  case lastWriterWins
  /// As `lastWriterWins`, but its conflicts ask for a person's decision.
  case review
  /// A JSON object whose members merge one by one, each by last writer. Writing a member as null, or leaving it out, removes it.
  case perKey
  /// The largest value stands, in SQLite's order; NULL is below everything.
  case max
  /// The smallest value stands, in SQLite's order; NULL gives way to everything.
  case min
  /// The value latest in this list stands. Other texts than those listed are refused.
  case ranked([String])
  /// Increments add up. A write says how much more or less than before.
  case counter

  /// Whether the rule itself is the answer, so that two writes of one life never open a conflict.
  package var settlesItself: Bool {
    switch self {
    case .max, .min, .ranked, .counter: true
    case .lastWriterWins, .review, .perKey: false
    }
  }

  /// Whether the column's cell has parts that merge by themselves.
  package var hasParts: Bool { self == .perKey || self == .counter }

  /// What a stored declaration says, to notice when it changes.
  package var signature: String {
    switch self {
    case .lastWriterWins: "lww"
    // Moving between these two changes what is asked of people, not what stands.
    case .review: "lww"
    case .perKey: "perKey"
    case .max: "max"
    case .min: "min"
    case .ranked(let values): "ranked(" + values.joined(separator: ",") + ")"
    case .counter: "counter"
    }
  }

  /// Where a value stands among those of its column: the greater one wins. Nil for policies that do not compare values.
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

/// What happens to an edit that meets the deletion of its row, neither author having seen the other.
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
  /// SQLite's order of values: NULL, numbers by size, texts and blobs by their bytes.
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

  /// An order in which only the same value, of the same kind, is equal: by the bytes it has on the wire.
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

  /// Exact, also where an integer has more digits than a `Double` keeps.
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
