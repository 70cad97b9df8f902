internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Table of messages to units: reports that are sent back and reminders, with whose turn it is and what came of them.
struct NoticesTable {
  let parts: ConsoleParts

  private var tell: TableWords { TableWords(parts: parts) }
  private var words: Wording { parts.words }

  func table(_ key: String, _ label: String, _ notices: [Notice]) -> PageTable {
    PageTable(
      key, label, notices,
      [
        .init("id", words.text("Mã", "Identity")) { .text($0.id) }, .init("unit", words.text("Đơn vị", "Unit")) { .text($0.unit.rawValue) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.unit.rawValue) },
        .init("kind", words.text("Loại", "Kind")) { .word($0.kind.rawValue, said: kind($0.kind)) },
        .init("day", words.text("Báo cáo ngày", "Report of")) { TableWords.text($0.day?.description) },
        .init("words", words.text("Lời nhắn", "Words")) { .text($0.words) },
        .init("by", words.text("Người gửi", "Sent by")) { .text($0.by) },
        .init("sent", words.text("Gửi lúc", "Sent")) { tell.time($0.sentMs) },
        .init("sending", words.text("Lần gửi", "Sending")) { .text($0.sending) },
        .init("turn", words.text("Đang chờ", "Turn")) { .word($0.turn.rawValue, said: turn($0.turn)) },
        .init("seen", words.text("Xem lúc", "Seen")) { tell.time($0.seen?.ms) },
        .init("answer", words.text("Trả lời", "Answer")) { TableWords.text($0.answer?.words) },
        .init("answered", words.text("Trả lời lúc", "Answered")) { tell.time($0.answer?.ms) },
        .init("corrected", words.text("Đã sửa", "Corrected")) { tell.flag($0.answer?.correction != nil) },
        .init("settledBy", words.text("Người kết thúc", "Settled by")) { TableWords.text($0.closing?.by) },
        .init("settled", words.text("Kết thúc lúc", "Settled")) { tell.time($0.closing?.ms) },
        .init("reason", words.text("Vì sao", "Why")) { TableWords.text($0.closing?.why) },
      ])
  }

  private func kind(_ kind: Notice.Kind) -> String {
    switch kind {
    case .returned: words.text("trả lại báo cáo", "report sent back")
    case .reminder: words.text("nhắc", "reminder")
    }
  }

  private func turn(_ turn: Notice.Turn) -> String {
    switch turn {
    case .unseen: words.text("xã chưa xem", "not seen yet")
    case .unit: words.text("chờ xã", "waits for the unit")
    case .hub: words.text("chờ mình", "waits for you")
    case .settled: words.text("xong", "settled")
    }
  }
}
