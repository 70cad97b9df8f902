internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Address of a hub as phones reach it, and the links to units' questionnaires under it.
struct FormAddress: Sendable {
  /// Address without a slash at its end.
  let base: String

  /// Longest address of a hub, in bytes: with its token it still makes a code that a cheap camera reads.
  static let bytesMax = 200

  /// Nil for what is no address such as `https://survey.example.org`, without a path.
  init?(_ text: String) {
    let trimmed = text.trimmingCharacters(in: .whitespaces)
    let base = trimmed.hasSuffix("/") ? String(trimmed.dropLast()) : trimmed
    guard let url = URL(string: base), ["http", "https"].contains(url.scheme), url.host?.isEmpty == false, url.query == nil,
      url.path.isEmpty,
      url.fragment == nil, base.utf8.count <= Self.bytesMax
    else { return nil }
    self.base = base
  }

  /// Tells if only this machine reaches it.
  var isLocal: Bool { base.contains("//127.0.0.1") || base.contains("//localhost") }

  /// Address of a link to a questionnaire; nil when the unit's code or the day does not fit into one.
  func link(_ link: FormLink, key: FormLinkKey) -> String? { key.token(for: link).map { base + WebForm.path + $0 } }

  /// Letters by which people tell one printed code from another on the phone: the last of its link.
  static func shortCode(of link: String) -> String {
    let letters = String(link.suffix(8)).uppercased()
    return "\(letters.prefix(4))-\(letters.suffix(4))"
  }
}
