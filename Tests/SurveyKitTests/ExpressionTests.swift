import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

@Suite struct ExpressionTests {
  private func value(
    _ source: String, _ values: [String: ExpressionValue] = [:], current: ExpressionValue = .string(""), today: String = "2024-04-01"
  ) throws -> ExpressionValue {
    try FormExpression(source).evaluate(in: ExpressionScope(today: today, values: values, current: current))
  }

  @Test(arguments: [
    ("1 + 2 * 3", 7.0), ("(1 + 2) * 3", 9), ("7 div 2", 3.5), ("7 mod 4", 3), ("-7 mod 4", -3), ("10 - 3 - 2", 5), ("- 2 + 5", 3),
    ("--2", 2),
    ("int(-3.7)", -3), ("round(2.5)", 3), ("round(-2.5)", -2), ("round(1.005, 2)", 1.01), ("round(-1.25, 1)", -1.2),
    ("round(-1.251, 1)", -1.3),
    ("number('12')", 12), ("number('-0.5')", -0.5), ("string-length('Đồng ý 👍')", 8), ("min(3, 1, 2)", 1), ("max(3, 1, 2)", 3),
    ("count-selected('a  b c')", 3), ("count-selected('')", 0), ("date('1970-01-02') - date('1970-01-01')", 1), (".5 + 1.", 1.5),
  ])
  func numbers(_ source: String, _ expected: Double) throws {
    #expect(try value(source) == .number(expected))
  }

  @Test(arguments: [
    ("1 < 2 and 2 <= 2", true), ("1 > 2 or 2 >= 3", false), ("1 = 1 = true()", true), ("'a' = \"a\"", true), ("'a' != 'b'", true),
    ("'10' > 9", true), ("10 = '10.0'", true), ("'10' = '10.0'", false), ("not(false())", true), ("'' = 0", false), ("'' != 0", true),
    ("'' < 1", false), ("'' >= 0", false), ("number('') = number('')", false), ("'x' and 1", true), ("'' or 0", false),
    ("true() = 'x'", true),
    ("selected('a b c', 'b')", true), ("selected('ab', 'a')", false), ("selected('', '')", false), ("1 or 0 and 0", true),
    ("number('1e3') = 1000", false), ("'+1' = 1", false), ("today() = date('2024-04-01')", true), ("today() > date('2024-03-26')", true),
    ("today() = '2024-04-01'", true), ("date(concat('')) < today()", false), ("0.1 + 0.2 = 0.3", false),
  ])
  func truths(_ source: String, _ expected: Bool) throws {
    #expect(try value(source) == .boolean(expected))
  }

  @Test(arguments: [
    ("if(1 = 1, 'yes', 'no')", "yes"), ("coalesce('', 'b')", "b"), ("coalesce('a', 'b')", "a"), ("concat('a', 1, true())", "a1true"),
    ("string(5.0)", "5"), ("string(0.5)", "0.5"), ("string(1 div 0)", "Infinity"), ("string(number('x'))", "NaN"),
    ("string(1 div 10000000)", "0.0000001"), ("string(100000 * 100000 * 100000 * 100)", "100000000000000000"),
    ("string(date('2024-02-29'))", "2024-02-29"), ("string(date(19723))", "2024-01-01"),
  ])
  func texts(_ source: String, _ expected: String) throws {
    #expect(try value(source).text == expected)
  }

  @Test func referencesAndDotReadTheScope() throws {
    #expect(try value("${a} + 1", ["a": .number(4)]) == .number(5))
    #expect(try value("${missing} = ''") == .boolean(true))
    #expect(try value(". >= 0 and . <= ${top}", ["top": .number(9)], current: .number(9)) == .boolean(true))
    #expect(try value("${a} = ${b}", ["a": .number(10), "b": .number(10)]) == .boolean(true))
    #expect(
      try value("if(${n} > 0 and ${m} != '', round(${m} div ${n} * 100, 1), '')", ["n": .number(21), "m": .number(18)]) == .number(85.7))
    #expect(try value("if(${n} > 0 and ${m} != '', 1, '')", ["n": .number(21)]) == .string(""))
  }

  @Test(arguments: [
    ("abs(-2.5)", 2.5), ("pow(2, 10)", 1_024), ("decimal-date-time('1970-01-03')", 2), ("today() - date('2024-03-26')", 6),
    ("number(date(today() + 30))", 19_844), ("now() - today()", 0), ("once(7)", 7),
  ])
  func moreNumbers(_ source: String, _ expected: Double) throws {
    #expect(try value(source).number == expected)
  }

  @Test(arguments: [
    ("selected-at('a b c', 1)", "b"), ("selected-at('a b c', 3)", ""), ("selected-at('a', -1)", ""), ("substr('Đồng ý', 1, 4)", "ồng"),
    ("substr('abc', -2)", "bc"), ("substr('abc', 2, 1)", ""), ("join('-', 'a', 'b', 1)", "a-b-1"),
    ("format-date('2024-04-09', '%d/%m/%Y')", "09/04/2024"),
    ("format-date('2024-04-09', 'ngày %e tháng %n năm %y')", "ngày 9 tháng 4 năm 24"),
    ("format-date('x', '%d')", ""), ("normalize-space('  a   b ')", "a b"), ("string(date('2024-02-28') + 2)", "19783"),
    ("string(date(date('2024-02-28') + 2))", "2024-03-01"),
  ])
  func moreTexts(_ source: String, _ expected: String) throws {
    #expect(try value(source).text == expected)
  }

  @Test(arguments: [
    ("contains('abc', 'bc')", true), ("contains('abc', '')", true), ("starts-with('abc', 'ab')", true), ("ends-with('abc', 'ab')", false),
    ("boolean('x')", true), ("boolean-from-string('true')", true), ("boolean-from-string('0')", false),
    ("regex('0912345678', '0[0-9]{9}')", true), ("regex('09123456789', '0[0-9]{9}')", false), ("regex('abc', 'b')", false),
    ("regex('Nguyễn Văn', '\\p{Lu}\\p{L}*( \\p{Lu}\\p{L}*)+')", true), ("regex('a-b', '[a\\-b]+')", true), ("regex('', '(a|b)*')", true),
    ("regex('abab', '(?:ab){2}')", true), ("regex('x1', '^[^0-9]\\d$')", true), ("regex('a.c', 'a\\.c')", true),
    ("regex('abc', 'a\\.c')", false),
    ("regex('2024', '(19|20)\\d\\d')", true), ("regex('ab', 'a|ab')", true), ("regex('aaa', 'a{2,}?')", true),
    ("regex('a', 'a{2,3}')", false),
  ])
  func moreTruths(_ source: String, _ expected: Bool) throws {
    #expect(try value(source) == .boolean(expected))
  }

  @Test(.long) func aPatternThatWouldExplodeElsewhereTakesLinearTime() throws {
    let pattern = try LinearPattern("(a|aa)*(a*)*(a|a?)+b")
    #expect(!pattern.matches(String(repeating: "a", count: 20_000)))
    #expect(pattern.matches(String(repeating: "a", count: 20_000) + "b"))
  }

  @Test func pathsReadWhatTheyLeadTo() throws {
    for source in ["/data/g/a + 1", "../a + 1", "./../a + 1", "current()/../a + 1"] {
      #expect(try value(source, ["a": .number(4)]) == .number(5))
      #expect(try FormExpression(source).references == ["a"])
    }
  }

  @Test func textsCannotGrowWithoutEnd() throws {
    let long = ExpressionValue.string(String(repeating: "x", count: 40_000))
    #expect(try value("concat(${a}, ${a})", ["a": long]).text.isEmpty)
    #expect(try value("join(',', ${a}, ${a})", ["a": long]).text.isEmpty)
  }

  @Test func withoutAValidDayTodayIsBlank() throws {
    #expect(try value("today()", today: "yesterday") == .string(""))
    #expect(try value(". <= today()", current: .number(1), today: "") == .boolean(false))
  }

  @Test(arguments: [
    "", "1 +", "(1", "1)", "'open", "${bad name}", "$a", "foo(1)", "not()", "not(1, 2)", "if(1, 2)", "selected(., 'a'", "..",
    "/data",
    "a/b", "//x", "../a/../b", "position(1)", "position(${a})", "sum(1)", "count('x')", "regex(., ${a})",
    "regex(., '(a')", "regex(., '(a)\\1')", "regex(., 'a(?=b)b')", "regex(., 'a{9999}')", "regex(., 'a++')", "format-date(today(), '%q')",
    "jr:choice-name(${a}, 'a')", "instance('x')/root", "indexed-repeat(1, 2, 3)",
    "1 2", "round(1, 2, 3)", "‘x", "1 ! 2", "1 == 2", "date('2024-13-01')", "date('26/3/2024')", "1,2", "1.2.3", "today(1)",
    "not(,)",
  ])
  func badExpressionIsAnErrorWithAPlace(_ source: String) {
    let error = #expect(throws: ExpressionError.self) { try FormExpression(source) }
    #expect((error?.position ?? 0) >= 1)
    #expect(error?.explanation.vi.isEmpty == false)
  }

  @Test func unknownFunctionIsNamedAtItsPlace() {
    let error = #expect(throws: ExpressionError.self) { try FormExpression("1 + pullout('x')") }
    #expect(error?.position == 5)
    #expect(error?.explanation.en.contains("pullout") == true)
  }

  @Test(arguments: ["(", "-", "not(", "1+", "if(1,2,"])
  func hostileNestingIsRefusedNotOverflowed(_ piece: String) {
    let deep = String(repeating: piece, count: 1_000) + "1" + String(repeating: ")", count: piece.contains("(") ? 1_000 : 0)
    #expect(throws: ExpressionError.self) { try FormExpression(deep) }
  }

  @Test func lengthIsBounded() {
    let long = "'" + String(repeating: "x", count: FormExpression.expressionBytesMax) + "'"
    #expect(throws: ExpressionError.self) { try FormExpression(long) }
  }

  @Test func nestingUpToTheBoundIsFine() throws {
    let depth = FormExpression.expressionDepthMax - 1
    let source = String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
    #expect(try value(source) == .number(1))
  }

  @Test func daysMatchTheCalendar() throws {
    #expect(ISODate("1970-01-01")?.daysSinceEpoch == 0)
    #expect(ISODate("2024-02-29")?.daysSinceEpoch == 19_782)
    #expect(ISODate("0001-01-01")?.daysSinceEpoch == ISODate.daysMin)
    #expect(ISODate("9999-12-31")?.daysSinceEpoch == ISODate.daysMax)
    for text in ["2023-02-29", "2024-00-01", "2024-1-01", "2024-04-31", "0000-01-01", "+024-01-01", "2024-01-01 "] {
      #expect(ISODate(text) == nil, "\(text)")
    }
    for day in stride(from: ISODate.daysMin, through: ISODate.daysMax, by: 997) {
      let date = try #require(ISODate(daysSinceEpoch: day))
      #expect(ISODate(date.text) == date)
    }
  }
}
