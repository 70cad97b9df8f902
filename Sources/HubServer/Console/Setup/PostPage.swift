internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of one post: it is hidden here with a reason, or shown again.
struct PostPage {
  let parts: ConsoleParts
  let post: HubPost
  let forms: ActForms

  private var words: Wording { parts.words }

  var title: String { words.text("Tin của \(post.name)", "Post of \(post.name)") }

  var content: HTML {
    let lines: [HTML] = post.words.split(separator: "\n").map { "<p>\(String($0))</p>\n" }
    let hidden: HTML? = post.hidden.map { "<p class=\"said bad\">\(words.text("Đã ẩn: \($0)", "Hidden: \($0)"))</p>\n" }
    let pictures: [HTML] =
      post.hidden != nil
      ? []
      : post.photos.filter(\.isIn).enumerated().map { number, photo in
        "<img src=\"/photo/\(photo.blob).jpg\" width=\"\(photo.width)\" height=\"\(photo.height)\" alt=\"\(words.text("Ảnh \(number + 1)", "Photo \(number + 1)"))\" loading=\"lazy\">\n"
      }
    return """
      <p class="crumbs"><a href="\(parts.query.unit(post.unit))">\(post.unit.rawValue) \(parts.day.tree.displayName(of: post.unit))</a></p>
      <h1>\(title)</h1>
      <p class="when">\(CalendarDay(post.day).map(words.day) ?? post.day)</p>
      \(hidden)\(lines)<div class="pictures">
      \(pictures)</div>
      \(forms.post(post))
      """
  }
}

extension ActForms {
  func post(_ post: HubPost) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    let words = parts.words
    let isHidden = post.hidden != nil
    let button =
      isHidden
      ? "<button name=\"do\" value=\"show\">\(words.text("Hiện lại", "Show it again"))</button>" as HTML
      : "<button name=\"do\" value=\"hide\">\(words.text("Ẩn tin", "Hide the post"))</button> <span class=\"quiet\">\(words.text("Hoàn tác bằng “Hiện lại”. Tin không bị xóa, xã thấy lý do.", "Undone by showing it again. It is not deleted, and the unit sees why."))</span>"
    return """
      <form class="act" method="post" action="\(parts.query.link("/post/" + ConsoleQuery.part(post.id)))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(post))">
      <label for="why-post">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why-post" name="reason" required maxlength="300"><p>\(button)</p></form>

      """
  }
}

extension ConsoleActs {
  static func mark(_ post: HubPost) -> String { mark("\(post.id) \(post.hidden ?? "")") }

  /// Hides a post, or shows it again.
  func post(_ id: String) async throws -> String? {
    guard let post = try await survey.post(id, in: day) else { return nil }
    try checkMark(Self.mark(post))
    try requireReason()
    guard let isHiding = ["hide": true, "show": false][fields["do"] ?? ""] else { return nil }
    let act = try IntendedAct(
      stated: isHiding ? "posts --hide" : "posts --unhide", subject: post.unit.rawValue, by: who, reason: "\(post.id.prefix(8)): \(reason)")
    _ = try await survey.hub.acting(act) { try await survey.hidePost(post.id, reason: isHiding ? reason : nil) }
    return query.link("/post/" + ConsoleQuery.part(post.id))
  }
}
