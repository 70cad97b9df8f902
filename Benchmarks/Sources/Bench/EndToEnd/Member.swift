import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit

/// A device as the survey's tools have it: its rows are posts, each with the words of a survey's row, about as many bytes.
struct Member: Sendable {
  let field: SurveyField

  init(_ path: String) throws { field = try SurveyField.open(at: path, create: true) }

  func close() throws { try field.close() }

  func insert(_ rows: [SurveyRow], transactionOf size: Int) async throws {
    for start in stride(from: 0, to: rows.count, by: size) {
      let part = rows[start..<min(start + size, rows.count)]
      try await field.replica.database.write { db in
        let statement = try db.cachedStatement(sql: Post.insertSQL)
        for row in part { try statement.execute(arguments: StatementArguments(Post.values(row))) }
      }
    }
  }

  /// Sends what is there, and fetches nothing.
  func push(_ wire: any Transport) async throws {
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1, delayFirstMs: 1, delayMaxMs: 1)
    do { _ = try await field.replica.sync(with: wire, options: options) } catch let error as SyncError where error.code == .unreachable {}
  }

  func check(posts expected: Int) async throws {
    let count = try await field.replica.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM post") ?? 0 }
    guard count == expected else { throw SQLiteFailure(description: "\(count) posts where \(expected) were expected") }
  }
}

/// A survey's row as a post.
enum Post {
  static let createSQL = """
    CREATE TABLE post (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT, day TEXT, words TEXT, device TEXT, hidden TEXT) WITHOUT ROWID
    """
  static let insertSQL = "INSERT INTO post (id, unit, campaign, day, words, device) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"

  static func values(_ row: SurveyRow) -> [String] {
    let id = row.id.map { String(format: "%02x", $0) }.joined()
    let words = row.ratings.map(String.init) + row.words + [row.comment, "\(row.submittedAt)"]
    return [id, row.commune, "dan-chu-2024", "2024-04-01", words.joined(separator: " "), "bench"]
  }
}

/// Devices and a hub to begin with, made once and copied for each run. The device `blank` has a store and nothing in it.
struct Province {
  let scratch: Scratch
  let source: CampaignFolder
  let hubFolder: String
  let communes: [String]

  /// A hub with the campaign of `Examples`.
  init(_ folder: String, communes count: Int) async throws {
    scratch = try Scratch(folder)
    source = try CampaignFolder(URL(fileURLWithPath: "Examples/bac-giang-2024"))
    hubFolder = scratch.path + "/hub"
    let survey = try await SurveyHub.create(at: hubFolder)
    _ = try await survey.load(source)
    try survey.close()
    communes = source.tree.units(at: .commune).prefix(count).map(\.code.rawValue)
    guard communes.count == count else { throw SQLiteFailure(description: "there are \(communes.count) communes") }
    try Member(scratch.path + "/blank.sqlite").close()
  }

  /// One code for each of `scopes`.
  func codes(_ survey: SurveyHub, _ scopes: [String]) async throws -> [String] {
    let plan = try await survey.requirePlan()
    return try await survey.hub.makeCodes(scopes.map { ($0, plan.readScopes(of: UnitCode($0))) })
  }

  /// A device that has the campaign.
  func member(_ name: String, code: String, _ survey: SurveyHub) async throws -> Member {
    let member = try copy("blank", to: scratch.path, as: name)
    try await member.field.enroll(code: code, label: name, through: Wire(survey.hub))
    _ = try await member.field.replica.sync(with: Wire(survey.hub))
    return member
  }

  func copyHub(to path: String) throws { try FileManager.default.copyItem(atPath: hubFolder, toPath: path) }

  /// A copy of a closed device, with its key.
  func copy(_ name: String, to folder: String, as other: String? = nil) throws -> Member {
    let (from, to) = (scratch.path + "/\(name).sqlite", folder + "/\(other ?? name).sqlite")
    for suffix in ["", "-wal", ".key"] where FileManager.default.fileExists(atPath: from + suffix) {
      try FileManager.default.copyItem(atPath: from + suffix, toPath: to + suffix)
    }
    return try Member(to)
  }
}
