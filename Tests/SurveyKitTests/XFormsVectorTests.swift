import Testing

@testable import SurveyKit

/// What the ODK XForms specification says of its functions, one fact a line, in our own examples.
@Suite struct XFormsVectorTests {
  @Test(arguments: [
    // Choices.
    ("selected('apple baby crimson', 'baby')", "true"), ("selected('apple baby crimson', 'bab')", "false"),
    ("selected('', 'baby')", "false"), ("selected-at('apple baby crimson', 1)", "baby"), ("selected-at('apple baby crimson', 9)", ""),
    ("count-selected('apple baby crimson')", "3"), ("count-selected('')", "0"),
    // Logic.
    ("if(true(), 'yes', 'no')", "yes"), ("if(0, 'yes', 'no')", "no"), ("coalesce('', 'later')", "later"),
    ("coalesce('first', 'later')", "first"),
    ("boolean-from-string('true')", "true"), ("boolean-from-string('1')", "true"), ("boolean-from-string('whatever')", "false"),
    ("boolean('')", "false"), ("boolean('false')", "true"), ("boolean(0)", "false"), ("not(false())", "true"),
    ("checklist(-1, 2, 1, 0, 1)", "true"), ("checklist(3, -1, 1, 0, 1)", "false"), ("checklist(1, 2, true(), true(), true())", "false"),
    ("weighted-checklist(9, 9, true(), 9)", "true"), ("weighted-checklist(8, 9, true(), 9, true(), 9)", "false"),
    // Numbers.
    ("round(14.29)", "14"), ("round(14.5)", "15"), ("round(12345.12345, 3)", "12345.123"), ("round(12345.12345, -2)", "12300"),
    ("int(7.9)", "7"), ("int(-7.9)", "-7"), ("ceiling(-1.5)", "-1"), ("floor(-1.5)", "-2"), ("pow(3, 3)", "27"), ("abs(-3)", "3"),
    ("sqrt(16)", "4"), ("exp10(2)", "100"), ("log10(1000)", "3"), ("5 mod 2", "1"), ("-5 mod 2", "-1"), ("5 mod -2", "1"),
    ("1 div 4", "0.25"),
    ("number('')", "NaN"), ("number('abc')", "NaN"), ("number(true())", "1"), ("min(7, 3)", "3"), ("max(7, 3)", "7"),
    ("'' + 1", "NaN"), ("1 div 0 > 1000000", "true"), ("round(sin(pi()), 6)", "0"), ("round(cos(pi()), 6)", "-1"),
    // Texts.
    ("substr('hello', 1, 3)", "el"), ("substr('hello', -2)", "lo"), ("substr('hello', 0, 99)", "hello"), ("string-length('hello')", "5"),
    ("contains('elements', 'lem')", "true"), ("starts-with('elements', 'ele')", "true"), ("ends-with('elements', 'nts')", "true"),
    ("ends-with('elements', 'xyz')", "false"), ("substring-before('1999/04/01', '/')", "1999"),
    ("substring-after('1999/04/01', '/')", "04/01"),
    ("substring-before('abc', 'x')", ""), ("translate('bar', 'abc', 'ABC')", "BAr"), ("translate('--aaa--', 'abc-', 'ABC')", "AAA"),
    ("normalize-space('  a   b ')", "a b"), ("concat('a', 1, 'b')", "a1b"), ("join('-', 'a', 'b', 'c')", "a-b-c"), ("string(2)", "2"),
    ("regex('12345', '[0-9]{5}')", "true"), ("regex('123456', '[0-9]{5}')", "false"), ("regex('', '.*')", "true"),
    // Days.
    ("date('2012-05-02')", "2012-05-02"), ("number(date('1970-01-02'))", "1"), ("format-date('2001-12-31', '%b %e, %Y')", "Dec 31, 2001"),
    ("format-date('2001-02-03', '%d/%m/%y')", "03/02/01"), ("date('2024-03-01') - date('2024-02-01')", "29"),
    ("date('2024-02-28') + 1 = date('2024-02-29')", "true"), ("date('2024-01-01') < date('2024-01-02')", "true"),
    ("today() = date('2024-04-01')", "true"), ("decimal-date-time('1970-01-01')", "0"),
    // Comparing: as numbers where one is a number, else as texts.
    ("'2' = 2", "true"), ("'02' = '2'", "false"), ("'10' < '9'", "false"), ("'' = 0", "false"), ("1 = true()", "true"),
    ("'a' != 'b'", "true"),
    ("1 = 1 and 2 = 3 or 4 = 4", "true"), ("2 + 3 * 4", "14"), ("(2 + 3) * 4", "20"), ("-2 - -3", "1"),
  ])
  func aFunctionGivesWhatItIsDocumentedToGive(_ source: String, _ expected: String) throws {
    let value = try FormExpression(source).evaluate(in: ExpressionScope(today: "2024-04-01"))
    #expect(value.text == expected, "\(source)")
  }

  /// Blank and missing answers, as ODK Collect sums them up.
  @Test(arguments: [
    ("sum(${n})", "5"), ("min(${n})", "2"), ("max(${n})", "3"), ("count(${r})", "3"), ("count-non-empty(${n})", "2"),
    ("join(',', ${n})", "2,,3"),
    ("indexed-repeat(${n}, ${r}, 3)", "3"), ("indexed-repeat(${n}, ${r}, 4)", ""), ("sum(${n}) div count(${r})", "1.6666666666666667"),
  ])
  func whatIsBlankInARepeatDoesNotCount(_ source: String, _ expected: String) throws {
    var scope = ExpressionScope(today: "2024-04-01")
    scope.facts.repeatOfQuestion = ["n": "r"]
    scope.facts.chains = ["r": ["r"]]
    scope.instances = ["r": [["n": .number(2)], ["n": .string("")], ["n": .number(3)]]]
    scope.numbers = ["r": [1, 2, 3]]
    #expect(try FormExpression(source).evaluate(in: scope).text == expected, "\(source)")
  }
}
