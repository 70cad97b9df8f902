import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

/// Judges every form of the corpus and counts the accepted ones by feature: makes docs/forms-score.md.
@Suite struct FormsScoreTests {
  private func reading(_ scored: ScoredForm) -> (outcome: ScoredForm.Outcome, says: [String]) {
    func data(_ rows: [[String: String]]) -> Data? { rows.isEmpty ? nil : Data(ScoredForm.csv(rows).utf8) }
    do throws(FormProblems) {
      let reading = try XLSFormImport.reading(
        survey: data(scored.survey), choices: data(scored.choices), settings: data(scored.settings.isEmpty ? [] : [scored.settings]),
        files: { name in scored.files[name].map { Data($0.utf8) } })
      // Whatever is taken can be stored and opened again.
      guard (try? Form(canonicalJSON: reading.form.canonicalJSON)) == reading.form else { return (.refused, ["not the same when stored"]) }
      return (reading.warnings.isEmpty ? .accepted : .warned, reading.warnings.map(\.message.en))
    } catch {
      return (.refused, error.problems.map(\.message.en))
    }
  }

  @Test func everyFormOfTheCorpusHasItsOutcome() {
    for scored in FormsCorpus.all {
      let (outcome, says) = reading(scored)
      #expect(outcome == scored.outcome, "\(scored.feature), \(scored.name): \(says)")
    }
    #expect(FormsCorpus.all.count >= 120)
  }

  private func table() -> String {
    var lines = ["| feature | accepted | warned | refused |", "|---|---|---|---|"]
    var order: [String] = []
    for scored in FormsCorpus.all where !order.contains(scored.feature) { order.append(scored.feature) }
    var outcomes: [String: [ScoredForm.Outcome: [String]]] = [:]
    for scored in FormsCorpus.all { outcomes[scored.feature, default: [:]][reading(scored).outcome, default: []].append(scored.name) }
    for feature in order + ["all"] {
      let counts = ScoredForm.Outcome.allCases.map { outcome in
        feature == "all" ? outcomes.values.reduce(0) { $0 + ($1[outcome]?.count ?? 0) } : outcomes[feature]?[outcome]?.count ?? 0
      }
      lines.append("| \(feature) | " + counts.map(String.init).joined(separator: " | ") + " |")
    }
    for feature in order {
      lines += ["", "## \(feature.prefix(1).uppercased() + feature.dropFirst())", ""]
      for outcome in ScoredForm.Outcome.allCases {
        guard let names = outcomes[feature]?[outcome] else { continue }
        lines.append("- \(outcome.rawValue): " + names.map { "`\($0.replacing("\n", with: " "))`" }.joined(separator: ", "))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: The reference in docs/forms.md

  private static let (begin, end) = ("<!-- reference: made by make forms-score -->\n", "<!-- end of the reference -->\n")
  private static let reasonLettersMax = 150

  /// A row for each feature, outcome and reason, with what has it.
  private func reference() -> String {
    var lines = ["| feature | | what | why |", "|---|---|---|---|"]
    var order: [[String]] = []
    var names: [[String]: [String]] = [:]
    for scored in FormsCorpus.all {
      let (outcome, says) = reading(scored)
      let word = [ScoredForm.Outcome.accepted: "works", .warned: "warned", .refused: "refused"][outcome] ?? ""
      let row = [scored.feature, word, outcome == .accepted ? "" : Self.reason(says.first ?? "")]
      if names[row] == nil { order.append(row) }
      names[row, default: []].append("`\(scored.name.replacing("\n", with: " ").replacing("|", with: "\\|"))`")
    }
    let outcomes = ["works", "warned", "refused"]
    var features: [String] = []
    for row in order where !features.contains(row[0]) { features.append(row[0]) }
    for feature in features {
      for outcome in outcomes {
        for row in order where row[0] == feature && row[1] == outcome {
          lines.append("| \(feature) | \(outcome) | \((names[row] ?? []).joined(separator: ", ")) | \(row[2]) |")
        }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A sentence without what differs from form to form.
  private static func reason(_ text: String) -> String {
    var plain = text.replacing(#/"[^"]*"/#, with: "…").replacing(#/At character \d+: /#, with: "").replacing("|", with: "\\|")
    if plain.count > reasonLettersMax {
      plain = plain.prefix(reasonLettersMax).split(separator: " ").dropLast().joined(separator: " ") + " …"
    }
    return plain
  }

  @Test func theReferenceInTheDocumentIsAsItStands() throws {
    let file = Samples.package.appendingPathComponent("docs/forms.md")
    let stands = try String(contentsOf: file, encoding: .utf8)
    let start = try #require(stands.range(of: Self.begin)?.upperBound)
    let stop = try #require(stands.range(of: Self.end)?.lowerBound)
    let made = reference()
    if ProcessInfo.processInfo.environment["FORMS_SCORE"] == "write" {
      try Data((stands[..<start] + made + stands[stop...]).utf8).write(to: file)
      return
    }
    #expect(String(stands[start..<stop]) == made, "docs/forms.md differs: run `make forms-score`, and look at what changed")
  }

  private static let heading = """
    # What becomes of XLSForm's reference

    Each line is a form of our own, as small as shows one thing; `make forms-score` makes this file, and fails where a number falls.


    """

  /// Prints the numbers; writes the file where `FORMS_SCORE=write` says so, and requires that it is as it stands otherwise.
  @Test func theScoreIsAsItStands() throws {
    let file = Samples.package.appendingPathComponent("docs/forms-score.md")
    let text = Self.heading + table()
    if ProcessInfo.processInfo.environment["FORMS_SCORE"] == "write" { try Data(text.utf8).write(to: file) }
    let stands = try String(contentsOf: file, encoding: .utf8)
    #expect(stands == text, "docs/forms-score.md differs: run `make forms-score`, and look at what changed")
  }

  /// Refuses what pyxform refuses, unless the list says why not; a form that pyxform takes may be refused for a listed reason.
  @Test(.long, .enabled(if: Python.hasPackages, Python.absent)) func pyxformAgreesOnWhatIsLegal() async throws {
    let folder = try TemporaryFolder()
    for (number, scored) in FormsCorpus.all.enumerated() {
      let path = "\(folder.path)/\(number)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let sheets = [("survey", scored.survey), ("choices", scored.choices), ("settings", scored.settings.isEmpty ? [] : [scored.settings])]
      for (name, rows) in sheets { try Data(ScoredForm.csv(rows).utf8).write(to: URL(fileURLWithPath: "\(path)/\(name).csv")) }
    }
    let verdicts = try await Python.run("legal.py", [folder.path]).split(separator: "\n")
    #expect(verdicts.count == FormsCorpus.all.count)
    for verdict in verdicts {
      let parts = verdict.split(separator: "\t", maxSplits: 2).map(String.init)
      guard parts.count >= 2, let number = Int(parts[0]), FormsCorpus.all.indices.contains(number) else { throw CancellationError() }
      let scored = FormsCorpus.all[number]
      let isRefused = reading(scored).outcome == .refused
      let name = "\(scored.feature), \(scored.name)"
      if parts[1] == "legal" {
        #expect(!isRefused || Self.refusedHere.contains(name), "pyxform takes \(name)")
      } else {
        #expect(isRefused || Self.takenHere.contains(name), "pyxform refuses \(name): \(parts.last ?? "")")
      }
    }
  }

  /// Forms that nobody here can answer, or that cannot be worked out; pyxform looks at neither.
  private static let refusedHere: Set<String> = [
    "types, audio", "types, video", "types, geotrace", "types, geoshape", "types, osm", "types, background-audio",
    "types, range without sense",
    "columns, constraint = (", "columns, relevant = frobnicate(1)", "functions, frobnicate(1)", "functions, if(1)",
    "functions, regex(${t}, '(a)\\1')",
    "functions, ${n} +", "functions, 'open", "functions, a/b", "functions, //n", "references, a circle",
    "structures, nothing to answer", "choices, search() that means nothing",
  ]
  /// Safe to take, and found in forms: pyxform is stricter about these.
  private static let takenHere: Set<String> = ["columns, save_to = name", "texts, a name in a hint", "texts, no label"]
}
