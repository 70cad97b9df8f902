internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// The places that every page leads to.
enum ConsolePlace: String, CaseIterable {
  case now = "/now"
  case overview = "/"
  case units = "/units"
  case decide = "/decide"
  case posts = "/posts"
  case results = "/results"
  case setup = "/setup"

  func label(_ words: Wording) -> String {
    switch self {
    case .now: words.text("Bây giờ", "Now")
    case .overview: words.text("Toàn cảnh", "Overview")
    case .units: words.text("Đơn vị", "Units")
    case .decide: words.text("Cần quyết", "To decide")
    case .posts: words.text("Tin", "Posts")
    case .results: words.text("Kết quả", "Results")
    case .setup: words.text("Thiết lập", "Setup")
    }
  }
}

/// Frame around every page's content: the places, a search, the line that says how fresh and how safe the content is.
struct ConsoleFrame {
  var query: ConsoleQuery
  var title: String
  /// Place of the page in the menu; nil for a page that belongs to none.
  var place: ConsolePlace?
  /// The page's own address, and what of it the other language keeps.
  var path: String
  var more: KeyValuePairs<String, String?> = [:]
  var campaigns = PageCampaigns()
  /// Reading of the campaign; nil before a campaign is loaded.
  var day: OperatorDay?
  var refreshSeconds: Int?
  /// Tells if the page follows the hub while somebody looks at it, where the browser runs its script.
  var isLive = false
  /// Visitor who looks; nil where nobody has signed in.
  var visitor: Person?

  func page(_ content: HTML) -> String {
    let words = query.words
    // Without the script the page works by refresh.
    let refresh: HTML? = refreshSeconds.map { "<noscript><meta http-equiv=\"refresh\" content=\"\($0)\"></noscript>\n" }
    let script: HTML? =
      visitor == nil ? nil : "<script src=\"/live.js\" defer></script>\n<script src=\"\(KeyScript.path)\" defer></script>\n"
    let page: HTML = """
      <!doctype html>
      <html lang="\(query.language.rawValue)">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      \(refresh)<title>\(title)</title>
      <link rel="stylesheet" href="/style.css">
      <link rel="icon" href="/icon.svg">
      \(script)</head>
      <body>
      <a class="skip" href="#main">\(words.text("Đến nội dung", "Skip to content"))</a>
      <header>
      \(places)\(truth)\(campaignList)</header>
      <main id="main">
      \(content)</main>
      <footer><p>\(note)</p>\(keys)</footer>
      </body>
      </html>

      """
    return page.text
  }

  private var words: Wording { query.words }

  private var places: HTML {
    let links: [HTML] = placesShown.map { each in
      let current: HTML? = each == place ? " aria-current=\"page\"" : nil
      return "<a href=\"\(query.link(each.rawValue))\"\(current)>\(each.label(words))\(open(each))</a>\n"
    }
    let other: Language = query.language == .vietnamese ? .english : .vietnamese
    var there = query
    there.language = other
    let label = Wording(language: other).text("Tiếng Việt", "English")
    return """
      <div class="bar"><nav class="places" aria-label="\(words.text("Các trang", "Pages"))">
      \(links)</nav>
      <div class="tools">\(search)\(person)<a class="other" lang="\(other.rawValue)" hreflang="\(other.rawValue)" href="\(there.link(path, more))">\(label)</a></div></div>

      """
  }

  private var search: HTML? {
    guard visitor != nil else { return nil }
    let kept: [HTML] = [
      ("campaign", query.campaign), ("scope", query.scope?.rawValue), ("tag", query.tag), ("lang", query.language == .english ? "en" : nil),
    ]
    .compactMap { name, value in value.map { "<input type=\"hidden\" name=\"\(name)\" value=\"\($0)\">" } }
    let said = words.text("Tìm mã hoặc tên", "Find a code or name")
    return
      "<form class=\"search\" role=\"search\" action=\"/units\" method=\"get\">\(kept)<input type=\"search\" name=\"q\" id=\"search\" maxlength=\"100\" placeholder=\"\(words.text("Mã hoặc tên", "Code or name"))\" aria-label=\"\(said)\"></form>\n"
  }

  /// Places that whoever looks may open; none before signing in.
  private var placesShown: [ConsolePlace] {
    guard let visitor else { return [] }
    return ConsolePlace.allCases.filter { ConsoleDoor.to($0.rawValue, isPost: false).opens(to: visitor) }
  }

  /// Writes the visitor's name with the way to contacts, people and out.
  private var person: HTML? {
    guard let visitor else { return nil }
    return "<a href=\"\(query.link("/account"))\">\(visitor.name)</a>\n"
  }

  /// Counts open work beside a place.
  private func open(_ place: ConsolePlace) -> HTML? {
    guard let day else { return nil }
    let count =
      switch place {
      case .now: day.units.count { $0.state.needsAct }
      case .decide:
        day.units.reduce(day.returned.count { $0.turn == .hub }) {
          $0 + $1.counts.conflicts + $1.counts.held + $1.counts.reportsInvalid + $1.flags
        }
      default: 0
      }
    let shown: HTML? = count == 0 ? nil : " <b class=\"count\">\(words.number(count))</b>"
    return place == .now || place == .decide ? .live(inline: place == .now ? "open-now" : "open-decide", shown) : nil
  }

  /// Says how fresh and how safe the page is.
  private var truth: HTML? {
    guard let day else { return nil }
    let clock = LocalTime(day.board.clock).map(words.time) ?? day.board.clock
    let write: HTML =
      day.writeFailure == nil
      ? "<span>\(words.text("ghi tốt", "last write ok"))</span>"
      : "<strong class=\"bad\">✗ \(words.text("lần ghi vừa rồi không được", "the last write failed"))</strong>"
    var all = query
    (all.scope, all.tag) = (nil, nil)
    let name = [query.scope.map { day.tree[$0]?.name ?? $0.rawValue }, query.tag.map { "#\($0)" }].compactMap { $0 }.joined(separator: " ")
    let scope: HTML? =
      query.part.isAll
      ? nil
      : "<span>\(words.text("phạm vi: \(name)", "part shown: \(name)")) <a href=\"\(all.link(path, more))\">\(words.text("xem toàn bộ", "show all"))</a></span>"
    return """
      <p class="truth" role="group" tabindex="0" aria-label="\(words.text("Tình trạng của trang", "State of the page"))"><span><span class="quiet">\(words.text("Giờ máy chủ", "Hub time"))</span> \(.live(inline: "clock", "<time>\(clock)</time>"))</span> \(.live(inline: "remaining", "\(words.remaining(of: day.campaign, atMs: day.nowMs))")) \(.live(inline: "write", write)) \(live)\(scope)</p>

      """
  }

  /// Place where the script says whether the page follows the hub, and the words for it.
  private var live: HTML? {
    guard isLive else { return nil }
    let (on, off) = (words.text("trực tiếp", "live"), words.text("không trực tiếp từ", "not live since"))
    let ask = words.text(
      "Trang này không còn trực tiếp: có thể đã có thay đổi. Vẫn làm?", "This page is not live: something may have changed. Go on?")
    return
      "<span id=\"live\" data-on=\"\(on)\" data-off=\"\(off)\" data-changes=\"\(words.text("thay đổi", "changes"))\" data-ask=\"\(ask)\" hidden></span>"
  }

  /// Names the keys of the script.
  private var keys: HTML? {
    guard visitor != nil else { return nil }
    let all: [(String, String)] = [
      ("j k", words.text("xuống, lên một dòng", "down, up a line")), ("Enter", words.text("mở", "open")),
      ("c", words.text("ghi cuộc gọi", "note a call")),
      (
        "r", words.text("nhắc đơn vị này; chưa chọn dòng nào thì các xã muộn", "remind this unit; with no line chosen, those that are late")
      ),
      ("/", words.text("tìm", "search")), ("?", words.text("mở, đóng bảng này", "open, close this list")),
    ]
    let items: [HTML] = all.map { "<dt><kbd>\($0.0)</kbd></dt><dd>\($0.1)</dd>\n" }
    return "<details id=\"keys\"><summary>\(words.text("Phím", "Keys"))</summary><dl class=\"facts\">\n\(items)</dl></details>"
  }

  private var campaignList: HTML? {
    let links = campaigns.links(to: path, words)
    guard !links.isEmpty else { return nil }
    let items: [HTML] = links.map { link in
      let current: HTML? = link.isCurrent ? " aria-current=\"page\"" : nil
      return "<li><a href=\"\(link.link)\"\(current)>\(link.label)</a></li>\n"
    }
    let count = campaigns.all.count - PageCampaigns.linksMax
    let more: HTML? =
      count > 0
      ? "<li>\(words.text("và \(words.number(count)) cuộc cũ hơn: hub campaign list", "and \(words.number(count)) older ones: hub campaign list"))</li>"
      : nil
    return """
      <nav class="campaigns" aria-label="\(words.text("Các cuộc khảo sát", "Campaigns"))"><ul>
      \(items)\(more)</ul></nav>

      """
  }

  private var note: String {
    words.text(
      "Phiếu chỉ hiện bằng số đếm, không có giờ; kết quả của đơn vị ít phiếu được giữ kín.",
      "Answers show as counts, never with a time; results of units with few answers are withheld.")
  }
}

/// Says which rows of a long list are shown, with links to the others; nothing where all are.
extension Paging {
  /// - Parameter isBelow: Stands once more below its list: places of a page that look alike have different names.
  func html(_ words: Wording, isBelow: Bool = false) -> HTML? {
    guard let position else { return nil }
    let links: [HTML] = links.map { each in
      let current: HTML? = each.isCurrent ? " aria-current=\"page\"" : nil
      return "<a href=\"\(each.link)\"\(current)>\(each.label)</a> "
    }
    let name = isBelow ? words.text("Trang, dưới bảng", "Page, below the table") : words.text("Trang", "Page")
    return "<nav class=\"jump\" aria-label=\"\(name)\"><span>\(position)</span> \(links)</nav>\n"
  }
}
