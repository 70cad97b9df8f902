internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Enroll: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Ghi danh thiết bị này cho một xã, bằng mã hoặc tệp của tỉnh.",
      en: "Make this device one of a commune's, with a code or a file from the province."),
    discussion: LocalizedText(
      vi:
        "Có mã và mạng thì đợt khảo sát được nhận ngay. Có mã mà không có mạng: --request ghi yêu cầu vào tệp .skb gửi lên tỉnh; ghi danh xong khi nhập tệp trả lời (field import-bundle). Tệp ghi danh của tỉnh mang theo cả đợt khảo sát. Máy mất tệp khóa hay bị thu hồi nhầm: chạy trên kho đang có với mã mà tỉnh tạo bằng hub enroll --replaces; việc chưa gửi còn nguyên và được gửi đi.",
      en:
        "With a code and a network the campaign is fetched at once. With a code and no network, --request writes a .skb file for the province; the device is enrolled once its return is imported (field import-bundle). An enrolment file from the province carries the campaign along. A device that lost its key file, or was revoked by mistake: run it on the store as it is, with a code that the province makes with hub enroll --replaces; unsent work is kept and sent."
    ),
    examples: [
      "field enroll K7MP-3QXD-9R --hub http://hub.example:8080 --label \"front desk\"", "field enroll --file 07201-1.enrol",
      "field enroll K7MP-3QXD-9R --request request.skb",
    ])

  @OptionGroup var field: FieldOptions

  @Argument(
    help: .text(
      vi: "Mã: 10 ký tự, dùng một lần. Có dấu cách, gạch nối hay chữ thường đều được.",
      en: "The code: 10 characters, valid once. Spaces, dashes and lower case are fine."))
  var code: String?

  @Option(
    name: .long,
    help: .text(vi: "Địa chỉ máy chủ của tỉnh, như http://10.0.0.5:8080.", en: "The hub's address, such as http://10.0.0.5:8080."))
  var hub: String?

  @Option(name: .long, help: .text(vi: "Tệp ghi danh, thay cho mã.", en: "An enrolment file instead of a code."))
  var file: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Không có mạng: ghi yêu cầu ghi danh vào tệp .skb này.", en: "No network: write the request for enrolment to this .skb file."))
  var request: String?

  @OptionGroup var deadline: DeadlineOption

  @Option(name: .long, help: .text(vi: "Tên của thiết bị này trong danh sách của tỉnh.", en: "A name for this device on the hub's list."))
  var label: String?

  /// Bytes of an enrolment file, rounded up.
  private static let fileBytesMax = 32 << 20

  private struct Outcome: Encodable {
    var replica: String
    var unit: String
    var unitName: String?
    var hub: String
    var hubAddress: String
    var label: String
    var campaign: String?
    var forms: [String]
  }

  func validate() throws {
    try ValidationError.refuseBlank(reason: nil, label: label)
    if let label, label.utf8.count > WireLimits.nameBytesMax {
      throw ValidationError(
        vi: "--label dài quá \(WireLimits.nameBytesMax) byte (chữ có dấu tính 2 đến 3); hãy rút ngắn.",
        en: "--label is longer than \(WireLimits.nameBytesMax) bytes (a letter with marks counts 2 or 3); shorten it.")
    }
    if (code == nil) == (file == nil) { throw ValidationError(vi: "Hãy cho MÃ hoặc --file TỆP.", en: "Give a CODE or --file FILE.") }
    if code != nil, hub != nil ? request != nil : request == nil && !field.storeExists {
      throw ValidationError(
        vi: "Có mã thì cần thêm --hub ĐỊA-CHỈ, hoặc --request TỆP khi không có mạng.",
        en: "A code needs --hub ADDRESS, or --request FILE without a network.")
    }
  }

  func perform(_ console: Console) async throws {
    let given = try hub.map { deadline.bound(try HTTPTransport(hub: $0)) }
    let contents = try file.map(Self.enrolmentFile)
    let isNew = !field.storeExists
    let survey = try field.open(create: true)
    var transport = given
    if code != nil, given == nil, request == nil {
      // Takes the known address of an enrolled store's hub.
      transport = deadline.bound(try await FieldOptions.transport(survey, hub: nil))
    }
    if let contents {
      do {
        try await survey.enroll(file: contents)
      } catch {
        // Deletes a new store after a failure: nothing was promised to it yet.
        if isNew { removeStore(survey) }
        guard let file, let fault = error as? SyncError, fault.code == .damaged else { throw error }
        throw ToolError(
          vi: "\(file) bị cắt cụt, bị hỏng hoặc không phải tệp ghi danh; chép lại, hoặc xin tỉnh tệp khác (hub enroll … --files).",
          en: "\(file) is cut short, damaged, or no enrolment file; copy it again, or ask the province for another (hub enroll … --files).")
      }
    } else if let code, let request {
      try await survey.replica.requestEnrolment(code: code, label: label ?? "")
      let export = try await survey.replica.exportBundle(to: request, courier: Courier(store: field.storePath))
      try console.result(export)
      return BundleSpeech(console).show(export)
    } else if let code, let transport {
      try await survey.enroll(code: code, label: label ?? "", through: transport)
    }
    if let hub { try await survey.replica.setHubAddress(hub) }
    var failure: SyncError?
    if code != nil, let transport {
      failure = try await Exchange(survey: survey, console: console).run(through: transport).error
    }
    try await report(survey, console)
    if let failure {
      console.warn(
        LocalizedText(
          vi: "Đã ghi danh, nhưng chưa nhận được đợt khảo sát: \(failure.explanation.vi) Chạy field sync khi có mạng.",
          en: "Enrolled, but the campaign has not arrived: \(failure.explanation.en) Run field sync when there is a network."))
      throw ToolExit.partly
    }
  }

  /// Reads a file that is to enrol this device; a bundle is another thing.
  private static func enrolmentFile(_ path: String) throws -> Data {
    let data = try InputFile.read(path, bytesMax: fileBytesMax)
    guard !data.starts(with: BundleMagic.bytes.prefix(4)) else {
      throw ToolError(
        vi: "\(path) là tệp .skb, không phải tệp ghi danh; trả lời của tỉnh thì nhập bằng field import-bundle \(path).",
        en: "\(path) is a bundle, no enrolment file; a return from the province is imported with field import-bundle \(path).")
    }
    return data
  }

  private func removeStore(_ survey: SurveyField) {
    try? survey.close()
    for ending in ["", "-wal", "-shm", ".key"] { try? FileManager.default.removeItem(atPath: field.storePath + ending) }
  }

  private func report(_ survey: SurveyField, _ console: Console) async throws {
    let enrolment = try await survey.requireEnrolment()
    let units = try await survey.units()
    let campaign = try await survey.campaign()
    let forms = try await survey.forms().map { SurveySchema.formKey(id: $0.id, version: $0.version) }
    let name = units.map { $0.displayName(of: UnitCode(enrolment.writeScope)) }
    let place = name.map { "\(enrolment.writeScope) \($0)" } ?? enrolment.writeScope
    console.say("Đã ghi danh cho đơn vị \(place).", "Enrolled for unit \(place).")
    if let campaign { console.say("Đợt khảo sát: \(campaign.title.vi)", "Campaign: \(campaign.title.en)") }
    if !forms.isEmpty { console.say("Biểu mẫu: \(forms.joined(separator: ", "))", "Forms: \(forms.joined(separator: ", "))") }
    try console.result(
      Outcome(
        replica: enrolment.replica.description, unit: enrolment.writeScope, unitName: name, hub: enrolment.hub.description,
        hubAddress: enrolment.hubAddress, label: enrolment.label, campaign: campaign?.id, forms: forms))
  }
}
