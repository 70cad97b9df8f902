internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Photos of a day's report, as files.
struct Photos: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Xem ảnh của báo cáo một ngày: ở máy này, đã về tỉnh; --save lưu thành tệp, ảnh chưa có trên máy thì tải về từ tỉnh.",
      en:
        "Show the photos of a day's report: here, at the hub; --save writes them as files, those not on this device fetched from the hub."),
    examples: ["field photos 2024-04-01", "field photos 2024-04-01 --save ./photos"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Ngày báo cáo.", en: "The report's day.")) var day: String
  @Option(
    name: .long, help: .text(vi: "Thư mục nhận ảnh; được tạo khi chưa có.", en: "The folder for the photos; made if it is not there."))
  var save: String?
  @Option(name: .long, help: .text(vi: "Địa chỉ khác của máy chủ, cho lần này.", en: "Another address of the hub, for this time."))
  var hub: String?

  @OptionGroup var deadline: DeadlineOption

  private struct Outcome: Encodable {
    var photos: [FieldPhoto]
    var saved: [String]
    /// Blobs that neither this device nor the hub has.
    var missing: [String]
  }

  func perform(_ console: Console) async throws {
    let day = try FieldOptions.day(day)
    let survey = try field.openForReading(console)
    let photos = try await survey.photos(day: day)
    guard !photos.isEmpty else {
      throw ToolError(
        vi: "Báo cáo ngày \(console.words.day(day)) không có ảnh nào trên máy này.",
        en: "The report of \(day) has no photos on this device.")
    }
    guard let save else { return try list(photos, console) }
    var missing: [FieldPhoto] = []
    if photos.contains(where: { !$0.isHere }) {
      missing = try await survey.fetchPhotos(day: day, through: deadline.bound(try await FieldOptions.transport(survey, hub: hub)))
    }
    do {
      try FileManager.default.createDirectory(atPath: save, withIntermediateDirectories: true)
    } catch {
      throw ToolError(vi: "Không tạo được thư mục \(save).", en: "Cannot make the folder \(save).")
    }
    var saved: [String] = []
    for (number, photo) in photos.enumerated() where !missing.contains(photo) {
      // Builds the path from this program's own words only: nothing that arrived becomes part of it.
      let path = "\(save)/\(day)-\(number + 1)-\(photo.blob.prefix(8)).jpg"
      guard let blob = BlobID(hex: photo.blob), let bytes = try survey.replica.blobs.read(blob) else { continue }
      do {
        try bytes.write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
      } catch {
        throw ToolError(
          vi: "Không ghi được \(path); có thể đã có tệp đó, hoặc thiếu quyền hay chỗ trống.",
          en: "Cannot write \(path); it may be there already, or permission or space is missing.")
      }
      saved.append(path)
    }
    try console.result(Outcome(photos: photos, saved: saved, missing: missing.map(\.blob)))
    console.say("Đã lưu \(saved.count) / \(photos.count) ảnh vào \(save).", "Saved \(saved.count) of \(photos.count) photos in \(save).")
    guard missing.isEmpty else {
      console.warn(
        LocalizedText(
          vi: "\(missing.count) ảnh chưa có ở đây và chưa về tỉnh.", en: "\(missing.count) photos are neither here nor at the hub yet."))
      throw ToolExit.partly
    }
  }

  private func list(_ photos: [FieldPhoto], _ console: Console) throws {
    try console.result(Outcome(photos: photos, saved: [], missing: []))
    let words = console.words
    let heading = [
      words.text("Ảnh", "Photo"), words.text("Câu hỏi", "Question"), words.text("Cỡ", "Size"), words.text("Ở máy này", "Here"),
      words.text("Ở tỉnh", "At the hub"),
    ]
    func yes(_ value: Bool) -> String { value ? words.text("có", "yes") : words.text("chưa", "no") }
    console.table(
      [heading]
        + photos.map { photo in
          [String(photo.blob.prefix(8)), photo.question ?? "", ByteAmount.text(photo.bytes, words), yes(photo.isHere), yes(photo.isAtHub)]
        })
  }
}
