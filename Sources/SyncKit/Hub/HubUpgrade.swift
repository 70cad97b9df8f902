internal import SyncCore
internal import SyncStore

extension Hub {
  /// Moves values of unknown columns into the columns that this program knows, and applies their soft keys and references.
  func showAside() async throws {
    let (key, tables, now, observer) = (keys.signing, store.tables, clock.nowMs(), options.observer)
    try await store.write { session in
      let ingest = Ingest(session: session, tables: tables, key: key, wallMs: now, observer: observer)
      try UnknownColumnsMigration(rows: ingest.rows, quietly: { body in try session.withoutCapture(body) }).apply { row in
        try ingest.transaction.follow(row)
      }
      try ingest.finish()
    }
  }
}

extension HubTransaction {
  fileprivate func follow(_ row: UnknownColumnsMigration.Shown) throws {
    let state = row.stored.state
    let cells = row.cells.compactMap { name in
      state.cells[name].map { (cell: $0, change: CellChange(name.column, $0.value, part: name.part, generation: $0.generation)) }
    }
    for (cell, change) in cells {
      let written = RowChange(table: row.shape.name, key: row.key, life: state.life, cells: [change])
      let incoming = IncomingChange(life: state.life, cells: [change], origin: cell.origin, seenThrough: 0)
      let links = ReferenceRules(session: session, rows: rows, conflicts: conflicts, scope: row.stored.scope)
      try links.follow(written, shape: row.shape, wasAlive: state.isAlive, isAlive: state.isAlive, incoming: incoming)
    }
    try setRight(cells.map(\.change), row)
  }

  /// Writes the hub's values again, above all others, for columns whose policy a device had stated differently. Replicas had merged
  /// those columns by the device's policy.
  private func setRight(_ cells: [CellChange], _ row: UnknownColumnsMigration.Shown) throws {
    let wrong = try cells.filter { cell in
      guard let column = row.shape.column(named: cell.column) else { return false }
      return try rows.aside.rule(of: cell.column, in: row.shape.name)?.signature != row.shape.policy(of: column).signature
    }
    guard !wrong.isEmpty else { return }
    let anew = wrong.map { cell in
      let raise: UInt32 = row.shape.declaration.policy(of: cell.column).settlesItself && cell.name.part == .whole ? 1 : 0
      return CellChange(cell.column, cell.value, part: cell.name.part, generation: cell.generation + raise)
    }
    writer.add(
      RowChange(table: row.shape.name, key: row.key, life: row.stored.state.life, cells: anew), scope: row.stored.scope)
    try writer.seal()
  }
}
