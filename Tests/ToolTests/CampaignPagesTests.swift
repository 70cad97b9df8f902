import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// The board, the results and the posts of each of a hub's campaigns, by address.
@Suite struct CampaignPagesTests {
  @Test(.long) func eachPageIsOfTheCampaignThatItsAddressNames() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    func page(_ path: String, status: Int = 200) async throws -> String {
      let answer = try await hub.page(path)
      #expect(answer.status == status, "\(path)")
      return answer.text
    }
    #expect(try await !page("/").contains("class=\"campaigns\""), "one campaign needs no list")
    let second = try HubTool.secondCampaign(in: folder)
    #expect(try await HubTool.run(["campaign", "load", second, "--dir", dir, "--move-to", "2031-01-01"]).status == 0)
    let english = try await page("/?lang=en")
    #expect(english.contains("<p class=\"lead\">Survey of"))
    #expect(english.contains("href=\"/?campaign=bac-giang-2024&amp;lang=en\" aria-current=\"page\">Survey of"))
    #expect(english.contains("href=\"/?campaign=second&amp;lang=en\">Second survey of"))
    let other = try await page("/?campaign=second&lang=en")
    #expect(other.contains("<p class=\"lead\">Second survey of"))
    #expect(other.contains("href=\"/?campaign=second&amp;lang=en\" aria-current=\"page\">Second survey of"))
    #expect(other.contains("hreflang=\"vi\" href=\"/?campaign=second\""), "the other language stays with the campaign")
    #expect(other.contains("href=\"/results?campaign=second&amp;lang=en\""))
    let results = try await page("/results?campaign=second")
    #expect(results.contains("(q2)") && results.contains("href=\"/results?level=commune&amp;campaign=second\""))
    #expect(
      try await page("/results?form=q2").contains("href=\"/results?campaign=second\" aria-current=\"page\""), "a form names its campaign")
    #expect(try await page("/results").contains("(pks01)"))
    #expect(try await page("/posts?campaign=second").contains("href=\"/posts?campaign=second&amp;district=213\""))
    #expect(try await page("/?campaign=third", status: 404).contains("bac-giang-2024, second"))
    #expect(try await page("/?campaign=%3Cscript%3E", status: 404).contains("&lt;script&gt;"))
    #expect(await hub.stop() == 0)
  }

  @Test func manyCampaignsMakeAShortListAndAnyNameMakesAnAddress() {
    let words = Wording(language: .vietnamese)
    let id = "đợt 2 & <b>"
    var campaigns = PageCampaigns(asked: id, meant: id, all: [(id, LocalizedText("x")), ("b", LocalizedText("y"))])
    let links = campaigns.links(to: "/", words)
    #expect(links.map(\.isCurrent) == [true, false])
    #expect(links[0].link == "/?campaign=%C4%91%E1%BB%A3t%202%20%26%20%3Cb%3E" && campaigns.part.map { "/?" + $0 } == links[0].link)
    campaigns.all = (0..<1_000).map { ("c\($0)", LocalizedText("t\($0)")) }
    let frame = ConsoleFrame(query: ConsoleQuery(campaign: id), title: "", path: "/", campaigns: campaigns).page("")
    #expect(frame.components(separatedBy: "href=\"/?campaign=c").count - 1 == PageCampaigns.linksMax && frame.contains("900"))
    campaigns.all = [("b", LocalizedText("y"))]
    #expect(campaigns.links(to: "/", words).isEmpty)
  }
}
