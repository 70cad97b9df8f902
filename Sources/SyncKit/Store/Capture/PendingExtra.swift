internal import Foundation
internal import SyncCore

/// Addition to a capture log entry: the changed members of a `perKey` object, and the amounts added to a `counter`. Each amount has
/// a random number, so that it stays one increment wherever it is copied.
struct PendingExtra: Hashable, Sendable {
  struct Increment: Hashable, Sendable {
    var id: UInt64
    var amount: Int64
  }

  /// Changed members by column number.
  var members: [Int: Set<CellPart>] = [:]
  var increments: [Int: [Increment]] = [:]

  var isEmpty: Bool { members.isEmpty && increments.isEmpty }

  private static let memberEntry: UInt8 = 0
  private static let incrementEntry: UInt8 = 1

  var data: Data {
    var data = Data()
    for (column, parts) in members {
      for case .member(let name) in parts {
        data.append(Self.memberEntry)
        data.append(UInt8(truncatingIfNeeded: column))
        data.appendVarint(UInt64(name.utf8.count))
        data.append(contentsOf: name.utf8)
      }
    }
    for (column, own) in increments {
      for increment in own {
        data.append(Self.incrementEntry)
        data.append(UInt8(truncatingIfNeeded: column))
        data.appendVarint(increment.id)
        data.appendZigzag(increment.amount)
      }
    }
    return data
  }

  init() {}

  init(_ data: Data) throws {
    var reader = ByteReader(data)
    while !reader.isAtEnd {
      let entry = try reader.byte()
      let column = Int(try reader.byte())
      if entry == Self.memberEntry {
        members[column, default: []].insert(.member(try reader.text(try reader.varint())))
      } else {
        increments[column, default: []].append(Increment(id: try reader.varint(), amount: try reader.zigzag()))
      }
    }
  }

  mutating func add(_ other: PendingExtra) {
    members.merge(other.members) { $0.union($1) }
    increments.merge(other.increments) { $0 + $1 }
  }
}

/// Judges one write of a table's policy columns, and computes its `PendingExtra`. Pure.
enum PolicyCapture {
  enum Refusal: Error, Equatable {
    /// The value can never stand in its column.
    case badValue
    /// The column's policy would undo the write.
    case undone(column: String)
  }

  /// Returns what capture must log of a write.
  ///
  /// - Parameters:
  ///   - old: Values before the write, in the order of the table's policy columns; nil for a new row.
  ///   - draw: Returns the number of each increment.
  static func extra(
    of columns: [TableShape.Column], shape: TableShape, old: [CellValue]?, new: [CellValue], draw: () -> UInt64
  ) throws -> PendingExtra {
    var extra = PendingExtra()
    for (index, column) in columns.enumerated() {
      let standing = old?[index] ?? column.defaultValue ?? .null
      let value = new[index]
      switch shape.policy(of: column) {
      case .lastWriterWins, .review: break
      case .perKey:
        guard let members = CellParts.members(of: value), members.count <= WireLimits.partsPerCellMax else { throw Refusal.badValue }
        let before = old.flatMap { CellParts.members(of: $0[index]) } ?? [:]
        let names = Set(members.keys).union(before.keys).filter { members[$0] != before[$0] }
        if !names.isEmpty { extra.members[column.id] = Set(names.map { .member($0) }) }
      case .counter:
        if standing == value { break }
        guard let to = value.integer else { throw Refusal.badValue }
        let (amount, overflow) = to.subtractingReportingOverflow(standing.integer ?? 0)
        guard !overflow, amount.magnitude <= WireLimits.incrementMax.magnitude else { throw Refusal.badValue }
        if amount != 0 { extra.increments[column.id] = [PendingExtra.Increment(id: draw(), amount: amount)] }
      case .max, .min, .ranked:
        let policy = shape.policy(of: column)
        if case .ranked(let values) = policy, let text = value.text, !values.contains(text) { throw Refusal.badValue }
        if case .ranked = policy, value.text == nil && !value.isNull { throw Refusal.badValue }
        if old != nil, policy.compare(value, standing) == .less { throw Refusal.undone(column: column.name) }
      }
    }
    return extra
  }
}
