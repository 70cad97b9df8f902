internal import SurveyKit
internal import SyncKit

/// Names a trouble that is rehearsed on demand, for operators to find and to act on: faults of a campaign, and acts that are seldom tried.
enum Trouble: String, Sendable, Codable, CaseIterable {
  /// A post that names a campaign the hub does not have: kept, and held until somebody declines it.
  case held
  /// A device that is revoked at noon, goes on, and whose bundle somebody brings in the evening.
  case revoked
  /// A device whose clock is years ahead.
  case clock
  /// More answers than people who may answer.
  case over
  /// Daily reports with photos.
  case photos
  /// Posts of working groups.
  case posts
  /// Reports of every report day, not of the survey's day alone.
  case days
  /// A commune that never calls, however few take part.
  case silent

  /// Communes with the trouble: one in so many, and one at least.
  var oneIn: Int {
    switch self {
    case .held, .revoked, .clock, .over, .silent: 60
    case .photos: 5
    case .posts: 4
    case .days: 1
    }
  }

  /// Tells if a commune has one such trouble and no other, so that operators see it by itself.
  var isAlone: Bool { oneIn == 60 }

  /// Says what an operator sees of the trouble and does about it.
  ///
  /// - Parameter dir: The hub's folder.
  func task(_ unit: String, dir: String) -> LocalizedText? {
    switch self {
    case .held:
      LocalizedText(
        vi: "\(unit): một tin bị giữ lại vì không rõ đợt khảo sát. hub held list --dir \(dir), rồi hub held decline.",
        en: "\(unit): a post is held, since its campaign is not known. hub held list --dir \(dir), then hub held decline.")
    case .revoked:
      LocalizedText(
        vi:
          "\(unit): một máy bị thu hồi vẫn làm tiếp, tệp của nó đã được mang tới. hub held --dir \(dir); hub devices decide; hub held decide \(unit).",
        en:
          "\(unit): a revoked device went on, and its bundle was brought. hub held list --dir \(dir); hub devices decide; hub held decide \(unit)."
      )
    case .clock:
      LocalizedText(
        vi: "\(unit): đồng hồ của máy chạy trước ba năm; báo cáo và phiếu vẫn phải đúng ngày.",
        en: "\(unit): the device's clock is three years ahead; its report and answers must be under the right day all the same.")
    case .over:
      LocalizedText(
        vi: "\(unit): nhiều phiếu hơn số người được hỏi; bảng theo dõi phải báo.",
        en: "\(unit): more answers than people; the board must say so.")
    case .silent:
      LocalizedText(vi: "\(unit): chưa hề liên lạc; hãy gọi điện.", en: "\(unit): never made contact; call them.")
    case .photos, .posts, .days: nil
    }
  }

  /// Reads a list such as `held,clock`, or `all`; throws the word that is none.
  static func read(_ list: String) throws(UnknownWord) -> Set<Trouble> {
    if list == "all" { return Set(allCases) }
    var troubles: Set<Trouble> = []
    for word in list.split(separator: ",").map({ $0.trimmingPrefix(" ") }) where !word.isEmpty {
      guard let trouble = Trouble(rawValue: String(word)) else { throw UnknownWord(word: String(word)) }
      troubles.insert(trouble)
    }
    return troubles
  }

  struct UnknownWord: Error {
    var word: String
  }
}

/// A clock that is wrong by so much, of a device in a rehearsal.
struct OffsetClock: WallClock {
  let base: any WallClock
  let byMs: UInt64

  func nowMs() -> UInt64 { base.nowMs() + byMs }
}
