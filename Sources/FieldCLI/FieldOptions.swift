internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Options of every command of `field`.
struct FieldOptions: ParsableArguments {
  @OptionGroup var tool: ToolOptions

  @Option(
    name: .long,
    help: .text(
      vi: "Cơ sở dữ liệu của thiết bị. Mặc định: $SYNCKIT_FIELD, không có thì ./field.sqlite.",
      en: "The device's database. Default: $SYNCKIT_FIELD, else ./field.sqlite."))
  var store: String?

  var storePath: String {
    if let store, !store.isEmpty { return store }
    let named = ProcessInfo.processInfo.environment["SYNCKIT_FIELD"] ?? ""
    return named.isEmpty ? "field.sqlite" : named
  }

  var storeExists: Bool { FileManager.default.fileExists(atPath: storePath) }

  /// Opens the device's store; only enrolment makes a new one.
  func open(create: Bool = false) throws -> SurveyField {
    let path = create ? storePath : try existingStorePath()
    do {
      return try SurveyField.open(at: path, clock: try tool.wallClock(), create: create)
    } catch var error as SyncError where error.isOfUnwritablePlace && !create {
      error.explanation = LocalizedText(
        vi: "\(error.explanation.vi) Vẫn xem được (field status) và mang dữ liệu đi được (field export Ổ_KHÁC/viec.skb).",
        en: "\(error.explanation.en) It can still be read (field status) and carried away (field export OTHER_DISK/work.skb).")
      throw error
    }
  }

  /// Opens the device's store for reading; when it cannot be written, opens a copy and says so.
  ///
  /// - Parameters:
  ///   - always: True to open a copy even if the store opens.
  ///   - elsewhere: Folders on other disks that may have room for the copy.
  func openForReading(_ console: Console, asCopy always: Bool = false, elsewhere: [String] = []) throws -> SurveyField {
    let survey = try SurveyField.openForReading(
      at: try existingStorePath(), clock: try tool.wallClock(), asCopy: always, elsewhere: elsewhere)
    if survey.replica.isCopy {
      console.warn(
        LocalizedText(
          vi:
            "Không ghi được \(storePath) (đĩa đầy hoặc chỉ đọc): đang đọc một bản chép, lúc này không ghi nhận thêm được gì. Mang dữ liệu đi bằng field export Ổ_KHÁC/viec.skb.",
          en:
            "\(storePath) cannot be written (its disk is full or read-only): this reads a copy, and nothing can be recorded now. Carry its work away with field export OTHER_DISK/work.skb."
        ))
    }
    return survey
  }

  func existingStorePath() throws -> String {
    guard storeExists else {
      throw SyncError(
        .storeMissing,
        vi: "Không có cơ sở dữ liệu \(storePath); ghi danh trước (field enroll MÃ --hub ĐỊA-CHỈ) hoặc chỉ đúng tệp bằng --store.",
        en: "There is no database at \(storePath); enrol first (field enroll CODE --hub ADDRESS) or name the file with --store.")
    }
    return storePath
  }
}

/// Campaign of the device that a command is about.
struct FieldCampaign: ParsableArguments {
  @Option(
    name: .long,
    help: .text(
      vi: "Đợt khảo sát, theo mã. Mặc định: theo biểu mẫu hoặc ngày báo cáo, không có thì đợt tỉnh đang chọn.",
      en: "The campaign, by its id. Default: that of the form or of the report's day, else the one the province has chosen."))
  var campaign: String?
}

/// Command of `field`.
protocol FieldCommand: ToolCommand {
  var field: FieldOptions { get }
}

extension FieldCommand {
  var options: ToolOptions { field.tool }
}

extension FieldOptions {
  /// Returns the transport to the hub.
  ///
  /// - Parameter hub: Address given for this call; nil for the one that the device knows.
  static func transport(_ survey: SurveyField, hub: String?) async throws -> HTTPTransport {
    let enrolment = try await survey.requireEnrolment()
    let address = hub ?? enrolment.hubAddress
    guard !address.isEmpty else {
      throw ToolError(
        vi: "Thiết bị chưa biết địa chỉ máy chủ; chạy field sync --hub ĐỊA-CHỈ.",
        en: "This device knows no address of its hub; run field sync --hub ADDRESS.")
    }
    return try HTTPTransport(hub: address)
  }

  /// Parses a day as a person writes it on the command line.
  static func day(_ text: String) throws -> CalendarDay {
    guard let day = readDay(text) else {
      throw ToolError(vi: "\"\(text)\" không phải ngày; viết như 2024-04-01.", en: "\"\(text)\" is not a day; write it like 2024-04-01.")
    }
    return day
  }

  /// Parses a day as in JSON or as a Vietnamese reader sees it, `01/04/2024`; nil when it is none.
  static func readDay(_ text: String) -> CalendarDay? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, Language.spoken == .vietnamese else { return CalendarDay(text) }
    func padded(_ part: Substring) -> String { String(repeating: "0", count: max(0, 2 - part.count)) + part }
    return CalendarDay("\(parts[2])-\(padded(parts[1]))-\(padded(parts[0]))")
  }
}
