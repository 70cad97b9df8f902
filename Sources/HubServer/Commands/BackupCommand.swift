internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Copies the hub's store while it works.
struct BackupCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: LocalizedText(
      vi: "Sao lưu kho dữ liệu vào một tệp mới, cả khi máy chủ đang phục vụ.",
      en: "Copy the store into one new file, also while the hub serves."),
    discussion: LocalizedText(
      vi: """
        Tệp chỉ có tên khi đã đủ, đã kiểm tra và nằm chắc trên đĩa; không bao giờ ghi đè. Thư mục `keys` KHÔNG nằm trong bản sao lưu: giữ \
        riêng, ở nơi khác; thiếu nó thì không dùng được bản sao. Ảnh nằm trong thư mục cùng tên, đuôi .blobs: cất cả hai (--without-photos: \
        bỏ ảnh). Những gì nằm trong HAI bản mới nhất thì các thiết bị không giữ nữa, nên \
        hãy chép tệp sang máy khác ngay và giữ ít nhất hai bản; bản không cất giữ thì dùng --not-kept. Đĩa của máy chủ đầy hoặc chỉ đọc \
        vẫn sao được sang đĩa khác; thiết bị không được báo về bản đó.
        """,
      en: """
        The file gets its name once it is whole, checked and on the disk, and never replaces another. The folder `keys` is NOT in a \
        backup: keep it apart, in another place; without it a backup is of no use. Photos are in a folder of the same \
        name with .blobs after it: keep both (--without-photos leaves them out). Devices let go of what the TWO newest backups hold, so \
        move the file to another machine at once and keep two at least; for a copy that nobody keeps use --not-kept. When the hub's disk \
        is full or read-only, a copy on another disk still works; devices are not told of it.
        """),
    examples: ["hub backup /mnt/backups", "hub backup yesterday.sqlite --dir ./hub-data"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(
    help: .text(
      vi: "Tệp mới đuôi .sqlite, hoặc thư mục có sẵn để tạo tệp mang tên theo giờ.",
      en: "A new file that ends in .sqlite, or a folder, in which one named after the time is made."
    )) var file: String
  @Flag(
    name: .long,
    help: .text(
      vi: "Bản sao không được cất giữ: các thiết bị không bỏ gì.", en: "Nobody keeps the copy: devices let go of nothing."))
  var notKept = false
  @Flag(name: .long, help: .text(vi: "Không sao ảnh.", en: "Leave the photos out.")) var withoutPhotos = false

  func perform(_ console: Console) async throws {
    let backup: HubBackup
    do {
      backup = try await copy(console)
    } catch let error as SyncError where error.isOfUnwritablePlace {
      guard try SurveyHub.exists(in: place.folder), !SurveyHub.canWrite(in: place.folder) else { throw error }
      backup = try await copyOfUnwritable(console)
    }
    let megabytes = console.words.number(max(1, backup.bytes >> 20))
    console.say(
      "Đã sao lưu \(console.words.number(backup.units)) đơn vị dữ liệu vào \(backup.path) (\(megabytes) MiB).",
      "Backed up \(console.words.number(backup.units)) units of data to \(backup.path) (\(megabytes) MiB).")
    if let blobs = backup.blobs {
      let size = ByteAmount.text(backup.blobBytes ?? 0, console.words)
      if blobs > 0 {
        console.say(
          "Ảnh: \(console.words.number(blobs)) (\(size)) trong \(backup.path).blobs; cất cùng tệp trên.",
          "Photos: \(console.words.number(blobs)) (\(size)) in \(backup.path).blobs; keep it with the file.")
      }
    } else {
      console.say("Không có ảnh trong bản sao này.", "No photos are in this copy.")
    }
    let keys = SurveyHub.keysPath(in: place.folder)
    console.say(
      "\(keys) không nằm trong đó: giữ một bản riêng, ở nơi khác.", "\(keys) is not in it: keep a copy apart, in another place.")
    try console.result(backup)
  }

  private func copy(_ console: Console) async throws -> HubBackup {
    let bar = ProgressBar(console.words.text("Sao lưu", "Backup"), console: console)
    defer { bar.finish() }
    return try await place.withHub(options, act: try acts.act("backup", file)) { survey in
      let backup = try await survey.hub.backUp(to: try path(nowMs: survey.nowMs), withBlobs: !withoutPhotos, isDeclared: !notKept) {
        bytes, total in
        bar.show(done: bytes >> 20, of: max(total, bytes) >> 20, note: "MiB")
      }
      do { try await survey.noteBackups() } catch let error as SyncError { console.warn(error.explanation) }
      return backup
    }
  }

  /// Copies a hub that cannot be written where it lies: its store can note nothing of the copy.
  private func copyOfUnwritable(_ console: Console) async throws -> HubBackup {
    let target = FileManager.default.fileExists(atPath: file + "/.") ? file : URL(fileURLWithPath: file).deletingLastPathComponent().path
    let scratch = try SurveyHub.copyForReading(place.folder, elsewhere: [target])
    defer { withExtendedLifetime(scratch) {} }
    console.warn(
      LocalizedText(
        vi:
          "Không ghi được \(place.folder) (đĩa đầy hoặc chỉ đọc): bản này sao từ những gì đọc được. Thiết bị không được báo nên không bỏ gì (như --not-kept).",
        en:
          "\(place.folder) cannot be written (its disk is full or read-only): this backup is made from what can be read. Devices are not told of it and let go of nothing (as with --not-kept)."
      ))
    var readable = place
    readable.dir = scratch.path
    return try await readable.withHub(options) { survey in
      try await survey.hub.backUp(
        to: try path(nowMs: survey.nowMs), withBlobs: !withoutPhotos, blobFolder: SurveyHub.storePath(in: place.folder) + ".blobs",
        isDeclared: false)
    }
  }

  private func path(nowMs: Int64) throws -> String {
    var isFolder = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue else {
      guard file.hasSuffix(Self.fileEnding) || FileManager.default.fileExists(atPath: file) else {
        throw ToolError(
          vi: "Không có thư mục \(file); tạo trước (hoặc gắn đĩa sao lưu), hay ghi tên tệp mới kết thúc bằng \(Self.fileEnding).",
          en: "There is no folder \(file); make it first (or mount the backup disk), or name a new file that ends in \(Self.fileEnding).")
      }
      return file
    }
    return Self.path(in: file, nowMs: nowMs)
  }

  /// A new file in a folder, named after the time.
  static func path(in folder: String, nowMs: Int64) -> String {
    let time = Date(timeIntervalSince1970: Double(nowMs) / 1000).formatted(
      .iso8601.year().month().day().dateSeparator(.omitted).time(includingFractionalSeconds: false).timeSeparator(.omitted))
    let names = ["hub-\(time)"] + (2...9).map { "hub-\(time)-\($0)" }
    let paths = names.map { "\(folder)/\($0)\(Self.fileEnding)" }
    // Backups of the same second get a number each.
    return paths.first { !FileManager.default.fileExists(atPath: $0) } ?? paths[0]
  }

  /// Tells a new file from a folder that is missing, such as a disk that is not mounted.
  private static let fileEnding = ".sqlite"
}

/// Makes a hub from a backup.
struct RestoreCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: LocalizedText(
      vi: "Dựng lại máy chủ từ một bản sao lưu, trong một thư mục mới.", en: "Make the hub anew from a backup, in a new folder."),
    discussion: LocalizedText(
      vi: """
        Chép thư mục `keys` của máy chủ vào thư mục mới, trước hay sau đều được. Khi máy chủ phục vụ lại ở địa chỉ cũ, các thiết bị tự nhận ra \
        và trả lại những gì máy chủ đã mất; `hub status` cho biết đã về những gì. Các thiết bị không còn giữ những gì nằm trong hai bản mới \
        nhất: với một bản cũ hơn, lệnh nói thiếu gì và hỏi lại.
        """,
      en: """
        Put the hub's folder `keys` into the new folder, before or after. Once the hub serves again at its old address, devices notice by \
        themselves and give back what it lost; `hub status` says what came. What the two newest backups hold devices have let go of: for \
        an older one the command says what is missing, and asks.
        """),
    examples: [#"hub restore yesterday.sqlite --dir ./hub-new --reason "the disk broke""#])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Bản sao lưu.", en: "The backup.")) var file: String
  @Flag(
    name: .long,
    help: .text(vi: "Dựng lại cả khi thiết bị đã bỏ những gì bản này thiếu.", en: "Restore also where devices let go of what it lacks."))
  var yes = false

  private struct Restored: Encodable {
    var folder: String
    var hasKeys: Bool
    /// Work that devices had let go of and that the backup lacks; nil when nothing is known.
    var gap: BackupGap?
  }

  func perform(_ console: Console) async throws {
    let usual = HubPlace.folder(in: ProcessInfo.processInfo.environment)
    let gap = SurveyHub.backupGap(restoring: file, at: place.folder, besides: [usual])
    if let gap { try confirm(gap, console) }
    let hasKeys = try SurveyHub.restore(file, at: place.folder, act: try acts.act("restore", file))
    console.say("Đã dựng lại máy chủ trong \(place.folder).", "Restored the hub in \(place.folder).")
    if !hasKeys {
      let keys = SurveyHub.keysPath(in: place.folder)
      console.say("Còn thiếu khóa: chép thư mục khóa đã cất vào \(keys).", "Its keys are missing: copy the folder you kept to \(keys).")
    }
    console.say(
      "Tiếp theo: hub serve --dir \(place.folder), rồi hub status cho biết các thiết bị đã trả lại gì.",
      "Next: hub serve --dir \(place.folder); then hub status says what devices gave back.")
    try console.result(Restored(folder: place.folder, hasKeys: hasKeys, gap: gap))
  }

  /// Names what will be missing, and asks where somebody can answer.
  private func confirm(_ gap: BackupGap, _ console: Console) throws {
    if yes { return console.warn(gap.explanation) }
    let (vi, en) = (gap.explanation.vi, gap.explanation.en)
    guard isatty(0) == 1, console.isTerminal, !console.isJSON else {
      console.refuse(
        LocalizedText(vi: vi + " Dùng bản mới hơn, hoặc thêm --yes.", en: en + " Use a newer one, or add --yes."))
      throw ToolExit.failed
    }
    console.warn(LocalizedText(vi: vi + " Gõ yes để dựng lại từ bản này:", en: en + " Type yes to restore from this one:"))
    guard readLine()?.trimmingCharacters(in: .whitespaces).lowercased() == "yes" else {
      console.refuse(LocalizedText(vi: "Không dựng lại gì.", en: "Nothing was restored."))
      throw ToolExit.failed
    }
  }
}
