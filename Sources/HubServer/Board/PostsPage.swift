internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// The working groups' posts with their photos, district by district, ready for their template.
struct PostsPage {
  struct Picture {
    var link: String
    var width: Int
    var height: Int
    var label: String
  }

  struct Post {
    var heading: String
    var when: String
    var lines: [String]
    var pictures: [Picture]
    var missing: String?
    /// Leads to the post's own page, where it is hidden or shown again.
    var link: String
    var linkLabel: String
    var hidden: String?
  }

  var heading: String
  var districtLabel: String
  var districts: [Paging.Link]
  var posts: [Post]
  var empty: String?
  var legend: String

  /// - Parameter district: Of which the posts are; nil for all.
  init(
    _ posts: [HubPost], district: String?, districts all: [(code: String, name: String)], of campaigns: PageCampaigns = PageCampaigns(),
    _ words: Wording
  ) {
    func address(_ code: String?) -> String {
      let parts = [campaigns.part, code.map { "district=\($0)" }, words.language == .english ? "lang=en" : nil].compactMap { $0 }
      return "/posts" + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }
    heading = words.text("Tin của các tổ công tác", "Posts of the working groups")
    districtLabel = words.text("Huyện", "District")
    districts =
      [Paging.Link(link: address(nil), label: words.text("Toàn tỉnh", "Province"), isCurrent: district == nil)]
      + all.map { Paging.Link(link: address($0.code), label: $0.name, isCurrent: $0.code == district) }
    self.posts = posts.map { post in
      let here = post.photos.filter(\.isIn)
      let missing = post.photos.count - here.count
      return Post(
        heading: post.name, when: CalendarDay(post.day).map(words.day) ?? post.day,
        lines: post.words.split(separator: "\n").map(String.init),
        pictures: here.enumerated().map { number, photo in
          Picture(
            link: "/photo/\(photo.blob).jpg", width: photo.width, height: photo.height,
            label: words.text("Ảnh \(number + 1), \(post.name)", "Photo \(number + 1), \(post.name)"))
        },
        missing: missing > 0 ? words.text("\(missing) ảnh chưa về", "\(missing) photos not in yet") : nil,
        link: "/post/\(ConsoleQuery.part(post.id))" + (words.language == .english ? "?lang=en" : ""),
        linkLabel: post.hidden == nil ? words.text("Ẩn…", "Hide…") : words.text("Hiện lại…", "Show again…"),
        hidden: post.hidden.map { words.text("Đã ẩn: \($0)", "Hidden: \($0)") })
    }
    empty = posts.isEmpty ? words.text("Chưa có tin nào.", "There are no posts yet.") : nil
    legend = words.text(
      "Mới nhất trước, tối đa \(SurveyHub.postsListedMax) tin. Ẩn một tin: mở tin đó, hoặc hub posts --hide.",
      "The newest first, at most \(SurveyHub.postsListedMax). To hide one, open it, or hub posts --hide.")
  }
}
