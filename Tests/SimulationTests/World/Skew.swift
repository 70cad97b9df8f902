@testable import SyncCore

/// Programs of several ages, side by side.
extension Program {
  /// What the program of a version declares: no tables, and no rules for columns, that it does not have.
  func tables(_ version: Int) -> [ReplicatedTable] {
    tables.filter { table in Tables.columns[table.name].map { columns in columns.contains { $0.since <= version } } ?? true }.map { table in
      var table = table
      let later = Set((Tables.columns[table.name] ?? []).filter { $0.since > version }.map(\.name))
      table.policies = table.policies.filter { !later.contains($0.key) }
      return table
    }
  }
}

extension Tables {
  /// Columns that only programs from version 2 on have, one for each way of merging.
  static let since2 = [
    Column(name: "extra", since: 2), Column(name: "height", policy: .max, values: .integer, since: 2),
    Column(name: "depth", policy: .min, values: .integer, since: 2),
    Column(name: "grade", policy: .ranked(stages), values: .text, defaultValue: .text("draft"), since: 2),
    Column(name: "marks", policy: .perKey, since: 2),
    Column(name: "tally", policy: .counter, values: .integer, defaultValue: .integer(0), since: 2),
  ]

  static let since2SQL = """
    ALTER TABLE note ADD COLUMN extra;
    ALTER TABLE note ADD COLUMN height INTEGER;
    ALTER TABLE note ADD COLUMN depth INTEGER;
    ALTER TABLE note ADD COLUMN grade TEXT NOT NULL DEFAULT 'draft';
    ALTER TABLE note ADD COLUMN marks TEXT;
    ALTER TABLE note ADD COLUMN tally INTEGER NOT NULL DEFAULT 0;
    """
}
