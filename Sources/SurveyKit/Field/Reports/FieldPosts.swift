internal import Foundation
internal import GRDB
internal import SurveyKit
internal import SyncKit

/// Post of a working group: news of a day, with photos.
public struct FieldPost: Sendable, Hashable, Codable {
  public var id: String
  public var unit: String
  public var day: String
  public var words: String
  /// Label of the device on which it was written.
  public var device: String?
  /// Reason why an operator hid it; nil while it is shown.
  public var hidden: String?
  public var photos: [FieldPhoto]
  /// Arrival at the hub.
  public var arrival: RecordArrival
}

extension SurveyField {
  /// Posts shown at once, the newest first.
  public static let postsShownMax = 500

  /// Writes a post of today. The post and its photos travel like everything else, the words first.
  ///
  /// - Returns: Id of the post.
  /// - Throws: `SurveyFieldError` `.emptyPost`, `.postTooLong` and `.tooManyPhotos`; nothing is written.
  @discardableResult
  public func post(_ words: String, photos: [NewPhoto] = []) async throws -> String {
    let words = PostWords.cleaned(words)
    guard !words.isEmpty else { throw SurveyFieldError.emptyPost }
    guard words.utf8.count <= PostWords.bytesMax else { throw SurveyFieldError.postTooLong }
    guard photos.count <= Photo.photosPerReportMax else { throw SurveyFieldError.tooManyPhotos }
    let (id, unit, today) = (SurveySchema.randomID(), try await unit().rawValue, try await today())
    // Takes the campaign that asks for a report of the day, when none is named.
    let (campaign, device) = (try await about(reportOf: today).requireCampaign().id, try await ownName())
    _ = try keep(photos)
    try await write { db in
      try db.execute(
        sql: "INSERT INTO post (id, unit, campaign, day, words, device) VALUES (?, ?, ?, ?, ?, ?)",
        arguments: [id, unit, campaign, today.description, words, device])
      try Self.insert(photos, blobs: try self.keep(photos), of: "post", record: id, unit: unit, day: today, db)
    }
    return id
  }

  /// Returns the commune's posts here, also hidden ones.
  public func posts() async throws -> [FieldPost] {
    let rows = try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT id, unit, day, words, device, hidden FROM post ORDER BY day DESC, id LIMIT \(Self.postsShownMax)"
      ).map { row in
        FieldPost(
          id: row.text("id") ?? "", unit: row.text("unit") ?? "", day: row.text("day") ?? "", words: row.text("words") ?? "",
          device: row.text("device"), hidden: row.text("hidden"), photos: [],
          arrival: RecordArrival(isTextIn: false, photos: 0, photosIn: 0))
      }
    }
    guard !rows.isEmpty else { return [] }
    let unsent = try await replica.unsentKeys(of: ["post", "attachment"])
    var posts: [FieldPost] = []
    for var post in rows {
      post.photos = try await photos(of: "post", record: post.id)
      post.arrival = Self.arrival(of: post.id, post.photos, unsent: unsent)
      posts.append(post)
    }
    return posts
  }
}
