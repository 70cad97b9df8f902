internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Parameters that the addresses of all pages keep: campaign, language, the part of the tree and the day that somebody looks at.
struct ConsoleQuery: Sendable {
  var campaign: String?
  var language = Language.vietnamese
  var scope: UnitCode?
  /// Tag of the units that somebody looks at.
  var tag: String?
  var day: CalendarDay?

  /// The part of the units that somebody looks at.
  var part: UnitScope { UnitScope(scope, tag: tag) }

  var words: Wording { Wording(language: language) }

  /// The address of a page with all of that, and some more; what is nil is left out.
  func link(_ path: String, _ more: KeyValuePairs<String, String?> = [:]) -> String { link(path, more: Array(more)) }

  func link(_ path: String, more: [(key: String, value: String?)]) -> String {
    var parts: [String] = []
    let named = Set(more.map(\.key))
    func add(_ name: String, _ value: String?) {
      guard let value, !value.isEmpty else { return }
      parts.append(name + "=" + (value.addingPercentEncoding(withAllowedCharacters: Self.plain) ?? ""))
    }
    if !named.contains("campaign") { add("campaign", campaign) }
    if !named.contains("scope") { add("scope", scope?.rawValue) }
    if !named.contains("tag") { add("tag", tag) }
    if !named.contains("day") { add("day", day?.description) }
    for (name, value) in more { add(name, value) }
    if !named.contains("lang"), language == .english { add("lang", "en") }
    return path + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
  }

  func unit(_ code: UnitCode) -> String { link("/unit/" + Self.part(code.rawValue)) }
  func report(_ unit: UnitCode, _ day: CalendarDay) -> String { link("/report/\(Self.part(unit.rawValue))/\(day)") }

  /// Encodes one part of a path.
  static func part(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: plain) ?? "" }

  private static let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
