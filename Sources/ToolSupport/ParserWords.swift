internal import Foundation

/// Vietnamese for the argument parser's own words, because it speaks only English.
///
/// A text that is not known here stays English, so that a newer parser's message is never lost.
enum ParserWords {
  /// Returns a help screen in Vietnamese: its headings, what follows options, and the parser's own flags.
  static func help(_ text: String) -> String { replaced(text, by: helpWords) }

  /// Returns one sentence of a usage error in Vietnamese.
  static func sentence(_ text: String) -> String {
    for (pattern, words) in sentences {
      guard let expression = try? NSRegularExpression(pattern: "^\(pattern)$", options: [.dotMatchesLineSeparators]) else { continue }
      let whole = NSRange(text.startIndex..., in: text)
      guard expression.firstMatch(in: text, range: whole) != nil else { continue }
      return expression.stringByReplacingMatches(in: text, range: whole, withTemplate: words)
    }
    return text
  }

  /// Returns what surrounds that sentence: its prefix, the help of the option that it names, how the command is used.
  static func surroundings(_ text: String) -> String { replaced(text, by: surroundingWords) }

  private static func replaced(_ text: String, by words: [(String, String)]) -> String {
    words.reduce(text) { text, pair in
      text.replacingOccurrences(of: "(?m)" + pair.0, with: pair.1, options: .regularExpression)
    }
  }

  private static let helpWords = [
    ("\\AOVERVIEW: ", "MÔ TẢ: "), ("^USAGE: ", "CÁCH DÙNG: "), ("^ARGUMENTS:$", "ĐỐI SỐ:"), ("^OPTIONS:$", "TÙY CHỌN:"),
    ("^SUBCOMMANDS:$", "LỆNH CON:"), ("\\(default: ", "(mặc định: "), ("\\(default:$", "(mặc định:"), ("\\(default\\)", "(mặc định)"),
    ("\\(values: ", "(giá trị: "), ("(^  --version +)Show\\s+the\\s+version\\.", "$1Cho biết phiên bản."),
    ("(^  -h, --help +)Show\\s+help\\s+information\\.", "$1Xem hướng dẫn này."),
    ("^  See '(.+)' for detailed help\\.$", "  Xem '$1' để biết chi tiết từng lệnh."),
    ("Show subcommand help information\\.", "Xem hướng dẫn của một lệnh con."),
  ]

  private static let surroundingWords = [
    ("\\AError: ", "Lỗi: "), ("^Help:  ", "Gợi ý:  "), ("^Usage: ", "Cách dùng: "),
    ("^  See '(.+)' for more information\\.$", "  Xem '$1' để biết thêm."),
  ]

  private static let sentences = [
    ("Unknown option '(.*)'\\. Did you mean '(.*)'\\?", "Không có tùy chọn '$1'. Có phải ý bạn là '$2'?"),
    ("Unknown option '(.*)'", "Không có tùy chọn '$1'"),
    ("Missing value for '(.*)'", "Thiếu giá trị sau '$1'"),
    ("The option '(.*)' does not take any value, but '(.*)' was specified\\.", "Tùy chọn '$1' không nhận giá trị, nhưng lại có '$2'."),
    ("Unexpected argument '(.*)'", "Thừa đối số '$1'"),
    ("(\\d+) unexpected arguments: '(.*)'", "Thừa $1 đối số: '$2'"),
    ("Missing expected argument '(.*)'", "Thiếu đối số '$1'"),
    ("Missing one of: '(.*)'", "Thiếu một trong: '$1'"),
    ("The value '(.*)' is invalid for '(.*)'", "Giá trị '$1' không hợp lệ cho '$2'"),
    ("Invalid option: (.*)", "Tùy chọn không hợp lệ: $1"),
    ("Missing required subcommand\\.", "Thiếu lệnh con."),
  ]
}
