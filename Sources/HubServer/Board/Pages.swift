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

  func board(_ board: Board?, showing query: BoardPage.Query = BoardPage.Query(), _ language: Language) async throws -> String {
    guard let board else {
      throw SyncError(
        .badRequest, vi: "Chưa có cuộc khảo sát nào; nạp bằng `hub campaign load THƯ_MỤC`.",
        en: "There is no campaign yet; load one with `hub campaign load DIR`.")
    }
    return render(BoardPage(board, showing: query, Wording(language: language)), "board")
  }

  func results(_ survey: SurveyHub, _ query: ResultsPage.Query, _ language: Language) async throws -> String {
    let results = try await survey.results(form: query.form)
    return render(ResultsPage(results, query, Wording(language: language)), "results")
  }

  func posts(_ survey: SurveyHub, district: String?, _ language: Language) async throws -> String {
    let posts = try await survey.posts(of: try await survey.communes(of: district))
    let districts = try await survey.plan().map { $0.tree.sortedByName($0.tree.units(at: .district)) } ?? []
    let page = PostsPage(
      posts, district: district, districts: districts.map { ($0.code.rawValue, $0.name) }, Wording(language: language))
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
  var note: String

  init(_ words: Wording, title: String, path: String, query: String = "", refreshSeconds: Int?) {
    let other = words.language == .vietnamese ? Language.english : .vietnamese
    lang = words.language.rawValue
    self.title = title
    refresh = refreshSeconds.map(String.init)
    skip = words.text("Đến nội dung", "Skip to content")
    boardLabel = words.text("Bảng theo dõi", "Board")
    resultsLabel = words.text("Kết quả", "Results")
    postsLabel = words.text("Tin", "Posts")
    let suffix = other == .english ? "" : "?lang=en"
    boardLink = "/" + suffix
    resultsLink = "/results" + suffix
    postsLink = "/posts" + suffix
    otherLanguage = Wording(language: other).text("Tiếng Việt", "English")
    otherCode = other.rawValue
    otherLink = path + "?lang=" + otherCode + (query.isEmpty ? "" : "&" + query)
    note = words.text(
      "Trang này chỉ mở tại máy chủ. Kết quả của đơn vị ít phiếu được giữ kín.",
      "This page opens on the hub's own machine only. Results of units with few answers are withheld.")
  }
}
