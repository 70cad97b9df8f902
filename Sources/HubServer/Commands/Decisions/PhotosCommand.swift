internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The photos of reports: which are in, which are missing, how much room they have.
struct PhotosCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "photos",
    abstract: LocalizedText(
      vi: "Xem ảnh của các báo cáo: đã về, còn thiếu, chiếm bao nhiêu chỗ.",
      en: "Show the photos of reports: which are in, which are missing, how much room they take."),
    discussion: LocalizedText(
      vi: """
        Ảnh đi sau chữ: báo cáo về trước, ảnh về dần. Gần hết chỗ, máy chủ hoãn ảnh và vẫn nhận chữ; các thiết bị giữ ảnh rồi gửi lại. \
        Máy chủ không tự xóa ảnh nào.
        """,
      en: """
        Photos follow the text: a report comes first, its photos bit by bit. Short of room, the hub puts photos off and goes on taking \
        text; devices keep theirs and offer them again. The hub removes no photo by itself.
        """),
    examples: ["hub photos", "hub photos --missing --json", "hub photos --quota 40GB", "hub photos --check"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Option(name: .long, help: .text(vi: "Chỉ của đơn vị này.", en: "Only of this unit.")) var unit: String?
  @Flag(name: .long, help: .text(vi: "Chỉ ảnh chưa về.", en: "Only photos that are not in.")) var missing = false
  @Option(
    name: .long,
    help: .text(
      vi: "Đặt chỗ tối đa cho mọi ảnh, như 500MB hay 40GB.", en: "Set how much room all photos may take, such as 500MB or 40GB."))
  var quota: String?
  @Flag(
    name: .long,
    help: .text(
      vi: "Đọc lại mọi tệp ảnh: ảnh mất hay hỏng được các thiết bị gửi lại.",
      en: "Read every photo's file: those lost or damaged are sent again by the devices."))
  var check = false

  private struct Report: Encodable {
    var usage: BlobUsage
    /// Named in reports, in, missing for a day.
    var named: Int
    var isIn: Int
    var overdue: Int
    /// Blobs that `--check` found gone or damaged.
    var lost: [String]?
    var photos: [HubPhoto]
  }

  func validate() throws {
    if let quota, ByteAmount.read(quota) == nil { throw ByteAmount.refusal(option: "--quota", quota) }
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      if let quota, let bytes = ByteAmount.read(quota) {
        try await survey.hub.acting(try acts.act("photos --quota", quota)) { try await survey.hub.setBlobBytesMax(bytes) }
      }
      let lost = check ? try await survey.hub.checkBlobs(readsAll: true).map(\.hex) : nil
      // Devices are asked for them anew.
      if let lost, !lost.isEmpty { try await survey.hub.note(try acts.act("photos --check", "\(lost.count)")) }
      let usage = try await survey.hub.blobUsage()
      let all = try await survey.photos(unit: unit.map { UnitCode($0) })
      if all.isEmpty { try await survey.refuseUnknown(unit: unit) }
      let shown = missing ? all.filter { !$0.isIn } : all
      let report = Report(
        usage: usage, named: all.count, isIn: all.count(where: \.isIn), overdue: all.count(where: \.isOverdue), lost: lost, photos: shown)
      try console.result(report)
      show(report, nowMs: survey.nowMs, console)
    }
  }

  private func show(_ report: Report, nowMs: Int64, _ console: Console) {
    let words = console.words
    func n(_ value: Int) -> String { words.number(value) }
    console.say(
      "Ảnh: \(n(report.isIn)) / \(n(report.named)) đã về, \(n(report.overdue)) thiếu quá 24 giờ.",
      "Photos: \(n(report.isIn)) / \(n(report.named)) in, \(n(report.overdue)) missing for 24 hours.")
    let (used, room) = (ByteAmount.text(report.usage.bytes, words), ByteAmount.text(report.usage.bytesMax, words))
    console.say("Chỗ: \(used) / \(room).", "Room: \(used) of \(room).")
    if report.usage.isDeferred {
      console.warn(
        LocalizedText(
          vi: "Đang hoãn nhận ảnh vì thiếu chỗ; chữ vẫn nhận. Thêm chỗ bằng --quota, hoặc dọn đĩa.",
          en: "Photos are put off for want of room; text goes on. Give more with --quota, or free the disk."))
    }
    if let lost = report.lost {
      console.say(
        "Đã đọc lại: \(n(lost.count)) ảnh mất hoặc hỏng; các thiết bị sẽ gửi lại.",
        "Read them all: \(n(lost.count)) lost or damaged; devices send them again.")
    }
    let listed = report.photos.filter { !$0.isIn }
    guard !listed.isEmpty else { return }
    let heading = [
      words.text("Báo cáo, tin", "Report, post"), words.text("Câu hỏi", "Question"), words.text("Ảnh", "Photo"),
      words.text("Chữ về", "Text came"),
    ]
    console.table(
      [heading]
        + listed.map { photo in
          let late = photo.isOverdue ? " !" : ""
          let record = photo.table == "post" ? "\(photo.unit.rawValue) \(photo.record.prefix(8))" : photo.record
          return [record, photo.question ?? "", String(photo.blob.prefix(8)), words.ago(photo.namedMs, nowMs: nowMs) + late]
        })
  }
}
