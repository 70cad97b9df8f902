internal import FormWeb
internal import Mustache
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The pages' templates, parsed once. Everything put into them is escaped: see `PageEscaping`.
struct Pages: Sendable {
  private let library: MustacheLibrary

  init() throws {
    do {
      library = try PageEscaping.library([
        "pages": PageTemplates.pages, "results": PageTemplates.results, "posts": PageTemplates.posts,
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

  func results(_ survey: SurveyHub, _ query: ResultsPage.Query, within scope: UnitScope = .all, _ language: Language) async throws
    -> PageContent
  {
    let results = try await survey.results(form: query.form, within: scope)
    let campaigns = try await campaigns(survey, asking: query.form)
    let page = ResultsPage(results, query, of: campaigns, Wording(language: language))
    let kept: KeyValuePairs<String, String?> = [
      "level": query.level.rawValue, "question": page.question, "form": query.form.map { _ in results.form },
      "page": query.page.map(String.init),
    ]
    return PageContent(title: page.pageTitle, kept: kept, content: render(page, "results"))
  }

  /// - Parameters:
  ///   - units: That may be seen; nil for all.
  ///   - withHidden: Hidden ones too.
  func posts(
    _ survey: SurveyHub, district: String?, of units: Set<UnitCode>? = nil, withHidden: Bool = false, _ language: Language
  ) async throws -> PageContent {
    let asked = try await survey.communes(of: district)
    let posts = try await survey.posts(of: units.map { asked?.intersection($0) ?? $0 } ?? asked, withHidden: withHidden)
    let districts = try await survey.plan().map { $0.tree.sortedByName($0.tree.units(at: .district)) } ?? []
    let page = PostsPage(
      posts, district: district, districts: districts.map { ($0.code.rawValue, $0.name) }, of: try await campaigns(survey),
      Wording(language: language))
    return PageContent(title: page.heading, kept: ["district": district], content: render(page, "posts"))
  }

  private func render(_ page: Any, _ name: String) -> HTML { HTML(rendered: library.render(page, withTemplate: name) ?? "") }
}

/// A page without what every page has around it.
struct PageContent {
  var title: String
  /// Parts of the page's address that the link to the other language keeps.
  var kept: KeyValuePairs<String, String?>
  var content: HTML
}
