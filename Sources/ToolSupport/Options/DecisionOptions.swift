public import ArgumentParser
public import SurveyKit
internal import SyncCore

/// Options of a decision about a conflict, and of who decides.
public struct DecisionOptions: ParsableArguments, Sendable {
  @Flag(name: .long, help: .text(vi: "Giá trị đang giữ là đúng.", en: "What stands is right."))
  public var keep = false

  @Flag(
    name: .long,
    help: .text(
      vi: "Giá trị bị thay là đúng; dòng đã xóa thì lấy lại; các dòng trùng thì gộp.",
      en: "What was overridden is right; a deleted row comes back; duplicates are merged."))
  public var take = false

  @Option(name: .long, help: .text(vi: "Giá trị khác mới đúng.", en: "Another value is right."))
  public var value: String?

  @Flag(
    name: .long,
    help: .text(vi: "Rút lại quyết định trước; xung đột mở lại.", en: "Take the last decision back; the conflict is open again."))
  public var undo = false

  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides."))
  public var by: String

  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why."))
  public var reason: String

  public init() {}

  public func validate() throws {
    if [keep, take, value != nil, undo].count(where: { $0 }) != 1 {
      throw ValidationError(vi: "Chọn một trong --keep, --take, --value, --undo.", en: "Give one of --keep, --take, --value, --undo.")
    }
    try ValidationError.refuseBlank(reason: reason, by: by)
  }

  /// Chosen decision.
  public var decision: Decision {
    if keep { return .keep }
    if take { return .take }
    return undo ? .undo : .value(value ?? "")
  }
}

extension ValidationError {
  /// Refuses a blank reason, or a blank name of the person who gives it: others will read them.
  public static func refuseBlank(reason: String?, by who: String? = nil, label: String? = nil) throws {
    if reason?.allSatisfy(\.isWhitespace) == true {
      throw ValidationError(vi: "--reason để trống; hãy ghi vì sao.", en: "--reason is blank; say why.")
    }
    if who?.allSatisfy(\.isWhitespace) == true {
      throw ValidationError(vi: "--by để trống; hãy ghi ai quyết định.", en: "--by is blank; say who decides.")
    }
    if label?.allSatisfy(\.isWhitespace) == true {
      throw ValidationError(vi: "--label để trống; hãy ghi tên thiết bị.", en: "--label is blank; name the device.")
    }
  }
}
