internal import FormWeb
internal import Mustache
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// The pages' templates, parsed once. Everything put into them is escaped: see `PageEscaping`.
struct Pages: Sendable {
  private let library: MustacheLibrary

  init() throws {
    do {
      library = try PageEscaping.library([
        "head": PageTemplates.head, "foot": PageTemplates.foot, "pages": PageTemplates.pages, "board": PageTemplates.board,
        "results": PageTemplates.results,
        "posts": PageTemplates.posts, "message": PageTemplates.message,
      ])
    } catch {
      throw ToolError(vi: "Mẫu trang web bị lỗi: \(error).", en: "A page template is broken: \(error).")
    }
  }

  /// - Parameter form: Its campaign is meant, where none is named.
  func campaigns(_ survey: SurveyHub, asking form: String? = nil) async throws -> PageCampaigns {
    let titles = try await survey.campaignTitles(asking: form)
    return PageCampaigns(asked: survey.campaign, meant: titles.meant, all: titles.all)
  }

  func board(
    _ board: Board?, showing query: BoardPage.Query = BoardPage.Query(), of campaigns: PageCampaigns = PageCampaigns(),
    _ language: Language
  ) async throws -> String {
    guard let board else {
      throw SyncError(
        .badRequest, vi: "Chưa có cuộc khảo sát nào; nạp bằng `hub campaign load THƯ_MỤC`.",
        en: "There is no campaign yet; load one with `hub campaign load DIR`.")
    }
    return render(BoardPage(board, showing: query, of: campaigns, Wording(language: language)), "board")
  }

  func results(_ survey: SurveyHub, _ query: ResultsPage.Query, _ language: Language) async throws -> String {
    let results = try await survey.results(form: query.form)
    let campaigns = try await campaigns(survey, asking: query.form)
    return render(ResultsPage(results, query, of: campaigns, Wording(language: language)), "results")
  }

  func posts(_ survey: SurveyHub, district: String?, _ language: Language) async throws -> String {
    let posts = try await survey.posts(of: try await survey.communes(of: district))
    let districts = try await survey.plan().map { $0.tree.sortedByName($0.tree.units(at: .district)) } ?? []
    let page = PostsPage(
      posts, district: district, districts: districts.map { ($0.code.rawValue, $0.name) }, of: try await campaigns(survey),
      Wording(language: language))
    return render(page, "posts")
  }

  func message(_ language: Language, _ text: LocalizedText) -> String {
    render(
      MessagePage(frame: PageFrame(Wording(language: language), title: "SyncKit", path: "/", refreshSeconds: nil), text: text(language)),
      "message")
  }

  private func render(_ page: Any, _ name: String) -> String { library.render(page, withTemplate: name) ?? "" }
}

struct MessagePage {
  var frame: PageFrame
  var text: String
}

/// What every page has around its content.
struct PageFrame {
  var lang: String
  var title: String
  var refresh: String?
  var skip: String
  var boardLabel: String
  var resultsLabel: String
  var postsLabel: String
  var boardLink: String
  var resultsLink: String
  var postsLink: String
  var otherLanguage: String
  var otherLink: String
  var otherCode: String
  /// Names the list of campaigns; nil where there is one only.
  var campaignsLabel: String?
  var campaigns: [Paging.Link]
  /// Says where those are that have no link here.
  var moreCampaigns: String?
  var note: String

  init(
    _ words: Wording, title: String, path: String, query: String = "", of campaigns: PageCampaigns = PageCampaigns(), refreshSeconds: Int?
  ) {
    let other = words.language == .vietnamese ? Language.english : .vietnamese
    lang = words.language.rawValue
    self.title = title
    refresh = refreshSeconds.map(String.init)
    skip = words.text("Đến nội dung", "Skip to content")
    boardLabel = words.text("Bảng theo dõi", "Board")
    resultsLabel = words.text("Kết quả", "Results")
    postsLabel = words.text("Tin", "Posts")
    let parts = [other == .english ? nil : "lang=en", campaigns.part].compactMap { $0 }
    let suffix = parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
    boardLink = "/" + suffix
    resultsLink = "/results" + suffix
    postsLink = "/posts" + suffix
    otherLanguage = Wording(language: other).text("Tiếng Việt", "English")
    otherCode = other.rawValue
    otherLink =
      path + "?" + (["lang=" + otherCode] + [campaigns.part, query.isEmpty ? nil : query].compactMap { $0 }).joined(separator: "&")
    self.campaigns = campaigns.links(to: path, words)
    campaignsLabel = self.campaigns.isEmpty ? nil : words.text("Các cuộc khảo sát", "Campaigns")
    let more = campaigns.all.count - PageCampaigns.linksMax
    moreCampaigns =
      more > 0
      ? words.text("và \(words.number(more)) cuộc cũ hơn: hub campaign list", "and \(words.number(more)) older ones: hub campaign list")
      : nil
    note = words.text(
      "Trang này chỉ mở tại máy chủ. Kết quả của đơn vị ít phiếu được giữ kín.",
      "This page opens on the hub's own machine only. Results of units with few answers are withheld.")
  }
}
