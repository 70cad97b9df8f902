internal import Crypto
public import Foundation
public import GRDB
internal import SwiftProtobuf
public import SyncCore
public import SyncStore

/// Field store: an ordinary SQLite database whose declared tables are logged, sealed, exchanged and kept in step.
///
/// Write with plain GRDB through `database`; changes are captured in the same transaction. Call `sync` when there is a network, as
/// often as you like. Safe to use from any task; only one process at a time should sync.
public final class Replica: Sendable {
  /// App's database. Undeclared tables in it stay local.
  public let database: DatabasePool
  /// Path of the database.
  public let path: String
  let shapes: [String: TableShape]
  let tablesByNumber: [Int: TableShape]
  let keyStore: any KeyStore
  let clock: any WallClock
  let capture: CaptureContext
  let dropBox: DropBoxContext
  let steps = FaultPoints()
  /// Copy of a store that cannot be written, if this is one: see `openForReading`.
  let copy: ReadingCopy?

  /// Opens or creates the store, runs the app's migrations, and checks every declared table.
  ///
  /// - Parameters:
  ///   - path: The database file; its key file lies beside it unless `keyStore` says otherwise.
  ///   - migrator: Creates the app's tables; nil when they exist.
  ///   - create: True to create a missing file; otherwise a missing file is an error.
  /// - Throws: `SyncError`: `.badSchema` names every mistake at once; `.storeMissing`, `.storeDamaged`, `.storeNewer`, `.diskFull`
  ///   leave the file as it was.
  public static func open(
    at path: String, tables: [ReplicatedTable], migrator: DatabaseMigrator? = nil, keyStore: (any KeyStore)? = nil,
    clock: any WallClock = SystemClock(), create: Bool = true
  ) throws -> Replica {
    guard create || FileManager.default.fileExists(atPath: path) else {
      throw SyncError(.storeMissing, vi: "Không có cơ sở dữ liệu \(path).", en: "There is no database at \(path).")
    }
    if !create { try SyncError.refuseEmptyStore(path) }
    let keyStore = keyStore ?? FileKeyStore(path: path + ".key")
    try refuseBlankStore(path, keyStore)
    PrivateFile.protectStore(path, creating: create)
    return try SyncError.explainingSync(path) {
      try Replica(path: path, tables: tables, migrator: migrator, keyStore: keyStore, clock: clock)
    }
  }

  /// Throws when a store has no engine tables although its key exists: the device's data is gone, and it must not begin again as if
  /// it had held none. A file that cannot be read passes: opening it will report the fault. Changes nothing.
  static func refuseBlankStore(_ path: String, _ keyStore: any KeyStore) throws {
    guard StoreFile.size(path) > 0, (try? keyStore.load()) != nil else { return }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(StoreSettings.busyTimeoutMs) / 1000)
    guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return }
    defer { try? queue.close() }
    guard (try? queue.read { try $0.tableExists("sync_state") }) == false else { return }
    throw SyncError(
      .storeDamaged,
      vi:
        "\(path) trống trong khi khóa \(path).key còn đó: đặt lại tệp \(path)-wal bên cạnh, hoặc khôi phục cả hai từ bản sao; đừng ghi danh lại lên tệp này.",
      en:
        "\(path) holds nothing although its key \(path).key is there: put \(path)-wal back beside it, or restore both from a copy; do not enrol onto this file."
    )
  }

  init(
    path: String, tables: [ReplicatedTable], migrator: DatabaseMigrator?, keyStore: any KeyStore, clock: any WallClock,
    copy: ReadingCopy? = nil
  ) throws {
    self.path = path
    self.copy = copy
    self.keyStore = keyStore
    self.clock = clock
    capture = CaptureContext(clock: clock)
    dropBox = DropBoxContext()
    var configuration = StoreSettings.configuration()
    capture.install(in: &configuration)
    dropBox.install(in: &configuration)
    configuration.label = "synckit"
    database = try DatabasePool(path: path, configuration: configuration)
    let all = MetadataSchema.ownTables + tables
    try database.read { db in try MetadataSchema.check(db, records: .byKey) }
    if let migrator { try SchemaRehearsal.migrate(database, migrator, tables: all, records: .byKey, capture: capture) }
    shapes = try database.write { [capture, order = dropBox.order] db in
      try StoreSettings.set(db, for: .field)
      capture.observe(db)
      db.add(transactionObserver: order, extent: .databaseLifetime)
      try MetadataSchema.migrate(db, metadataFor: all, records: .byKey)
      for schema in [
        Outbox.schema, RecordIndex.schema, Acknowledgements.schema, IdentityHistory.schema, KeptPages.schema, SyncNotice.schema,
        BlobTable.schema,
        RefusedOutbox.schema,
      ] {
        try db.execute(sql: schema)
      }
      try db.execute(sql: DropBoxTriggers.schema)
      let shapes = try SchemaCheck.shapes(of: all, in: db)
      for shape in shapes {
        try CaptureTriggers.install(shape, in: db)
        capture.declare(shape)
      }
      for index in BlobReferences.indexes(of: shapes) { try db.execute(sql: index) }
      let session = SQLiteSession(db: db)
      try PageApplier.fetchAgain(for: shapes, in: session)
      let byName = Dictionary(uniqueKeysWithValues: shapes.map { ($0.name, $0) })
      try UnknownColumnsMigration(rows: RowStore(session: session, shapes: byName), quietly: { body in try capture.suspended(body) })
        .apply()
      return byName
    }
    tablesByNumber = Dictionary(uniqueKeysWithValues: shapes.values.map { ($0.id, $0) })
    for shape in shapes.values where shape.declaration.kind == .anonymous { dropBox.declare(shape) }
    // Opens without a key, too: the store can still be read, and enrolled again.
    do { try loadDropKeys() } catch let error as SyncError where error.code == .keyUnusable {}
    // Truncates the log, which a reader may have kept when the last answer came.
    database.writeWithoutTransaction { [order = dropBox.order] db in _ = order.cutLog(db, waitMs: 0) }
  }

  // MARK: Anonymous rows

  /// Runs `body`, which inserts many anonymous rows in the open transaction. The order of the rows is hidden once, at the end,
  /// instead of after each of them.
  public func insertTogether<T>(in db: Database, _ body: () throws -> T) throws -> T { try dropBox.order.together(in: db, body) }

  /// Returns 32 bytes derived from the device's key, different for each purpose: for hashes in the store that nobody can compute
  /// from the store alone.
  ///
  /// - Throws: `SyncError` `.notEnrolled`.
  public func secret(for purpose: String) throws -> Data {
    let key = SymmetricKey(data: try secrets().signingKey.rawRepresentation)
    return Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/secret/1\0\(purpose)".utf8), using: key))
  }

  /// Removes from the device's files the order in which anonymous rows were inserted. Call this before telling people that their
  /// answer was received; usually nothing is left to do.
  ///
  /// - Returns: False while another program reads the store for long; the next `open` tries again.
  public func forgetOrder() async throws -> Bool {
    guard dropBox.order.isLogDue else { return true }
    return try await SyncError.explaining(path) {
      try await database.writeWithoutTransaction { [order = dropBox.order] db in order.cutLog(db, waitMs: PacketOrder.waitMs) }
    }
  }

  /// Closes the database; the replica cannot be used afterwards.
  public func close() throws {
    try database.close()
    LogCheckpointer.leave(path)
  }

  // MARK: Transactions of the engine

  /// Runs a write transaction of the engine.
  func engineWrite<T: Sendable>(_ body: @Sendable @escaping (EngineTransaction) throws -> T) async throws -> T {
    try await SyncError.explaining(path) {
      let result = try await database.write { [self] db in
        let session = SQLiteSession(db: db, listener: steps.listener)
        let rows = RowStore(session: session, shapes: shapes)
        let transaction = EngineTransaction(
          session: session, rows: rows, state: StateStore(session: session), outbox: Outbox(session: session))
        let result = try body(transaction)
        try rows.flush()
        for table in rows.touched { try db.notifyChanges(in: Table(table)) }
        try steps.reached(.beforeCommit)
        return result
      }
      try steps.reached(.committed)
      return result
    }
  }

  func engineRead<T: Sendable>(_ body: @Sendable @escaping (EngineTransaction) throws -> T) async throws -> T {
    try await SyncError.explaining(path) {
      try await database.read { [self] db in
        let session = SQLiteSession(db: db)
        return try body(
          EngineTransaction(
            session: session, rows: RowStore(session: session, shapes: shapes), state: StateStore(session: session),
            outbox: Outbox(session: session)))
      }
    }
  }

  struct EngineTransaction {
    let session: any SQLSession
    let rows: RowStore
    let state: StateStore
    let outbox: Outbox
  }

  // MARK: Seal and apply

  /// Seals everything pending into batches, durably. Does nothing when nothing is pending.
  ///
  /// - Throws: `SyncError` `.notEnrolled` before enrolment: the changes stay pending.
  public func seal() async throws {
    let key = try secrets().signingKey
    _ = try await engineWrite { [self] transaction in try seal(in: transaction, key: key) }
  }

  /// Seals everything pending.
  ///
  /// - Returns: Whether there was anything to seal.
  func seal(in transaction: EngineTransaction, key: SigningKey) throws -> Bool {
    let state = transaction.state
    guard try state.value("hub").blob != nil else { throw Self.notEnrolled }
    try check(key, in: state)
    var any = false
    while true {
      let order = FieldOrder(clock: try state.clock)
      let sealer = Sealer(rows: transaction.rows, replica: key.replica)
      let sealed = try capture.suspended {
        try sealer.sealPending(tables: tablesByNumber, order: order, nowMs: clock.nowMs(), offsetMs: try state.integer("offsetMs"))
      }
      guard sealed.entries > 0 else { return any }
      any = true
      let cursor = try state.value("cursor").blob ?? Data()
      for scope in sealed.units.keys.sorted() {
        for units in Urgency.groups(of: sealed.units[scope] ?? [], isUrgent: { self.shapes[$0]?.declaration.isUrgent ?? false }) {
          try transaction.outbox.append(units, scope: scope, cursor: cursor, rules: try transaction.rows.rules(of: units), key: key)
        }
      }
      try state.save(order.clock)
      try state.add("entriesSealed", sealed.entries)
      try state.add("entriesCoalesced", sealed.entries - sealed.changes)
      if sealed.entries < Sealer.entriesMax { return any }
    }
  }

  /// Applies a page: seals first, then merges, and moves the cursor and the clock, all in one transaction.
  ///
  /// - Parameters:
  ///   - bytes: The page as the hub signed it, to be kept until the hub has backed it up.
  ///   - asked: The cursor with which the page was requested. The page is ignored when another process has moved the cursor since.
  func apply(
    _ page: PageContent, bytes: Data, after asked: Data? = nil
  ) async throws -> (applied: PageApplier.Applied, sealedMore: Bool) {
    let key = try secrets().signingKey
    guard page.reader == key.replica else {
      throw SyncError(.badCursor, vi: "Trang dữ liệu dành cho thiết bị khác.", en: "The feed page was made for another device.")
    }
    return try await engineWrite { [self] transaction in
      let sealedMore = try seal(in: transaction, key: key)
      var hlc = try transaction.state.clock
      let lineage = try IdentityHistory.load(current: key.replica, in: transaction.session)
      let applier = PageApplier(rows: transaction.rows, outbox: transaction.outbox, lineage: lineage)
      let applied = try capture.suspended { try applier.apply(page, after: asked, clock: &hlc) }
      try transaction.state.save(hlc)
      let pages = KeptPages(session: transaction.session)
      try pages.keep(page, bytes: bytes)
      try pages.drop(backedUp: page.backedUp)
      try transaction.outbox.trim(backedUp: page.backedUp, incarnation: page.incarnation)
      let letGo = try transaction.outbox.trim(hubTimeMs: page.hubTimeMs)
      var result = applied
      result.notices += [letGo].compactMap(\.self)
      // Skips the comparison while the feed begins again.
      guard page.isHead, !applied.beginsAnew else { return (result, sealedMore) }
      let isDoubtful = try transaction.outbox.doubtUnseen()
      let recovered = try recover(in: transaction, key: key, lineage: lineage, isAtHead: true, hubTimeMs: page.hubTimeMs)
      result.notices += recovered.notices
      return (result, sealedMore || isDoubtful || recovered.isSealed)
    }
  }

  /// Seals again what the hub lost and whose batches are no longer here.
  ///
  /// - Returns: A notice for each scope, saved already, and whether anything was sealed.
  private func recover(
    in transaction: EngineTransaction, key: SigningKey, lineage: IdentityHistory, isAtHead: Bool, hubTimeMs: UInt64
  ) throws -> (notices: [SyncNotice], isSealed: Bool) {
    let order = FieldOrder(clock: try transaction.state.clock)
    let recovery = Recovery(rows: transaction.rows, outbox: transaction.outbox, key: key, lineage: lineage, order: order)
    var differs = false
    if case .differs = Agreement(stored: try transaction.state.value("agreement").text) { differs = true }
    let (sealed, isCompleted) = try capture.suspended {
      let sealed = try recovery.recoverOwn(isAtHead: isAtHead, differs: differs)
      return (sealed, try sealed.isEmpty && isAtHead && recovery.completeRows())
    }
    guard !sealed.isEmpty || isCompleted else { return ([], false) }
    try transaction.state.save(order.clock)
    try transaction.state.set("agreement", .text(Agreement.outstanding.stored))
    let notices = sealed.map { $0.notice(atMs: hubTimeMs) }
    for notice in notices { try notice.save(in: transaction.session) }
    return (notices, true)
  }

  /// Applies a page of a snapshot in the same way.
  ///
  /// - Parameters:
  ///   - asked: The cursor with which the page was requested.
  ///   - place: The snapshot's continuation at that time. The page is ignored when either has moved since: it would bring old rows
  ///     back.
  func apply(
    _ page: SnapshotContent, after asked: Data, place: Data
  ) async throws -> (notice: SyncNotice?, sealedMore: Bool) {
    let key = try secrets().signingKey
    guard page.reader == key.replica else {
      throw SyncError(.badCursor, vi: "Trang dữ liệu dành cho thiết bị khác.", en: "The page was made for another device.")
    }
    return try await engineWrite { [self] transaction in
      let sealedMore = try seal(in: transaction, key: key)
      let standing = try SnapshotCursor(session: transaction.session).next(scope: page.scope)
      guard try standing == place && transaction.state.value("cursor").blob ?? Data() == asked else { return (nil, sealedMore) }
      let lineage = try IdentityHistory.load(current: key.replica, in: transaction.session)
      // Recovers before a snapshot's first page, which replaces everything that is in no batch.
      let recovered =
        try place.isEmpty
        ? recover(in: transaction, key: key, lineage: lineage, isAtHead: false, hubTimeMs: page.hubTimeMs).isSealed : false
      var hlc = try transaction.state.clock
      let applier = PageApplier(rows: transaction.rows, outbox: transaction.outbox, lineage: lineage)
      let notice = try capture.suspended { try applier.apply(page, clock: &hlc) }
      try transaction.state.save(hlc)
      return (notice, sealedMore || recovered)
    }
  }

  /// Returns the secrets, with the key of the present identity.
  ///
  /// - Throws: `SyncError` `.notEnrolled` before enrolment, `.keyUnusable` when the secrets of an enrolled device are gone.
  func secrets() throws -> ReplicaSecrets {
    let loaded = try loadedSecrets()
    if let loaded, loaded.nextKey == nil, loaded.earlierKeys.isEmpty { return loaded }
    let certificate = try database.read { db in try StateStore(session: SQLiteSession(db: db)).value("certificate").blob }
    guard var secrets = loaded else { throw certificate == nil ? Self.notEnrolled : keyMissing }
    // Follows the certificate in the database: the key file may be a step behind it, or newer than an old copy put back.
    if let certificate, secrets.use(try Self.publicKey(in: certificate)) { try keyStore.save(secrets) }
    return secrets
  }

  /// - Throws: `SyncError` `.keyUnusable` with the ways out.
  func loadedSecrets() throws -> ReplicaSecrets? {
    do { return try keyStore.load() } catch let error as SyncError where error.code == .keyUnusable {
      throw KeyTrouble.explained(error.explanation)
    }
  }

  private static func publicKey(in certificate: Data) throws -> Data {
    let name = LocalizedText(vi: "chứng nhận", en: "certificate")
    return try WireCertificate.parse(try WireSigned.parse(certificate, named: name).body, named: name).publicKey
  }

  private var keyMissing: SyncError {
    let place = (keyStore as? FileKeyStore)?.path ?? path
    return KeyTrouble.explained(
      LocalizedText(
        vi: "Thiếu tệp khóa \(place). Khôi phục tệp đó từ bản sao; dữ liệu còn nguyên, đừng xóa cơ sở dữ liệu.",
        en: "The key file \(place) is missing. Restore it from a copy; the data is intact, do not delete the database."))
  }

  /// Throws when a key is not the certificate's: a batch sealed with another device's key could never be delivered, or sealed
  /// again.
  func check(_ key: SigningKey, in state: StateStore) throws {
    guard let bytes = try state.value("certificate").blob, let signed = try? WireSigned(serializedBytes: bytes),
      let certificate = try? WireCertificate(serializedBytes: signed.body), certificate.publicKey == key.publicKey
    else {
      let place = (keyStore as? FileKeyStore)?.path ?? path
      throw KeyTrouble.explained(
        LocalizedText(
          vi: "Tệp khóa \(place) không phải của kho dữ liệu này. Khôi phục đúng tệp từ bản sao; đừng xóa cơ sở dữ liệu.",
          en: "The key file \(place) is not this store's. Restore the right one from a copy; do not delete the database."))
    }
  }

  static var notEnrolled: SyncError {
    SyncError(.notEnrolled, vi: "Thiết bị chưa ghi danh với máy chủ tỉnh.", en: "The device is not enrolled with a hub yet.")
  }
}
