internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of a device: its identity, last contact, work left on the device, acts about the device.
struct DevicePage {
  let parts: ConsoleParts
  let device: DeviceLine
  let acts: [OperatorAct]
  let forms: ActForms

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  var title: String { words.text("Máy \(device.label)", "Device \(device.label)") }

  var content: HTML {
    let unit = UnitCode(device.device.scope)
    let known = device.device
    func time(_ ms: UInt64?) -> HTML {
      ms.map { "\(parts.time(Int64(clamping: $0)))" } ?? "<span class=\"quiet\">\(words.text("chưa có", "none yet"))</span>"
    }
    var facts: [(String, HTML)] = [
      (words.text("Của", "Owner"), "\(device.note?.owner ?? words.notKnown)"),
      (words.text("Mã máy", "Identity"), "<code>\(known.replica.description)</code>"),
      (words.text("Ghi danh", "Enrolled"), time(known.enrolledMs)), (words.text("Liên lạc cuối", "Last contact"), time(known.contactMs)),
      (words.text("Còn trên máy", "Left on it"), "\(left)"),
      (words.text("Đồng hồ", "Clock"), parts.skew(known)),
    ]
    if device.note?.label != nil { facts.append((words.text("Tên tự đặt", "Its own name"), "\(known.label)")) }
    if let revokedMs = known.revokedMs { facts.append((words.text("Thu hồi", "Revoked"), time(revokedMs))) }
    if device.lateBatches > 0 {
      facts.append(
        (
          words.text("Gửi sau thu hồi", "Sent since"),
          "<span class=\"mark s-odd\">\(words.text("\(words.number(device.lateBatches)) gói chờ quyết định", "\(words.number(device.lateBatches)) batches to decide about"))</span>"
        ))
    }
    if let predecessor = known.predecessor {
      facts.append(
        (
          words.text("Tiếp nối", "Goes on from"),
          "<a href=\"\(query.link("/device/" + predecessor.description))\"><code>\(predecessor.short)</code></a>"
        ))
    }
    return """
      <p class="crumbs"><a href="\(query.link("/devices"))">\(words.text("Máy", "Devices"))</a> › <a href="\(query.unit(unit))">\(unit.rawValue) \(parts.day.tree.displayName(of: unit))</a></p>
      <h1>\(title)</h1>
      \(UnitPage.list(facts))\(forms.deviceName(device))\(forms.device(device))<h2>\(words.text("Nhật ký", "Log"))</h2>
      \(ActLog(parts: parts).html(acts))
      """
  }

  private var left: String {
    guard let backlog = device.device.backlog else { return words.notKnown }
    let packets = words.number(device.device.packets ?? 0)
    return words.text("\(words.number(backlog)) thay đổi, \(packets) phiếu", "\(words.number(backlog)) changes, \(packets) answers")
  }
}
