internal import SurveyKit

/// A piece of a form's text for the templates; exactly one of its kinds of text is there.
struct RunView {
  struct Link {
    var address: String
    var words: String
  }

  /// Tells if it begins a new line.
  var newLine: Bool
  var plainRun: String?
  var strongRun: String?
  var emphasisRun: String?
  var bothRun: String?
  var linkRun: Link?

  init(_ run: Markup.Run) {
    newLine = run.beginsLine
    if let address = run.link {
      linkRun = Link(address: address, words: run.text)
    } else if run.isStrong, run.isEmphasis {
      bothRun = run.text
    } else if run.isStrong {
      strongRun = run.text
    } else if run.isEmphasis {
      emphasisRun = run.text
    } else {
      plainRun = run.text
    }
  }
}

/// A text of a form for the templates.
struct RichView {
  var runs: [RunView]
}
