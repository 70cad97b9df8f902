import Foundation
import TestSupport
import Testing

@testable import SyncCore

/// One meaning has one spelling, and a number is the digits that were written.
@Suite struct CanonicalJSONTests {
  private func canonical(_ text: String, depthMax: Int = 16) -> String? { CanonicalJSON.parse(Data(text.utf8), depthMax: depthMax)?.text }

  @Test(arguments: [
    "0", "1", "-1", "9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "123456789012345678901234567890",
    "0.1", "-0.5", "0.30000000000000004", "0.1000000000000000055511151231257827", "3.141592653589793238462643383279",
  ])
  func numbersStandAsTheyWereWritten(_ text: String) { #expect(canonical(text) == text) }

  @Test(arguments: [
    ("-0", "0"), ("0.0", "0"), ("-0.0e7", "0"), ("1.0", "1"), ("1.50", "1.5"), ("1e3", "1000"), ("1E+3", "1000"), ("12e-1", "1.2"),
    ("1.8446744073709551615e19", "18446744073709551615"), ("1e22", "10000000000000000000000"),
    ("5e-324", "0." + String(repeating: "0", count: 323) + "5"),
    ("0e999999999999", "0"), ("0.00120e2", "0.12"), ("100e-2", "1"), ("9223372036854775807.0", "9223372036854775807"),
  ])
  func oneNumberHasOneSpelling(_ text: String, _ spelling: String) { #expect(canonical(text) == spelling) }

  @Test(.long) func everyIntegerOf64BitsComesBack() {
    var chance = SeededChance(64)
    for round in 0..<20_000 {
      let bits = chance.next() >> UInt64(round % 64)
      #expect(canonical(String(bits)) == String(bits))
      let signed = Int64(bitPattern: bits)
      #expect(canonical(String(signed)) == String(signed))
      #expect(canonical("[\(signed)]") == "[\(signed)]")
      if case .integer(let read)? = CanonicalJSON.parse(Data(String(signed).utf8), depthMax: 0) {
        #expect(Int64(read) == signed)
      } else {
        Issue.record("\(signed)")
      }
    }
  }

  @Test(.long) func everyDoubleComesBack() {
    var chance = SeededChance(53)
    for _ in 0..<20_000 {
      let number = Double(bitPattern: chance.next())
      guard number.isFinite else { continue }
      let text = CanonicalJSON.number(number).text
      #expect(canonical(text) == text && Double(text) == number)
      #expect(canonical(number.description) == text, "\(number)")
    }
  }

  /// Random digits, points and exponents: the spelling is stable, and says the same number.
  @Test(.long) func aSpellingIsItsOwnSpelling() {
    var chance = SeededChance(400)
    for _ in 0..<20_000 {
      func digits(_ most: Int) -> String { String((0...chance.below(most)).map { _ in Character(String(chance.below(10))) }) }
      var whole = digits(30)
      while whole.count > 1 && whole.hasPrefix("0") { whole.removeFirst() }
      let fraction = chance.below(2) == 0 ? "" : "." + digits(30)
      let exponent = chance.below(2) == 0 ? "" : "e\(chance.below(81) - 40)"
      let text = (chance.below(2) == 0 ? "-" : "") + whole + fraction + exponent
      guard let spelling = canonical(text) else {
        Issue.record("\(text) is refused")
        continue
      }
      #expect(canonical(spelling) == spelling && !spelling.contains("e") && Double(spelling) == Double(text), "\(text)")
    }
  }

  @Test(arguments: [
    "", " ", "{", "[", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "-", "+1", "1.", ".5", "1e", "1e+",
    "0x10", "NaN", "Infinity",
    "-Infinity", "tru", "truex", "nul", "1 2", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"", "\"a\nb\"",
    "1e400", "1e-500", "1e999999999999", "[1]]", "\u{FEFF}1",
  ])
  func whatIsNoJSONIsRefused(_ text: String) { #expect(canonical(text) == nil) }

  @Test func aNameTwiceIsRefusedAtAnyDepth() {
    for text in [#"{"a":1,"a":1}"#, #"{"b":[{"a":1,"c":2,"a":3}]}"#, #"{"a":1,"\u0061":2}"#, "{\"\u{E9}\":1,\"e\u{301}\":2}"] {
      #expect(canonical(text) == nil)
      #expect(throws: JSONReader.Fault.repeatedName) { try CanonicalJSON.read(Data(text.utf8), depthMax: 16) }
    }
    #expect(canonical(#"{"b":{"a":1},"a":{"a":2}}"#) == #"{"a":{"a":2},"b":{"a":1}}"#)
  }

  @Test func textsAreReadWithTheirEscapes() {
    #expect(
      canonical(#" { "x" : [ true , false , null , "\u0041\ud83d\ude00\/\b\f\n\r\t\"\\" ] } "#)
        == #"{"x":[true,false,null,"A😀/\u0008\u000c\n\r\t\"\\"]}"#)
    #expect(canonical("\"\u{2028}é\"") == "\"\u{2028}é\"")
    #expect(CanonicalJSON.parse(Data([0x22, 0xff, 0x22]), depthMax: 1) == nil)
    #expect(CanonicalJSON.parse(Data([0x22, 0xed, 0xa0, 0x80, 0x22]), depthMax: 1) == nil)
  }

  @Test func nestingIsBounded() {
    #expect(canonical(String(repeating: "[", count: 16) + String(repeating: "]", count: 16)) != nil)
    #expect(throws: JSONReader.Fault.tooDeep) { try CanonicalJSON.read(Data(String(repeating: "[", count: 1_000_000).utf8), depthMax: 16) }
    #expect(throws: JSONReader.Fault.tooDeep) { try CanonicalJSON.read(Data(String(repeating: "{\"a\":", count: 17).utf8), depthMax: 16) }
  }
}
