internal import Foundation
internal import SyncCore

/// JSON of any kind, so that a file can be read key by key and every mistake named.
enum JSONValue: Decodable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }
}

/// Reads keys of an object, and records which were read and what was wrong with them.
struct KeyReader {
  private let path: String
  private let file: String
  private let object: [String: JSONValue]
  private var asked: Set<String> = []
  private(set) var problems: [DataProblem] = []

  init(_ value: JSONValue, path: String, file: String) {
    self.path = path
    self.file = file
    if case .object(let object) = value {
      self.object = object
    } else {
      object = [:]
      problems.append(DataProblem(file, vi: "Cần một đối tượng JSON { … }.", en: "A JSON object { … } is needed."))
    }
  }

  /// Records a sentence that begins with the key's name.
  mutating func note(_ key: String, vi: String, en: String) {
    problems.append(DataProblem(file, vi: "Khóa “\(path)\(key)” \(vi)", en: "The key “\(path)\(key)” \(en)"))
  }

  private mutating func value(_ key: String, required: Bool) -> JSONValue? {
    asked.insert(key)
    if let value = object[key] { return value }
    if required { note(key, vi: "còn thiếu.", en: "is missing.") }
    return nil
  }

  /// Returns a text that is not blank.
  mutating func text(_ key: String, required: Bool = true) -> String? {
    guard let value = value(key, required: required) else { return nil }
    guard case .text(let text) = value, !text.trimmed.isEmpty else {
      note(key, vi: "cần một đoạn chữ không trống.", en: "needs a text that is not empty.")
      return nil
    }
    return text.trimmed
  }

  mutating func number(_ key: String, in range: ClosedRange<Int>, required: Bool = true) -> Int? {
    guard let value = value(key, required: required) else { return nil }
    guard case .number(let number) = value, let whole = Int(exactly: number), range.contains(whole) else {
      note(
        key, vi: "cần một số nguyên từ \(range.lowerBound) đến \(range.upperBound).",
        en: "needs a whole number from \(range.lowerBound) to \(range.upperBound).")
      return nil
    }
    return whole
  }

  /// Returns true or false; nil when the key is missing.
  mutating func flag(_ key: String) -> Bool? {
    guard let value = value(key, required: false) else { return nil }
    guard case .bool(let flag) = value else {
      note(key, vi: "cần true hoặc false.", en: "needs true or false.")
      return nil
    }
    return flag
  }

  /// Returns a list of one or more texts.
  mutating func texts(_ key: String, countMax: Int) -> [String] {
    guard let value = value(key, required: true) else { return [] }
    guard case .list(let list) = value, !list.isEmpty, list.count <= countMax else {
      note(key, vi: "cần một danh sách có 1 đến \(countMax) mục.", en: "needs a list of 1 to \(countMax) entries.")
      return []
    }
    let texts = list.compactMap { if case .text(let text) = $0, !text.trimmed.isEmpty { text.trimmed } else { nil } }
    if texts.count != list.count { note(key, vi: "chỉ được chứa chữ.", en: "may hold texts only.") }
    return texts
  }

  mutating func localized(_ key: String) -> LocalizedText? {
    object(key) { keys in (vi: keys.text("vi"), en: keys.text("en")) }
      .flatMap { pair in pair.vi.flatMap { vi in pair.en.map { LocalizedText(vi: vi, en: $0) } } }
  }

  mutating func parsed<T>(_ key: String, shape: String, _ parse: (String) -> T?) -> T? {
    text(key).flatMap { converted($0, key: key, shape: shape, parse) }
  }

  mutating func converted<T>(_ text: String, key: String, shape: String, _ parse: (String) -> T?) -> T? {
    if let result = parse(text) { return result }
    note(key, vi: "ghi “\(text)”; cần dạng \(shape).", en: "says “\(text)”; it needs the form \(shape).")
    return nil
  }

  mutating func timeZone(_ key: String, default standard: String) -> TimeZone? {
    let name = text(key, required: false) ?? standard
    if let zone = TimeZone(identifier: name) { return zone }
    note(
      key, vi: "ghi múi giờ “\(name)” không có trong danh mục IANA; ví dụ đúng: \(standard).",
      en: "says “\(name)”, which is no IANA time zone; a right one is \(standard).")
    return nil
  }

  /// Reads an object within; its own unknown keys are refused too.
  mutating func object<T>(_ key: String, required: Bool = true, _ read: (inout KeyReader) -> T) -> T? {
    guard let value = value(key, required: required) else { return nil }
    guard case .object = value else {
      note(key, vi: "cần một đối tượng { … }.", en: "needs an object { … }.")
      return nil
    }
    var inner = KeyReader(value, path: "\(path)\(key).", file: file)
    let result = read(&inner)
    inner.refuseOthers()
    problems += inner.problems
    return result
  }

  /// Reports every key that was not read.
  mutating func refuseOthers() {
    for key in object.keys.sorted() where !asked.contains(key) {
      let known = asked.sorted().joined(separator: ", ")
      note(key, vi: "không được biết đến. Các khóa có thể dùng: \(known).", en: "is not known. The keys are: \(known).")
    }
  }
}
