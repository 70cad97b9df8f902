import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@Suite struct FieldImportTests {
  /// The stored sample with every row moved to one commune, so that one device may take them all; the oracle stays what it was.
  private static func sample() throws -> (csv: Data, good: Int, bad: Set<Int>) {
    let table = try CSVTable(Data(contentsOf: Samples.dirty))
    let unit = try #require(table.header.firstIndex(of: "commune_code"))
    var writer = CSVWriter()
    writer.write(table.header)
    for record in table.records {
      var fields = record.fields
      if fields[unit] != "99999" { fields[unit] = "07201" }
      writer.write(fields)
    }
    let moved = try CSVTable(writer.data)
    let bad = Set(moved.records.filter { $0["fault"] != "" }.map(\.line))
    return (writer.data, moved.records.count - bad.count, bad)
  }

  @Test(.long) func exactlyTheSpoiledRowsAreRefusedAndASecondImportAddsNothingAtTheHub() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let field = try await world.device("a", unit: "07201")
    let form = try #require(try await field.form(id: "pks01"))
    let sample = try Self.sample()
    for round in 1...2 {
      let outcome = try await field.importAnswers(csv: sample.csv, form: form)
      #expect(Set(outcome.rejected.map(\.line)) == sample.bad)
      #expect(outcome.counts.accepted == sample.good)
      #expect(outcome.counts.rows == sample.good + sample.bad.count)
      #expect(!outcome.counts.isInterrupted)
      #expect(outcome.counts.new == (round == 1 ? sample.good : 0) && outcome.counts.seen == (round == 1 ? 0 : sample.good))
      _ = try await field.replica.sync(with: world.transport)
      #expect(try await world.hubRows("SELECT count(*), count(DISTINCT id) FROM answer") == ["\(sample.good) \(sample.good)"])
      #expect(try await field.replica.status().packetsMade == sample.good * round)
      #expect(try await field.replica.status().addsUp)
    }
  }

  @Test(.long) func aDayOutsideTheCampaignIsToldWhenItIsImportedAndCountsWithoutOneAtTheHub() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let field = try await world.device("a", unit: "07201")
    let form = try #require(try await field.form(id: "pks01"))
    let table = try CSVTable(Data(contentsOf: Samples.dirty))
    let columns = try ["commune_code", "submitted_at"].map { try #require(table.header.firstIndex(of: $0)) }
    var writer = CSVWriter()
    writer.write(table.header)
    for (number, record) in table.records.filter({ $0["fault"] == "" }).prefix(8).enumerated() {
      var fields = record.fields
      fields[columns[0]] = "07201"
      fields[columns[1]] = number < 3 ? "2009-01-01T08:00:00+07:00" : "2024-04-01T08:00:00+07:00"
      writer.write(fields)
    }
    let counts = try await field.importAnswers(csv: writer.data, form: form).counts
    #expect(counts.accepted == 8 && counts.daysOutside == 3 && counts.rejected == 0)
  }

  @Test(.long) func anotherDeviceOfTheCommuneMayImportTheSameFile() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let form = try Samples.form("pks01")
    let sample = try Self.sample()
    for name in ["a", "b"] {
      let field = try await world.device(name, unit: "07201")
      _ = try await field.importAnswers(csv: sample.csv, form: form)
      _ = try await field.replica.sync(with: world.transport)
    }
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["\(sample.good)"])
  }

  @Test(.long) func rowsOfOtherCommunesAreRefusedByLine() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let field = try await world.device("a", unit: "07327")
    let csv = try Data(contentsOf: Samples.dirty)
    let outcome = try await field.importAnswers(csv: csv, form: try Samples.form("pks01"))
    let own = try CSVTable(csv).records.count { $0["commune_code"] == "07327" && $0["fault"] == "" }
    #expect(outcome.counts.accepted == own)
    #expect(outcome.rejected.contains { $0.reason == .foreignUnit })
  }

  @Test(.long) func cancellingEndsBetweenTransactionsAndKeepsWhatWasTaken() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let field = try await world.device("a", unit: "07201")
    let form = try Samples.form("pks01")
    let sample = try Self.sample()
    let task = Task {
      try await field.importAnswers(csv: sample.csv, form: form) { _ in withUnsafeCurrentTask { $0?.cancel() } }
    }
    let outcome = try await task.value
    #expect(outcome.counts.isInterrupted)
    #expect(outcome.counts.accepted == SurveyField.importRowsPerTransaction)
    #expect(try await field.replica.status().packetsMade == SurveyField.importRowsPerTransaction)
    _ = try await field.importAnswers(csv: sample.csv, form: form)
    _ = try await field.replica.sync(with: world.transport)
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["\(sample.good)"])
  }

  @Test func fileOfAnotherKindIsRefusedAsAWhole() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: "07201")
    let form = try Samples.form("pks01")
    for text in ["", "<html></html>", "a,b\n1,2\n", "\u{0}\u{1}\u{2}"] {
      await #expect(throws: CSVImportError.self) { try await field.importAnswers(csv: Data(text.utf8), form: form) }
    }
    #expect(try await field.replica.status().packetsMade == 0)
  }

  @Test func theDailyReportIsNoAnonymousAnswer() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: "07201")
    let form = try Samples.form("report01")
    let example = AnswersCSVImporter.example(form: form, unit: "07201", day: "2024-04-01", zoneOffsetMinutes: 420)
    var file = CSVWriter(hasMark: true)
    file.write(example.heading)
    file.write(try #require(example.row))
    let csv = file.data
    await #expect(throws: SurveyFieldError.isReport(id: "report01")) { try await field.importAnswers(csv: csv, form: form) }
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: 1)
    await #expect(throws: SurveyFieldError.isReport(id: "report01")) {
      try await field.submit(answers, unit: "07201", day: CalendarDay("2024-04-01"), language: "vi")
    }
    #expect(try await field.replica.status().packetsMade == 0)
  }
}
