import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncStore

/// Bytes that no compression shortens, the same for a seed.
func noise(_ count: Int, seed: UInt64) -> Data {
  var bytes = Data(noisePool[..<count])
  var dice = Dice(seed)
  for place in 0..<min(16, count) { bytes[place] = UInt8(truncatingIfNeeded: dice.next()) }
  return bytes
}

/// Made once: a debug build takes its time for each byte.
private let noisePool: Data = {
  var dice = Dice(1)
  var bytes = Data(capacity: 300_008)
  while bytes.count < 300_000 { withUnsafeBytes(of: dice.next()) { bytes.append(contentsOf: $0) } }
  return bytes
}()

@Suite struct BlobStoreTests {
  private static func error(_ body: () throws -> Void) -> SyncError? {
    do {
      try body()
      return nil
    } catch { return error as? SyncError }
  }

  @Test func piecesBecomeAWholeHoweverOftenTheyCome() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    let content = noise(200_000, seed: 1)
    let id = BlobID(of: content)
    #expect(!store.has(id) && store.partCount(id) == 0)
    #expect(try store.put(content.prefix(70_000), of: id, at: 0, size: content.count) == 70_000)
    #expect(try store.put(content.prefix(70_000), of: id, at: 0, size: content.count) == 70_000)
    // One that reaches over what is here, and one that leaves a gap.
    #expect(try store.put(content[60_000..<100_000], of: id, at: 60_000, size: content.count) == 100_000)
    let gap = Self.error { try store.put(content[150_000...], of: id, at: 150_000, size: content.count) }
    #expect(gap?.code == .badRequest && gap?.expected == 100_000)
    #expect(!store.has(id) && store.partCount(id) == 100_000)
    #expect(try store.put(content[100_000...], of: id, at: 100_000, size: content.count) == content.count)
    #expect(try store.read(id) == content && store.byteCount(id) == content.count && store.partCount(id) == 0)
    #expect(try store.read(id, from: 199_990, count: 100) == content.suffix(10))
    #expect(try store.put(content.prefix(9), of: id, at: 0, size: content.count) == content.count)
    #expect(store.ids() == [id] && store.isSound(id))
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/blobs/\(id.hex.prefix(2))/\(id.hex.dropFirst(2).prefix(2))/\(id.hex)"))
  }

  @Test func aWholeThatIsNotWhatItsNameSaysIsForgotten() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    var content = noise(90_000, seed: 2)
    let id = BlobID(of: content)
    content[50_000] ^= 1
    try store.put(content.prefix(60_000), of: id, at: 0, size: content.count)
    #expect(Self.error { try store.put(content[60_000...], of: id, at: 60_000, size: content.count) }?.code == .damaged)
    #expect(!store.has(id) && store.partCount(id) == 0)
    content[50_000] ^= 1
    // A beginning that somebody left here does not spoil a whole.
    try store.put(noise(10, seed: 3), of: id, at: 0, size: content.count)
    #expect(try store.keep(content) == id && store.isSound(id))
  }

  @Test func sizesAndNamesFromOutsideAreBounded() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    let id = BlobID(of: Data([1]))
    for (bytes, offset, size) in [(0, 0, 0), (1, 0, BlobStore.blobBytesMax + 1), (5, 0, 4), (1, -1, 4), (1, 4, 4), (1, .max, .max)] {
      #expect(Self.error { try store.put(Data(count: bytes), of: id, at: offset, size: size) }?.code == .tooLarge)
    }
    let digits = id.hex
    for name in [
      "", "../../etc/passwd", String(digits.dropLast()), digits + "00", digits.uppercased(), digits.dropLast(2) + "/a", "\0" + digits,
    ] {
      #expect(BlobID(hex: name) == nil, "\(name)")
    }
    #expect(BlobID(hex: digits) == id)
  }

  /// A link where a beginning should be is not followed.
  @Test func aLinkInTheFolderIsNotFollowed() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    let content = noise(100, seed: 4)
    let (id, outside) = (BlobID(of: content), folder.path + "/outside")
    try Data("mine".utf8).write(to: URL(fileURLWithPath: outside))
    try FileManager.default.createDirectory(atPath: folder.path + "/blobs/part", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/blobs/part/" + id.hex, withDestinationPath: outside)
    #expect(Self.error { try store.put(content.prefix(9), of: id, at: 0, size: 100) }?.code == .diskFull)
    #expect(FileManager.default.contents(atPath: outside) == Data("mine".utf8))
  }

  @Test func manyAtOnceMakeOneWhole() async throws {
    let folder = try TemporaryFolder()
    let content = noise(300_000, seed: 5)
    let id = BlobID(of: content)
    await withTaskGroup(of: Void.self) { group in
      for seed in 0..<24 {
        group.addTask {
          let store = BlobStore(folder: folder.path + "/blobs")
          var dice = Dice(UInt64(seed))
          var offset = 0
          while offset < content.count {
            let end = min(content.count, offset + Int.random(in: 1...40_000, using: &dice))
            do { offset = try store.put(content[offset..<end], of: id, at: offset, size: content.count) } catch {
              offset = 0
            }
          }
        }
      }
    }
    let store = BlobStore(folder: folder.path + "/blobs")
    #expect(store.isSound(id) && store.ids() == [id])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/blobs/part") == [])
  }

  @Test func beginningsAreBoundedAndWholesAreNot() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    let whole = try store.keep(noise(50_000, seed: 6))
    for seed in 10..<20 {
      let content = noise(1000, seed: UInt64(seed))
      try store.put(content.prefix(900), of: BlobID(of: content), at: 0, size: 1000)
    }
    store.trimParts(bytesMax: 4000)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/blobs/part").count == 4)
    #expect(store.has(whole))
  }
}
