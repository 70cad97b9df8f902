internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Makes enrolment codes, or enrolment files for devices that never see the network.
struct EnrollCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "enroll",
    abstract: LocalizedText(
      vi: "Tạo mã ghi danh, hoặc tệp ghi danh, cho một, vài hay mọi xã.",
      en: "Make enrolment codes, or enrolment files, for one, some or all communes."),
    discussion: LocalizedText(
      vi: """
        Mỗi mã dùng một lần, cho một thiết bị. Mã chỉ hiện lúc này: máy chủ chỉ giữ giá trị băm. Tệp ghi danh thay cho mã trên thiết bị \
        không có mạng; tệp chứa khóa của thiết bị đó, nên hãy mang như mang chìa khóa và xóa sau khi dùng. Thiết bị mất tệp khóa, hay bị \
        thu hồi nhầm: --replaces tạo mã để kho dữ liệu của nó đi tiếp dưới tên mới; tên cũ bị thu hồi cùng lúc mã được dùng.
        """,
      en: """
        A code is valid once, for one device. It is shown only now: the hub keeps its hash. An enrolment file replaces a code on a \
        device without network; it holds that device's key, so carry it like a key and delete it afterwards. For a \
        device that lost its key file, or was revoked by mistake, --replaces makes a code with which its store goes on under a new name; \
        the old one is revoked when the code is used.
        """),
    examples: [
      "hub enroll 07201", "hub enroll --all --file codes.csv", "hub enroll 07201 07204 --files ./usb --hub http://10.0.0.5:8080",
      "hub enroll 07201 --replaces 3fa20c11 --reason \"key file lost\"",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Mã đơn vị, như 07201.", en: "Codes of units, such as 07201.")) var units: [String] = []
  @Flag(name: .long, help: .text(vi: "Mọi xã.", en: "Every commune.")) var all = false
  @Option(name: .long, help: .text(vi: "Số thiết bị của mỗi đơn vị.", en: "How many devices of each unit.")) var count = 1
  @Option(
    name: .long,
    help: .text(
      vi: "Ghi mã vào tệp mới này: CSV, hoặc JSON khi tên tệp kết thúc bằng .json.",
      en: "Also write the codes to this new file: CSV, or JSON when its name ends in .json."))
  var file: [String] = []
  @Option(
    name: .long,
    help: .text(
      vi: "Thay vì mã, tạo trong thư mục này mỗi thiết bị một tệp ghi danh.",
      en: "Make an enrolment file for each device in this folder instead of codes."))
  var files: String?
  @Option(
    name: .long,
    help: .text(
      vi: "Địa chỉ máy chủ ghi vào tệp ghi danh, như http://10.0.0.5:8080.",
      en: "The hub's address to put into enrolment files, such as http://10.0.0.5:8080."))
  var hub = ""

  @Option(
    name: .long,
    help: .text(
      vi: "Thiết bị mất khóa hay bị thu hồi nhầm, như `hub devices list` ghi: mã dùng trên kho dữ liệu của nó.",
      en: "The device that lost its key or was revoked by mistake, as `hub devices list` shows it: the code is for its store."))
  var replaces: String?

  /// Devices made in one call.
  private static let devicesMax = 20_000

  struct Code: Codable {
    var unit: String
    var name: String
    var district: String
    var code: String?
    var file: String?
  }

  func validate() throws {
    if units.isEmpty != all {
      throw
        ValidationError(
          vi: "Hãy cho mã đơn vị, hoặc --all; không dùng cả hai.", en: "Give unit codes, or --all; not both and not neither.")
    }
    if !(1...100).contains(count) { throw ValidationError(vi: "--count phải từ 1 đến 100.", en: "--count must be 1 to 100.") }
    if replaces != nil, all || units.count != 1 || count != 1 || files != nil {
      throw ValidationError(
        vi: "--replaces cần đúng một đơn vị, không đi cùng --all, --count hay --files.",
        en: "--replaces takes exactly one unit, and neither --all, --count nor --files.")
    }
    if replaces != nil { try acts.requireReason(for: "enroll --replaces") }
    if files != nil && !file.isEmpty {
      throw
        ValidationError(
          vi: "--file ghi mã, còn --files tạo tệp ghi danh: hãy chọn một.",
          en: "--file writes codes and --files makes enrolment files: choose one.")
    }
  }

  func perform(_ console: Console) async throws {
    for path in file { try OutputFile.refuseExisting(path) }
    if let replaces { return try await replace(replaces, console) }
    let subject = all ? "--all" : units.joined(separator: " ")
    try await place.withHub(options, act: try acts.act("enroll", subject, look: ActLook.codes)) { survey in
      let plan = try await survey.requirePlan()
      let targets = try targets(plan.tree).flatMap { Array(repeating: $0, count: count) }
      guard targets.count <= Self.devicesMax else {
        throw ToolError(
          vi: "Không tạo quá \(console.words.number(Self.devicesMax)) mã một lần.",
          en: "No more than \(console.words.number(Self.devicesMax)) devices can be made in one call.")
      }
      let codes: [Code]
      if let files {
        codes = try await makeFiles(targets, in: files, survey: survey, plan: plan, console: console)
      } else {
        let made = try await survey.hub.makeCodes(targets.map { ($0.code.rawValue, plan.readScopes(of: $0.code)) })
        codes = zip(targets, made).map { unit, code in self.code(for: unit, of: plan.tree, code: code) }
      }
      try tell(codes, console)
    }
  }

  /// Shows codes, which nobody can ask for again, and writes them to the files that were named.
  private func tell(_ codes: [Code], _ console: Console) throws {
    do {
      for path in file { try write(codes, to: path) }
    } catch {
      // Shows codes that cannot be written: nobody can ask for them again.
      table(codes, console)
      try console.result(codes)
      throw error
    }
    show(codes, console)
    try console.result(codes)
  }

  /// Makes the code with which one device's store goes on.
  private func replace(_ typed: String, _ console: Console) async throws {
    try await place.withHub(options) { survey in
      let plan = try await survey.requirePlan()
      guard let unit = try targets(plan.tree).first else { return }
      let (replica, device) = try await replaced(typed, survey)
      let act = try acts.act("enroll --replaces", replica.description, look: ActLook.codes)
      let code = try await survey.hub.acting(act) {
        try await survey.hub.makeCode(
          replacing: replica, scope: unit.code.rawValue, readScopes: plan.readScopes(of: unit.code), by: act.by, reason: act.reason)
      }
      let name = device.map { " (\($0.label))" } ?? ""
      console.say(
        "Ai dùng mã này trên kho dữ liệu của thiết bị \(replica.short)\(name) thì đi tiếp với kho ấy dưới tên mới, và được tin. Chỉ trao cho đúng người.",
        "Whoever uses this code on the store of device \(replica.short)\(name) goes on with that store under a new name, and is trusted. Give it to the right person only."
      )
      let family = try await survey.hub.activeFamily(of: replica).map(\.short).joined(separator: ", ")
      if !family.isEmpty {
        console.say(
          "Khi mã được dùng, bị thu hồi: \(family), và khóa phiếu kín của đơn vị đổi. Trước đó hủy mã được: hub codes --cancel \(unit.code).",
          "When it is used, these are revoked: \(family), and the unit's key for anonymous answers changes. Until then it can be cancelled: hub codes --cancel \(unit.code)."
        )
      }
      try tell([self.code(for: unit, of: plan.tree, code: code)], console)
    }
  }

  /// Finds the identity that was typed; one that the hub forgot with a restore has to be typed whole.
  private func replaced(_ typed: String, _ survey: SurveyHub) async throws -> (ReplicaID, HubDevice?) {
    do {
      let device = try await DevicesCommand.device(typed, of: survey)
      return (device.replica, device)
    } catch let error as ToolError {
      guard let replica = Data(hex: typed).flatMap(ReplicaID.init(bytes:)) else { throw error }
      return (replica, nil)
    }
  }

  private func targets(_ tree: UnitTree) throws -> [SurveyUnit] {
    if all { return VietnameseOrder.byDistrict(tree.units(at: .commune)) { tree.displayName(of: $0.code) } }
    let unknown = units.filter { tree[UnitCode($0)] == nil }
    guard unknown.isEmpty else {
      let list = unknown.joined(separator: ", ")
      throw ToolError(
        vi: "Không có đơn vị mã \(list) trong cuộc khảo sát; mã xã như 07201.",
        en: "There is no unit with code \(list) in the campaign; a commune's code looks like 07201.")
    }
    return units.compactMap { tree[UnitCode($0)] }
  }

  private func code(for unit: SurveyUnit, of tree: UnitTree, code: String? = nil, file: String? = nil) -> Code {
    Code(unit: unit.code.rawValue, name: unit.name, district: tree.group(of: unit.code)?.name ?? "", code: code, file: file)
  }

  // MARK: Files

  private func makeFiles(
    _ targets: [SurveyUnit], in folder: String, survey: SurveyHub, plan: HubPlan, console: Console
  ) async throws -> [Code] {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw ToolError(vi: "Không tạo được thư mục \(folder).", en: "Cannot create the folder \(folder).")
    }
    let bar = ProgressBar(console.words.text("Tạo tệp ghi danh", "Enrolment files"), console: console)
    var codes: [Code] = []
    for (index, unit) in targets.enumerated() {
      let number = targets[..<index].lazy.filter { $0.code == unit.code }.count + 1
      let path = try freePath(folder + "/" + unit.code.rawValue, number: number)
      let data = try await survey.hub.makeEnrolmentFile(
        scope: unit.code.rawValue, readScopes: plan.readScopes(of: unit.code), label: "\(plan.tree.displayName(of: unit.code)) \(number)",
        hubAddress: hub)
      try PrivateFile.write(data, to: path)
      codes.append(code(for: unit, of: plan.tree, file: path))
      bar.show(done: index + 1, of: targets.count)
    }
    bar.finish()
    return codes
  }

  /// A name nothing has yet: a key that was made is not overwritten.
  private func freePath(_ base: String, number: Int) throws -> String {
    for candidate in number...number + 1000 {
      let path = "\(base)-\(candidate).enrol"
      if !FileManager.default.fileExists(atPath: path) { return path }
    }
    throw ToolError(vi: "Có quá nhiều tệp \(base)-*.enrol; hãy xóa bớt.", en: "There are too many files \(base)-*.enrol; remove some.")
  }

  private func write(_ codes: [Code], to path: String) throws {
    if path.lowercased().hasSuffix(".json") {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try PrivateFile.write(try encoder.encode(codes), to: path)
    } else {
      var writer = CSVWriter()
      writer.write(["unit", "name", "district", "code"])
      for code in codes { writer.write([code.unit, code.name, code.district, code.code ?? ""]) }
      try PrivateFile.write(writer.data, to: path)
    }
  }

  private func show(_ codes: [Code], _ console: Console) {
    if !file.isEmpty {
      let list = file.joined(separator: ", ")
      console.say(
        "Đã ghi \(console.words.number(codes.count)) mã vào \(list); giữ kín như chìa khóa.",
        "Wrote \(console.words.number(codes.count)) codes to \(list); keep it like a key.")
      return
    }
    table(codes, console)
  }

  private func table(_ codes: [Code], _ console: Console) {
    let words = console.words
    let heading = [
      words.text("Mã đơn vị", "Unit"), words.text("Đơn vị", "Name"), words.text("Huyện", "District"),
      files == nil ? words.text("Mã ghi danh", "Code") : words.text("Tệp", "File"),
    ]
    console.table([heading] + codes.map { [$0.unit, $0.name, $0.district, $0.code.map(Self.spaced) ?? $0.file ?? ""] })
  }

  /// Returns the code in two halves, as people read it aloud; `field enroll` takes a code with or without the dash.
  private static func spaced(_ code: String) -> String { "\(code.prefix(5))-\(code.dropFirst(5))" }
}
