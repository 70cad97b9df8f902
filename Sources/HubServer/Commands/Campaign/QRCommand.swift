internal import ArgumentParser
internal import FormWeb
internal import Foundation
internal import QRCodes
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Draws the QR codes by which people reach the web form of their commune.
struct QRCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "qr",
    abstract: LocalizedText(
      vi: "Vẽ mã QR đến trang trả lời của từng xã (PNG, SVG) và một trang để in.",
      en: "Draw the QR code of every commune's web form, as PNG and SVG, and a page to print them from."),
    discussion: LocalizedText(
      vi: """
        Mỗi mã là một liên kết đến phiếu của một xã, do máy chủ này ký. Ai có mã đều trả lời được, nên chỉ giao cho xã đó. Vẽ lại cho \
        đúng các tệp ấy; chỉ ghi những gì khác.
        """,
      en: """
        Each code holds a link to the questionnaire of one commune, signed by this hub. Whoever has it can answer, so hand it to the \
        commune only. Drawing again gives the same files; only what differs is written.
        """),
    examples: [
      "hub qr --out qr-codes --base-url https://survey.example.org",
      "hub qr --form water --out qr-water --base-url https://survey.example.org",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption
  @Option(name: .long, help: .text(vi: "Thư mục chứa mã; tạo nếu chưa có.", en: "The folder for the codes; made if it is missing."))
  var out: String
  @Option(
    name: .long,
    help: .text(
      vi: "Địa chỉ máy chủ mà điện thoại tới được. Mặc định: chỉ máy này.",
      en: "The hub's address as phones reach it. Default: this machine only.")) var baseURL = "http://127.0.0.1:8080"
  @Option(
    name: .long,
    help: .text(
      vi: "Ngày cuối mã còn dùng được, YYYY-MM-DD. Mặc định: đến khi cuộc khảo sát thôi nhận, cả khi ngày đó dời đi sau khi in.",
      en:
        "The last day the codes are valid, YYYY-MM-DD. Default: until the campaign takes no more, also when that day moves after printing.")
  )
  var expires: String?
  @Option(
    name: .long,
    help: .text(
      vi: "Chỉ đến biểu mẫu này, khi nhiều biểu mẫu cùng mở. Mặc định: biểu mẫu đầu đang mở.",
      en: "To this form alone, where several are open. Default: the first that is open."))
  var form: String?

  private struct Made: Encodable {
    var folder: String
    var expires: CalendarDay
    var written: Int
    var codes: [QRSheet.Card]
  }

  func perform(_ console: Console) async throws {
    guard let address = FormAddress(baseURL) else {
      throw ToolError(
        vi: "--base-url phải là địa chỉ như https://khaosat.example.org, không có đường dẫn phía sau.",
        en: "--base-url must be an address such as https://survey.example.org, without a path.")
    }
    try await place.withHubForReading(options) { survey in
      let plan = try await chosen.of(survey).requirePlan()
      let expires = try lastDay(plan.campaign)
      if let form, !plan.campaign.forms.contains(form) {
        let list = plan.campaign.forms.joined(separator: ", ")
        throw ToolError(vi: "Không có biểu mẫu \(form); có: \(list).", en: "There is no form \(form); there is: \(list).")
      }
      var title: LocalizedText?
      if let key = form.flatMap({ plan.latest(form: $0)?.key }) { title = try await survey.validator(of: key)?.form.title.localized }
      let cards = try cards(plan, key: FormLinkKey(hub: survey), address: address, expires: expires)
      let written = try draw(cards, plan.campaign, title, expires, console)
      try console.result(Made(folder: out, expires: expires, written: written, codes: cards))
      console.say(
        "\(cards.count) mã QR trong \(out), dùng được đến hết ngày \(expires); ghi mới \(written) tệp. In từ \(out)/index.html.",
        "\(cards.count) QR codes in \(out), valid through \(expires); \(written) files written. Print from \(out)/index.html.")
      if address.isLocal {
        console.warn(
          LocalizedText(
            vi: "Các mã này chỉ mở được trên máy này; thêm --base-url với địa chỉ mà điện thoại tới được.",
            en: "These codes open on this machine only; give --base-url with an address that phones reach."))
      }
    }
  }

  private func lastDay(_ campaign: Campaign) throws -> CalendarDay {
    guard let expires else { return campaign.dayOf(campaign.graceEndsMs) }
    guard let day = CalendarDay(expires), day >= campaign.opens.day else {
      throw ToolError(
        vi: "--expires phải là ngày dạng NĂM-THÁNG-NGÀY, không trước ngày mở \(campaign.opens.day).",
        en: "--expires must be a date, YYYY-MM-DD, not before the opening on \(campaign.opens.day).")
    }
    return day
  }

  private func cards(_ plan: HubPlan, key: FormLinkKey, address: FormAddress, expires: CalendarDay) throws -> [QRSheet.Card] {
    try plan.tree.sortedByName(plan.tree.units(at: .commune)).map { unit in
      let link =
        form.map { FormLink(form: $0, campaign: plan.campaign.id, unit: unit.code, expires: expires, isLast: self.expires != nil) }
        ?? FormLink(self.expires == nil ? .survey : .surveyUntil, campaign: plan.campaign.id, unit: unit.code, expires: expires)
      guard let link = address.link(link, key: key) else {
        throw ToolError(
          vi: "Không làm được mã cho đơn vị \(unit.code) đến ngày \(expires).",
          en: "No code can be made for unit \(unit.code) until \(expires).")
      }
      let district = plan.tree.group(of: unit.code)?.name ?? ""
      return QRSheet.Card(
        unit: unit.code.rawValue, name: unit.name, district: district, link: link,
        file: "\(unit.code)-\("\(unit.name) \(district)".plainName)")
    }
  }

  /// - Returns: How many files were not there yet in this form.
  private func draw(
    _ cards: [QRSheet.Card], _ campaign: Campaign, _ form: LocalizedText?, _ expires: CalendarDay, _ console: Console
  ) throws -> Int {
    do {
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    } catch {
      throw ToolError(vi: "Không tạo được thư mục \(out).", en: "Cannot create the folder \(out).")
    }
    let bar = ProgressBar(console.words.text("Vẽ mã QR", "QR codes"), console: console)
    var written = 0
    for (index, card) in cards.enumerated() {
      let code = try QRCode(card.link)
      written += try write(try code.png(), "\(card.file).png") + write(code.svg(), "\(card.file).svg")
      bar.show(done: index + 1, of: cards.count)
    }
    bar.finish()
    let sheet = QRSheet(cards: cards, campaign: campaign, form: form, expires: expires, language: console.language)
    // Last, so that the page never names a code that is not there.
    return written + (try write(sheet.html, "index.html"))
  }

  /// Writes a file whole or not at all, and not when it is there already.
  private func write(_ data: Data, _ name: String) throws -> Int {
    let path = out + "/" + name
    if FileManager.default.contents(atPath: path) == data { return 0 }
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ToolError(vi: "Không ghi được tệp \(path).", en: "Cannot write the file \(path).")
    }
    return 1
  }
}
