internal import Crypto
internal import Foundation
internal import SurveyKit
internal import SyncKit

/// What a rehearsal's people entered, to hold against what the hub's store says afterwards. Written beside the store as JSON.
struct RehearsalManifest: Codable, Sendable {
  struct Answer: Codable, Sendable, Hashable {
    var id: String
    var unit: String
    /// SHA-256 of the canonical JSON, hexadecimal.
    var content: String
  }

  struct Report: Codable, Sendable, Hashable {
    var key: String
    /// What each member of the working group last wrote of each question, hashed: it must stand, or lie in a conflict or a correction.
    var contents: [String]
  }

  var answers: [Answer] = []
  var reports: [Report] = []

  static func hash(_ text: some StringProtocol) -> String { Data(SHA256.hash(data: Data(text.utf8))).hex }

  /// A hash for each question's answer.
  static func hashes(ofReport json: String) -> Set<String> {
    guard case .object(let members)? = CanonicalJSON.parse(Data(json.utf8), depthMax: 16) else { return [] }
    return Set(members.map { hash(question: $0, answer: String(decoding: $1.data, as: UTF8.self)) })
  }

  static func hash(question: String, answer: String) -> String { hash("\(question)\0\(answer)") }

  static func load(from path: String) throws -> RehearsalManifest {
    guard let data = FileManager.default.contents(atPath: path), let manifest = try? JSONDecoder().decode(Self.self, from: data) else {
      throw SyncError(.badRequest, vi: "Không đọc được bản kê \(path).", en: "The manifest \(path) cannot be read.")
    }
    return manifest
  }

  func save(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try PrivateFile.write(try encoder.encode(self), to: path)
  }
}

/// The proof: every generated answer is in the hub's store exactly once, with its content, or sealed to protect people, and nothing else
/// is; every report's last values stand or are kept in a conflict.
struct RehearsalProof: Codable, Sendable {
  var expectedAnswers = 0
  var foundAnswers = 0
  var missing: [String] = []
  var altered: [String] = []
  var unexpected: [String] = []
  /// Sealed at the hub: rests of too few people.
  var waitingPackets = 0
  var expectedReports = 0
  var lostReportValues: [String] = []
  var talliesAgree = true

  /// Names listed of each kind of fault; the counts say how many there are.
  static let namesMax = 10

  var holds: Bool {
    altered.isEmpty && unexpected.isEmpty && lostReportValues.isEmpty && talliesAgree && missing.count <= waitingPackets
      && expectedAnswers == foundAnswers + missing.count
  }

  static func check(_ manifest: RehearsalManifest, in hub: Hub) async throws -> RehearsalProof {
    try await hub.read { session in
      var proof = RehearsalProof()
      proof.expectedAnswers = manifest.answers.count
      proof.expectedReports = manifest.reports.count
      var expected = Dictionary(manifest.answers.map { ($0.id, $0) }) { first, _ in first }
      let tree = try HubPlan.read(session)?.tree
      let rows = try session.rows("SELECT id, unit, answers FROM answer")
      proof.foundAnswers = rows.count
      for row in rows {
        guard let id = row[0].text, let unit = row[1].text, let text = row[2].text else { continue }
        if let answer = expected.removeValue(forKey: id) {
          // A rest stands under its district's code, or the province's.
          let isThere = tree?.covers(UnitCode(unit), UnitCode(answer.unit)) ?? false
          if !isThere || answer.content != RehearsalManifest.hash(text) { proof.altered.append(id) }
        } else {
          proof.unexpected.append(id)
        }
      }
      proof.missing = expected.keys.sorted()
      proof.waitingPackets = Int(try session.integer("SELECT count(*) FROM hub_packet") ?? 0)
      let counted = try session.integer("SELECT coalesce(sum(count), 0) FROM answer_count") ?? 0
      proof.talliesAgree = counted == Int64(rows.count)
      try proof.checkReports(manifest, in: session)
      return proof
    }
  }

  private mutating func checkReports(_ manifest: RehearsalManifest, in session: any HubSession) throws {
    var kept: [String: Set<String>] = [:]
    for row in try session.rows("SELECT id, by_question FROM report UNION ALL SELECT report, answers_before FROM report_change") {
      if let id = row[0].text, let text = row[1].text { kept[id, default: []].formUnion(RehearsalManifest.hashes(ofReport: text)) }
    }
    // What a decision put in its place lies in the conflict and in the decision.
    for row in try session.rows(
      """
      SELECT row_key, member, losing_value FROM sync_conflict WHERE tbl = 'report' AND col = 'by_question'
      UNION ALL SELECT row_key, member, winning_value FROM sync_conflict WHERE tbl = 'report' AND col = 'by_question'
      UNION ALL SELECT row_key, member, before_value FROM sync_decision WHERE tbl = 'report' AND col = 'by_question'
      """)
    {
      if let id = row[0].text, let question = row[1].text, let text = row[2].text {
        kept[id, default: []].insert(RehearsalManifest.hash(question: question, answer: text))
      }
    }
    for report in manifest.reports where !report.contents.allSatisfy({ kept[report.key]?.contains($0) == true }) {
      lostReportValues.append(report.key)
    }
  }
}
