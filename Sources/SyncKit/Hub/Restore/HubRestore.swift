internal import SyncCore
internal import SyncStore

/// Restore of the hub's store: how the hub noticed it, and what came back since (L11).
public struct HubRestore: Sendable, Hashable, Codable {
  /// Hub time in milliseconds at which the incarnation after the restore began.
  public var atMs: UInt64
  /// True when a backup was put in place; false when a device proved that the store was put back by other means.
  public var isBackup: Bool
  /// Lost units that came back, from pages of the feed or from their authors, until the next restore.
  public var unitsBack: Int
  /// Lost units that only pages of their authors name. They come when those devices do. Counted for the newest restore.
  public var unitsMissing: Int
  /// Devices that the store did not know, and learned again from their certificates.
  public var devicesRelearned: Int
  /// True when an operator compared the devices with those revoked since the copy was made: lost revocations do not come back by
  /// themselves.
  public var isConfirmed: Bool
  /// Org units whose devices hold a key from a later revocation, which the store does not remember. Of the newest restore.
  public var unitsRevoked: [String] = []

  /// Sentence that says what was noticed and done.
  public var explanation: LocalizedText {
    let listed = unitsRevoked.prefix(5).joined(separator: ", ") + (unitsRevoked.count > 5 ? ", …" : "")
    let known =
      unitsRevoked.isEmpty
      ? LocalizedText("") : LocalizedText(vi: ", trong đó có ở \(listed)", en: ", among them of devices of \(listed)")
    let check =
      isConfirmed
      ? LocalizedText(vi: "đã đối chiếu thu hồi", en: "revocations were checked")
      : LocalizedText(
        vi: "việc thu hồi thiết bị sau bản đó đã mất\(known.vi): đối chiếu `hub devices list`, rồi `hub devices confirm`",
        en: "revocations since then are lost\(known.en): check `hub devices list`, then `hub devices confirm`")
    let cause =
      isBackup
      ? LocalizedText(vi: "Kho được khôi phục từ bản sao lưu", en: "The store was restored from a backup")
      : LocalizedText(vi: "Thiết bị cho thấy kho đã bị đưa về bản cũ", en: "A device showed that the store was put back to an older copy")
    return LocalizedText(
      vi:
        "\(cause.vi): thiết bị đã trả lại \(unitsBack) đơn vị dữ liệu, còn thiếu \(unitsMissing), nhận lại \(devicesRelearned) thiết bị; \(check.vi).",
      en:
        "\(cause.en): devices gave back \(unitsBack) units, \(unitsMissing) are still missing, \(devicesRelearned) devices were learned again; \(check.en)."
    )
  }

  /// Returns every restore that the store knows of, oldest first.
  public static func all(in session: any HubSession) throws -> [HubRestore] {
    let lives = try IncarnationTable(session: session).all()
    let relearned = try session.rows("SELECT at_ms FROM hub_relearned").compactMap { $0[0].integer.map { UInt64(max(0, $0)) } }
    let missing = try session.integer("SELECT count(*) FROM (SELECT DISTINCT hash, unit FROM hub_returned WHERE position IS NULL)") ?? 0
    let unitsRevoked = try lives.first.map { try UnitKeyTable.lostRevocations(sinceMs: $0.startedMs, in: session) } ?? []
    return lives.enumerated().reversed().compactMap { index, life in
      guard life.cause != .first else { return nil }
      let end = index > 0 ? lives[index - 1].startedMs : .max
      return HubRestore(
        atMs: life.startedMs, isBackup: life.cause == .restored, unitsBack: life.unitsBack,
        unitsMissing: index == 0 ? Int(missing) : 0,
        devicesRelearned: relearned.count { $0 >= life.startedMs && $0 < end }, isConfirmed: life.isConfirmed,
        unitsRevoked: index == 0 ? unitsRevoked : [])
    }
  }
}

extension Hub {
  /// Records that an operator compared the devices with the revocations that a restore may have lost.
  ///
  /// - Returns: How many devices were to be confirmed.
  public func confirmRestores() async throws -> Int {
    let now = clock.nowMs()
    return try await store.write { session in
      try session.execute("UPDATE hub_life SET confirmed_ms = ?1 WHERE confirmed_ms IS NULL", [.integer(Int64(clamping: now))])
      return try session.rows(
        "UPDATE hub_relearned SET confirmed_ms = ?1 WHERE confirmed_ms IS NULL RETURNING 1", [.integer(Int64(clamping: now))]
      ).count
    }
  }
}
