/// Merge policy of a column, as batches and pages carry it beside the column's cells. A receiver that does not know the column then
/// merges it as all others do (docs/adr/0019).
extension WireColumn {
  /// Values that a ranked column may list.
  static let ranksMax = 64

  mutating func say(_ policy: MergePolicy) {
    switch policy {
    case .lastWriterWins, .review: rule = .latest
    case .max: rule = .largest
    case .min: rule = .smallest
    case .ranked(let values):
      rule = .ranked
      ranks = values
    // Needs no entry: the kind of the cells tells these two policies.
    case .perKey, .counter: break
    }
  }

  /// Returns the stated policy.
  ///
  /// - Returns: Nil when none is stated, as by earlier programs, or the kind of the cells alone tells it.
  /// - Throws: `SyncError` `.damaged` for invalid ranks.
  func said() throws -> MergePolicy? {
    guard kind == .whole else { return nil }
    guard rule == .ranked || ranks.isEmpty else { throw ByteReader.short }
    switch rule {
    case .latest: return .lastWriterWins
    case .largest: return .max
    case .smallest: return .min
    case .ranked:
      guard !ranks.isEmpty, ranks.count <= Self.ranksMax, Set(ranks).count == ranks.count,
        ranks.allSatisfy({ $0.utf8.count <= WireLimits.nameBytesMax })
      else { throw ByteReader.short }
      return .ranked(ranks)
    // Ignores a policy of a newer program, which could not be followed here.
    case .unsaid, .UNRECOGNIZED: return nil
    }
  }
}

extension TableCoder {
  /// Returns the stated policies of whole cells, by table and column.
  static func rules(of tables: [WireTableChanges]) throws -> [String: MergePolicies] {
    var rules: [String: MergePolicies] = [:]
    for table in tables {
      for column in table.columns { if let rule = try column.said() { rules[table.table, default: [:]][column.name] = rule } }
    }
    return rules
  }
}

extension TableCoder {
  /// Returns the stated policies as `rules(of:)`, without the invalid ones.
  static func readableRules(of tables: [WireTableChanges]) -> [String: MergePolicies] {
    var rules: [String: MergePolicies] = [:]
    for table in tables {
      for column in table.columns { if let rule = try? column.said() { rules[table.table, default: [:]][column.name] = rule } }
    }
    return rules
  }
}

extension MergePolicy {
  /// Returns the policy by which a cell of an unknown column merges: that of the cell's kind, or the stated one.
  ///
  /// - Returns: Nil when there is none, or the cell does not fit it.
  package init?(of cell: CellChange, said: MergePolicy?) {
    switch cell.name.part {
    case .member: self = .perKey
    case .increment: self = .counter
    case .whole:
      guard let said, !said.hasParts, cell.generation == 0 || said.settlesItself else { return nil }
      if case .ranked(let values) = said, !cell.value.isNull, cell.value.text.map(values.contains) != true { return nil }
      self = said
    }
  }
}
