internal import Crypto
internal import Foundation
internal import GRDB
public import SurveyKit
public import SyncKit

/// Photo about to be filed with a report.
public struct NewPhoto: Sendable {
  public var photo: Photo
  /// Question of type `image` that it answers; nil when it belongs to the report as a whole.
  public var question: String?

  public init(_ photo: Photo, question: String? = nil) {
    self.photo = photo
    self.question = question
  }
}

/// Photo of a record, and its place.
public struct FieldPhoto: Sendable, Hashable, Codable {
  public var id: String
  public var question: String?
  /// Name of its blob.
  public var blob: String
  public var bytes: Int
  /// Day on which it was added, in the campaign's zone.
  public var day: String?
  /// True when the picture itself is on this device.
  public var isHere: Bool
  /// True when the hub reported that it has the picture.
  public var isAtHub: Bool
}

/// Arrival of a record's text and photos at the hub: "text in, 2 of 3 photos in".
public struct RecordArrival: Sendable, Hashable, Codable {
  /// True when none of the record's text waits on this device.
  public var isTextIn: Bool
  public var photos: Int
  public var photosIn: Int

  public init(isTextIn: Bool, photos: Int, photosIn: Int) {
    self.isTextIn = isTextIn
    self.photos = photos
    self.photosIn = photosIn
  }
}

extension SurveyField {
  /// Returns the photos of the commune's report of a day, in the order of their questions.
  public func photos(day: CalendarDay) async throws -> [FieldPhoto] {
    try await photos(of: "report", record: SurveySchema.reportKey(unit: try await unit().rawValue, day: day.description))
  }

  func photos(of table: String, record: String) async throws -> [FieldPhoto] {
    let rows = try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT id, question, blob, bytes, day FROM attachment WHERE tbl = ? AND record = ? ORDER BY question, id",
        arguments: [table, record]
      ).compactMap { row -> FieldPhoto? in
        guard let id = row.text("id"), let blob = row.text("blob") else { return nil }
        return FieldPhoto(
          id: id, question: row.text("question"), blob: blob, bytes: Int(clamping: row.integer("bytes") ?? 0), day: row.text("day"),
          isHere: false, isAtHub: false)
      }
    }
    let store = replica.blobs
    var photos: [FieldPhoto] = []
    for var photo in rows {
      guard let blob = BlobID(hex: photo.blob) else { continue }
      (photo.isHere, photo.isAtHub) = (store.has(blob), try await replica.isBlobAtHub(blob))
      photos.append(photo)
    }
    return photos
  }

  /// Returns the number and bytes of pictures here that the hub has not confirmed.
  public func photosToSend() async throws -> (count: Int, bytes: Int) {
    let sizes = try await replica.blobsToConfirm(limit: Self.photosCountedMax).compactMap { replica.blobs.byteCount($0) }
    return (sizes.count, sizes.reduce(0, +))
  }

  /// Pictures that are counted at once.
  private static let photosCountedMax = 10_000

  /// Returns the arrival of each report with photos, by report key.
  public func arrivals() async throws -> [String: RecordArrival] {
    let reports = try await read { db in
      try String.fetchAll(db, sql: "SELECT DISTINCT record FROM attachment WHERE tbl = 'report' AND record IS NOT NULL")
    }
    guard !reports.isEmpty else { return [:] }
    let unsent = try await replica.unsentKeys(of: ["report", "attachment"])
    var arrivals: [String: RecordArrival] = [:]
    for report in reports {
      arrivals[report] = Self.arrival(of: report, try await photos(of: "report", record: report), unsent: unsent)
    }
    return arrivals
  }

  /// Returns a record's arrival.
  ///
  /// - Parameter unsent: Keys of its table and of attachments that wait here.
  static func arrival(of record: String, _ photos: [FieldPhoto], unsent: Set<CellValue>) -> RecordArrival {
    let isTextIn = !unsent.contains(.text(record)) && !photos.contains { unsent.contains(.text($0.id)) }
    return RecordArrival(isTextIn: isTextIn, photos: photos.count, photosIn: photos.count { $0.isAtHub })
  }

  /// Keeps the pictures. Call this before writing the rows that refer to them.
  func keep(_ photos: [NewPhoto]) throws -> [BlobID] { try photos.map { try replica.blobs.keep($0.photo.jpeg) } }

  /// Returns the key of a photo's row: the same photo filed twice is one row.
  static func photoID(unit: String, of table: String, record: String, question: String?, blob: String) -> String {
    Data(SHA256.hash(data: Data("\(unit)\0\(table)\0\(record)\0\(question ?? "")\0\(blob)".utf8)).prefix(16)).hex
  }

  /// Inserts the rows of photos whose pictures are kept. A photo that the report has already is not added again.
  ///
  /// - Throws: `SurveyFieldError` `.tooManyPhotos`.
  static func insert(
    _ photos: [NewPhoto], blobs: [BlobID], of table: String, record: String, unit: String, day: CalendarDay, _ db: Database
  ) throws {
    for (new, blob) in zip(photos, blobs) {
      let id = photoID(unit: unit, of: table, record: record, question: new.question, blob: blob.hex)
      try db.execute(
        sql: """
          INSERT INTO attachment (id, unit, tbl, record, question, blob, media, bytes, width, height, day)
          SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE NOT EXISTS (
            SELECT 1 FROM attachment WHERE record = ?4 AND unit = ?2 AND tbl = ?3 AND question IS ?5 AND blob = ?6) ON CONFLICT (id) DO NOTHING
          """,
        arguments: [
          id, unit, table, record, new.question, blob.hex, Photo.mediaType, new.photo.jpeg.count, new.photo.width, new.photo.height,
          day.description,
        ])
    }
    let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM attachment WHERE tbl = ? AND record = ?", arguments: [table, record]) ?? 0
    guard photos.isEmpty || count <= Photo.photosPerReportMax else { throw SurveyFieldError.tooManyPhotos }
  }

  /// Fetches a report's missing pictures.
  ///
  /// - Returns: The pictures that the hub does not have either.
  public func fetchPhotos(day: CalendarDay, through transport: any Transport) async throws -> [FieldPhoto] {
    let wanted = try await photos(day: day).filter { !$0.isHere }
    let missing = try await replica.fetchBlobs(wanted.compactMap { BlobID(hex: $0.blob) }, through: transport)
    return wanted.filter { photo in missing.contains { $0.hex == photo.blob } }
  }
}
