internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Takes bundles: what communes send without a network.
struct ImportCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: LocalizedText(
      vi: "Nhập các tệp .skb mà xã gửi thay mạng, và ghi tệp trả lời.",
      en: "Take the .skb files that communes send instead of using a network, and write the return."),
    discussion: LocalizedText(
      vi: """
        Nhập lại, theo thứ tự nào, từ bao nhiêu người mang cũng không trùng. Gói tới trước gói đứng trước nó thì chờ. Phần hỏng hoặc bị từ \
        chối được nêu cùng lý do, phần tốt vẫn được nhận; mã thoát khi đó là 2. Tệp trả lời mã hóa riêng cho từng máy: gửi lại cho người \
        mang. Máy chủ vẫn phục vụ trong lúc nhập. --dry-run nhập vào một bản sao tạm nên cho biết đúng kết quả mà không đổi gì.
        """,
      en: """
        Importing again, in any order, from any number of couriers, doubles nothing. A batch that comes before its predecessor waits. \
        What is damaged or refused is named with its reason and the rest is taken; the exit code is 2 then. The return is encrypted to \
        each device: give it back to the courier. The hub goes on serving meanwhile. --dry-run imports into a copy that is thrown away, \
        so it tells exactly what would happen and changes nothing.
        """),
    examples: [
      "hub import commune-a.skb commune-b.skb --return return.skb", "hub import work-1.skb work-2.skb --dry-run",
      "hub import work.skb --return return.skb --split 20MB",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Các tệp .skb.", en: "The .skb files.")) var files: [String]
  @Option(
    name: .customLong("return"),
    help: .text(vi: "Ghi tệp trả lời vào đây: biên nhận và dữ liệu mới.", en: "Write the return here: receipts and what is new."))
  var returnFile: String?
  @Option(name: .long, help: .text(vi: "Chia tệp trả lời, như 20MB.", en: "Cut the return into parts, such as 20MB.")) var split: String?
  @Flag(name: .customLong("dry-run"), help: .text(vi: "Chỉ cho biết sẽ ra sao.", en: "Only tell what would happen.")) var dryRun = false

  func validate() throws {
    if dryRun, returnFile != nil {
      throw ValidationError(vi: "--dry-run không ghi tệp trả lời.", en: "--dry-run writes no return.")
    }
    _ = try partBytes()
  }

  private func partBytes() throws -> Int? {
    guard let split else { return nil }
    guard let bytes = ByteAmount.read(split) else { throw ByteAmount.refusal(option: "--split", split) }
    guard bytes >= BundleLimits.partBytesMin else {
      throw ValidationError(
        vi: "--split phải từ \(BundleLimits.partBytesMin / 1000)KB.", en: "--split must be at least \(BundleLimits.partBytesMin / 1000)KB.")
    }
    return bytes
  }

  func perform(_ console: Console) async throws {
    let report = try await place.withHub(options) { survey -> BundleReport in
      if dryRun { return try await survey.trial { try await run($0, console) } }
      let report = try await run(survey, console)
      let names = files.map { NSString(string: $0).lastPathComponent }.joined(separator: " ")
      try await survey.hub.note(try acts.act("import", names))
      return report
    }
    try console.result(report)
    show(report, console)
    guard report.isWhole else { throw report.devices.contains { $0.refused == 0 } ? ToolExit.partly : ToolExit.failed }
  }

  private func run(_ survey: SurveyHub, _ console: Console) async throws -> BundleReport {
    let bar = ProgressBar(console.words.text("Nhập", "Import"), console: console)
    defer { bar.finish() }
    var options = Hub.BundleOptions()
    (options.returnPath, options.partBytesMax) = (returnFile, try partBytes())
    options.onProgress = { bytes, total in bar.show(done: bytes >> 10, of: max(1, total >> 10), note: "KiB") }
    let (chosen, files, hub) = (options, files, survey.hub)
    return try await interruptible { try await hub.importBundles(files, options: chosen) }
  }

  // MARK: Showing

  private func show(_ report: BundleReport, _ console: Console) {
    func n(_ value: Int) -> String { console.words.number(value) }
    for file in report.files {
      for damage in file.damage {
        console.warn(file.isRefused ? damage : LocalizedText(vi: "\(file.path): \(damage.vi)", en: "\(file.path): \(damage.en)"))
      }
      if file.unlisted > 0 {
        console.warn(
          LocalizedText(vi: "\(file.path): … và \(n(file.unlisted)) chỗ hỏng nữa.", en: "\(file.path): … and \(n(file.unlisted)) more."))
      }
    }
    for device in report.devices {
      for problem in device.problems {
        console.warn(
          LocalizedText(vi: "\(device.name): \(problem.vi)", en: "\(device.name): \(problem.en)"))
      }
    }
    guard !report.devices.isEmpty else {
      return console.say("Không có gì cho máy chủ này trong các tệp.", "There is nothing for this hub in the files.")
    }
    let words = console.words
    console.table(
      [
        [
          words.text("Đơn vị", "Unit"), words.text("Thiết bị", "Device"), words.text("Mới", "New"), words.text("Đã có", "Had"),
          words.text("Chờ", "Waiting"), words.text("Tạm giữ", "Held"), words.text("Xung đột", "Conflicting"),
          words.text("Hỏng", "Damaged"), words.text("Từ chối", "Refused"), words.text("Phiếu", "Answers"), words.text("Ảnh", "Photos"),
        ]
      ]
        + report.devices.map { device in
          [
            device.scope, device.name, n(device.new), n(device.duplicate), n(device.waiting + device.undecided), n(device.held),
            n(device.conflicting), n(device.damaged), n(device.refused), n(device.packets), n(device.blobs),
          ]
        })
    let enrolled = report.devices.count { $0.isNewlyEnrolled }
    if enrolled > 0 { console.say("Ghi danh mới \(n(enrolled)) thiết bị.", "Newly enrolled devices: \(n(enrolled)).") }
    if report.devices.contains(where: { $0.waiting > 0 }) {
      console.say(
        "Gói đang chờ sẽ được hợp nhất khi gói đứng trước nó tới: hỏi người mang các phần còn lại.",
        "Waiting batches are merged once those before them come: ask the courier for the other parts.")
    }
    let late = report.devices.reduce(0) { $0 + $1.packetsLate }
    if late > 0 {
      console.say(
        "\(n(late)) phiếu mang khóa cũ của đơn vị, từ trước khi thu hồi một máy ở đó: được giữ và chờ quyết định, xem hub held packets. Máy còn dùng sẽ tự chứng thực lại khi nhận tệp trả lời.",
        "\(n(late)) answers bear an earlier key of their unit, from before a device there was revoked: they are kept and wait for a decision, see hub held packets. Devices in use prove theirs anew once they have the return."
      )
    }
    let photosWaiting = report.devices.reduce(0) { $0 + $1.blobsWaiting }
    if photosWaiting > 0 {
      console.say(
        "\(n(photosWaiting)) ảnh chưa đủ phần, hoặc chữ của chúng chưa về: hỏi người mang các phần còn lại.",
        "\(n(photosWaiting)) photos are not whole, or their text is not in: ask the courier for the other parts.")
    }
    if dryRun { return console.say("Chỉ thử: chưa nhập gì.", "This was a trial: nothing was imported.") }
    guard !report.returns.isEmpty else {
      return console.say(
        "Chưa ghi tệp trả lời: máy gửi chưa biết đã nhận (--return TỆP, nhập lại cũng được).",
        "No return was written: the devices do not know yet (--return FILE, also by importing again).")
    }
    let list = report.returns.joined(separator: ", ")
    console.say("Gửi lại cho người mang: \(list)", "Give this back to the courier: \(list)")
  }
}

extension BundleReport.Device {
  fileprivate var name: String { label.isEmpty ? replica.short : "\(label) (\(replica.short))" }
}
