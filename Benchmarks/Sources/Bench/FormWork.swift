import Foundation
import SurveyKit

/// A form asked more or fewer questions than it has.
struct UnexpectedCount: Error, CustomStringConvertible {
  let count: Int

  var description: String { "F: \(count) questions were asked" }
}

/// A public-health form as long as they get: 600 questions in 40 groups, each asked after the one before, in two languages.
enum FormWork {
  static let groups = 40
  static let questionsPerGroup = 15

  /// - Returns: Seconds until the form is checked and until its first question is there, and milliseconds an answer takes.
  static func figures(_ settings: Bench.Settings) throws -> [Figure] {
    Bench.say("F: a form of \(groups * questionsPerGroup) questions")
    var (checks, firsts, answers): ([Double], [Double], [Double]) = ([], [], [])
    for _ in 0..<settings.runs {
      var form: Form?
      checks.append(try seconds { form = try XLSFormImport.form(survey: Data(survey.utf8), choices: Data(choices.utf8), settings: nil) })
      guard let form else { continue }
      var walk: FormWalk?
      firsts.append(seconds { walk = FormWalk(form: form, today: "2024-04-01") })
      guard var walk else { continue }
      var count = 0
      let all = try seconds {
        while walk.step != .review {
          guard case .item = walk.step, let question = walk.question(at: walk.step) else { break }
          _ = try walk.answer(question.kind == .selectOne ? .choice("yes") : .integer(1)).get()
          count += 1
        }
      }
      guard count == groups * questionsPerGroup else { throw UnexpectedCount(count: count) }
      answers.append(all * 1_000 / Double(count))
    }
    return [Figure("F.check", "s", checks), Figure("F.first", "s", firsts), Figure("F.answer", "ms", answers)]
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock.now
    try body()
    let time = ContinuousClock.now - clock
    return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
  }

  private static var survey: String {
    var rows = ["type,name,label::English (en),label::Tiếng Việt (vi),relevant,constraint,required"]
    for group in 0..<groups {
      let after = group == 0 ? "" : "${q\(group - 1)_1} != 999"
      rows += [
        "begin group,g\(group),Group \(group),Nhóm \(group),\(after),,",
        "select_one yn,s\(group),Choose **\(group)**?,Chọn \(group)?,,,yes",
      ]
      rows.append("begin group,h\(group),Inner,Trong,${s\(group)} = 'yes',,")
      for number in 1..<questionsPerGroup {
        let before = number == 1 ? "" : "${q\(group)_\(number - 1)} >= 0"
        rows.append(
          "integer,q\(group)_\(number),After ${s\(group)}?,Sau ${s\(group)}?,\(before),. >= 0 and . < 1000,\(number % 2 == 0 ? "yes" : "")")
      }
      rows += ["end group,,,,,,", "end group,,,,,,"]
    }
    return rows.joined(separator: "\n") + "\n"
  }

  private static let choices = "list_name,name,label::English (en),label::Tiếng Việt (vi)\nyn,yes,Yes,Có\nyn,no,No,Không\n"
}
