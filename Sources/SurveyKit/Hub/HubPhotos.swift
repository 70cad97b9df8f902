internal import Foundation
public import SurveyKit
internal import SyncHub

/// Photo to which a record at the hub refers.
public struct HubPhoto: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// Table `report`, and the record's key, `07201/2024-04-01`.
  public var table: String
  public var record: String
  public var question: String?
  /// Name of its blob.
  public var blob: String
  public var bytes: Int
  /// Hub time in milliseconds when the text that names it arrived.
  public var namedMs: Int64
  public var isIn: Bool
  /// True when it was named longer than `HubPhoto.overdueMs` ago, and is missing.
  public var isOverdue: Bool

  /// Milliseconds after its text when a missing photo is pointed out.
  public static let overdueMs: Int64 = 24 * 3_600_000
  /// Photos listed at once.
  public static let listedMax = 10_000
}

/// Numbers of a commune's photos at the hub.
struct PhotoCounts {
  var photos = 0
  var photosIn = 0
  var overdue = 0

  /// Returns the numbers by commune. Reads the kept sums, and only the missing photos singly.
  static func byUnit(_ session: any HubSession, nowMs: Int64) throws -> [String: PhotoCounts] {
    var counts: [String: PhotoCounts] = [:]
    for row in try session.rows("SELECT unit, photos, photos_in FROM photo_count WHERE photos > 0") {
      guard let unit = row[0].text else { continue }
      counts[unit] = PhotoCounts(photos: Int(clamping: row[1].integer ?? 0), photosIn: Int(clamping: row[2].integer ?? 0))
    }
    let overdue = """
      SELECT c.unit, sum(coalesce(r.first_ms, ?1) <= ?2) FROM photo_counted c LEFT JOIN attachment_arrival r ON r.id = c.id
      WHERE c.is_in = 0 GROUP BY c.unit
      """
    for row in try session.rows(overdue, [.integer(nowMs), .integer(nowMs - HubPhoto.overdueMs)]) {
      if let unit = row[0].text { counts[unit]?.overdue = Int(clamping: row[1].integer ?? 0) }
    }
    return counts
  }
}

extension SurveyHub {
  /// Returns the photos to which records refer, the longest named first.
  ///
  /// - Parameters:
  ///   - unit: Commune; nil for all.
  ///   - missingOnly: True to return only missing photos.
  public func photos(unit: UnitCode? = nil, missingOnly: Bool = false) async throws -> [HubPhoto] {
    let nowMs = nowMs
    return try await hub.read { session in
      try session.rows(
        """
        SELECT a.unit, a.tbl, a.record, a.question, a.blob, a.bytes, coalesce(r.first_ms, 0), b.blob IS NOT NULL
        FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit
        LEFT JOIN attachment_arrival r ON r.id = a.id
        WHERE (?1 IS NULL OR a.unit = ?1) AND (?2 = 0 OR b.blob IS NULL) ORDER BY 7, a.id LIMIT \(HubPhoto.listedMax)
        """, [unit.map { .text($0.rawValue) } ?? .null, .integer(missingOnly ? 1 : 0)]
      ).map { row in
        let namedMs = row[6].integer ?? 0
        let isIn = row[7].integer == 1
        return HubPhoto(
          unit: UnitCode(row[0].text ?? ""), table: row[1].text ?? "", record: row[2].text ?? "", question: row[3].text,
          blob: row[4].text ?? "", bytes: Int(clamping: row[5].integer ?? 0), namedMs: namedMs, isIn: isIn,
          isOverdue: !isIn && namedMs <= nowMs - HubPhoto.overdueMs)
      }
    }
  }
}
