internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct ReceiptCommand: FieldCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipt",
    abstract: LocalizedText(
      vi: "Tỉnh đã nhận báo cáo này lúc nào: kiểm chữ ký của tỉnh ngay trên máy, không cần mạng.",
      en: "When the province received this report: checks the province's signature here, without a network."),
    discussion: LocalizedText(
      vi: "Phiếu kín không có biên nhận riêng: biên nhận của từng phiếu sẽ cho biết ai đã trả lời. field status đếm chúng.",
      en: "An anonymous answer has no receipt of its own: one would tell who gave it. field status counts them."),
    examples: ["field receipt 2024-04-01", "field receipt report/07201/2024-04-01"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Ngày của báo cáo, hoặc bảng/khóa.", en: "A report's day, or table/key.")) var record: String

  private struct Outcome: Encodable {
    var table: String
    var key: String
    var found: RecordReceipts
    /// Times when its first and last part reached the hub, in the campaign's zone.
    var receivedAt: [String]
    /// Arrival of a report with photos.
    var arrival: RecordArrival?
  }

  func perform(_ console: Console) async throws {
    let survey = try field.openForReading(console)
    let (table, key) = try await place(survey)
    let found = try await survey.replica.receipts(table: table, key: .text(key))
    let campaign = try await survey.campaign()
    func time(_ ms: UInt64) -> String { campaign.map { console.words.time($0.localTime(atMs: Int64(clamping: ms))) } ?? "\(ms) ms" }
    let arrival = table == "report" ? try await survey.arrivals()[key] : nil
    try console.result(
      Outcome(
        table: table, key: key, found: found,
        receivedAt: found.receipts.compactMap(\.hubTimeMs).compactMap { ms in campaign?.localTime(atMs: Int64(clamping: ms)).description },
        arrival: arrival))
    guard found.pending > 0 || !found.receipts.isEmpty else {
      throw ToolError(
        vi: "Máy này không ghi gì vào \(table)/\(key); biên nhận ở máy đã ghi.",
        en: "This device wrote nothing to \(table)/\(key); the receipt is with the device that did.")
    }
    for receipt in found.receipts { show(receipt, time, console) }
    if let said = arrival.map(SyncWords.arrival) { console.say(said.vi, said.en) }
    if found.pending > 0 {
      console.say(
        "Còn \(console.words.number(found.pending)) thay đổi chưa đóng gói trên máy này.",
        "\(console.words.number(found.pending)) changes are on this device only, not sealed yet.")
    }
  }

  private func place(_ survey: SurveyField) async throws -> (table: String, key: String) {
    if let day = FieldOptions.readDay(record) {
      return ("report", SurveySchema.reportKey(unit: try await survey.unit().rawValue, day: day.description))
    }
    let parts = record.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      throw ToolError(
        vi: "\"\(record)\" không phải ngày (2024-04-01) cũng không phải bảng/khóa.",
        en: "\"\(record)\" is neither a day (2024-04-01) nor table/key.")
    }
    return (parts[0], parts[1])
  }

  private func show(_ receipt: RecordReceipt, _ time: (UInt64) -> String, _ console: Console) {
    let (batch, hash) = (console.words.number(Int(clamping: receipt.batch)), String(receipt.hash.prefix(12)))
    guard let received = receipt.hubTimeMs.map(time) else {
      return console.say(
        "Gói \(batch) (\(hash)): chưa có biên nhận của tỉnh.", "Batch \(batch) (\(hash)): the province has not confirmed it yet.")
    }
    switch receipt.state {
    case .merged:
      console.say(
        "Gói \(batch) (\(hash)): tỉnh đã nhận lúc \(received), đã hợp nhất; chữ ký đúng.",
        "Batch \(batch) (\(hash)): received by the province at \(received) and merged; the signature is right.")
    case .held:
      let reason = receipt.heldReason ?? ""
      console.say(
        "Gói \(batch) (\(hash)): tỉnh đã nhận lúc \(received), đang tạm giữ (\(reason)); chữ ký đúng.",
        "Batch \(batch) (\(hash)): received by the province at \(received), held there (\(reason)); the signature is right.")
    case .waiting, .unsent:
      console.say(
        "Gói \(batch) (\(hash)): tỉnh đã nhận lúc \(received), đang chờ gói trước; chữ ký đúng.",
        "Batch \(batch) (\(hash)): received by the province at \(received), waiting for an earlier one; the signature is right.")
    }
  }
}
