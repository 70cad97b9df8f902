internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Takes back a report, a post or a photo.
struct Withdraw: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(vi: "Rút lại một báo cáo, một tin hoặc một ảnh.", en: "Withdraw a report, a post or a photo."),
    discussion: LocalizedText(
      vi: """
        Chưa gửi thì mất hẳn, không cần lý do. Đã đóng gói hoặc đã gửi thì cần --reason: báo cáo và ảnh mất khỏi mọi máy, điều đã ghi \
        nằm lại cùng lý do (field show NGÀY); tin bị ẩn ở mọi nơi, kèm lý do.
        """,
      en: """
        What was not sent yet goes without a trace and needs no reason. What was sealed or sent needs a --reason: a report or photo \
        goes from every device, what it said stays with the reason (field show DAY); a post is hidden everywhere, with the reason.
        """),
    examples: ["field withdraw 2024-04-01 --reason \"filed twice\"", "field withdraw 3fa1c2d4"])

  @OptionGroup var field: FieldOptions

  @Argument(
    help: .text(
      vi: "Ngày của báo cáo, hoặc các chữ số đầu của mã tin hay ảnh (field posts, field photos NGÀY).",
      en: "A report's day, or the first digits of a post's or photo's name (field posts, field photos DAY)."))
  var what: String

  @Option(name: .long, help: .text(vi: "Vì sao rút.", en: "Why it is withdrawn.")) var reason: String?

  private struct Outcome: Encodable {
    var kind: String
    var id: String
  }

  func validate() throws { try ValidationError.refuseBlank(reason: reason) }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    if let day = FieldOptions.readDay(what) {
      try await survey.withdrawReport(day: day, reason: reason)
      console.say("Đã rút báo cáo ngày \(console.words.day(day)).", "The report of \(console.words.day(day)) is withdrawn.")
      return try console.result(Outcome(kind: "report", id: day.description))
    }
    let found = try await survey.withdrawable(idPrefix: what.lowercased())
    guard !what.isEmpty, found.posts.count + found.photos.count == 1 else {
      throw ToolError(
        vi: "\"\(what)\" không phải một ngày, cũng không chỉ đúng một tin hay ảnh; xem field list, field posts, field photos.",
        en: "\"\(what)\" is no day, and not exactly one post or photo; see field list, field posts, field photos.")
    }
    if let id = found.posts.first {
      try await survey.withdrawPost(id, reason: reason)
      console.say("Đã rút tin \(id.prefix(8)).", "The post \(id.prefix(8)) is withdrawn.")
      try console.result(Outcome(kind: "post", id: id))
    } else if let id = found.photos.first {
      try await survey.withdrawPhoto(id, reason: reason)
      // Prints the name that the person used: lists show the picture's, not the row's.
      console.say("Đã rút ảnh \(what.prefix(8)).", "The photo \(what.prefix(8)) is withdrawn.")
      try console.result(Outcome(kind: "photo", id: id))
    }
  }
}
