internal import SurveyKit
internal import SyncKit

/// Question or note, ready to be asked.
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
  /// Progress, such as `3/23`.
  var progress = ""
  var headings: [String] = []
  var label = ""
  var hint = ""
  var kind = Kind.note
  var choices: [Choice] = []
  /// Names of the choices taken so far.
  var marked: Set<String> = []
  /// Text typed so far.
  var entered = ""
  var isRequired = false
  /// Fault of the given answer, or what happened to other answers.
  var message = ""
  /// True when it was just asked, and the answer refused.
  var isAgain = false

  var isNote: Bool { if case .note = kind { true } else { false } }
  var isOrder: Bool { if case .order = kind { true } else { false } }
  var isSeveral: Bool { if case .several = kind { true } else { false } }

  /// Standing answer, in the form of a reply.
  var standing: String {
    choices.isEmpty || isOrder ? entered : choices.map(\.name).filter(marked.contains).joined(separator: " ")
  }
}

/// Person's reply to a question.
enum QuestionReply: Equatable {
  /// Typed text, or names of choices with spaces between; blank leaves the question unanswered.
  case answer(String)
  /// Back to the question before, with the present text.
  case back(String)
}

/// Question whether to fill in a repeat once more.
struct AskedRepeat {
  var title = ""
  var headings: [String] = []
  /// Number of instances filled in.
  var count = 0
  /// True when it may be filled in again.
  var canAdd = true
  var message = ""
}

enum RepeatReply: Equatable {
  case add, removeLast, done, back
}

/// All answers before they are sent.
struct ReviewSheet {
  struct Item {
    /// Heading of the group, at its first item.
    var heading: String?
    var label: String
    var answer: String
    var step: FormStep
  }

  var title = ""
  /// True for a report, which is filed under the commune's name.
  var isReport = false
  var items: [Item] = []
  var message = ""
}

enum ReviewReply: Equatable {
  case send
  case edit(FormStep)
  case back
}

/// Text to be read before or after the questions.
struct CollectNotice {
  var title = ""
  var paragraphs: [String] = []
  var keys: [String] = []
}

/// Dialog with a person: a window of its own, or line by line.
///
/// Every call waits for the person and throws `Leaving` when there is nobody any more.
protocol CollectDialog: AnyObject {
  /// Shows a text.
  ///
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
