internal import SurveyKit
internal import SyncKit

/// Trouble that is rehearsed on demand, for operators to find and to act on: faults of a campaign, and acts that are seldom tried.
enum Trouble: String, Sendable, Codable, CaseIterable {
  /// A post names a campaign that the hub does not have: kept, and held until somebody declines it.
  case held
  /// A device is revoked at noon, goes on, and somebody brings its bundle in the evening.
  case revoked
  /// A device's clock is years ahead.
  case clock
  /// Answers outnumber the people who may answer.
  case over
  /// Daily reports have photos.
  case photos
  /// Working groups write posts.
  case posts
  /// Reports are filed for every report day, not for the survey's day alone.
  case days
  /// A commune never calls, however few take part.
  case silent

  /// Communes for each one with the trouble; at least one commune has it.
  var oneIn: Int {
    switch self {
    case .held, .revoked, .clock, .over, .silent: 60
    case .photos: 5
    case .posts: 4
    case .days: 1
    }
  }

  /// True when a commune has this trouble and no other, so that operators see it by itself.
  var isAlone: Bool { oneIn == 60 }

  /// Returns what an operator sees of the trouble, and does about it.
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

  /// Parses a list such as `held,clock`, or `all`; throws the word that is no trouble.
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

/// Clock of a device in a rehearsal that is wrong by a fixed offset.
struct OffsetClock: WallClock {
  let base: any WallClock
  let byMs: UInt64

  func nowMs() -> UInt64 { base.nowMs() + byMs }
}
