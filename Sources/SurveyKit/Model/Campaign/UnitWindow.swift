package import SyncCore

/// Ends of campaigns for single units, later than for the others: rows of a unit's scope that the hub writes, so that its devices hear of them.
package enum UnitWindow {
  package static let table = ReplicatedTable("unit_window", scopeColumn: "unit", writer: .hub)

  /// `closes` is a time on the campaign's wall clock; null where the unit ends with the others again.
  package static let schema = """
    CREATE TABLE unit_window (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT, closes TEXT) WITHOUT ROWID;
    """

  /// Days by which a unit may end later than the campaign.
  package static let daysMax = 366

  package static func key(unit: UnitCode, campaign: String) -> String { "\(unit)/\(campaign)" }
}

extension Campaign {
  /// The same campaign as it is for a unit with an end of its own.
  ///
  /// - Parameter own: Counts where it is later than `closes`; nil for a unit without one.
  package func extended(to own: LocalTime?) -> Campaign {
    guard let own, own > closes else { return self }
    var extended = self
    extended.closes = own
    return extended
  }
}
