internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// All devices of a part of the tree, found by name, owner or unit.
struct DevicesPage {
  let parts: ConsoleParts
  let devices: [DeviceLine]
  /// Words of the device's name, its owner, its unit's code or name.
  var words = ""
  /// From 1.
  var page: Int?

  /// Rows of one page.
  static let rowsMax = 100

  private var tell: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  var title: String { tell.text("Máy", "Devices") }

  /// The devices that are asked for, in their order.
  func rows() -> [DeviceLine] {
    let wanted = FoldedText(String(words.prefix(UnitsPage.wordsMax)))
    guard !wanted.text.isEmpty else { return devices }
    return devices.filter { each in
      let unit = UnitCode(each.device.scope)
      return FoldedText("\(each.label) \(each.note?.owner ?? "") \(unit.rawValue) \(parts.day.tree.displayName(of: unit))").contains(wanted)
    }
  }

  var content: HTML {
    let found = rows()
    let paging = Paging(found.count, page: page, rowsMax: Self.rowsMax, tell) { query.link("/devices", ["q": words, "page": "\($0)"]) }
    let revoked = found.count { $0.device.revokedMs != nil }
    let kept: [HTML] = [
      ("campaign", query.campaign), ("scope", query.scope?.rawValue), ("tag", query.tag), ("lang", query.language == .english ? "en" : nil),
    ].compactMap { name, value in value.map { "<input type=\"hidden\" name=\"\(name)\" value=\"\($0)\">" } }
    let hint = tell.text("Tên máy, chủ máy, mã hoặc tên đơn vị", "Name of the device, its owner, code or name of the unit")
    let table: HTML =
      found.isEmpty
      ? "<p class=\"calm\">\(nothing)</p>\n" : DeviceTable(parts: parts, hasUnits: true).html(Array(found[paging.rows]))
    return """
      <p class="crumbs"><a href="\(query.link("/setup"))">\(tell.text("Thiết lập", "Setup"))</a></p>
      <h1>\(title) <b>\(tell.number(found.count))</b></h1>
      <p class="lead">\(tell.text("\(tell.number(revoked)) máy đã thu hồi.", "\(tell.number(revoked)) are revoked."))</p>
      <form class="find" method="get" action="/devices">\(kept)<label for="find">\(hint)</label> <input type="search" id="find" name="q" maxlength="\(UnitsPage.wordsMax)" value="\(words)"> <button>\(tell.text("Tìm", "Find"))</button></form>
      \(paging.html(tell))\(table)\(paging.html(tell, isBelow: true))
      """
  }

  private var nothing: String {
    words.isEmpty
      ? tell.text("Chưa có máy nào ghi danh.", "No device is enrolled.")
      : tell.text("Không tìm thấy máy nào như “\(words)”.", "No device is like “\(words)”.")
  }
}

/// Table of devices: when they were heard of, what is left on them, their clock, whether they are in use.
struct DeviceTable {
  let parts: ConsoleParts
  /// Tells if the unit of each is named.
  var hasUnits = false

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  func html(_ devices: [DeviceLine]) -> HTML {
    let names =
      [words.text("Máy", "Device")] + (hasUnits ? [words.text("Đơn vị", "Unit")] : []) + [
        words.text("Liên lạc cuối", "Last contact"), words.text("Còn lại", "Left on it"), words.text("Đồng hồ", "Clock"),
        words.text("Tình trạng", "State"),
      ]
    let columns: [HTML] = names.map { "<th scope=\"col\">\($0)</th>" }
    let rows: [HTML] = devices.map(row)
    return "<table class=\"plain\"><thead><tr>\(columns)</tr></thead><tbody>\n\(rows)</tbody></table>\n"
  }

  private func row(_ each: DeviceLine) -> HTML {
    let device = each.device
    let contact: HTML =
      device.contactMs.map {
        "\(words.ago(Int64(clamping: $0), nowMs: parts.day.nowMs)) <small>\(parts.time(Int64(clamping: $0)))</small>"
      } ?? "\(words.text("chưa có", "none yet"))"
    let owner: HTML? = each.note?.owner.map { " <small>\($0)</small>" }
    let left = device.backlog.map { words.number($0 + (device.packets ?? 0)) } ?? words.notKnown
    let unit: HTML? =
      hasUnits
      ? "<td data-label=\"\(words.text("Đơn vị", "Unit"))\"><a href=\"\(query.unit(UnitCode(device.scope)))\"><small>\(device.scope)</small> \(parts.day.tree.displayName(of: UnitCode(device.scope)))</a></td>"
      : nil
    return """
      <tr><th scope="row"><a href="\(query.link("/device/" + device.replica.description))">\(each.label)</a>\(owner)</th>\(unit)\
      <td data-label="\(words.text("Liên lạc cuối", "Last contact"))">\(contact)</td><td data-label="\(words.text("Còn lại", "Left on it"))">\(left)</td>\
      <td data-label="\(words.text("Đồng hồ", "Clock"))">\(parts.skew(device))</td><td data-label="\(words.text("Tình trạng", "State"))">\(state(each))</td></tr>

      """
  }

  private func state(_ each: DeviceLine) -> HTML {
    guard each.device.revokedMs != nil else { return "\(words.text("đang dùng", "in use"))" }
    guard each.lateBatches > 0 else { return "<span class=\"quiet\">\(words.text("đã thu hồi", "revoked"))</span>" }
    let count = words.number(each.lateBatches)
    return
      "<span class=\"mark s-odd\">\(words.text("đã thu hồi, vẫn gửi \(count) gói", "revoked, sent \(count) batches since"))</span>"
  }
}

extension ConsoleParts {
  /// How far a device's clock is off; set apart where that is trouble.
  func skew(_ device: HubDevice) -> HTML {
    guard let ms = device.skewMs else { return "<span class=\"quiet\">\(words.notKnown)</span>" }
    return ms.magnitude > DeviceTrouble.clockMsMax ? "<span class=\"mark s-odd\">\(words.skew(ms))</span>" : "\(words.skew(ms))"
  }
}
