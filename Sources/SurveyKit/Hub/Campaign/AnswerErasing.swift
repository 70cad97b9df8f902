public import SurveyKit
public import SyncHub

/// Edition of a form whose single answers were erased, and their number.
public struct ErasedAnswers: Sendable, Hashable, Codable {
  public var edition: String
  /// Answers that were released; the count stays for ever.
  public var released: Int
  /// Released answers of the edition that were erased.
  public var erased: Int
  /// Campaign's day on which the last of them was erased; nil while erasing goes on, or was interrupted.
  public var day: CalendarDay?

  /// Sentence that says the rest.
  public var explanation: LocalizedText {
    guard let day else {
      return LocalizedText(
        vi:
          "\(edition): \(released) phiếu đã mở, đang xóa từng phiếu (\(erased) đã xóa); chạy lại `hub campaign close … --erase-after` để xong.",
        en:
          "\(edition): \(released) answers released, being erased one by one (\(erased) gone); run `hub campaign close … --erase-after` again to finish."
      )
    }
    return LocalizedText(
      vi: "\(edition): \(released) phiếu đã mở, \(erased) trong số đó đã xóa ngày \(day); các số tổng còn nguyên.",
      en: "\(edition): \(released) answers released, \(erased) of them erased on \(day); their sums stand.")
  }

  /// Returns erased editions, in their order.
  public static func all(in session: any HubSession) throws -> [ErasedAnswers] {
    let erased = try ErasedRows.all(in: session)
    guard !erased.isEmpty else { return [] }
    let campaign = try HubPlan.campaign(session)
    return try erased.map { rows in
      let released = try session.integer("SELECT coalesce(sum(count), 0) FROM answer_count WHERE form = ?1", [.text(rows.edition)]) ?? 0
      return ErasedAnswers(
        edition: rows.edition, released: Int(clamping: released), erased: rows.count,
        day: rows.doneMs.flatMap { ms in campaign?.dayOf(Int64(clamping: ms)) })
    }
  }
}

/// Result of a campaign's end for its single answers.
public struct AnswerErasing: Sendable, Hashable, Codable {
  /// First day on which they may be erased.
  public var from: CalendarDay
  /// Reason why none was erased; nil when all were.
  public var reason: LocalizedText?
  /// Answers erased now.
  public var erasedNow = 0
  /// Answers erased so far.
  public var erased = 0
  /// Copies of the store that were made before and hold single answers, unless they were destroyed; newest first.
  public var backups: [BackupFileNote] = []
}

extension SurveyHub {
  /// Days after a campaign for which answers may be kept: a hundred years.
  public static let erasureDaysMax = 36_525

  /// Returns the first day on which a campaign's single answers may be erased, and whether it has come.
  ///
  /// - Parameter days: Days after the campaign's last day, on which late answers are still taken.
  /// - Returns: nil when there is no such campaign.
  public func erasureDay(of campaign: String, afterDays days: Int) async throws -> (day: CalendarDay, hasCome: Bool)? {
    guard let campaign = try await hub.read({ try HubPlan.campaigns($0).first { $0.id == campaign } }) else { return nil }
    let day = campaign.dayOf(campaign.graceEndsMs).adding(days: days) ?? .last
    return (day, day <= campaign.today(atMs: nowMs) && campaign.phase(atMs: nowMs) == .closed)
  }

  /// Erases the single answers to the campaign's closed forms, once nobody can decrypt a packet of them any more and two backups
  /// hold the sums. Tallies, counts and released results stay. May be repeated freely.
  ///
  /// - Parameters:
  ///   - keysLeft: Drop keys of the campaign's forms that are not destroyed yet.
  public func eraseAnswers(
    of campaign: String, afterDays days: Int, keysLeft: [CampaignClosing.Key]
  ) async throws -> AnswerErasing? {
    guard let (day, hasCome) = try await erasureDay(of: campaign, afterDays: days) else { return nil }
    var erasing = AnswerErasing(from: day)
    let before = try await hub.read { try ErasedRows.all(in: $0) }
    if !hasCome {
      erasing.reason = LocalizedText(
        vi: "phiếu lẻ được giữ đến ngày \(day); chạy lại lệnh này từ ngày đó.",
        en: "single answers are kept until \(day); run this again from that day on.")
    } else if let key = keysLeft.first {
      erasing.reason = LocalizedText(
        vi: "phiếu lẻ chưa xóa, vì khóa \(key.id) còn; chạy lại sau khi khóa đã hủy.",
        en: "single answers are not erased yet, since key \(key.id) is left; run this again once it is destroyed.")
    } else {
      let editions = try await hub.read { try Self.closedEditions(of: campaign, in: $0) }
      do {
        try await hub.eraseReleased(editions, of: "answer")
      } catch let error as SyncError where error.code == .badRequest {
        erasing.reason = error.explanation
      }
      let after = try await hub.read { try ErasedRows.all(in: $0) }.filter { editions.contains($0.edition) }
      erasing.erased = after.reduce(0) { $0 + $1.count }
      erasing.erasedNow = erasing.erased - before.reduce(0) { $0 + (editions.contains($1.edition) ? $1.count : 0) }
      // Ends the list at the last erasing: a backup that begins later has no single answers.
      let gone = after.compactMap(\.doneMs).max() ?? UInt64.max
      if erasing.erased > 0 { erasing.backups = try await hub.backupFiles().filter { $0.begunMs <= gone } }
    }
    return erasing
  }

  /// Returns the ended editions of a campaign's forms, including those that only judge answers.
  private static func closedEditions(of campaign: String, in session: any HubSession) throws -> Set<String> {
    let forms = try HubPlan.campaigns(session).first { $0.id == campaign }?.forms ?? []
    var editions: Set<String> = []
    for form in forms {
      let arguments: [CellValue] = [.text(form), .text(campaign)]
      let asked = try session.rows("SELECT id, state FROM form WHERE form = ?1 AND campaign = ?2", arguments)
      let isOver = asked.allSatisfy { $0[1].text == FormState.closed.rawValue }
      editions.formUnion(asked.filter { $0[1].text == FormState.closed.rawValue }.compactMap { $0[0].text })
      guard isOver else { continue }
      let learned = try session.rows("SELECT id FROM form_edition WHERE form = ?1 AND campaign = ?2", arguments)
      editions.formUnion(learned.compactMap { $0[0].text })
    }
    return editions
  }
}

/// Compares the counts of answers with the answers themselves, and those that were erased.
enum AnswerSums {
  /// - Complexity: O(answers).
  static func problems(in session: any SQLSession) throws -> [LocalizedText] {
    struct Place: Hashable, Comparable {
      var unit: String
      var edition: String
      static func < (a: Place, b: Place) -> Bool { (a.unit, a.edition) < (b.unit, b.edition) }
    }
    func counts(_ sql: String) throws -> [Place: Int] {
      try session.rows(sql).reduce(into: [:]) { counts, row in
        counts[Place(unit: row[0].text ?? "", edition: row[1].text ?? "")] = Int(clamping: row[2].integer ?? 0)
      }
    }
    let counted = try counts("SELECT unit, form, count FROM answer_count")
    let standing = try counts("SELECT unit, form, count(*) FROM answer GROUP BY unit, form")
    var erased: [Place: Int] = [:]
    for rows in try ErasedRows.all(in: session) {
      for (unit, count) in rows.byScope { erased[Place(unit: unit, edition: rows.edition)] = count }
    }
    let places = Set(counted.keys).union(standing.keys).union(erased.keys).sorted()
    return places.compactMap { place in
      let (count, rows, gone) = (counted[place] ?? 0, standing[place] ?? 0, erased[place] ?? 0)
      if count == rows + gone { return nil }
      return LocalizedText(
        vi:
          "Đơn vị \(place.unit), \(place.edition): đã đếm \(count) phiếu nhưng có \(rows) phiếu và \(gone) đã xóa. Khôi phục từ bản sao lưu (`hub restore`).",
        en:
          "Unit \(place.unit), \(place.edition): \(count) answers were counted; \(rows) stand and \(gone) were erased. Restore from a backup (`hub restore`)."
      )
    }
  }
}
