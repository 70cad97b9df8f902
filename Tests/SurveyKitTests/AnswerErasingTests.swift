import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub

/// Single answers go when their time has come; their sums stay and are provable.
@Suite struct AnswerErasingTests {
  private static let campaign = "bac-giang-2024"
  private static let dayMs: UInt64 = 24 * HubWorld.hourMs

  /// A hub with 12 imported answers, each sent twice, and 7 that were typed; the campaign's days are over.
  private func collected() async throws -> HubWorld {
    let world = try await HubWorld()
    let importer = try await world.device("a", unit: "07201")
    let form = try #require(try await importer.form(id: "pks01"))
    for _ in 0..<2 { _ = try await importer.importAnswers(csv: try sheets(form), form: form) }
    try await world.sync(importer)
    let typist = try await world.device("b", unit: "07204")
    try await world.answer(typist, unit: "07204", seeds: 41..<48)
    #expect(try await world.survey.status().packetsRepeated == 12)
    world.clock.advance(40 * Self.dayMs)
    return world
  }

  private func sheets(_ form: Form) throws -> Data {
    let names = form.questions.filter { $0.kind != .note && $0.kind != .hidden && $0.kind != .calculate }.map(\.name)
    var writer = CSVWriter()
    writer.write(["response_id", "commune_code", "form_id", "form_version", "language", "submitted_at"] + names)
    for seed in UInt64(1)...12 {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: seed)
      writer.write(
        [String(seed), "07201", form.id, form.version, "vi", "2024-04-01T08:00:00+07:00"] + names.map { answers.values[$0]?.cell ?? "" })
    }
    return writer.data
  }

  /// The same, with the campaign closed, backed up twice, and its keys destroyed.
  private func closed() async throws -> HubWorld {
    let world = try await collected()
    _ = try await world.survey.closeForms(of: Self.campaign)
    for number in 1...2 { _ = try await world.survey.hub.backUp(to: world.folder.path + "/backup\(number).sqlite") }
    #expect(try await world.survey.destroyKeys(of: Self.campaign, acceptsLoss: true).left.isEmpty)
    return world
  }

  private func erase(_ world: HubWorld, afterDays days: Int = 30) async throws -> AnswerErasing {
    try #require(try await world.survey.eraseAnswers(of: Self.campaign, afterDays: days, keysLeft: []))
  }

  /// Files of the hub in which a text stands.
  private func files(with text: String, in folder: String) throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
    return try names.filter { name in
      var isFolder = ObjCBool(false)
      let path = folder + "/" + name
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { return false }
      return try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data(text.utf8)) != nil
    }
  }

  private func sums(_ world: HubWorld) async throws -> [[String]] {
    var all: [[String]] = []
    for table in ["tally", "day_count", "answer_count", "answer_release", "answer_release_question", "hub_drop", "hub_drop_more", "report"]
    {
      all.append(try await world.rows("SELECT * FROM \(table)"))
    }
    return all
  }

  @Test(.long) func answersGoAndTheirSumsStay() async throws {
    let world = try await closed()
    let folder = world.folder.path + "/hub"
    let texts = try await world.rows("SELECT answers FROM answer ORDER BY id")
    let numbers = try await world.rows("SELECT number FROM answer_number")
    #expect(texts.count == 19 && numbers.count == 12)
    for text in texts { #expect(try !files(with: text, in: folder).isEmpty) }
    let (before, results) = (try await sums(world), try await world.survey.results())

    let erasing = try await erase(world)
    #expect(erasing.reason == nil && erasing.erasedNow == 19 && erasing.erased == 19)
    #expect(erasing.backups.map(\.path) == [2, 1].map { world.folder.path + "/backup\($0).sqlite" })
    for text in texts + numbers { #expect(try files(with: text, in: folder) == [], "a text is left") }
    #expect(try await world.rows("SELECT count(*) FROM answer") == ["0"])
    #expect(try await sums(world) == before)
    var after = try await world.survey.results()
    #expect(after.view == results.view && after.erased.map(\.erased) == [19] && results.erased.isEmpty)
    after.erased = []
    let status = try await world.survey.status()
    #expect(status.addsUp && status.answers == 0 && status.answersErased == 19, "\(status.discrepancies)")
    #expect(
      status.erasures.map(\.explanation.en) == ["pks01@2024032601: 19 answers released, 19 of them erased on 2024-05-11; their sums stand."]
    )
    let found = try await SurveyHub.examine(at: folder)
    #expect(found.isSound && found.erased == 19, "\(found.findings)")

    // Again there is nothing to do, and a backup from now on is none that holds them.
    world.clock.advance(1000)
    _ = try await world.survey.hub.backUp(to: world.folder.path + "/backup3.sqlite")
    let again = try await erase(world)
    #expect(again.erasedNow == 0 && again.erased == 19 && again.backups.count == 2)
    for text in texts { #expect(try files(with: text, in: world.folder.path).sorted() == ["backup1.sqlite", "backup2.sqlite"]) }
  }

  @Test(.long) func nothingGoesBeforeItsTimeOrWithoutTwoBackups() async throws {
    let world = try await collected()
    let early = try await erase(world, afterDays: 60)
    #expect(early.reason != nil && early.erased == 0 && early.from > CalendarDay("2024-05-11") ?? .last)
    _ = try await world.survey.closeForms(of: Self.campaign)
    for number in 1...2 {
      let erasing = try await erase(world)
      #expect(erasing.reason?.en.contains("two newest backups") == true && erasing.erased == 0)
      _ = try await world.survey.hub.backUp(to: world.folder.path + "/backup\(number).sqlite")
    }
    let key = CampaignClosing.Key(id: "1f3c9a20", reason: LocalizedText("x"))
    let kept = try await world.survey.eraseAnswers(of: Self.campaign, afterDays: 30, keysLeft: [key])
    #expect(kept?.reason?.en.contains("1f3c9a20") == true)
    #expect(try await world.rows("SELECT count(*) FROM answer") == ["19"])
    // A form that people may answer once more keeps its answers.
    try await world.survey.hub.store.write { try $0.execute("UPDATE form SET state = 'open' WHERE form = 'pks01'") }
    #expect(try await erase(world).erased == 0)
    #expect(try await world.rows("SELECT count(*) FROM hub_erasure") == ["0"])
  }

  @Test(.long) func whatComesLateIsNotCounted() async throws {
    let world = try await closed()
    let given = try await world.rows("SELECT answers FROM answer WHERE unit = '07204'")
    _ = try await erase(world)
    let before = try await sums(world)
    let before2 = try await world.row("07204").counts.received
    // The same again, and others, as a device of an earlier program would send them: to the general key.
    let form = try Samples.form("pks01")
    let others = try (60..<68).map {
      String(decoding: try FieldWorld.answers(form, day: "2024-04-01", unit: "07204", seed: $0).canonicalJSON, as: UTF8.self)
    }
    for (index, text) in (given + others).enumerated() {
      let cells: [String: CellValue] = [
        "id": .text("late\(index)"), "unit": .text("07204"), "campaign": .text(Self.campaign), "form": .text("pks01@2024032601"),
        "day": .text("2024-04-01"), "language": .text("vi"), "answers": .text(text),
      ]
      try await world.survey.hub.drop(cells, into: "answer", scope: "07204")
    }
    try await world.survey.hub.flushPackets()
    let status = try await world.survey.status()
    #expect(status.addsUp && status.answers == 0 && status.packetsSpoiled == 15, "\(status)")
    #expect(try await Array(sums(world).prefix(5)) == Array(before.prefix(5)))
    #expect(try await world.row("07204").counts.received == before2)
    #expect(try await world.survey.hub.retrySpoiled() == 15)
    #expect(try await world.survey.status().packetsSpoiled == 15)
  }

  @Test(.long) func aRowThatIsNotAccountedForIsFound() async throws {
    let world = try await closed()
    try await world.survey.hub.store.write {
      try $0.execute("DELETE FROM answer WHERE id = (SELECT min(id) FROM answer WHERE unit = '07204')")
    }
    _ = try await erase(world)
    let status = try await world.survey.status()
    #expect(status.discrepancies.count == 2 && status.discrepancies.allSatisfy { $0.en.contains("18 were erased") })
    let found = try await SurveyHub.examine(at: world.folder.path + "/hub")
    #expect(
      found.findings.count == 2 && found.findings.allSatisfy { $0.kind == .packets && $0.explanation.en.contains("07204") },
      "\(found.findings)")
  }

  private struct Cut: Error {}

  @Test(.long) func cutOffAtAnyStepItGoesOn() async throws {
    let world = try await closed()
    let store = try #require(world.survey.hub.store as? SQLiteHubStore)
    let before = try await sums(world)
    var cuts = 0
    for steps in 0..<1_000 {
      let reached = Counter()
      store.steps.listener = { _ in if reached.next() == steps { throw Cut() } }
      defer { store.steps.listener = nil }
      do {
        let erasing = try await erase(world)
        #expect(erasing.erased == 19)
        break
      } catch is Cut {
        cuts += 1
      }
      store.steps.listener = nil
      let status = try await world.survey.status()
      #expect(status.addsUp && status.answers + status.answersErased == 19, "after \(steps) steps: \(status.discrepancies)")
    }
    // Each of 19 rows, what is beside them, the rewriting and the notes.
    #expect(cuts > 30)
    #expect(try await sums(world) == before)
    #expect(try await SurveyHub.examine(at: world.folder.path + "/hub").isSound)
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
      count.withLock { count in
        defer { count += 1 }
        return count
      }
    }
  }
}
