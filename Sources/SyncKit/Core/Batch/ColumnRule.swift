/// How a column merges, as batches and pages say it beside its cells: whoever does not know the column merges it all the same,
/// and as everybody else does (docs/adr/0019).
extension WireColumn {
  /// Values a ranked column has at most.
  static let ranksMax = 64

  mutating func say(_ policy: MergePolicy) {
    switch policy {
    case .lastWriterWins, .review: rule = .latest
    case .max: rule = .largest
    case .min: rule = .smallest
    case .ranked(let values):
      rule = .ranked
      ranks = values
    // Their cells are of a kind of their own, which says it.
    case .perKey, .counter: break
    }
  }

  /// - Returns: Nil when nothing is said, as in what earlier programs sealed, or by the kind of the cells alone.
  /// - Throws: `SyncError` `.damaged` for ranks that are none.
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
    // A rule of a still newer program is none that could be followed here.
    case .unsaid, .UNRECOGNIZED: return nil
    }
  }
}

extension TableCoder {
  /// By table and column, how whole cells merge.
  static func rules(of tables: [WireTableChanges]) throws -> [String: MergePolicies] {
    var rules: [String: MergePolicies] = [:]
    for table in tables {
      for column in table.columns { if let rule = try column.said() { rules[table.table, default: [:]][column.name] = rule } }
    }
    return rules
  }
}

extension TableCoder {
  /// As `rules(of:)`, without rules that are none: of these columns nothing is said.
  static func readableRules(of tables: [WireTableChanges]) -> [String: MergePolicies] {
    var rules: [String: MergePolicies] = [:]
    for table in tables {
      for column in table.columns { if let rule = try? column.said() { rules[table.table, default: [:]][column.name] = rule } }
    }
    return rules
  }
}

extension MergePolicy {
  /// The rule by which a cell of an unknown column merges: that of its kind, or what was said.
  ///
  /// - Returns: Nil when that cannot be told, or the cell does not fit it.
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
