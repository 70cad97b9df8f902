internal import Foundation
internal import SyncCore
internal import SyncStore

/// A piece of a blob that came by file before the pieces in front of it, or before any row that refers to the blob. It is put once
/// both are there.
struct EarlyPiece: Hashable, Sendable {
  var id: BlobID
  /// Who is said to have sent it: pieces of two are never joined.
  var from: ReplicaID
  var offset: Int
  /// The whole blob's, in bytes.
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

/// Early pieces lie among the beginnings, and are bounded with them: see `trimParts`.
extension BlobStore {
  private func path(_ piece: EarlyPiece) -> String { "\(folder)/part/\(piece.name)" }

  /// - Throws: `SyncError` `.diskFull`; nothing is kept then.
  func keep(_ bytes: Data, as piece: EarlyPiece) throws {
    try makeFolder("part")
    do { try bytes.write(to: URL(fileURLWithPath: path(piece)), options: .atomic) } catch { throw unwritable }
  }

  /// Those of one blob and sender together, in the order of their offsets.
  func earlyPieces() -> [EarlyPiece] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/part")) ?? []
    return names.compactMap { EarlyPiece(name: $0) }.sorted {
      ($0.id.hex, $0.from, $0.offset) < ($1.id.hex, $1.from, $1.offset)
    }
  }

  func bytes(of piece: EarlyPiece) -> Data? { FileManager.default.contents(atPath: path(piece)) }

  func forget(_ piece: EarlyPiece) { _ = unlink(path(piece)) }
}
