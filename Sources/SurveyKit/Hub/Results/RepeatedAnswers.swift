internal import Crypto
internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Digests of answers that were deleted as repetitions, so that `hub verify` can show that each had an equal which stands. A digest
/// of a standing answer reveals nothing more. Once that answer is erased, its digest is deleted, too.
struct RepeatedAnswers {
  let session: any SQLSession

  /// Key of the row that counts all erased contents.
  private static let erased = Data()

  static func digest(form: String, json: String) -> Data {
    Data(SHA256.hash(data: Data("synckit/repeated/1\0\(form)\0\(json)".utf8)).prefix(16))
  }

  func note(form: String, json: String) throws {
    try session.execute(
      "INSERT INTO answer_repeated (digest, count) VALUES (?1, 1) ON CONFLICT (digest) DO UPDATE SET count = answer_repeated.count + 1",
      [.blob(Self.digest(form: form, json: json))])
  }

  /// Deletes the digest of an erased answer, and keeps how often it was repeated.
  func noteErased(form: String, json: String) throws {
    let row = try session.firstRow(
      "DELETE FROM answer_repeated WHERE digest = ?1 RETURNING count", [.blob(Self.digest(form: form, json: json))])
    guard let count = row?[0].integer else { return }
    try session.execute(
      "INSERT INTO answer_repeated (digest, count) VALUES (?1, ?2) ON CONFLICT (digest) DO UPDATE SET count = answer_repeated.count + ?2",
      [.blob(Self.erased), .integer(count)])
  }

  /// Returns faults: digests without a standing answer, and more of them than packets were counted as repeated.
  ///
  /// - Complexity: O(answers).
  func problems() throws -> [LocalizedText] {
    // Returns nothing for a store of an earlier program, which has no such table.
    guard try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'answer_repeated'") != nil else { return [] }
    var open = Set(try session.rows("SELECT digest FROM answer_repeated").compactMap { $0[0].blob }).subtracting([Self.erased])
    let noted = try session.integer("SELECT coalesce(sum(count), 0) FROM answer_repeated") ?? 0
    let counted = try session.integer("SELECT coalesce(sum(repeated), 0) FROM hub_drop") ?? 0
    if !open.isEmpty {
      for row in try session.rows("SELECT form, answers FROM answer") {
        if let form = row[0].text, let json = row[1].text { open.remove(Self.digest(form: form, json: json)) }
      }
    }
    var found: [LocalizedText] = []
    if !open.isEmpty {
      found.append(
        LocalizedText(
          vi: "\(open.count) nội dung phiếu đã đếm là trùng nhưng không còn phiếu nào giống. Khôi phục từ bản sao lưu (`hub restore`).",
          en: "\(open.count) contents were counted as repeated and no answer equals them. Restore from a backup (`hub restore`)."))
    }
    if noted > counted {
      found.append(
        LocalizedText(
          vi: "Ghi \(noted) phiếu trùng nhưng chỉ đếm \(counted). Khôi phục từ bản sao lưu (`hub restore`).",
          en: "\(noted) repetitions are noted and \(counted) counted. Restore from a backup (`hub restore`)."))
    }
    return found
  }
}
