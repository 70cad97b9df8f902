internal import Foundation
internal import SyncCore

extension AnswersCSVImporter {
  /// Answers tried for an example.
  private static let examplesMax: UInt64 = 40

  /// A file to begin with: the heading of a form, and one row that an import of it accepts as it stands.
  ///
  /// Columns that only say what the device knows are there too, so that files of several units and forms can be made of it. Repeats have no
  /// columns, so a form that demands one has no such row: nil stands for it then.
  /// - Parameters:
  ///   - unit: The unit the row is of.
  ///   - day: `YYYY-MM-DD`, the day of the row.
  public static func example(
    form: Form, unit: String, day: String, zoneOffsetMinutes: Int
  ) -> (heading: [String], row: [String]?) {
    let envelope: [Envelope] = [.responseID, .unit, .formID, .formVersion, .language, .submittedAt]
    let inRepeats = Set(form.repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    let taken = Set(Envelope.allCases.map(\.rawValue))
    let asked = form.questions.filter { $0.kind.isAsked && !inRepeats.contains($0.name) && !taken.contains($0.name) }.map(\.name)
    let heading = envelope.map(\.rawValue) + asked
    let hidden: [String: AnswerValue] = form.question(named: Envelope.unit.rawValue).map { [$0.name: .text(unit)] } ?? [:]
    let generator = AnswerGenerator(form: form, day: day)
    let sign = zoneOffsetMinutes < 0 ? "-" : "+"
    func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
    let zone = sign + two(abs(zoneOffsetMinutes) / 60) + ":" + two(abs(zoneOffsetMinutes) % 60)
    var best: (filled: Int, row: [String])?
    for seed in 0..<examplesMax {
      guard let answers = try? generator.answers(seed: seed, fixed: hidden) else { continue }
      let cells = asked.map { answers.values[$0]?.cell ?? "" }
      let filled = cells.count { !$0.isEmpty }
      guard filled > best?.filled ?? -1 else { continue }
      let row = ["example-1", unit, form.id, form.version, form.defaultLanguage, "\(day)T08:00:00\(zone)"] + cells
      let file = Data((CSVWriter.line(heading) + CSVWriter.line(row)).utf8)
      guard
        var rows = try? AnswersCSVImporter(file, form: form, knownUnits: [unit], zoneOffsetMinutes: zoneOffsetMinutes, today: nil),
        case .accepted? = rows.next()
      else { continue }
      best = (filled, row)
    }
    return (heading, best?.row)
  }
}
