internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

extension SurveyField {
  /// Withdraws the commune's report of a day, with its photos. A report that has not been sealed leaves no trace. After sealing a
  /// reason is needed, and the answers are kept: `reportChanges(day:)`.
  ///
  /// - Throws: `SurveyFieldError` `.noReport`, `.noReason` and `.reasonTooLong`; nothing is written.
  public func withdrawReport(day: CalendarDay, reason: String?) async throws {
    let unit = try await unit().rawValue
    let key = SurveySchema.reportKey(unit: unit, day: day.description)
    let hasLeft = try await hasLeft("report", key)
    let writing = try await hasLeft ? writing(reason) : nil
    let blobs = try await photoBlobs(of: "report", key)
    while true {
      guard let stored = try await storedReports(key: key).first else { throw SurveyFieldError.noReport(day: day) }
      let standing = try await given(stored, try await judge(of: stored))
      let isDone = try await write { db in
        guard try StoredReport.fetchAll(db, key: key).first == stored else { return false }
        if let writing {
          try writing.insert(of: key, form: stored.form, from: standing, to: [:], db)
        } else {
          try db.execute(sql: "DELETE FROM report_change WHERE report = ?", arguments: [key])
        }
        try db.execute(sql: "DELETE FROM report WHERE id = ?", arguments: [key])
        try db.execute(sql: "DELETE FROM attachment WHERE tbl = 'report' AND record = ?", arguments: [key])
        return true
      }
      if isDone { return try await letGo(blobs) }
    }
  }

  /// Withdraws a post. A post that has not been sealed is deleted with its photos; a sealed one is hidden everywhere, with the
  /// reason.
  ///
  /// - Throws: `SurveyFieldError` `.noReason` and `.reasonTooLong`; nothing is written.
  public func withdrawPost(_ id: String, reason: String?) async throws {
    guard try await hasLeft("post", id) else {
      let blobs = try await photoBlobs(of: "post", id)
      try await write { db in
        try db.execute(sql: "DELETE FROM attachment WHERE tbl = 'post' AND record = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM post WHERE id = ?", arguments: [id])
      }
      return try await letGo(blobs)
    }
    let reason = try Decision.checked(reason: reason ?? "")
    try await write { db in try db.execute(sql: "UPDATE post SET hidden = ? WHERE id = ?", arguments: [reason, id]) }
  }

  /// Withdraws one photo of a report or post. When it answers a question of a report, a correction removes the answer.
  ///
  /// - Throws: `SurveyFieldError` `.noReason` for a photo that was sealed already, `.photoNeeded` when a question needs it; nothing
  ///   is written.
  public func withdrawPhoto(_ id: String, reason: String?) async throws {
    let found = try await read { db in
      try Row.fetchOne(db, sql: "SELECT tbl, record, question, blob FROM attachment WHERE id = ?", arguments: [id]).map { row in
        (table: row.text("tbl") ?? "", record: row.text("record") ?? "", question: row.text("question"), blob: row.text("blob") ?? "")
      }
    }
    guard let found else { return }
    if found.table == "report", found.question != nil,
      let day = found.record.split(separator: "/").last.flatMap({ CalendarDay(String($0)) })
    {
      try await removeAnswer(blob: found.blob, day: day, reason: reason)
    }
    let writing = try await hasLeft("attachment", id) ? writing(reason) : nil
    try await write { db in
      try db.execute(sql: "DELETE FROM attachment WHERE id = ?", arguments: [id])
      try writing?.insert(of: found.record, form: nil, from: [found.question ?? "photo": .text(found.blob)], to: [:], db)
    }
    if writing == nil { try await letGo([found.blob]) }
  }

  /// Returns the pictures of a record whose rows have not been sealed.
  private func photoBlobs(of table: String, _ record: String) async throws -> [String] {
    let photos = try await read { db in
      try Row.fetchAll(db, sql: "SELECT id, blob FROM attachment WHERE tbl = ? AND record = ?", arguments: [table, record])
        .compactMap { row in row.text("id").flatMap { id in row.text("blob").map { (id: id, blob: $0) } } }
    }
    var blobs: [String] = []
    for photo in photos {
      if try await !hasLeft("attachment", photo.id) { blobs.append(photo.blob) }
    }
    return blobs
  }

  /// Deletes pictures that were withdrawn before they were sealed, where no other row of this device refers to them.
  private func letGo(_ blobs: [String]) async throws {
    let store = replica.blobs
    // Deletes inside a transaction: whoever files the same picture meanwhile keeps it after its rows are written.
    try await write { db in
      for hex in Set(blobs) where try Row.fetchOne(db, sql: "SELECT 1 FROM attachment WHERE blob = ?", arguments: [hex]) == nil {
        if let blob = BlobID(hex: hex) { store.remove(blob) }
      }
    }
  }

  private func removeAnswer(blob: String, day: CalendarDay, reason: String?) async throws {
    guard let report = try await report(day: day), let form = try await form(id: report.formID, version: report.formVersion) else { return }
    let left = report.answers.without(picture: blob)
    guard AnswerValue.json(left) != AnswerValue.json(report.answers) else { return }
    guard case .success(let answers) = try await judge(form, day: day).judge(left, over: report.answers) else {
      throw SurveyFieldError.photoNeeded
    }
    try await saveReport(day: day, answers: answers, reason: reason)
  }

  /// Returns the posts and photos whose ids begin with a prefix; photos also by the name of their picture, which lists show.
  public func withdrawable(idPrefix: String) async throws -> (posts: [String], photos: [String]) {
    try await read { db in
      func ids(_ table: String) throws -> [String] {
        try Row.fetchAll(db, sql: "SELECT id FROM \(table) WHERE substr(id, 1, ?) = ? LIMIT 2", arguments: [idPrefix.count, idPrefix])
          .compactMap { $0.text("id") }
      }
      let pictures = try Row.fetchAll(
        db, sql: "SELECT id FROM attachment WHERE substr(blob, 1, ?) = ? LIMIT 2", arguments: [idPrefix.count, idPrefix]
      ).compactMap { $0.text("id") }
      return (try ids("post"), Array(Set(try ids("attachment") + pictures)))
    }
  }

  /// Returns whether a row was sealed into a batch: from then on others may know of it.
  func hasLeft(_ table: String, _ key: String) async throws -> Bool {
    try await replica.why(table: table, key: .text(key), column: "unit").life > 0
  }
}

extension [String: AnswerValue] {
  /// Returns the answers without those that are a picture; an instance of a repeat with no other answer is removed, too.
  fileprivate func without(picture blob: String) -> [String: AnswerValue] {
    filter { $0.value.cell != blob }.mapValues { value in
      guard case .instances(let instances) = value else { return value }
      return .instances(instances.map { $0.filter { $0.value.cell != blob } }.filter { !$0.isEmpty })
    }
  }
}
