internal import SurveyKit
internal import SyncHub

/// Counts of each unit's open conflicts and photos, updated with every change, so that no page counts them all. Called for every
/// changed row, in the transaction that changed it: see `MergeObserver.stands`.
///
/// Beside the sums stand the counts that each row gave. So a row may be counted again any number of times, in whatever state it is
/// then.
struct RunningCounts {
  let session: any HubSession

  /// Tables local to the hub. `thing` is the same for all conflicts of one declined unit.
  static let schema = """
    CREATE TABLE conflict_counted (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, thing TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX conflict_counted_thing ON conflict_counted (unit, thing);
    CREATE TABLE conflict_count (unit TEXT PRIMARY KEY NOT NULL, things INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE photo_counted (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, blob TEXT NOT NULL, is_in INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX photo_counted_blob ON photo_counted (blob, unit);
    CREATE INDEX photo_counted_missing ON photo_counted (unit) WHERE is_in = 0;
    CREATE TABLE photo_count (unit TEXT PRIMARY KEY NOT NULL, photos INTEGER NOT NULL, photos_in INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE counted_all (rules INTEGER NOT NULL);
    """

  /// Version of the counting rules. After a change all rows are counted again at the next opening.
  static let rules: Int64 = 1

  static func isComplete(_ session: any HubSession) throws -> Bool {
    try session.integer("SELECT max(rules) FROM counted_all") == rules
  }

  /// Counts everything in a store of an earlier program. Runs once.
  func countAll() throws {
    guard try !Self.isComplete(session) else { return }
    for table in ["conflict_counted", "conflict_count", "photo_counted", "photo_count", "counted_all"] {
      try session.execute("DELETE FROM \(table)", [])
    }
    try session.execute(
      """
      INSERT INTO conflict_counted (id, unit, thing) SELECT id, scope, \(Self.thing) FROM sync_conflict WHERE state = 'open'
      """, [])
    try session.execute(
      "INSERT INTO conflict_count (unit, things) SELECT unit, count(DISTINCT thing) FROM conflict_counted GROUP BY unit", [])
    try session.execute(
      """
      INSERT INTO photo_counted (id, unit, blob, is_in) SELECT a.id, a.unit, a.blob, b.blob IS NOT NULL
      FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit WHERE a.blob IS NOT NULL
      """, [])
    try session.execute(
      "INSERT INTO photo_count (unit, photos, photos_in) SELECT unit, count(*), sum(is_in) FROM photo_counted GROUP BY unit", [])
    try session.execute("INSERT INTO counted_all (rules) VALUES (?1)", [.integer(Self.rules)])
  }

  // MARK: Conflicts

  /// SQL that is the same for all conflicts of one declined unit.
  private static let thing =
    "coalesce(CASE rule WHEN 'declined' THEN losing_stamp || ' ' || hex(losing_replica) END, id)"

  /// Counts a conflict as it stands, and removes its earlier count.
  func conflictStands(_ id: String) throws {
    let open = try session.firstRow(
      "SELECT scope, \(Self.thing) FROM sync_conflict WHERE id = ?1 AND state = 'open'", [.text(id)])
    let counted = try session.firstRow("SELECT unit, thing FROM conflict_counted WHERE id = ?1", [.text(id)])
    guard open != counted else { return }
    if let counted {
      try session.execute("DELETE FROM conflict_counted WHERE id = ?1", [.text(id)])
      if try !isCounted(counted) { try add(-1, toConflictsOf: counted[0]) }
    }
    if let open {
      if try !isCounted(open) { try add(1, toConflictsOf: open[0]) }
      try session.execute("INSERT INTO conflict_counted (id, unit, thing) VALUES (?1, ?2, ?3)", [.text(id)] + open)
    }
  }

  private func isCounted(_ unitAndThing: [CellValue]) throws -> Bool {
    try session.firstRow("SELECT 1 FROM conflict_counted WHERE unit = ?1 AND thing = ?2 LIMIT 1", unitAndThing) != nil
  }

  private func add(_ things: Int64, toConflictsOf unit: CellValue) throws {
    try session.execute(
      "INSERT INTO conflict_count (unit, things) VALUES (?1, ?2) ON CONFLICT (unit) DO UPDATE SET things = things + excluded.things",
      [unit, .integer(things)])
  }

  /// Returns the number of open conflicts by unit; units without one are absent.
  static func openConflicts(_ session: any HubSession) throws -> [String: Int] {
    try session.rows("SELECT unit, things FROM conflict_count WHERE things > 0").reduce(into: [:]) { counts, row in
      if let unit = row[0].text { counts[unit] = Int(clamping: row[1].integer ?? 0) }
    }
  }

  // MARK: Photos

  /// Counts a photo as it stands, and removes its earlier count.
  func photoStands(_ id: String) throws {
    let present = try session.firstRow(
      """
      SELECT a.unit, a.blob, b.blob IS NOT NULL FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit
      WHERE a.id = ?1 AND a.blob IS NOT NULL
      """, [.text(id)])
    let counted = try session.firstRow("SELECT unit, blob, is_in FROM photo_counted WHERE id = ?1", [.text(id)])
    guard present != counted else { return }
    if let counted {
      try session.execute("DELETE FROM photo_counted WHERE id = ?1", [.text(id)])
      try add(-1, in: -(counted[2].integer ?? 0), toPhotosOf: counted[0])
    }
    if let present {
      try session.execute("INSERT INTO photo_counted (id, unit, blob, is_in) VALUES (?1, ?2, ?3, ?4)", [.text(id)] + present)
      try add(1, in: present[2].integer ?? 0, toPhotosOf: present[0])
    }
  }

  /// Counts the photos of a unit that are the blob, once the blob arrived or was lost.
  func blobStands(_ blob: String, unit: String) throws {
    for row in try session.rows("SELECT id FROM photo_counted WHERE blob = ?1 AND unit = ?2", [.text(blob), .text(unit)]) {
      if let id = row[0].text { try photoStands(id) }
    }
  }

  private func add(_ photos: Int64, in photosIn: Int64, toPhotosOf unit: CellValue) throws {
    try session.execute(
      """
      INSERT INTO photo_count (unit, photos, photos_in) VALUES (?1, ?2, ?3)
      ON CONFLICT (unit) DO UPDATE SET photos = photos + excluded.photos, photos_in = photos_in + excluded.photos_in
      """, [unit, .integer(photos), .integer(photosIn)])
  }
}
