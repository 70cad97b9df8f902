internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Value of a table as programs and as people read it.
enum PageValue: Sendable {
  case text(String)
  case number(Int)
  /// In tenths, such as a mean or a share of a hundred.
  case tenths(Int)
  case flag(Bool, said: String)
  /// Word of a few that programs know: `silent` is said “im lặng”.
  case word(String, said: String)
  /// Hub time in milliseconds, said on the campaign's wall.
  case time(Int64, said: String)
  case none
}

/// Column of a table: its name for programs, its label for people, and what a row has in it.
struct PageColumnOf<Row> {
  let key: String
  let label: String
  let value: (Row) -> PageValue

  init(_ key: String, _ label: String, _ value: @escaping (Row) -> PageValue) { (self.key, self.label, self.value) = (key, label, value) }
}

/// Table that a page shows, as data: the same rows by the same query, for spreadsheets and for programs.
struct PageTable: Sendable {
  /// Name for programs; also in the address that asks for this table alone.
  let key: String
  let label: String
  let columns: [(key: String, label: String)]
  let rows: [[PageValue]]

  init<Row>(_ key: String, _ label: String, _ rows: some Sequence<Row>, _ columns: [PageColumnOf<Row>]) {
    (self.key, self.label) = (key, label)
    self.columns = columns.map { ($0.key, $0.label) }
    self.rows = rows.map { row in columns.map { $0.value(row) } }
  }

  /// A table of one row, whose columns are facts.
  init(_ key: String, _ label: String, facts: [(key: String, label: String, value: PageValue)]) {
    (self.key, self.label) = (key, label)
    columns = facts.map { ($0.key, $0.label) }
    rows = [facts.map(\.value)]
  }
}

/// Makes values of a page's tables.
struct TableWords {
  let parts: ConsoleParts

  var words: Wording { parts.words }

  func text(_ vi: String, _ en: String) -> String { words.text(vi, en) }

  func time(_ ms: Int64?) -> PageValue { ms.map { .time($0, said: parts.day.campaign.wallText(atMs: $0)) } ?? .none }
  func time(_ ms: UInt64?) -> PageValue { time(ms.map { Int64(clamping: $0) }) }
  func flag(_ value: Bool) -> PageValue { .flag(value, said: value ? text("có", "yes") : "") }
  func name(_ unit: String) -> PageValue { .text(parts.day.tree.displayName(of: UnitCode(unit))) }

  static func text(_ text: String?) -> PageValue { text.map { .text($0) } ?? .none }
  static func number(_ number: Int?) -> PageValue { number.map { .number($0) } ?? .none }
}
