internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Export: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Ghi mọi thứ tỉnh chưa có vào một tệp .skb, để mang đi thay mạng.",
      en: "Write everything the province does not have into a .skb file, to be carried instead of sent."),
    discussion: LocalizedText(
      vi: """
        Chép tệp vào thẻ nhớ, gửi qua tin nhắn hay nhờ người mang; tỉnh nhập bằng hub import và gửi lại một tệp trả lời. Tệp được mã hóa: \
        chỉ tỉnh đọc được. Trên máy này không có gì thay đổi: mọi thứ còn nguyên và lần sau lại được ghi, cho tới khi có biên nhận; \
        mang nhiều lần, theo thứ tự nào cũng không trùng. Những gì máy này mang giúp máy khác cũng đi cùng. Đĩa đầy hoặc chỉ đọc vẫn ghi được tệp lên ổ khác.
        """,
      en: """
        Copy the file to a stick, attach it to a chat or give it to somebody; the province imports it with hub import and sends a return \
        back. It is encrypted: only the province can read it. Nothing changes on this device: everything stays and is written again next \
        time, until a receipt has come; brought several times, in any order, it counts once. What this device carries for others goes \
        along. With a full disk, or one that cannot be written, a file on another disk still works.
        """),
    examples: ["field export work.skb", "field export work.skb --split 20MB"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Tệp .skb sẽ ghi.", en: "The .skb file to write.")) var file: String

  @Option(
    name: .long,
    help: .text(
      vi: "Chia thành các phần không lớn hơn chừng này, như 20MB; mỗi phần tự đủ, nhập theo thứ tự nào cũng được.",
      en: "Cut it into parts of at most this, such as 20MB; each stands alone and they can be imported in any order."))
  var split: String?

  @Flag(
    name: .long,
    help: .text(
      vi: "Không mã hóa: ai cầm tệp cũng đọc được báo cáo trong đó.",
      en: "Do not encrypt: whoever holds the file can read the reports in it."))
  var plain = false

  @Flag(
    name: .long,
    help: .text(vi: "Không kèm ảnh, để tệp nhỏ; ảnh đi lần khác.", en: "Leave the photos for another time, for a small file."))
  var withoutPhotos = false

  func validate() throws { _ = try BundleSize.read(split) }

  func perform(_ console: Console) async throws {
    let survey = try await openStore(console)
    var options = BundleExportOptions()
    (options.isPlain, options.partBytesMax, options.withoutBlobs) = (plain, try BundleSize.read(split), withoutPhotos)
    let (chosen, replica, courier) = (options, survey.replica, Courier(store: field.storePath))
    let file = file
    let export = try await interruptible { try await replica.exportBundle(to: file, options: chosen, courier: courier) }
    try console.result(export)
    BundleSpeech(console).show(export)
    if replica.isCopy {
      console.say(
        "Khi kho ghi được trở lại, máy gửi lại những gì trong tệp này; nhập hai lần vẫn chỉ tính một lần.",
        "Once the store can be written, the device sends again what is in this file; brought twice, it counts once.")
    }
  }

  /// Opens the store, or a copy when pending changes cannot be sealed in it.
  private func openStore(_ console: Console) async throws -> SurveyField {
    let elsewhere = [URL(fileURLWithPath: file).deletingLastPathComponent().path]
    let survey = try field.openForReading(console, elsewhere: elsewhere)
    guard !survey.replica.isCopy else { return survey }
    do {
      try await survey.replica.prepareBundle()
      return survey
    } catch let error as SyncError where error.isOfUnwritablePlace {
      try survey.close()
      return try field.openForReading(console, asCopy: true, elsewhere: elsewhere)
    }
  }
}

/// Sizes of a bundle's parts as people write them.
enum BundleSize {
  static func read(_ text: String?) throws -> Int? {
    guard let text else { return nil }
    guard let bytes = ByteAmount.read(text) else { throw ByteAmount.refusal(option: "--split", text) }
    guard bytes >= BundleLimits.partBytesMin else {
      throw ValidationError(
        vi: "--split phải từ \(BundleLimits.partBytesMin / 1000)KB.", en: "--split must be at least \(BundleLimits.partBytesMin / 1000)KB.")
    }
    return bytes
  }
}

/// Messages of `field` about bundles.
struct BundleSpeech {
  let console: Console

  init(_ console: Console) { self.console = console }

  private func n(_ value: Int) -> String { console.words.number(value) }

  func show(_ export: BundleExport) {
    let files = export.paths.joined(separator: ", ")
    let size = ByteAmount.text(export.bytes, console.words)
    if export.isEnrolment {
      console.say(
        "Đã ghi yêu cầu ghi danh vào \(files); gửi lên tỉnh, rồi nhập tệp trả lời: field import-bundle TỆP.",
        "Wrote the request for enrolment to \(files); send it to the province, then import its return: field import-bundle FILE.")
      console.say(
        "Trong đó có mã ghi danh đọc được: giữ kín cho tới khi đã ghi danh.",
        "The code in it can be read: keep it to yourself until you are enrolled.")
      if export.carried > 0 { console.say("Mang giúp \(n(export.carried)) bọc.", "It carries \(n(export.carried)) parcels of others.") }
      return
    }
    console.say(
      "Đã ghi \(n(export.changes)) thay đổi trong \(n(export.batches)) gói và \(n(export.packets)) phiếu vào \(files) (\(size)).",
      "Wrote \(n(export.changes)) changes in \(n(export.batches)) batches and \(n(export.packets)) answers to \(files) (\(size)).")
    if export.blobs > 0 {
      let photos = ByteAmount.text(export.blobBytes, console.words)
      console.say("Kèm \(n(export.blobs)) ảnh (\(photos)).", "With it go \(n(export.blobs)) photos (\(photos)).")
    }
    if export.blobsLeft > 0 {
      console.say(
        "\(n(export.blobsLeft)) ảnh để lại lần khác.", "\(n(export.blobsLeft)) photos stay here for another time.")
    }
    if export.pages > 0 {
      console.say(
        "Kèm \(n(export.pages)) trang dữ liệu mà tỉnh đã mất.", "With it go \(n(export.pages)) pages of data that the province lost.")
    }
    if export.carried > 0 { console.say("Mang giúp \(n(export.carried)) bọc.", "It carries \(n(export.carried)) parcels of others.") }
    if !export.isEncrypted {
      console.warn(
        LocalizedText(
          vi: "Tệp KHÔNG mã hóa: ai cầm cũng đọc được báo cáo.", en: "The file is NOT encrypted: whoever holds it can read the reports."))
    }
    console.say(
      "Chưa có gì được coi là đã gửi; xem lại sau khi nhập tệp trả lời (field status).",
      "Nothing counts as sent yet; look again once the return is imported (field status).")
  }

  func show(_ outcome: BundleImport, openConflicts: Int) {
    warn(outcome.files)
    for notice in outcome.notices { console.warn(notice.explanation) }
    for reason in outcome.refused { console.warn(reason) }
    let progress = outcome.progress
    console.say(
      "Tỉnh xác nhận \(n(progress.changesSent)) thay đổi và \(n(outcome.packetsKept)) phiếu; nhận \(n(progress.received)); xung đột \(n(openConflicts)); tạm giữ \(n(progress.held)).",
      "The province confirms \(n(progress.changesSent)) changes and \(n(outcome.packetsKept)) answers; received \(n(progress.received)); conflicts \(n(openConflicts)); held \(n(progress.held))."
    )
    if outcome.blobsIn > 0 { console.say("Ảnh đã về tỉnh: \(n(outcome.blobsIn)).", "Photos in: \(n(outcome.blobsIn)).") }
    if outcome.areBlobsDeferred {
      console.warn(
        LocalizedText(
          vi: "Tỉnh tạm chưa nhận ảnh vì sắp hết chỗ; ảnh còn nguyên ở đây, lần sau gửi lại.",
          en: "The province takes no photos for now, it is short of room; they are safe here and go along next time."))
    }
    if openConflicts > 0 {
      console.say("Xem xung đột: field list, rồi field show.", "See the conflicts: field list, then field show.")
    }
    if outcome.delivered > 0 {
      console.say(
        "\(n(outcome.delivered)) bọc mang giúp đã tới tỉnh.",
        "\(n(outcome.delivered)) parcels carried for others have reached the province.")
    }
    if outcome.others > 0 {
      console.say(
        "Trong đó có phần của \(n(outcome.others)) máy khác: đưa tệp cho họ, hoặc mang giúp bằng field courier collect.",
        "It holds something for \(n(outcome.others)) other devices, too: pass the file on, or take that along with field courier collect.")
    }
    if outcome.needsAnother {
      console.say(
        "Chưa xong: ghi một tệp mới (field export) và gửi lên tỉnh.",
        "There is more: write a new file (field export) and send it to the province.")
    }
  }

  /// Uploads carried parcels after an exchange. A failure of the upload is no failure of the exchange.
  func handOn(_ survey: SurveyField, store: String, through transport: any Transport) async throws {
    do {
      let done = try await survey.replica.handOn(Courier(store: store), through: transport)
      guard done.delivered > 0 else { return }
      console.say(
        "Đã chuyển \(n(done.delivered)) bọc mang giúp lên tỉnh; mang về \(n(done.returns)) bọc trả lời (field export).",
        "Handed \(n(done.delivered)) carried parcels to the province; took \(n(done.returns)) back for others (field export).")
    } catch let error as SyncError {
      console.warn(
        LocalizedText(
          vi: "Chưa chuyển được những gì mang giúp: \(error.explanation.vi)",
          en: "What is carried for others was not handed on: \(error.explanation.en)"))
    }
  }

  /// Prints the faults of files, one sentence each.
  func warn(_ files: [BundleReport.File]) {
    for file in files {
      for damage in file.damage {
        console.warn(
          file.isRefused
            ? damage : LocalizedText(vi: "\(file.path): \(damage.vi)", en: "\(file.path): \(damage.en)"))
      }
    }
  }
}
