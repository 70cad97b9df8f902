import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What a stranger may send: every damage must be refused with a `SyncError`, within bounds, and never trap.
@Suite struct CodecAttackTests {
  private let key: SigningKey
  private let author: VerifyingKey

  init() throws {
    key = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
    author = try #require(VerifyingKey(rawRepresentation: key.publicKey))
  }

  // MARK: Signed bytes

  private func refuses(_ bytes: Data, _ open: (Data) throws -> Void, _ comment: @autoclosure () -> String) {
    do {
      try open(bytes)
      Issue.record("accepted: \(comment())")
    } catch {
      if !(error is SyncError) { Issue.record("\(error) for \(comment())") }
    }
  }

  private func eachSample(_ body: (_ name: String, _ bytes: Data, _ open: (Data) throws -> Void) throws -> Void) throws {
    let signing = try #require(SigningKey(rawRepresentation: Conversation.hubPrivate))
    let hub = try #require(VerifyingKey(rawRepresentation: signing.publicKey))
    for name in ["batch-1", "batch-2"] {
      try body(name, try SampleFiles.load(name)) { _ = try BatchCodec.open(SealedBatch(bytes: $0), author: author) }
    }
    for name in ["page-author", "page-reader"] {
      try body(name, try SampleFiles.load(name)) { _ = try PageCodec.open($0, hub: hub) }
    }
    for name in ["receipt-1", "receipt-2"] { try body(name, try SampleFiles.load(name)) { _ = try hub.open($0, as: .receipt) } }
  }

  @Test func everyTruncationIsRefused() throws {
    try eachSample { name, bytes, open in
      try open(bytes)
      for count in 0..<bytes.count { refuses(bytes.prefix(count), open, "\(name) cut to \(count)") }
      refuses(bytes + [0], open, "\(name) with a byte more")
    }
  }

  @Test(.long) func everySingleBitFlipIsRefused() throws {
    try eachSample { name, bytes, open in
      for bit in 0..<bytes.count * 8 {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        refuses(damaged, open, "\(name) with bit \(bit) flipped")
      }
    }
  }

  /// A batch is named by the hash of all its bytes. If the same signed body had a second spelling, a courier could make a fork of it.
  @Test func aSecondSpellingOfAnEnvelopeIsRefused() throws {
    try eachSample { name, bytes, open in
      let wire = try WireSigned(serializedBytes: bytes)
      let signature = Data([0x12, 64]) + wire.signature
      var long = Data([0x0a])
      long.appendVarint(UInt64(wire.body.count))
      long[long.count - 1] |= 0x80
      long += [0] + wire.body + signature
      let spellings: [(String, Data)] = [
        ("an unknown field", bytes + [0x18, 1]), ("the signature first", signature + bytes.prefix(bytes.count - 66)),
        ("the signature twice", bytes + signature), ("an empty body before the body", [0x0a, 0] + bytes), ("a longer varint", long),
      ]
      for (spelling, other) in spellings {
        #expect(try WireSigned(serializedBytes: other).body == wire.body, "\(spelling) is protobuf all the same")
        refuses(other, open, "\(name) with \(spelling)")
      }
    }
  }

  @Test func aSignatureOfOneKindPassesForNoOther() throws {
    let body = try WireSigned(serializedBytes: try SampleFiles.load("batch-1")).body
    for made in SignedKind.allCases {
      let sealed = try key.sealed(body, as: made)
      for asked in SignedKind.allCases where asked != made {
        #expect { _ = try author.open(sealed, as: asked) } throws: { ($0 as? SyncError)?.code == .badSignature }
      }
    }
  }

  @Test(.long) func aCarrierCannotMakeAForkOfAnothersBatch() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let courier = try await world.device("b")
    try await device.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 12)")
    let entry = try await device.engineWrite { [device] transaction in
      _ = try device.seal(in: transaction, key: try device.secrets().signingKey)
      return try transaction.outbox.toSend()[0]
    }
    let bytes = try #require(try await device.engineRead { try $0.outbox.bytes(of: entry) }) + [0x18, 1]
    var request = HubRequest("PUT", "/v1/batches/\(bytes.sha256.hex)", body: bytes)
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try courier.secrets().signingKey)
    #expect(await world.hub.answer(request).status == 400)
    _ = try await device.sync(with: world.transport)
    #expect(try await world.hubNotes() == ["n1 12 - none"])
  }

  // MARK: Bodies, signature aside

  private func sealed(_ change: (inout WireBatch) -> Void) throws -> SealedBatch {
    var batch = try WireBatch(serializedBytes: try WireSigned(serializedBytes: try SampleFiles.load("batch-1")).body)
    change(&batch)
    return SealedBatch(bytes: try key.sealed(try batch.serializedData(), as: .batch))
  }

  /// What is wrong with the last unit that has a fault; why the whole batch is refused, or the error's code; nil when all is well.
  private func verdict(_ change: (inout WireBatch) -> Void) throws -> String? {
    do {
      let content = try BatchCodec.open(try sealed(change), author: author)
      return content.units.last { !$0.faults.isEmpty }?.faults.last?.detail
    } catch let refusal as BatchRefusal {
      return refusal.reason.rawValue
    } catch let error as SyncError {
      return error.code.rawValue
    }
  }

  private func column(_ values: [CellValue?]) throws -> WireColumn { try ColumnCoder.encode(name: "", cells: values) }

  @Test func theHeaderKeepsItsBounds() throws {
    #expect(try verdict { _ in } == nil)
    #expect(try verdict { $0.format = 2 } == "badRequest", "a later hub may read it")
    #expect(try verdict { $0.format = 0 } == "badRequest")
    #expect(try verdict { $0.replica = Data(count: 15) } == "badSignature")
    #expect(try verdict { $0.replica = Data(count: 16) } == "badSignature")
    for scope in ["", "a\0b", String(repeating: "x", count: WireLimits.nameBytesMax + 1)] {
      #expect(try verdict { $0.scope = scope } == "form")
    }
    for number: UInt64 in [0, 1 << 62, .max] { #expect(try verdict { $0.number = number } == "number") }
    #expect(try verdict { $0.number = 2 } == "previous", "without the batch before")
    #expect(try verdict { $0.previous = Data(count: 32) } == "previous", "the first has none before")
    #expect(
      try verdict {
        $0.number = 2
        $0.previous = Data(count: 31)
      } == "previous")
    #expect(try verdict { $0.cursor = Data(count: WireLimits.cursorBytesMax + 1) } == "cursor")
    #expect(try verdict { $0.unitStamps = [] } == "empty")
    #expect(try verdict { $0.unitStamps = Array(repeating: 1, count: WireLimits.unitsMax + 1) } == "units")
    #expect(try verdict { $0.unitStamps = Array(repeating: .max, count: WireLimits.unitsMax + 1) } == "size")
    #expect(try verdict { $0.unitStamps = Array(repeating: .max, count: WireLimits.unitsMax) } == nil, "stamps wrap, they do not trap")
  }

  @Test func rowsKeepTheirBounds() throws {
    func table(_ change: (inout WireTableChanges) throws -> Void) throws -> String? {
      var changed = try WireBatch(serializedBytes: try WireSigned(serializedBytes: try SampleFiles.load("batch-1")).body).tables[0]
      try change(&changed)
      return try verdict { $0.tables = [changed] }
    }
    #expect(try table { $0.rows = .max } == "form")
    #expect(try table { $0.rows = 3 } == "form")
    #expect(try table { $0.rows = 0 } == "form")
    for name in ["", "a\0", String(repeating: "é", count: WireLimits.nameBytesMax / 2 + 1)] {
      #expect(try table { $0.table = name }?.hasSuffix(" name") == true)
      #expect(try table { $0.columns[0].name = name }?.hasSuffix(" name") == true)
    }
    for unit: CellValue? in [.integer(-1), .integer(2), .integer(.max), .integer(.min), .null, .text("0"), nil] {
      #expect(try table { $0.unit = try column([.integer(0), .integer(0), .integer(0), unit]) } == "form")
    }
    // The last row is a deletion, the one before it a write.
    for life: CellValue? in [.integer(0), .integer(-1), .integer(1 << 30 + 1), .integer(1 << 32), .integer(.max), .null, .real(1), nil] {
      #expect(try table { $0.life = try column([.integer(1), .integer(1), .integer(1), life]) } == "note life")
    }
    #expect(try table { $0.life = try column([.integer(1), .integer(1), .integer(2), .integer(2)]) } == "note.c deletion")
    #expect(try table { $0.life = try column([.integer(1), .integer(1), .integer(1), .integer(1 << 30)]) } == nil)
    let longKey = String(repeating: "k", count: WireLimits.keyBytesMax + 1)
    let keys: [(CellValue?, String)] = [
      (.null, "key"), (.real(1), "key"), (nil, "key"), (.text("a\0"), "zeroByte"), (.text(longKey), "longKey"),
      (.blob(Data(longKey.utf8)), "longKey"), (.text(String(repeating: "\0", count: WireLimits.keyBytesMax)), "zeroByte"),
    ]
    for (key, why) in keys {
      #expect(try table { $0.key = try column([.integer(1), .integer(1), .integer(1), key]) } == "note \(why)")
    }
    #expect(try table { $0.columns.append($0.columns[0]) } == "note.unit twice")
    #expect(
      try table {
        $0.columns = try (0...WireLimits.columnsPerTableMax).map { number in
          var column = try column([.integer(1), .null, .null, nil])
          column.name = "c\(number)"
          return column
        }
      } == "note columns")
  }

  @Test func cellsKeepTheirBounds() throws {
    func cell(_ change: (inout WireColumn) throws -> Void) throws -> String? {
      var changed = WireColumn()
      changed.name = "z"
      changed.written = Data([0b0001])
      try change(&changed)
      return try verdict { $0.tables[0].columns.append(changed) }
    }
    func mixed(_ bytes: [UInt8]) throws -> String? { try cell { $0.data = Data(bytes) } }
    #expect(try mixed([1, 2]) == nil)
    #expect(try mixed([]) == "note.z unreadable")
    #expect(try mixed([0]) == "note.z unreadable", "NULL has its own bits")
    #expect(try mixed([5, 0]) == "note.z unreadable")
    #expect(try mixed([1, 2, 3]) == "note.z unreadable", "bytes left over")
    #expect(try mixed([1] + Array(repeating: 0xff, count: 9) + [1]) == nil)
    #expect(try mixed([1] + Array(repeating: 0xff, count: 9) + [2]) == "note.z unreadable", "more than 64 bits")
    #expect(try mixed([1] + Array(repeating: 0x80, count: 10) + [0]) == "note.z unreadable")
    #expect(try mixed([2] + Array(repeating: 0, count: 6) + [0xf8, 0x7f]) == "note.z notANumber")
    #expect(try mixed([2] + Array(repeating: 0, count: 6) + [0xf0, 0x7f]) == nil, "infinity")
    #expect(try mixed([3, 1, 0]) == "note.z zeroByte")
    #expect(try mixed([3, 1, 0xff]) == "note.z utf8", "not UTF-8")
    #expect(try mixed([3, 3, 0xf0, 0x9f, 0x92]) == "note.z utf8", "as long as what it would be repaired to")
    #expect(try mixed([3, 3, 0xef, 0xbf, 0xbd]) == nil, "what things are repaired to, sent as it is")
    #expect(try mixed([3, 0]) == nil)
    #expect(try mixed([3, 3, 0xed, 0xa0, 0x80]) == "note.z utf8", "half a surrogate pair")
    #expect(try mixed([3, 2, 0xc0, 0x80]) == "note.z utf8", "zero written long")
    #expect(try mixed([3] + Array(repeating: 0xff, count: 9) + [1]) == "note.z unreadable", "a length past everything")
    for encoding in [WireEncoding.integers, .integerSteps, .reals, .texts, .blobs, .equalBlobs] {
      #expect(
        try cell {
          $0.encoding = encoding
          $0.data = Data([0xff])
        } == "note.z unreadable")
      #expect(try cell { $0.encoding = encoding } == "note.z unreadable")
    }
    #expect(try cell { $0.encoding = .UNRECOGNIZED(7) } == "note.z newer")
    #expect(try cell { $0.kind = .UNRECOGNIZED(9) } == "note.z newer")
    #expect(
      try cell {
        $0.data = Data([1, 2])
        $0.generations = Data([0x81, 0x80, 0x80, 0x80, 0x04])
      } == "note.z generation")
    #expect(
      try cell {
        $0.data = Data([1, 2])
        $0.generations = Data([1, 1])
      } == "note.z generation")
    #expect(try cell { $0.written = Data(count: 2) } == "form", "nobody can tell which rows")
    #expect(try cell { $0.nulls = Data(count: 2) } == "note.z unreadable")
    #expect(
      try cell {
        $0.nulls = Data([1])
        $0.data = Data([1, 2])
      } == "note.z unreadable", "a NULL has no data")
    #expect(
      try cell {
        $0.encoding = .texts
        $0.data = Data([0x81, 0x80, 0x40]) + Data(repeating: 65, count: WireLimits.valueBytesMax + 1)
      } == "note.z long")
  }

  @Test func unknownFieldsAreIgnoredAndNestingIsNotFollowed() throws {
    let body = try WireSigned(serializedBytes: try SampleFiles.load("batch-1")).body
    let content = try BatchCodec.content(of: body)
    #expect(try BatchCodec.content(of: body + [0xa2, 0x06, 2, 1, 2]) == content)
    // A hundred thousand messages, one inside the other, in a field nobody knows.
    var nested = Data()
    for _ in 0..<2000 {
      var outer = Data([0xa2, 0x06])
      outer.appendVarint(UInt64(nested.count))
      nested = outer + nested
    }
    #expect(try BatchCodec.content(of: body + nested) == content)
    #expect(throws: BatchRefusal.self) { try BatchCodec.content(of: body + Data(repeating: 0xa3, count: 100_000)) }
    #expect(throws: BatchRefusal.self) { try BatchCodec.content(of: body + Data(repeating: 0x0b, count: 100_000)) }
  }

  // MARK: Small on the wire, large in memory

  @Test(.long) func whatInflatesBeyondItsSizeIsRefused() throws {
    let bomb = try Zlib.compress(Data(count: 70 << 20))
    func column(_ inflated: Int) -> WireColumn {
      WireColumn.with {
        $0.encoding = .blobs
        $0.data = bomb
        $0.inflated = UInt32(clamping: inflated)
      }
    }
    var inflated = 0
    #expect { try ColumnCoder.decode(column(70 << 20), rows: 1, inflatedBytes: &inflated) } throws: {
      ($0 as? SyncError)?.code == .tooLarge
    }
    #expect(inflated == 0, "refused before a byte came out")
    for claimed in [1, 1000, 1 << 20] {
      #expect { try ColumnCoder.decode(column(claimed), rows: 1, inflatedBytes: &inflated) } throws: {
        ($0 as? SyncError)?.code == .damaged
      }
    }
    #expect(throws: SyncError.self) { try Zlib.inflate(bomb, size: 1 << 20) }
    #expect(throws: SyncError.self) { try Zlib.inflate(try Zlib.compress(Data(count: 100)) + [0], size: 100) }
    #expect(throws: SyncError.self) { try Zlib.inflate(Data(), size: 100) }
    // Many columns that are each within the bound, and together are not.
    let part = try Zlib.compress(Data(count: 20 << 20))
    let columns = (0..<5).map { number in
      WireColumn.with {
        $0.name = "c\(number)"
        $0.encoding = .blobs
        $0.written = Data([0])
        $0.data = part
        $0.inflated = 20 << 20
      }
    }
    #expect(try verdict { $0.tables[0].columns += columns } == "size")
  }

  @Test func countsPromiseNoMoreThanCame() throws {
    var inflated = 0
    for encoding in [WireEncoding.mixed, .integers, .integerSteps, .reals, .texts, .blobs] {
      let column = WireColumn.with { $0.encoding = encoding }
      #expect(throws: SyncError.self) { try ColumnCoder.decode(column, rows: WireLimits.rowsMax, inflatedBytes: &inflated) }
    }
    let empty = WireColumn.with {
      $0.encoding = .equalBlobs
      $0.data = Data([0])
    }
    #expect(try ColumnCoder.decode(empty, rows: WireLimits.rowsMax, inflatedBytes: &inflated).count == WireLimits.rowsMax)
    #expect(throws: SyncError.self) { try ColumnCoder.decode(empty, rows: WireLimits.rowsMax + 1, inflatedBytes: &inflated) }
    #expect(throws: SyncError.self) { try ColumnCoder.decode(empty, rows: Int(UInt32.max), inflatedBytes: &inflated) }
    let table = WireTableChanges.with {
      $0.table = "note"
      $0.rows = .max
      $0.unit = empty
      $0.life = empty
      $0.key = empty
    }
    #expect(throws: SyncError.self) { try TableCoder.decode([table], unitCount: 1) }
    let many = Array(repeating: WireTableChanges.with { $0.table = "t" }, count: WireLimits.tablesMax + 1)
    #expect(throws: SyncError.self) { try TableCoder.decode(many, unitCount: 1) }
  }

  /// Two bytes of an empty part take over a hundred in memory: they are counted before they are decoded.
  @Test func emptyPartsByTheMillionAreCountedBeforeTheyAreDecoded() throws {
    let body = try WireSigned(serializedBytes: try SampleFiles.load("batch-1")).body
    func parts(_ tag: UInt8, _ count: Int) -> Data {
      var data = Data(count: count * 2)
      for index in 0..<count { data[index * 2] = tag }
      return data
    }
    func isTooMany(_ error: any Error) -> Bool { (error as? SyncError)?.code == .tooLarge || (error as? BatchRefusal)?.reason == .size }
    #expect { try BatchCodec.content(of: body + parts(0x42, 100_000)) } throws: { isTooMany($0) }
    var table = Data([0x42])
    let columns = parts(0x32, 100_000)
    table.appendVarint(UInt64(columns.count))
    #expect { try BatchCodec.content(of: body + table + columns) } throws: { isTooMany($0) }
    var stamps = Data([0x3a])
    stamps.appendVarint(UInt64(1 << 20))
    #expect { try BatchCodec.content(of: body + stamps + Data(count: 1 << 20)) } throws: { isTooMany($0) }
    #expect { try WireDropRequest.parse(parts(0x0a, 100_000), named: LocalizedText("packets")) } throws: { isTooMany($0) }
    let page = try WireSigned(serializedBytes: try SampleFiles.load("page-reader")).body
    #expect { try PageCodec.content(of: page + parts(0x3a, 100_000), hub: key.replica) } throws: { isTooMany($0) }
  }

  @Test func bytesOverTheirBoundAreNotEvenRead() throws {
    let large = Data(count: WireLimits.pageBytesMax + 1)
    #expect { try PageCodec.open(large, hub: author) } throws: { ($0 as? SyncError)?.code == .tooLarge }
    let batch = SealedBatch(bytes: Data(count: WireLimits.batchBytesMax + 1))
    #expect { try BatchCodec.open(batch, author: author) } throws: { ($0 as? SyncError)?.code == .tooLarge }
    #expect { try BatchCodec.claim(of: batch) } throws: { ($0 as? SyncError)?.code == .tooLarge }
  }

  // MARK: Chance

  /// Damage behind the signature, as only the author or the hub could make it: refused, or content within bounds.
  @Test(.long) func mutatedBodiesThrowOrStayWithinBounds() throws {
    var chance = SeededChance(7)
    let hub = try #require(SigningKey(rawRepresentation: Conversation.hubPrivate)).replica
    var batches = try ["batch-1", "batch-2"].map { try WireSigned(serializedBytes: try SampleFiles.load($0)).body }
    for seed in 0..<30 {
      var draw = ContentDraw(seed: UInt64(5000 + seed))
      batches.append(try WireSigned(serializedBytes: try BatchCodec.seal(draw.batch(), with: key).bytes).body)
    }
    let pages = try ["page-author", "page-reader"].map { try WireSigned(serializedBytes: try SampleFiles.load($0)).body }
    var accepted = 0
    for round in 0..<(Pace.isFast ? 4_000 : 24_000) {
      let isPage = round % 4 == 3
      let bytes = Self.mutated(chance.pick(isPage ? pages : batches), chance: &chance)
      do {
        if isPage {
          Self.check(try PageCodec.content(of: bytes, hub: hub).units.map(\.changes))
        } else {
          let content = try BatchCodec.content(of: bytes)
          Self.check(content.units.map(\.changes))
          #expect(content.number >= 1 && content.cursor.count <= WireLimits.cursorBytesMax)
        }
        accepted += 1
      } catch is SyncError {
      } catch is BatchRefusal {
      }
    }
    #expect(accepted > (Pace.isFast ? 10 : 100), "some damage is only another content")
  }

  @Test func mutatedPacketContentsAndColumnsNeverTrap() throws {
    var chance = SeededChance(11)
    for round in 0..<(Pace.isFast ? 2_000 : 10_000) {
      var draw = ContentDraw(seed: UInt64(round % 50))
      let kind = round % 9
      let cells = (0..<12).map { _ in draw.value(kind: kind) }
      var column = try ColumnCoder.encode(name: "c", cells: cells)
      column.data = Self.mutated(column.data, chance: &chance)
      if chance.below(4) == 0 { column.inflated = UInt32(chance.below(200)) }
      if chance.below(4) == 0 { column.nulls = Data([UInt8(chance.below(256)), UInt8(chance.below(16))]) }
      if chance.below(4) == 0 { column.encoding = WireEncoding(rawValue: chance.below(8)) ?? .mixed }
      var inflated = 0
      if let values = try? ColumnCoder.decode(column, rows: 12, inflatedBytes: &inflated) { #expect(values.count == 12) }
      #expect(inflated <= WireLimits.inflatedBytesMax)
    }
  }

  private static func check(_ units: [[RowChange]]) {
    #expect(units.count <= WireLimits.unitsMax)
    for change in units.joined() {
      #expect(change.life >= 1 && change.life <= WireLimits.lifeMax && (change.isAlive || change.cells.isEmpty))
      #expect(!change.table.isEmpty && change.table.utf8.count <= WireLimits.nameBytesMax)
      #expect(change.cells.count <= WireLimits.columnsPerTableMax && change.cells.allSatisfy { TableCoder.isValue($0.value) })
    }
  }

  private static func mutated(_ bytes: Data, chance: inout SeededChance) -> Data {
    var bytes = [UInt8](bytes)
    for _ in 0...chance.below(3) where !bytes.isEmpty {
      let place = chance.below(bytes.count)
      let length = min(1 + chance.below(8), bytes.count - place)
      switch chance.below(7) {
      case 0: bytes[place] ^= 1 << UInt8(chance.below(8))
      case 1: bytes[place] = UInt8(truncatingIfNeeded: chance.next())
      case 2: bytes.removeSubrange(place..<place + length)
      case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      case 4: bytes.replaceSubrange(place..<place + length, with: Array(repeating: 0xff, count: length))
      case 5: bytes.insert(contentsOf: [0xff, 0xff, 0xff, 0xff, 0x0f], at: place)
      default: bytes[place] = bytes[place] &+ UInt8(1 + chance.below(2))
      }
    }
    return Data(bytes)
  }
}
