internal import SurveyKit
internal import SyncKit

/// A question or note, ready to be put to a person.
struct AskedQuestion {
  enum Kind {
    case note
    case one, several
    /// All choices, the best first, by their numbers.
    case order
    case entry(QuestionKind, isMultiline: Bool)
  }

  struct Choice {
    var name: String
    var label: String
  }

  var title = ""
  /// Such as `3/23`.
  var progress = ""
  var headings: [String] = []
  var label = ""
  var hint = ""
  var kind = Kind.note
  var choices: [Choice] = []
  /// Names of the choices taken so far.
  var marked: Set<String> = []
  /// What has been typed so far.
  var entered = ""
  var isRequired = false
  /// What is wrong with what was given, or what happened to other answers.
  var message = ""
  /// Whether it was just asked, and the answer refused.
  var isAgain = false

  var isNote: Bool { if case .note = kind { true } else { false } }
  var isOrder: Bool { if case .order = kind { true } else { false } }
  var isSeveral: Bool { if case .several = kind { true } else { false } }

  /// What stands here, as a reply would give it.
  var standing: String {
    choices.isEmpty || isOrder ? entered : choices.map(\.name).filter(marked.contains).joined(separator: " ")
  }
}

/// What a person does about a question.
enum QuestionReply: Equatable {
  /// Typed text, or names of choices with spaces between; blank leaves the question unanswered.
  case answer(String)
  /// Back to the question before, with what stands here so far.
  case back(String)
}

/// Whether to fill in a repeat once more.
struct AskedRepeat {
  var title = ""
  var headings: [String] = []
  /// How often it has been filled in.
  var count = 0
  /// Whether it may be filled in again.
  var canAdd = true
  var message = ""
}

enum RepeatReply: Equatable {
  case add, removeLast, done, back
}

/// All answers before they are sent.
struct ReviewSheet {
  struct Item {
    /// The group's heading, at its first item.
    var heading: String?
    var label: String
    var answer: String
    var step: FormStep
  }

  var title = ""
  /// Whether it is a report, filed under the commune's name.
  var isReport = false
  var items: [Item] = []
  var message = ""
}

enum ReviewReply: Equatable {
  case send
  case edit(FormStep)
  case back
}

/// A text to be read before or after the questions.
struct CollectNotice {
  var title = ""
  var paragraphs: [String] = []
  var keys: [String] = []
}

/// The two ways to ask: a window of its own, or line by line.
///
/// Every call waits for the person and throws `Leaving` when there is nobody any more.
protocol CollectDialog: AnyObject {
  /// - Returns: Whether to go on; false leaves.
  func tell(_ notice: CollectNotice) throws -> Bool
  func ask(_ question: AskedQuestion) throws -> QuestionReply
  func askAnother(_ repeated: AskedRepeat) throws -> RepeatReply
  func review(_ sheet: ReviewSheet) throws -> ReviewReply
  /// Removes what was answered from sight.
  func wipe()
  /// Gives the window back.
  func close()
}
