internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Enrolment codes that were given out.
struct CodesCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "codes",
    abstract: LocalizedText(
      vi: "Liệt kê mã ghi danh đã cấp, cho hết hạn hoặc hủy mã chưa dùng.",
      en: "List the enrolment codes given out; let unused ones expire, or cancel them."),
    discussion: LocalizedText(
      vi: "Máy chủ không giữ chính mã, nên mỗi mã có một số hiệu. Mã đã dùng không hủy được: thu hồi thiết bị (hub devices revoke).",
      en: """
        The hub does not keep the codes themselves, so each has a number. One that was used cannot be cancelled: revoke its device \
        (hub devices revoke).
        """),
    examples: [
      "hub codes --unused", #"hub codes --cancel 07201 --reason "card lost""#,
      #"hub codes --expire 07201 --after-days 7 --reason "nobody came""#,
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Chỉ mã của đơn vị này.", en: "Only codes of this unit.")) var unit: String?
  @Flag(name: .long, help: .text(vi: "Chỉ mã còn dùng được.", en: "Only those that can still be used.")) var unused = false
  @Option(
    name: .long,
    help: .text(
      vi: "Hủy mã chưa dùng: mã đơn vị, hoặc số hiệu; lặp lại được.",
      en: "Cancel unused ones: a unit's code, or a number; as often as needed."))
  var cancel: [String] = []
  @Option(
    name: .long,
    help: .text(
      vi: "Cho mã chưa dùng hết hạn: mã đơn vị, hoặc số hiệu; lặp lại được.",
      en: "Let unused ones expire: a unit's code, or a number; as often as needed."))
  var expire: [String] = []
  @Option(name: .long, help: .text(vi: "Hết hạn sau bấy nhiêu ngày.", en: "They expire after so many days.")) var afterDays = 7
  @OptionGroup var acts: ActOptions

  /// The longest time until a code expires, in days.
  private static let daysMax = 3650

  private struct Ended: Encodable {
    var codes: Int
  }

  func validate() throws {
    guard cancel.isEmpty || expire.isEmpty else {
      throw ValidationError(vi: "Chọn --cancel hoặc --expire, không cả hai.", en: "Give --cancel or --expire, not both.")
    }
    guard (1...Self.daysMax).contains(afterDays) else {
      throw ValidationError(vi: "--after-days phải từ 1 đến \(Self.daysMax).", en: "--after-days must be 1 to \(Self.daysMax).")
    }
  }

  func perform(_ console: Console) async throws {
    let named = cancel + expire
    guard !named.isEmpty else { return try await list(console) }
    let act = try acts.act(cancel.isEmpty ? "codes expire" : "codes cancel", named.joined(separator: " "), look: ActLook.codes)
    try await place.withHub(options, act: act) { survey in
      let tree = try await survey.plan()?.tree
      let units = named.filter { tree?[UnitCode($0)] != nil }
      let ends = cancel.isEmpty ? UInt64(max(0, survey.nowMs)) + UInt64(afterDays) * 86_400_000 : nil
      let count = try await survey.hub.endCodes(units: units, ids: named.filter { !units.contains($0) }, endsMs: ends)
      let said = console.words.number(count)
      console.say(
        cancel.isEmpty ? "\(said) mã hết hạn sau \(afterDays) ngày." : "Đã hủy \(said) mã; ai giữ mã ấy cần mã mới.",
        cancel.isEmpty ? "\(said) codes expire in \(afterDays) days." : "Cancelled \(said) codes; whoever has them needs new ones.")
      try console.result(Ended(codes: count))
    }
  }

  private func list(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let codes = try await survey.hub.codes(unit: unit, onlyOpen: unused)
      if codes.isEmpty { try await survey.refuseUnknown(unit: unit) }
      try console.result(codes)
      guard !codes.isEmpty else { return console.say("Không có mã nào.", "There are no codes.") }
      let words = console.words
      let tree = try await survey.plan()?.tree
      let heading = [
        words.text("Số hiệu", "Number"), words.text("Đơn vị", "Unit"), words.text("Cấp", "Made"), words.text("Tình trạng", "State"),
      ]
      console.table(
        [heading]
          + codes.map { code in
            [
              code.id, tree?.displayName(of: UnitCode(code.unit)) ?? code.unit,
              words.ago(Int64(clamping: code.madeMs), nowMs: survey.nowMs),
              Self.state(code, nowMs: survey.nowMs, words)
                + (code.replaces.map { words.text(", thay máy \($0.prefix(8))", ", replaces \($0.prefix(8))") } ?? ""),
            ]
          })
    }
  }

  private static func state(_ code: EnrolmentCode, nowMs: Int64, _ words: Wording) -> String {
    if let replica = code.replica { return words.text("máy \(replica.prefix(8)) đã dùng", "used by \(replica.prefix(8))") }
    if code.isCancelled { return words.text("đã hủy", "cancelled") }
    guard let ends = code.endsMs else { return words.text("chưa dùng", "unused") }
    let left = Int64(clamping: ends) - nowMs
    return left <= 0
      ? words.text("đã hết hạn", "expired")
      : words.text("chưa dùng, hết hạn sau \(words.span(ms: left))", "unused, expires in \(words.span(ms: left))")
  }
}
