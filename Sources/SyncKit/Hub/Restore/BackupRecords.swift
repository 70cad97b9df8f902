public import Foundation
internal import GRDB
internal import SyncCore
internal import SyncStore

/// Finished backup of a hub, as its store or a later backup remembers it.
public struct BackupRecord: Sendable, Hashable, Codable {
  /// Number of the backup in its store. A restored store continues the numbers that it knows.
  public var id: UInt64
  /// Hub time in milliseconds when the copy began.
  public var begunMs: UInt64
  /// Last position of each scope in the backup.
  public var positions: [String: UInt64]
  /// Packets that had arrived by then, released or not; nil when an earlier program made the backup.
  public var answers: UInt64?

  public init(id: UInt64, begunMs: UInt64, positions: [String: UInt64], answers: UInt64? = nil) {
    self.id = id
    self.begunMs = begunMs
    self.positions = positions
    self.answers = answers
  }
}

/// Data that a backup lacks and that devices no longer keep, because two newer backups hold it.
public struct BackupGap: Sendable, Hashable, Codable {
  /// Units missing, and their scopes.
  public var units: Int
  public var scopes: [String]
  /// Anonymous answers missing. Nobody has them any more.
  public var answers: Int
  /// Newer backups that are known.
  public var newerBackups: Int

  /// - Parameters:
  ///   - backup: The backup about to be restored.
  ///   - known: Finished backups that any file at hand remembers, in any order.
  /// - Returns: Nil when devices still keep all that the backup lacks, as far as is known.
  public init?(restoring backup: BackupRecord, known: [BackupRecord]) {
    func isNewer(_ one: BackupRecord, than other: BackupRecord) -> Bool { (one.begunMs, one.id) > (other.begunMs, other.id) }
    let newer = Set(known).filter { isNewer($0, than: backup) }.sorted { isNewer($0, than: $1) }
    guard newer.count > 1 else { return nil }
    var units = 0
    var scopes: [String] = []
    for (scope, position) in newer[1].positions.sorted(by: { $0.key < $1.key }) {
      let here = backup.positions[scope] ?? 0
      if position > here {
        units += Int(clamping: position - here)
        scopes.append(scope)
      }
    }
    let most = newer[1].answers ?? 0
    let here = backup.answers ?? most
    let answers = most > here ? Int(clamping: most - here) : 0
    guard units > 0 || answers > 0 else { return nil }
    (self.units, self.scopes, self.answers, newerBackups) = (units, scopes, answers, newer.count)
  }

  /// Sentence for the person who restores.
  public var explanation: LocalizedText {
    let (data, lost) = (dataExplanation, answersExplanation)
    return LocalizedText(
      vi: (["Bản này cũ hơn \(newerBackups) bản sao lưu khác."] + [data, lost].compactMap { $0?.vi }).joined(separator: " "),
      en: (["This backup is older than \(newerBackups) others."] + [data, lost].compactMap { $0?.en }).joined(separator: " "))
  }

  private var answersExplanation: LocalizedText? {
    guard answers > 0 else { return nil }
    return LocalizedText(
      vi: "\(answers) phiếu kín mà các thiết bị đã bỏ vì có trong hai bản mới hơn sẽ MẤT: không ai còn giữ.",
      en:
        "\(answers) anonymous answers, which devices let go of because two newer backups hold them, will be LOST: nobody has them any more."
    )
  }

  private var dataExplanation: LocalizedText? {
    guard units > 0 else { return nil }
    let shown = scopes.prefix(5).joined(separator: ", ") + (scopes.count > 5 ? ", …" : "")
    return LocalizedText(
      vi:
        "Các thiết bị đã bỏ \(units) đơn vị dữ liệu mà nó không có (\(scopes.count) nơi: \(shown)): lấy lại được những gì còn hiệu lực trên thiết bị, còn việc của thiết bị đã mất thì phải chạy `hub devices mend`.",
      en:
        "Devices have let go of \(units) units of data that it lacks (\(scopes.count) places: \(shown)): what stands on devices comes back, and the work of lost devices needs `hub devices mend`."
    )
  }
}

extension Hub {
  /// History that a hub's store or backup records of itself, read without changing the file.
  public struct BackupHistory: Sendable, Hashable {
    /// First incarnation of the store: the same in every copy of one hub's store.
    public var origin: Data
    /// Record of the backup in this file; nil for a hub's store.
    public var own: BackupRecord?
    public var records: [BackupRecord]
  }

  /// Reads the history in a file.
  ///
  /// - Returns: Nil when the file is no store or backup of a hub, or cannot be read.
  public static func backupHistory(of path: String) -> BackupHistory? {
    guard let file = FileHandle(forReadingAtPath: path), let head = try? file.read(upToCount: 16) else { return nil }
    try? file.close()
    guard head == Data("SQLite format 3\0".utf8) else { return nil }
    var configuration = Configuration()
    configuration.readonly = true
    guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return nil }
    defer { try? queue.close() }
    return try? queue.read { db in
      let session = SQLiteSession(db: db)
      guard let origin = try session.firstRow("SELECT id FROM hub_incarnation ORDER BY started_ms, seq LIMIT 1")?[0].blob else {
        return nil
      }
      var positions: [String: UInt64] = [:]
      for row in try session.rows("SELECT scope, position FROM hub_scope") {
        if let scope = row[0].text { positions[scope] = UInt64(max(0, row[1].integer ?? 0)) }
      }
      let isBackup = try StateStore(session: session).integer(BackupLog.copyFlag) == 1
      let own = try isBackup ? session.firstRow("SELECT id, begun_ms FROM hub_backup ORDER BY id DESC LIMIT 1") : nil
      let answers = try DropCounts.kept(in: session)
      let hasPositions = try db.tableExists("hub_backup_position")
      return BackupHistory(
        origin: origin,
        own: own.map { row in
          BackupRecord(
            id: UInt64(max(0, row[0].integer ?? 0)), begunMs: UInt64(max(0, row[1].integer ?? 0)), positions: positions, answers: answers)
        },
        records: hasPositions ? try BackupLog(session: session).records() : [])
    }
  }

  /// Returns the finished backups that the store remembers, newest first.
  public func backupRecords() async throws -> [BackupRecord] { try await read { try BackupLog(session: $0).records() } }
}
