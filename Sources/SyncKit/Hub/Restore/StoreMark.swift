internal import Foundation
internal import GRDB
internal import SyncCore
internal import SyncStore

/// High-water mark of a hub's store, kept beside the hub's keys too, so that a store that lost its content is not taken for an
/// empty hub.
///
/// The number is raised now and then, in the store first and then beside the keys. A store with a lower number is an older copy, or
/// has lost its write-ahead log, where the newest number is until SQLite copies the log into the store.
struct StoreMark: Codable, Hashable {
  /// First incarnation of the store: the same in every copy of it.
  var origin: Data
  var number: UInt64

  /// State key of the number in the store.
  static let stateName = "storeMark"
  private static let bytesMax = 4096

  private static func path(in keysFolder: String) -> String { keysFolder + "/store.json" }

  /// Reads the mark beside the keys; nil when none was written, or it cannot be read.
  init?(beside keysFolder: String) {
    guard let data = FileManager.default.contents(atPath: Self.path(in: keysFolder)), data.count <= Self.bytesMax,
      let mark = try? JSONDecoder().decode(StoreMark.self, from: data)
    else { return nil }
    self = mark
  }

  private init(origin: Data, number: UInt64) {
    self.origin = origin
    self.number = number
  }

  func write(beside keysFolder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try PrivateFile.write(try encoder.encode(self), to: Self.path(in: keysFolder))
  }

  /// Raises a store's number above its own and above `known`.
  static func raise(in session: any SQLSession, above known: UInt64) throws -> StoreMark {
    let state = StateStore(session: session)
    let own = UInt64(max(0, try state.integer(stateName)))
    let number = min(max(own, known), UInt64(Int64.max) - 1) + 1
    try state.set(stateName, .integer(Int64(number)))
    return StoreMark(origin: try origin(in: session) ?? Data(), number: number)
  }

  private static func origin(in session: any SQLSession) throws -> Data? {
    try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq LIMIT 1")?[0].blob
  }

  /// Throws when a store lost what the mark beside the keys says it held. Changes nothing.
  ///
  /// A file that cannot be read passes: opening it will report the fault.
  static func refuseLost(_ path: String, beside keysFolder: String) throws {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(StoreSettings.busyTimeoutMs) / 1000)
    guard StoreFile.size(path) > 0, let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return }
    defer { try? queue.close() }
    let known = StoreMark(beside: keysFolder)
    let fault = try? queue.read { db in
      guard try db.tableExists("hub_incarnation") else { return Self.blank(path) }
      let session = SQLiteSession(db: db)
      guard let origin = try origin(in: session) else { return Self.blank(path) }
      let state = StateStore(session: session)
      // Passes a backup that was put in place: it gets the next number when it is opened.
      guard let known, try state.integer(BackupLog.copyFlag) != 1 else { return nil }
      guard known.origin == origin else { return Self.foreign(path) }
      return try UInt64(max(0, state.integer(stateName))) < known.number ? Self.older(path) : nil
    }
    if let fault = fault ?? nil { throw fault }
  }

  private static func blank(_ path: String) -> SyncError {
    SyncError(
      .storeDamaged,
      vi:
        "\(path) không có gì của máy chủ, trong khi khóa bên cạnh là của một máy chủ đã làm việc: đặt lại tệp \(path)-wal bên cạnh, hoặc dời \(path) đi rồi dựng lại từ bản sao lưu mới nhất bằng `hub restore TỆP`.",
      en:
        "\(path) holds nothing of a hub, although the keys beside it are of a hub that was at work: put \(path)-wal back beside it, or move \(path) away and restore the newest backup with `hub restore FILE`."
    )
  }

  private static func older(_ path: String) -> SyncError {
    SyncError(
      .storeDamaged,
      vi:
        "\(path) cũ hơn những gì thư mục khóa biết (thiếu \(path)-wal, hoặc là bản chép cũ): đặt lại tệp -wal, hoặc dời \(path) đi rồi dựng lại từ bản sao lưu mới nhất, hay từ chính bản này, bằng `hub restore TỆP`.",
      en:
        "\(path) is older than the key folder knows (\(path)-wal is missing, or it is an old copy): put the -wal file back, or move \(path) away and restore the newest backup, or that very file, with `hub restore FILE`."
    )
  }

  private static func foreign(_ path: String) -> SyncError {
    SyncError(
      .storeDamaged,
      vi: "\(path) không phải kho của máy chủ có khóa bên cạnh: đặt lại đúng tệp, hoặc dời nó đi rồi chạy `hub restore TỆP`.",
      en:
        "\(path) is not the store of the hub whose keys lie beside it: put the right file back, or move it away and run `hub restore FILE`."
    )
  }
}

extension Hub {
  /// Throws when a store lost what the keys beside it say it held; the error says how to get it back. Changes nothing.
  public static func refuseLostStore(at path: String, keysFolder: String) throws {
    try StoreMark.refuseLost(path, beside: keysFolder)
  }

  /// Truncates the store's write-ahead log. Raises the number afterwards, if the keys have a mark: only the truncated log had the
  /// newest number.
  func cutLog() async throws {
    try await store.truncateLog()
    guard let folder = keyring.folder, StoreMark(beside: folder) != nil else { return }
    try await markStore(keysFolder: folder)
  }

  /// Raises the store's number, durably in the store and then beside the keys: see `StoreMark`. Call this when a hub begins to
  /// serve.
  public func markStore(keysFolder: String) async throws {
    let known = StoreMark(beside: keysFolder)?.number ?? 0
    let mark = try await store.write { try StoreMark.raise(in: $0, above: known) }
    try mark.write(beside: keysFolder)
  }
}
