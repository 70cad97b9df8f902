import Foundation
import TestSupport
import Testing

@testable import SyncCore

@Suite struct CodecRoundTripTests {
  private let key = SigningKey()

  @Test(.long) func randomBatchesComeBackExactly() throws {
    let author = try #require(VerifyingKey(rawRepresentation: key.publicKey))
    for seed in 0..<300 {
      var draw = ContentDraw(seed: UInt64(seed))
      var content = draw.batch()
      content.replica = key.replica
      let sealed = try BatchCodec.seal(content, with: key)
      #expect(try BatchCodec.open(sealed, author: author) == content, "seed \(seed)")
      #expect(try BatchCodec.seal(content, with: key) == sealed, "sealing the same twice gives the same bytes, seed \(seed)")
    }
  }

  @Test(.long) func randomPagesComeBackExactly() throws {
    let hub = try #require(VerifyingKey(rawRepresentation: key.publicKey))
    for seed in 0..<300 {
      var draw = ContentDraw(seed: UInt64(1000 + seed))
      let all = draw.units()
      let cut = draw.chance.below(all.count + 1)
      let runs = [all[..<cut], all[cut...]].enumerated().filter { !$1.isEmpty }.map { index, units in
        PageCodec.Run(
          author: ReplicaID(publicKey: Data([UInt8(index)])), batchHash: Data(repeating: UInt8(index), count: 32),
          batchNumber: UInt64(index + 7), firstUnit: index * 3, authorCursor: Data([1, 2]), stamps: units.map(\.stamp),
          changes: units.map(\.changes))
      }
      let page = PageContent(
        hub: key.replica, incarnation: Data(count: 16), reader: ReplicaID(publicKey: Data()), scope: "07201", units: [],
        feedHash: Data(count: 16), cursor: Data([9]), isHead: seed % 2 == 0, hubTimeMs: UInt64(seed))
      let bytes = try PageCodec.seal(page, firstPosition: UInt64(seed + 1), runs: runs, with: key)
      let read = try PageCodec.open(bytes, hub: hub)
      #expect(read.units.map(\.changes) == all.map(\.changes), "seed \(seed)")
      #expect(read.units.map(\.stamp) == all.map(\.stamp))
      #expect(read.units.map(\.position) == all.indices.map { UInt64(seed + 1 + $0) })
      #expect(read.units.map(\.index) == runs.flatMap { run in run.stamps.indices.map { run.firstUnit + $0 } })
      #expect(read.cursor == page.cursor && read.isHead == page.isHead && read.hubTimeMs == page.hubTimeMs && read.scope == page.scope)
    }
  }

  /// `==` of CellValue must itself be exact, or the tests above say nothing.
  @Test func equalityOfValuesIsThatOfTheStoredBytes() {
    #expect(CellValue.real(0) != .real(-0.0))
    #expect(CellValue.real(.nan) == .real(.nan))
    #expect(CellValue.text("é") != .text("e\u{301}"))
    #expect(CellValue.integer(1) != .real(1))
    #expect(CellValue.blob(Data("a".utf8)) != .text("a"))
  }

  /// The smallest encoding that fits is taken: each kind of column has its own.
  @Test(arguments: [
    ([CellValue.integer(5), .integer(5), .integer(9)], WireEncoding.integerSteps),
    ([.integer(5), .integer(4)], .integers), ([.integer(.min), .integer(.max)], .integerSteps),
    ([.real(-0.0), .real(1)], .reals), ([.text("a"), .text("")], .texts), ([.blob(Data([1])), .blob(Data())], .blobs),
    ([.blob(Data([1])), .blob(Data([2]))], .equalBlobs), ([.integer(1), .text("a")], .mixed), ([.integer(1), .real(1)], .mixed),
  ])
  func aColumnOfOneKindHasItsOwnEncoding(values: [CellValue], encoding: WireEncoding) throws {
    let column = try ColumnCoder.encode(name: "c", cells: values + [nil, .null])
    #expect(column.encoding == encoding)
    var inflated = 0
    #expect(try ColumnCoder.decode(column, rows: values.count + 2, inflatedBytes: &inflated) == values + [nil, .null])
  }

  /// The row shape that sizes are measured with: 24 columns, 244 bytes in SQLite.
  @Test func fiveHundredSurveyRowsTakeFewBytesEach() throws {
    var chance = SeededChance(42)
    // 2,028 sentences of about sixty characters, put together from phrases.
    let openings = [
      "Cán bộ một cửa hướng dẫn tận tình", "Lịch tiếp dân được niêm yết rõ", "Việc họp thôn bàn trước rất kỹ", "Thủ tục đất đai còn chậm",
      "Nhà văn hóa thôn đã sửa xong", "Loa truyền thanh báo kịp thời", "Phòng làm việc hơi chật chội", "Công khai tài chính đầy đủ",
      "Hòm thư góp ý đặt dễ thấy", "Lãnh đạo xã lắng nghe ý kiến", "Nước sạch về thôn đều hơn", "Bảng tin ở trụ sở cập nhật",
    ]
    let middles = [
      "nhưng cần thêm ghế", "và trả lời đúng hẹn", "song nên báo sớm hơn", "mong giữ như vậy", "cần ghi rõ thời hạn", "đề nghị làm tiếp",
      "ai cũng hài lòng", "tuy còn đông người", "xin cảm ơn xã", "nên có tờ hướng dẫn", "rất dễ hiểu", "chưa thấy kết quả", "dân đồng tình",
    ]
    let endings = [
      "trong tháng này.", "ở các thôn xa.", "khi trời mưa.", "cho người già.", "vào thứ hai.", "tại bộ phận một cửa.", "như năm ngoái.",
      "với mọi người.", "từ đầu năm.", "sau buổi họp.", "ở trụ sở.", "hằng tuần.", "qua điện thoại.",
    ]
    let comments = openings.flatMap { a in middles.flatMap { b in endings.map { c in "\(a), \(b) \(c)" } } }
    let choices = ["có", "không", "chưa rõ", "đôi khi", "thường xuyên"]
    let weights = [4, 8, 18, 40, 30]
    var submitted: Int64 = 1_711_933_200_000
    let changes = (0..<500).map { _ in
      var cells = [CellChange("commune", .text("07201")), CellChange("form", .text("pks01"))]
      for question in 1...12 {
        var left = chance.below(100)
        let answer = weights.firstIndex { weight in
          left -= weight
          return left < 0
        }
        cells.append(CellChange("q\(question)", .integer(Int64(answer ?? 4) + 1)))
      }
      for question in 13...20 { cells.append(CellChange("q\(question)", .text(chance.pick(choices)))) }
      cells.append(CellChange("comment", .text(chance.pick(comments))))
      submitted += Int64(1000 + chance.below(60_000))
      cells.append(CellChange("submitted_at", .integer(submitted)))
      return RowChange(table: "answer", key: value(&chance), life: 1, cells: cells)
    }
    let units = changes.enumerated().map { index, change in
      ChangeUnit(stamp: HybridTimestamp(wallMs: 1_711_933_200_000 + UInt64(index) * 31_000), changes: [change])
    }
    let content = BatchContent(replica: key.replica, scope: "07201", number: 1, previous: Data(), cursor: Data(), units: units)
    let bytesPerRow = Double(try BatchCodec.seal(content, with: key).bytes.count) / 500
    print("survey batch of 500 rows in 500 units: \(bytesPerRow) bytes a row")
    #expect(bytesPerRow < 60)
    let joined = ChangeUnit(stamp: HybridTimestamp(wallMs: 1_711_933_200_000), changes: changes)
    let whole = BatchContent(replica: key.replica, scope: "07201", number: 1, previous: Data(), cursor: Data(), units: [joined])
    let bytesPerRowJoined = Double(try BatchCodec.seal(whole, with: key).bytes.count) / 500
    print("the same in one unit: \(bytesPerRowJoined) bytes a row")
    #expect(bytesPerRowJoined < bytesPerRow)
  }

  private func value(_ chance: inout SeededChance) -> CellValue {
    .blob(Data((0..<16).map { _ in UInt8(truncatingIfNeeded: chance.next()) }))
  }
}
