internal import Foundation
internal import SyncCore
internal import SyncStore

/// Piece of a blob that arrived by file too early: before the pieces in front of it, or before a row that refers to the blob. The
/// piece is stored once both are there.
struct EarlyPiece: Hashable, Sendable {
  var id: BlobID
  /// Device that sent the piece, as the bundle says. Pieces of two devices are never joined.
  var from: ReplicaID
  var offset: Int
  /// Size of the whole blob in bytes.
  var size: Int

  init(id: BlobID, from: ReplicaID, offset: Int, size: Int) {
    (self.id, self.from, self.offset, self.size) = (id, from, offset, size)
  }

  fileprivate var name: String { "\(id.hex).\(from.bytes.hex).\(offset).\(size)" }

  fileprivate init?(name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, let id = BlobID(hex: parts[0]), let from = Data(hex: parts[1]).flatMap({ ReplicaID(bytes: $0) }),
      let offset = Int(parts[2]), let size = Int(parts[3])
    else { return nil }
    self.init(id: id, from: from, offset: offset, size: size)
  }
}

/// Storage of early pieces, in the folder of incomplete blobs and under the same limit: see `trimParts`.
extension BlobStore {
  private func path(_ piece: EarlyPiece) -> String { "\(folder)/part/\(piece.name)" }

  /// Keeps an early piece.
  ///
  /// - Throws: `SyncError` `.diskFull`; no file is kept then.
  func keep(_ bytes: Data, as piece: EarlyPiece) throws {
    try makeFolder("part")
    do { try bytes.write(to: URL(fileURLWithPath: path(piece)), options: .atomic) } catch { throw unwritable }
  }

  /// Returns the kept pieces, grouped by blob and sender, in the order of their offsets.
  func earlyPieces() -> [EarlyPiece] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/part")) ?? []
    return names.compactMap { EarlyPiece(name: $0) }.sorted {
      ($0.id.hex, $0.from, $0.offset) < ($1.id.hex, $1.from, $1.offset)
    }
  }

  func bytes(of piece: EarlyPiece) -> Data? { FileManager.default.contents(atPath: path(piece)) }

  func forget(_ piece: EarlyPiece) { _ = unlink(path(piece)) }
}
