internal import Foundation
public import SyncCore
public import SyncStore

extension Replica {
  /// Examines a device's store without changing it: the file, the capture triggers, every row and sum, every sealed batch with its
  /// chain, signature and receipt, the key file and the counts. Other programs may go on using it.
  ///
  /// - Parameters:
  ///   - keyStore: Storage of the secrets; nil for the file beside the database.
  ///   - progress: Called with the progress of each stage.
  /// - Throws: `SyncError` when there is no store of these tables to examine. Problems of a store are in the result.
  /// - Complexity: O(rows + bytes of the outbox); memory is bounded by one batch.
  public static func examine(
    at path: String, tables: [ReplicatedTable], keyStore: (any KeyStore)? = nil, progress: @escaping Examination.Progress = { _, _, _ in }
  ) async throws -> Examination {
    let keyStore = keyStore ?? FileKeyStore(path: path + ".key")
    try refuseBlankStore(path, keyStore)
    return try await ExaminedStore.examine(path, tables: tables) { store in
      let examiner = Examiner(progress)
      store.checkFile(examiner)
      store.checkTriggers(examiner, capturesPackets: true)
      RowExamination(store: store, examiner: examiner).run()
      OutboxExamination(store: store, examiner: examiner).run(keyStore: keyStore)
      return examiner.result
    }
  }
}

extension Replica {
  /// Returns the rows here that are not as their tables declare them.
  public func misformedRows() async throws -> [MisformedRow] {
    try await engineRead { [shapes] in try MisformedRow.all(of: shapes.values, in: $0.session) }
  }
}
