internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The devices a hub knows.
struct DevicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: LocalizedText(
      vi: "Liệt kê các thiết bị đã ghi danh, hoặc thu hồi một thiết bị.", en: "List the enrolled devices, or revoke one."),
    examples: ["hub devices list", #"hub devices revoke 3fa20c11 --reason "stolen""#],
    subcommands: [
      DevicesListCommand.self, DevicesLabelCommand.self, DevicesRevokeCommand.self, DevicesRestoreCommand.self, DevicesDecideCommand.self,
      DevicesConfirmCommand.self,
      DevicesMendCommand.self,
    ],
    defaultSubcommand: DevicesListCommand.self)
}

struct DevicesListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: LocalizedText(
      vi: "Liệt kê các thiết bị đã ghi danh: đơn vị, lần liên lạc cuối, còn tồn, đồng hồ.",
      en: "List the enrolled devices: unit, last contact, backlog, clock."),
    examples: ["hub devices list --unit 07201"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Chỉ thiết bị của đơn vị này.", en: "Only devices of this unit.")) var unit: String?

  private struct Line: Encodable {
    var replica: String
    var unit: String
    var name: String
    var label: String
    /// Names whose the device is, as an operator wrote.
    var owner: String?
    var enrolledMs: UInt64
    var revokedMs: UInt64?
    var contactMs: UInt64?
    var skewMs: Int64?
    var backlog: Int?
    var packets: Int?
    /// The identity it took the place of.
    var predecessor: String?
    /// The identities that took its place.
    var successors: [String]
    /// Learned again from its certificate after a restore; nobody has checked yet whether it had been revoked.
    var isToBeConfirmed: Bool
    /// Batches that came after it was revoked and wait for a decision.
    var undecided: Int
  }

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let plan = try await survey.plan()
      let devices = try await survey.hub.devices().filter { unit == nil || $0.scope == unit }
      if devices.isEmpty { try await survey.refuseUnknown(unit: unit) }
      let late = try await survey.hub.lateBatches()
      let notes = try await survey.hub.deviceNotes()
      let lines = devices.map { device in
        Line(
          replica: device.replica.description, unit: device.scope, name: plan?.tree.displayName(of: UnitCode(device.scope)) ?? device.scope,
          label: notes[device.replica]?.label ?? device.label, owner: notes[device.replica]?.owner, enrolledMs: device.enrolledMs,
          revokedMs: device.revokedMs, contactMs: device.contactMs,
          skewMs: device.skewMs, backlog: device.backlog, packets: device.packets, predecessor: device.predecessor?.description,
          successors: devices.filter { $0.predecessor == device.replica }.map(\.replica.description),
          isToBeConfirmed: device.isToBeConfirmed, undecided: late[device.replica] ?? 0)
      }
      try console.result(lines)
      guard !lines.isEmpty else {
        console.say("Chưa có thiết bị nào ghi danh.", "No device has enrolled yet.")
        return
      }
      let words = Wording(language: options.language)
      let heading: [LocalizedText] = [
        LocalizedText(vi: "Thiết bị", en: "Device"), LocalizedText(vi: "Đơn vị", en: "Unit"), LocalizedText(vi: "Nhãn", en: "Label"),
        LocalizedText(vi: "Liên lạc cuối", en: "Last contact"), LocalizedText(vi: "Tồn", en: "Backlog"),
        LocalizedText(vi: "Phiếu chờ", en: "Packets"), LocalizedText(vi: "Lệch giờ", en: "Clock"),
        LocalizedText(vi: "Trạng thái", en: "State"),
      ]
      let sorted = VietnameseOrder.byDistrict(devices) { plan?.tree.displayName(of: UnitCode($0.scope)) ?? $0.scope }
      console.table(
        [heading.map { $0(options.language) }]
          + sorted.map { device in
            let contact = device.contactMs.map { Int64($0) }
            return [
              device.replica.short, plan?.tree.displayName(of: UnitCode(device.scope)) ?? device.scope,
              Self.name(device, notes[device.replica]),
              contact.map { ms in plan.map { words.time($0.campaign.localTime(atMs: ms)) } ?? words.ago(ms, nowMs: survey.nowMs) }
                ?? words.noContact, words.number(device.backlog),
              words.number(device.packets), words.skew(device.skewMs),
              Self.state(device, of: devices, undecided: late[device.replica] ?? 0)(options.language),
            ]
          })
    }
  }
}

extension DevicesListCommand {
  /// Gives the device's label, and whose the device is.
  fileprivate static func name(_ device: HubDevice, _ note: DeviceNote?) -> String {
    [note?.label ?? device.label, note?.owner.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
  }

  /// Returns whether the device may call, and which identities took the place of which: a device that was copied, or restored from
  /// an old copy, has several identities.
  fileprivate static func state(_ device: HubDevice, of devices: [HubDevice], undecided: Int) -> LocalizedText {
    var parts = [
      device.revokedMs == nil ? LocalizedText(vi: "đang dùng", en: "active") : LocalizedText(vi: "đã thu hồi", en: "revoked")
    ]
    if let predecessor = device.predecessor {
      parts.append(LocalizedText(vi: "thay cho \(predecessor.short)", en: "succeeds \(predecessor.short)"))
    }
    let successors = devices.filter { $0.predecessor == device.replica }.map(\.replica.short).joined(separator: ", ")
    if !successors.isEmpty { parts.append(LocalizedText(vi: "được \(successors) thay", en: "succeeded by \(successors)")) }
    if undecided > 0 {
      parts.append(LocalizedText(vi: "\(undecided) gói chờ quyết định", en: "\(undecided) batches to be decided"))
    }
    if device.isToBeConfirmed {
      parts.append(LocalizedText(vi: "nhận lại sau khôi phục, cần đối chiếu", en: "learned again after a restore, to be confirmed"))
    }
    return LocalizedText(vi: parts.map(\.vi).joined(separator: ", "), en: parts.map(\.en).joined(separator: ", "))
  }
}

struct DevicesLabelCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: LocalizedText(
      vi: "Ghi tên thiết bị và người giữ nó; chỉ máy chủ biết.", en: "Write down a device's name and whose it is; only the hub knows."),
    examples: ["hub devices label 3fa20c11 \"tablet 2\" --owner \"Lan\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @OptionGroup var target: DeviceArgument
  @Argument(help: .text(vi: "Tên hiện trong danh sách.", en: "The name to show in lists.")) var label: String?
  @Option(name: .long, help: .text(vi: "Người giữ thiết bị.", en: "Whose the device is.")) var owner: String?

  private struct Labelled: Encodable {
    var replica: String
    var label: String?
    var owner: String?
  }

  func validate() throws {
    if label == nil && owner == nil {
      throw ValidationError(vi: "Hãy cho tên thiết bị, hoặc --owner.", en: "Give the device's name, or --owner.")
    }
    for text in [label, owner].compactMap({ $0 }) where text.allSatisfy(\.isWhitespace) || text.count > DeviceNote.lengthMax {
      throw ValidationError(
        vi: "Tên phải có từ 1 đến \(DeviceNote.lengthMax) ký tự.", en: "A name has 1 to \(DeviceNote.lengthMax) characters.")
    }
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let found = try await target.found(in: survey)
      let act = try acts.act("devices label", found.replica.description)
      try await survey.hub.acting(act) { try await survey.hub.note(found.replica, label: label, owner: owner) }
      console.say("Đã ghi cho thiết bị \(found.replica.short).", "Written beside device \(found.replica.short).")
      try console.result(Labelled(replica: found.replica.description, label: label, owner: owner))
    }
  }
}

struct DevicesRevokeCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: LocalizedText(
      vi: "Thu hồi quyền của thiết bị bị mất hay dùng sai; những gì nó đã gửi vẫn còn.",
      en: "Take a lost or misused device's rights away; what it sent before stays."),
    discussion: LocalizedText(
      vi: """
        Mọi danh tính thay cho nhau của máy ấy và bản sao của nó đều bị thu hồi. Khóa phiếu kín của đơn vị đổi: các máy khác nhận khóa mới \
        trong lần đồng bộ tới; phiếu mang khóa cũ tới bằng bọc thì chờ quyết định.
        """,
      en: """
        Every identity that took another's place on the device, and those of its copies, are revoked with it. The unit's key for anonymous \
        answers changes: its other devices get the new one with their next exchange; answers under the old key that come by bundle wait for \
        a decision.
        """),
    examples: [#"hub devices revoke 3fa20c11 --reason "stolen""#])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @OptionGroup var target: DeviceArgument

  private struct Revoked: Encodable {
    var replica: String
    var changed: Bool
    /// Other identities of the device, or of a copy of the device.
    var others: [String]
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let first = try await target.found(in: survey)
      console.say(
        "Nếu nhầm, lấy lại được: hub devices restore \(first.replica.short). Khóa phiếu kín đã đổi thì không đổi lại.",
        "If that is a mistake it can be taken back: hub devices restore \(first.replica.short). The key for anonymous answers stays changed."
      )
      let act = try acts.act("devices revoke", first.replica.description, look: ActLook.devices)
      let revoked = try await survey.hub.acting(act) { try await survey.hub.revoke(first.replica) }
      let (changed, others) = (!revoked.isEmpty, revoked.filter { $0 != first.replica })
      console.say(
        changed ? "Đã thu hồi thiết bị \(first.replica.short) (\(first.label))." : "Thiết bị này đã bị thu hồi trước đó.",
        changed ? "Revoked device \(first.replica.short) (\(first.label))." : "This device was revoked before.")
      if !others.isEmpty {
        let names = others.map(\.short).joined(separator: ", ")
        console.say(
          "Thu hồi cùng với nó: \(names), là danh tính khác của máy ấy hoặc của bản sao. Máy nào còn dùng đúng thì ghi danh lại.",
          "Revoked with it: \(names), other identities of the device or of a copy. Enrol anew a device among them that is in good hands.")
      }
      try console.result(Revoked(replica: first.replica.description, changed: changed, others: others.map(\.description)))
    }
  }
}

struct DevicesConfirmCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "confirm",
    abstract: LocalizedText(
      vi: "Sau khi khôi phục máy chủ: xác nhận đã đối chiếu và thu hồi lại các thiết bị bị thu hồi sau bản sao lưu.",
      en: "After the hub was restored: say that devices revoked since the backup were looked for and revoked again."),
    examples: ["hub devices confirm"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions

  private struct Confirmed: Encodable {
    var devices: Int
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options, act: try acts.act("devices confirm", look: ActLook.devices)) { survey in
      let devices = try await survey.hub.confirmRestores()
      console.say(
        "Đã ghi nhận việc đối chiếu; \(devices) thiết bị được nhận lại không còn chờ.",
        "Noted; \(devices) devices that were learned again no longer wait for it.")
      try console.result(Confirmed(devices: devices))
    }
  }
}

/// Takes which device a command is about.
struct DeviceArgument: ParsableArguments {
  @Argument(
    help: .text(
      vi: "Thiết bị như `hub devices list` ghi: ít nhất 8 chữ số.", en: "The device as `hub devices list` shows it: at least 8 digits."))
  var device: String

  func found(in survey: SurveyHub) async throws -> HubDevice { try await DevicesCommand.device(device, of: survey) }
}

extension DevicesCommand {
  /// Finds the one device whose identity begins with what was typed.
  static func device(_ typed: String, of survey: SurveyHub) async throws -> HubDevice {
    let wanted = typed.lowercased()
    let found = try await survey.hub.devices().filter { wanted.count >= 8 && $0.replica.description.hasPrefix(wanted) }
    guard let first = found.first, found.count == 1 else {
      throw ToolError(
        vi: found.isEmpty ? "Không có thiết bị \(typed); xem `hub devices list`." : "\(typed) chỉ nhiều thiết bị; ghi thêm chữ số.",
        en: found.isEmpty ? "There is no device \(typed); see `hub devices list`." : "\(typed) names several devices; give more digits.")
    }
    return first
  }
}

struct DevicesDecideCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "decide",
    abstract: LocalizedText(
      vi: "Quyết định một lần về các gói của thiết bị đã thu hồi mà sau đó mới tới.",
      en: "Decide once about the batches of a revoked device that came afterwards."),
    discussion: LocalizedText(
      vi:
        "Nhận thì các gói được gộp như mọi gói khác. Từ chối thì chúng nằm lại trong nhật ký, không gộp; sau này vẫn nhận được. Gói tới sau lại chờ quyết định.",
      en: """
        Taken, they are merged like all others. Refused, they stay in the journal and are not merged; they may be taken later. Batches that \
        come afterwards wait for another decision.
        """),
    examples: ["hub devices decide 3fa20c11 take --by province --reason \"owner found\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var target: DeviceArgument
  @Argument(help: .text(vi: "take (nhận) hoặc refuse (từ chối).", en: "take or refuse.")) var choice: String
  @Option(
    name: .long,
    help: .text(
      vi: "Số gói đã thấy ở hub devices list; có thêm gói thì không quyết gì.",
      en: "How many batches hub devices list showed; nothing is decided when more came."))
  var batches: Int?
  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides.")) var by: String
  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why.")) var reason: String

  func validate() throws { try ValidationError.refuseBlank(reason: reason, by: by) }

  private struct Decided: Encodable {
    var replica: String
    var decision: LateDecision
    var merged: Int
  }

  func perform(_ console: Console) async throws {
    guard let decision = LateDecision(rawValue: choice) else {
      throw ToolError(
        vi: "“\(choice)” không phải là take (nhận) hay refuse (từ chối).", en: "“\(choice)” is neither take nor refuse.")
    }
    try await place.withHub(options) { survey in
      let found = try await target.found(in: survey)
      if decision == .take {
        console.sayLasting(LocalizedText(vi: "gói đã nhận thì không rút lại được.", en: "what is taken is merged for good."))
      }
      let act = try IntendedAct(
        "devices decide \(decision.rawValue)", subject: found.replica.description, by: by, reason: reason, look: ActLook.decisions)
      let merged = try await survey.hub.acting(act) {
        try await survey.hub.decideLate(found.replica, decision, by: by, reason: reason, listed: batches)
      }
      let count = console.words.number(merged)
      console.say(
        decision == .take ? "Đã nhận; gộp \(count) gói." : "Đã từ chối; các gói nằm lại trong nhật ký.",
        decision == .take ? "Taken; merged \(count) batches." : "Refused; the batches stay in the journal.")
      try console.result(Decided(replica: found.replica.description, decision: decision, merged: merged))
    }
  }
}

struct DevicesMendCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "mend",
    abstract: LocalizedText(
      vi: "Lấy lại từ một thiết bị những gì máy chủ đã mất mà người viết không còn gửi được.",
      en: "Get back from a device what the hub lost and its author cannot send any more."),
    discussion: LocalizedText(
      vi: """
        `hub status` ghi KHÁC NHAU khi một thiết bị đã nhận hết mà vẫn giữ dữ liệu khác với tỉnh, như sau khi khôi phục từ bản cũ. Máy được hỏi \
        gửi mọi dòng còn hiệu lực của các bảng ấy trong lần đồng bộ tới, dưới tên nó; các máy khác nhận lại như mọi thay đổi. Không ghi \
        thiết bị: mỗi đơn vị hỏi một máy.
        """,
      en: """
        `hub status` says DIFFERENT when a device has fetched everything and still holds other data than the hub, as after a restore from \
        an old backup. The device that is asked sends all that stands there of those tables with its next exchange, under its own name; \
        others get it like any change. Without a device one is asked in each unit.
        """),
    examples: ["hub devices mend", "hub devices mend 3fa20c11"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(
    help: .text(
      vi: "Thiết bị như `hub devices list` ghi: ít nhất 8 chữ số.", en: "The device as `hub devices list` shows it: at least 8 digits."))
  var device: String?

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      var replica: ReplicaID?
      if let device { replica = try await DevicesCommand.device(device, of: survey).replica }
      let wanted = replica
      let asked = try await survey.hub.acting(try acts.act("devices mend", replica?.description ?? "")) {
        try await survey.hub.askForRecovery(of: wanted)
      }
      for one in asked {
        let (short, tables) = (String(one.replica.prefix(8)), one.tables.joined(separator: ", "))
        console.say(
          "Đã yêu cầu thiết bị \(short) (\(one.label)) gửi lại \(tables) của \(one.scope); nó gửi trong lần đồng bộ tới.",
          "Asked device \(short) (\(one.label)) for \(tables) of \(one.scope); it sends them with its next exchange.")
      }
      try console.result(asked)
    }
  }
}
