import Foundation

/// A row as surveys have them: 24 columns and a random key, about 244 bytes.
struct SurveyRow: Sendable {
  var id: [UInt8]
  var commune: String
  var ratings: [Int64]
  var words: [String]
  var comment: String
  var submittedAt: Int64

  static let columns =
    ["id", "commune", "form"] + (1...20).map { "q\($0)" } + ["comment", "submitted_at"]

  static let createSQL = """
    CREATE TABLE survey (
      id BLOB PRIMARY KEY NOT NULL, commune TEXT NOT NULL, form TEXT NOT NULL DEFAULT '',
      \((1...12).map { "q\($0) INTEGER" }.joined(separator: ", ")), \((13...20).map { "q\($0) TEXT" }.joined(separator: ", ")),
      comment TEXT, submitted_at INTEGER NOT NULL DEFAULT 0)
    """

  static let insertSQL =
    "INSERT INTO survey (\(columns.joined(separator: ", "))) VALUES (\(columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")))"

  static let upsertSQL =
    insertSQL + " ON CONFLICT (id) DO UPDATE SET "
    + columns.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
}

/// A repeatable source of chance (SplitMix64).
struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Makes rows: the same from the same seed.
struct RowMaker {
  private var dice: Dice
  private var time: Int64 = 1_790_000_000_000
  private static let weights = [4, 8, 18, 40, 30]
  private static let choices = ["có", "không", "đôi khi", "chưa biết", "không đáp"]

  /// Sentences of 60 to 65 characters, as people write them.
  private static let comments: [String] = {
    let begin = ["Đường vào thôn", "Trạm y tế xã", "Giếng nước chung", "Lớp học của bản", "Chợ phiên đầu tháng"]
    let middle = [
      "còn xa nhà dân", "hay hỏng vào mùa mưa", "vừa được sửa lại", "chưa có đủ người trông", "đông người hơn năm ngoái",
      "thiếu đồ dùng cần thiết", "mở cửa muộn buổi sáng", "cần thêm một cây cầu",
    ]
    let end = [
      "mong xã sớm xem lại", "bà con đều thấy vậy", "đã nói ở cuộc họp", "tôi không biết hỏi ai", "mùa khô thì đỡ hơn",
      "trẻ nhỏ đi lại khó", "người già rất ngại", "nhà tôi ở cuối thôn", "năm nay khá hơn trước", "xin cảm ơn cán bộ",
    ]
    let tail = ["ạ.", "lắm.", "nhé.", "thôi.", "rồi."]
    var all: [String] = []
    for a in begin { for b in middle { for c in end { for d in tail { all.append(String("\(a) \(b), \(c) \(d)".prefix(65))) } } } }
    return all
  }()

  init(seed: UInt64) { dice = Dice(state: seed) }

  mutating func make(_ commune: String) -> SurveyRow {
    time += Int64.random(in: 1000...9000, using: &dice)
    let ratings = (0..<12).map { _ -> Int64 in
      var draw = Int.random(in: 0..<100, using: &dice)
      for (index, weight) in Self.weights.enumerated() {
        if draw < weight { return Int64(index + 1) }
        draw -= weight
      }
      return 5
    }
    let words = (0..<8).map { _ in Self.choices.randomElement(using: &dice) ?? "" }
    return SurveyRow(
      id: (0..<16).map { _ in UInt8.random(in: 0...255, using: &dice) }, commune: commune, ratings: ratings, words: words,
      comment: Self.comments.randomElement(using: &dice) ?? "", submittedAt: time)
  }

  mutating func make(_ count: Int, _ commune: String) -> [SurveyRow] { (0..<count).map { _ in make(commune) } }
}
