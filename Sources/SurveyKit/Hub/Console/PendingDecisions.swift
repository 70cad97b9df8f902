public import SurveyKit
public import SyncHub

/// Conflicts, held units, reports and late work that wait for an operator's decision in a part of the tree.
public struct PendingDecisions: Sendable {
  /// Open conflicts by their row, the newest first.
  public var conflicts: [[Conflict]]
  public var held: [HeldUnit]
  public var invalid: [InvalidReport]
  /// Flags of reports at which nobody has looked.
  public var flags: [RaisedFlag]
  /// Answers and batches that revoked devices sent.
  public var latePackets: [LatePackets]
  public var lateDevices: [DeviceLine]
  /// Names of all these devices.
  public var labels: [ReplicaID: String]

  /// Items of one kind that are listed.
  public static let listedMax = 300
}

extension SurveyHub {
  /// Returns all that waits for a decision in the reading's part of the tree.
  public func pendingDecisions(in day: OperatorDay) async throws -> PendingDecisions {
    let units = Set(day.units.map(\.unit.rawValue))
    let conflicts = try await conflictRows(in: day)
    // Asks only scopes that have held work.
    var held: [HeldUnit] = []
    for line in day.units where line.counts.held > 0 && held.count < PendingDecisions.listedMax {
      held += try await hub.heldUnits(scope: line.unit.rawValue)
    }
    let devices = try await deviceLines()
    let labels = Dictionary(devices.map { ($0.device.replica, $0.label) }, uniquingKeysWith: { first, _ in first })
    return PendingDecisions(
      conflicts: conflicts, held: Array(held.prefix(PendingDecisions.listedMax)),
      invalid: day.board.invalidReports.filter { units.contains($0.unit) },
      flags: Array(try await openFlags(in: day).prefix(PendingDecisions.listedMax)),
      latePackets: day.board.latePackets.filter { units.contains($0.unit) && $0.undecided > 0 },
      lateDevices: devices.filter { $0.lateBatches > 0 && units.contains($0.device.scope) }, labels: labels)
  }

  /// Returns the open conflicts of the reading's part of the tree by their row, in the order in which they are decided.
  public func conflictRows(in day: OperatorDay) async throws -> [[Conflict]] {
    // Asks only scopes that have open conflicts.
    var conflicts: [[Conflict]] = []
    for line in day.units where line.counts.conflicts > 0 && conflicts.count < PendingDecisions.listedMax {
      conflicts += try await hub.openConflicts(scope: line.unit.rawValue).groupedByRow
    }
    return conflicts
  }

  private func deviceLines() async throws -> [DeviceLine] {
    let (notes, late) = (try await hub.deviceNotes(), try await hub.lateBatches())
    return try await hub.devices().map { DeviceLine(device: $0, note: notes[$0.replica], lateBatches: late[$0.replica] ?? 0) }
  }

  /// Returns the devices of the reading's part of the tree, by unit and label; those in use before revoked ones.
  public func deviceLines(in day: OperatorDay) async throws -> [DeviceLine] {
    let units = Set(day.units.map(\.unit.rawValue))
    return try await deviceLines().filter { units.contains($0.device.scope) }.sorted { a, b in
      (a.device.scope, a.device.revokedMs == nil ? 0 : 1, a.label) < (b.device.scope, b.device.revokedMs == nil ? 0 : 1, b.label)
    }
  }

  /// Returns the open conflicts of the row that one of them is about, that one included even when it is settled; nil when its unit
  /// is not in the reading's part of the tree.
  public func conflicts(beside id: String, in day: OperatorDay) async throws -> [Conflict]? {
    let conflict = try await hub.conflict(id: id)
    guard
      day.units.contains(where: { $0.unit.rawValue == conflict.scope })
        || (day.scope.isAll && day.tree[UnitCode(conflict.scope)] != nil)
    else { return nil }
    let open = try await hub.openConflicts(scope: conflict.scope, table: conflict.table, key: conflict.key)
    return open.contains { $0.id == conflict.id } ? open : [conflict] + open
  }

  /// Returns a held unit by its number; nil when it is held no more, or its unit is not in the reading's part of the tree.
  public func heldUnit(_ id: String, in day: OperatorDay) async throws -> HeldUnit? {
    guard let held = try await hub.heldUnit(id), day.units.contains(where: { $0.unit.rawValue == held.scope })
    else { return nil }
    return held
  }

  /// Returns a post; nil when there is none, or its unit is not in the reading's part of the tree.
  public func post(_ id: String, in day: OperatorDay) async throws -> HubPost? {
    guard let post = try await post(id), day.units.contains(where: { $0.unit == post.unit }) else { return nil }
    return post
  }

  /// Returns a device by its identity; nil when there is none, or its unit is not in the reading's part of the tree.
  public func deviceLine(_ replica: String, in day: OperatorDay) async throws -> DeviceLine? {
    let units = Set(day.units.map(\.unit.rawValue))
    guard let device = try await hub.devices().first(where: { $0.replica.description == replica }), units.contains(device.scope) else {
      return nil
    }
    return DeviceLine(
      device: device, note: try await hub.deviceNotes()[device.replica], lateBatches: try await hub.lateBatches()[device.replica] ?? 0)
  }

  /// Returns the names of devices as operators call them.
  public func deviceLabels() async throws -> [ReplicaID: String] {
    let notes = try await hub.deviceNotes()
    return Dictionary(
      try await hub.devices().map { device in
        let note = notes[device.replica]
        let label = note?.label ?? device.label
        return (device.replica, note?.owner.map { "\($0), \(label)" } ?? label)
      }, uniquingKeysWith: { first, _ in first })
  }
}

extension [Conflict] {
  /// Conflicts by their row, in the order in which rows come first.
  fileprivate var groupedByRow: [[Conflict]] {
    var groups: [[Conflict]] = []
    var places: [String: Int] = [:]
    for conflict in self {
      let row = "\(conflict.table) \(conflict.key)"
      if let place = places[row] {
        groups[place].append(conflict)
      } else {
        places[row] = groups.count
        groups.append([conflict])
      }
    }
    return groups
  }
}
