public import Foundation
public import SurveyKit
internal import SyncHub

/// Post at the hub.
public struct HubPost: Sendable, Hashable, Codable {
  public var id: String
  public var unit: UnitCode
  /// Name of the unit with its district.
  public var name: String
  public var day: String
  public var words: String
  public var device: String?
  /// Reason why an operator hid it; nil while it is shown.
  public var hidden: String?
  /// Names of its photos' blobs, and whether each has arrived.
  public var photos: [Photo]

  public struct Photo: Sendable, Hashable, Codable {
    public var blob: String
    public var isIn: Bool
    public var width: Int
    public var height: Int
  }
}

extension SurveyHub {
  /// Returns a commune alone, or the communes of a district; nil for nil, which stands for all.
  ///
  /// - Throws: `SyncError` when there is no such unit.
  public func communes(of unit: String?) async throws -> Set<UnitCode>? {
    guard let unit else { return nil }
    let tree = try await hub.read { try HubPlan.read($0)?.tree }
    let code = UnitCode(unit)
    guard let tree, tree.units.contains(where: { $0.code == code }) else {
      throw SyncError(.badRequest, vi: "Không có đơn vị \(unit).", en: "There is no unit \(unit).")
    }
    return Set([code] + tree.descendants(of: code).map(\.code))
  }

  /// Refuses the name of a unit that the hub does not have: a list of nothing would read as if nothing had come of it.
  public func refuseUnknown(unit: String?) async throws { _ = try await communes(of: unit) }

  /// Posts listed at once.
  public static let postsListedMax = 200

  /// Returns posts of working groups, the newest first; for the shown campaign also posts that name none of the hub's.
  ///
  /// - Parameters:
  ///   - units: Communes; nil for all.
  ///   - withHidden: True to include hidden posts.
  public func posts(of units: Set<UnitCode>? = nil, withHidden: Bool = false) async throws -> [HubPost] {
    let shown = try await hub.read { session in try HubPlan.campaign(session)?.id }
    let asked = campaign ?? shown
    var values: [CellValue] = [asked.map { .text($0) } ?? .null]
    var conditions = [
      asked == shown ? "(campaign IN (SELECT id FROM campaign WHERE id <> ?1)) IS NOT 1" : "campaign = ?1"
    ]
    if !withHidden { conditions.append("hidden IS NULL") }
    if let units {
      let places = (0..<units.count).map { "?\($0 + 2)" }.joined(separator: ", ")
      values += units.map { .text($0.rawValue) }
      conditions.append("unit IN (\(places))")
    }
    return try await posts(where: conditions.joined(separator: " AND "), values)
  }

  /// Returns a post, also a hidden one; nil when there is none.
  public func post(_ id: String) async throws -> HubPost? { try await posts(where: "id = ?1", [.text(id)]).first }

  private func posts(where condition: String, _ values: [CellValue]) async throws -> [HubPost] {
    try await hub.read { session in
      let tree = try HubPlan.read(session)?.tree
      let rows = try session.rows(
        """
        SELECT id, unit, day, words, device, hidden FROM post
        WHERE \(condition) ORDER BY day DESC, unit, id LIMIT \(Self.postsListedMax)
        """, values)
      return try rows.map { row in
        let (id, unit) = (row[0].text ?? "", UnitCode(row[1].text ?? ""))
        let photos = try session.rows(
          """
          SELECT a.blob, b.blob IS NOT NULL, a.width, a.height
          FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit
          WHERE a.tbl = 'post' AND a.record = ?1 AND a.unit = ?2 AND length(a.blob) = 64 ORDER BY a.id LIMIT \(Photo.photosPerReportMax)
          """, [.text(id), .text(unit.rawValue)]
        ).map { photo in
          HubPost.Photo(
            blob: photo[0].text ?? "", isIn: photo[1].integer == 1, width: Int(clamping: photo[2].integer ?? 0),
            height: Int(clamping: photo[3].integer ?? 0))
        }
        return HubPost(
          id: id, unit: unit, name: tree?.displayName(of: unit) ?? unit.rawValue, day: row[2].text ?? "", words: row[3].text ?? "",
          device: row[4].text, hidden: row[5].text, photos: photos)
      }
    }
  }

  /// Hides a post, or shows it again. The post stays in the store, and its commune sees why it is hidden.
  ///
  /// - Parameters:
  ///   - id: Its id, or the first characters of it.
  ///   - reason: Reason; nil shows the post again.
  public func hidePost(_ id: String, reason: String?) async throws -> HubPost {
    let reason = reason.map(ReportChange.cleaned)
    if let reason {
      guard !reason.isEmpty, reason.utf8.count <= ReportChange.reasonBytesMax else {
        throw SyncError(
          .badRequest, vi: "Cần lý do ẩn, không quá \(ReportChange.reasonBytesMax) byte.",
          en: "Hiding needs a reason of at most \(ReportChange.reasonBytesMax) bytes.")
      }
    }
    let found = try await hub.read { session in
      try session.rows("SELECT id FROM post WHERE substr(id, 1, ?2) = ?1 LIMIT 2", [.text(id), .integer(Int64(id.count))])
    }
    guard !id.isEmpty, found.count == 1, let whole = found[0][0].text else {
      throw SyncError(
        .badRequest, vi: "Không có đúng một tin bắt đầu bằng \(id); xem hub posts.",
        en: "There is not exactly one post that begins with \(id); see hub posts.")
    }
    try await hub.write { session in
      try session.execute("UPDATE post SET hidden = ?2 WHERE id = ?1", [.text(whole), reason.map { .text($0) } ?? .null])
    }
    guard let post = try await posts(where: "id = ?1", [.text(whole)]).first else {
      throw SyncError(.badRequest, vi: "Tin không còn.", en: "The post is gone.")
    }
    return post
  }

  /// Returns a picture that a post shows; nil when no shown post refers to it, or it is missing.
  ///
  /// - Parameter units: Communes whose posts count; nil for all.
  public func postPicture(_ blob: String, of units: Set<UnitCode>? = nil) async throws -> Data? {
    guard let id = BlobID(hex: blob) else { return nil }
    let isShown = try await hub.read { session in
      try session.rows(
        """
        SELECT DISTINCT p.unit FROM attachment a JOIN post p ON p.id = a.record AND p.unit = a.unit
        JOIN hub_blob_scope s ON s.blob = a.blob AND s.scope = a.unit
        WHERE a.tbl = 'post' AND a.blob = ?1 AND p.hidden IS NULL
        """, [.text(id.hex)]
      ).contains { row in units?.contains(UnitCode(row[0].text ?? "")) ?? true }
    }
    return isShown ? try hub.blobs.read(id) : nil
  }
}
