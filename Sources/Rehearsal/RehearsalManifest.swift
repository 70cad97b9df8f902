internal import Crypto
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import SyncKit

/// Record of what a rehearsal's people entered, to compare with the hub's store afterwards. Written beside the store as JSON.
struct RehearsalManifest: Codable, Sendable {
  struct Answer: Codable, Sendable, Hashable {
    var id: String
    var unit: String
    /// SHA-256 of the canonical JSON, hexadecimal.
    var content: String
    /// True when it was written on a device that was revoked: it waits at the hub for a decision, or was declined.
    var mayWait: Bool?
  }

  struct Report: Codable, Sendable, Hashable {
    var key: String
    /// Hashes of what each member last wrote of each question: it must stand, or be in a conflict or a correction.
    var contents: [String]
    /// True as in `Answer`.
    var mayWait: Bool?
  }

  struct Post: Codable, Sendable, Hashable {
    var unit: String
    /// Hash of the unit and the words.
    var content: String
    /// True when the hub holds it until somebody declines it.
    var mayWait: Bool?

    init(unit: String, words: String, mayWait: Bool? = nil) {
      (self.unit, content, self.mayWait) = (unit, Self.content(unit, words), mayWait)
    }

    static func content(_ unit: String, _ words: String) -> String { RehearsalManifest.hash("\(unit)\0\(words)") }
  }

  /// Trouble of a commune, for those who train with it.
  struct Befallen: Codable, Sendable, Hashable {
    var trouble: Trouble
    var unit: String
  }

  var answers: [Answer] = []
  var reports: [Report] = []
  /// Posts; nil in manifests of earlier programs, like the fields below.
  var posts: [Post]?
  /// Names of the photos that were filed.
  var photos: [String]?
  var troubles: [Befallen]?

  static func hash(_ text: some StringProtocol) -> String { Data(SHA256.hash(data: Data(text.utf8))).hex }

  /// Returns a hash for each question's answer.
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

/// Proof that every generated answer is in the hub's store exactly once, with its content, or encrypted to protect people, and that
/// nothing else is. Every report's last values stand or are kept in a conflict; every post and photo is there.
///
/// The proof holds whatever operators and members do that loses nothing: deciding conflicts, declining or taking what is held or
/// came late, revoking devices, hiding posts, withdrawing reports with a reason, ending the campaign. Of answers that were withheld
/// or erased then only the number can be compared.
struct RehearsalProof: Codable, Sendable {
  var expectedAnswers = 0
  var foundAnswers = 0
  var missing: [String] = []
  var altered: [String] = []
  var unexpected: [String] = []
  /// Missing answers that were written on a revoked device.
  var missingLate = 0
  /// Packets encrypted at the hub: remainders of too few people.
  var waitingPackets = 0
  /// Packets under a key that a revocation had ended: they wait for a decision, or were declined.
  var latePackets = 0
  /// Packets deleted unread at the very end, because too few people stood behind them.
  var withheldPackets = 0
  /// Answers released, and erased since: only their sums are left.
  var erasedAnswers = 0
  var expectedPosts = 0
  var lostPosts: [String] = []
  var expectedPhotos = 0
  var lostPhotos: [String] = []
  var expectedReports = 0
  var lostReportValues: [String] = []
  var talliesAgree = true

  /// Names listed of each kind of fault; the counts say how many there are.
  static let namesMax = 10

  var holds: Bool {
    altered.isEmpty && unexpected.isEmpty && lostReportValues.isEmpty && lostPosts.isEmpty && lostPhotos.isEmpty && talliesAgree
      && missing.count - missingLate <= waitingPackets + withheldPackets + erasedAnswers
      && missing.count <= waitingPackets + latePackets + withheldPackets + erasedAnswers && erasedAnswers <= missing.count
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
          // Accepts a remainder under its district's code, or the province's.
          let isThere = tree?.covers(UnitCode(unit), UnitCode(answer.unit)) ?? false
          if !isThere || answer.content != RehearsalManifest.hash(text) { proof.altered.append(id) }
        } else {
          proof.unexpected.append(id)
        }
      }
      proof.missing = expected.keys.sorted()
      proof.missingLate = expected.values.count { $0.mayWait == true }
      proof.latePackets = Int(try session.integer("SELECT count(*) FROM hub_late_packet") ?? 0)
      proof.waitingPackets = Int(try session.integer("SELECT count(*) FROM hub_packet") ?? 0)
      let counted = try session.integer("SELECT coalesce(sum(count), 0) FROM answer_count") ?? 0
      proof.withheldPackets = Int(
        try session.integer("SELECT coalesce(sum(count), 0) FROM hub_drop_more WHERE name = 'withheld'") ?? 0)
      proof.erasedAnswers = try ErasedRows.all(in: session).reduce(0) { $0 + $1.count }
      proof.talliesAgree = counted == Int64(rows.count + proof.erasedAnswers)
      try proof.checkReports(manifest, in: session)
      try proof.checkPosts(manifest, in: session)
      return proof
    }
  }

  private mutating func checkReports(_ manifest: RehearsalManifest, in session: any HubSession) throws {
    var kept: [String: Set<String>] = [:]
    for row in try session.rows("SELECT id, by_question FROM report UNION ALL SELECT report, answers_before FROM report_change") {
      if let id = row[0].text, let text = row[1].text { kept[id, default: []].formUnion(RehearsalManifest.hashes(ofReport: text)) }
    }
    // Includes values in conflicts and decisions: a decision may have put another in their place.
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
    // Includes batches of revoked devices that are in the journal and not merged: undecided, or refused.
    let unmerged = Set(try session.rows("SELECT DISTINCT scope FROM hub_batch WHERE state = 2").compactMap { $0[0].text })
    for report in manifest.reports where !report.contents.allSatisfy({ kept[report.key]?.contains($0) == true }) {
      let isLate = report.mayWait == true && unmerged.contains(String(report.key.prefix { $0 != "/" }))
      if !isLate { lostReportValues.append(report.key) }
    }
  }

  /// Checks that every post stands, also hidden, or is held or declined, and that photos are at the hub.
  private mutating func checkPosts(_ manifest: RehearsalManifest, in session: any HubSession) throws {
    let posts = manifest.posts ?? []
    expectedPosts = posts.count
    var standing: [String: Int] = [:]
    for row in try session.rows("SELECT unit, words FROM post") {
      if let unit = row[0].text, let words = row[1].text { standing[RehearsalManifest.Post.content(unit, words), default: 0] += 1 }
    }
    let aside = Set(
      try session.rows("SELECT scope FROM hub_held UNION SELECT scope FROM sync_conflict WHERE tbl = 'post'").compactMap { $0[0].text })
    for post in posts where standing[post.content] != 1 {
      if post.mayWait != true || !aside.contains(post.unit) { lostPosts.append(post.content) }
    }
    let photos = manifest.photos ?? []
    expectedPhotos = photos.count
    let kept = Set(try session.rows("SELECT DISTINCT blob FROM hub_blob_scope").compactMap { $0[0].text })
    lostPhotos = photos.filter { !kept.contains($0) }
  }
}
