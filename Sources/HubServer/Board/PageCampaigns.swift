internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Says which of the hub's campaigns a page is about, and leads to the others.
struct PageCampaigns {
  /// Campaigns that a page links to.
  static let linksMax = 100

  /// Named by the address; nil where it names none.
  var asked: String?
  /// Campaign that the page is about.
  var meant: String?
  /// Newest first.
  var all: [(id: String, title: LocalizedText)] = []

  /// The part of an address by which the page stays with its campaign.
  var part: String? { asked.map(Self.part) }

  /// Links to a page of each campaign; none where there is only one.
  func links(to path: String, _ words: Wording) -> [Paging.Link] {
    guard all.count > 1 else { return [] }
    return all.prefix(Self.linksMax).map { campaign in
      let parts = [Self.part(campaign.id), words.language == .english ? "lang=en" : nil].compactMap { $0 }
      return Paging.Link(
        link: path + "?" + parts.joined(separator: "&"), label: campaign.title(words.language), isCurrent: campaign.id == meant)
    }
  }

  private static let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

  /// An id may be any text.
  private static func part(_ id: String) -> String { "campaign=" + (id.addingPercentEncoding(withAllowedCharacters: plain) ?? "") }
}
