internal import Foundation

/// Sorts names the Vietnamese way, the same on every machine: no locale of the host takes part.
///
/// Letters decide first, by the Vietnamese alphabet (a ă â b c d đ e ê … o ô ơ … u ư …; f j w z stand at their Latin places);
/// then tones: level, huyền, hỏi, ngã, sắc, nặng; then lower case before upper. A space comes before every letter, so that
/// "Tân An" precedes "Tâng". Runs of digits compare as numbers. Composed and decomposed text are equal.
public enum VietnameseOrder {
  /// Returns lines about units as people look for them: by district, then by name.
  ///
  /// - Parameter name: A unit's display name, a commune's with its district behind the comma. Computed once for each line.
  public static func byDistrict<T>(_ lines: [T], name: (T) -> String) -> [T] {
    let keyed = lines.map { line in
      (key: name(line).split(separator: ", ", maxSplits: 1).reversed().map { Key(String($0)) }, line: line)
    }
    return keyed.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.line)
  }

  /// Sort key, computed once for each name and compared often. Equal keys mean canonically equivalent text.
  public struct Key: Comparable, Hashable, Sendable {
    private var letters: [UInt32] = []
    private var tones: [UInt8] = []
    private var cases: [UInt8] = []
    private var scalars: [UInt32] = []

    /// Computes a key.
    ///
    /// - Complexity: O(length); at least two Unicode normalizations.
    public init(_ text: String) {
      let decomposed = Array(text.decomposedStringWithCanonicalMapping.unicodeScalars)
      scalars = decomposed.map(\.value)
      var index = 0
      while index < decomposed.count {
        let scalar = decomposed[index]
        if isDigit(scalar) {
          let run = decomposed[index...].prefix(while: isDigit)
          index += run.count
          add(number: run)
          continue
        }
        index += 1
        let marks = decomposed[index...].prefix { $0.properties.canonicalCombiningClass != .notReordered }
        index += marks.count
        add(letter: scalar, marks: marks)
      }
    }

    public static func < (a: Key, b: Key) -> Bool {
      if a.letters != b.letters { return a.letters.lexicographicallyPrecedes(b.letters) }
      if a.tones != b.tones { return a.tones.lexicographicallyPrecedes(b.tones) }
      if a.cases != b.cases { return a.cases.lexicographicallyPrecedes(b.cases) }
      return a.scalars.lexicographicallyPrecedes(b.scalars)
    }

    /// Adds the number of significant digits, then the digits: longer numbers are larger.
    private mutating func add(number run: ArraySlice<Unicode.Scalar>) {
      let digits = run.drop { $0 == "0" }
      letters += [Rank.number, UInt32(clamping: digits.count)] + digits.map(\.value)
    }

    private mutating func add(letter scalar: Unicode.Scalar, marks: ArraySlice<Unicode.Scalar>) {
      let lower = scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
      var shape = Character(lower)
      var tone: UInt8 = 0
      for mark in marks {
        switch mark.value {
        case 0x0300: tone = 1
        case 0x0309: tone = 2
        case 0x0303: tone = 3
        case 0x0301: tone = 4
        case 0x0323: tone = 5
        default:
          let combined = Character("\(shape)\(Character(mark))".precomposedStringWithCanonicalMapping)
          if Rank.letters[combined] != nil { shape = combined }
        }
      }
      letters.append(Rank.of(shape, scalar: lower))
      tones.append(tone)
      cases.append(lower == scalar ? 0 : 1)
    }
  }

  /// Returns whether `a` sorts before `b`.
  public static func precedes(_ a: String, _ b: String) -> Bool {
    Key(a) < Key(b)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar)
  }

  private enum Rank {
    static let space: UInt32 = 1
    static let number: UInt32 = 0x20_0000
    /// First rank of letters, which come after everything else of the Basic Latin block and after numbers.
    static let firstLetter: UInt32 = 0x20_0001
    static let afterLetters: UInt32 = 0x20_0100

    static let letters: [Character: UInt32] = {
      let alphabet = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
      return Dictionary(uniqueKeysWithValues: zip(alphabet, firstLetter...))
    }()

    /// Returns the rank of a character: space, then punctuation, then numbers, then the alphabet, then all other scripts by code
    /// point.
    static func of(_ shape: Character, scalar: Unicode.Scalar) -> UInt32 {
      if let rank = letters[shape] { return rank }
      if scalar.properties.isWhitespace { return space }
      return scalar.properties.isAlphabetic ? afterLetters + scalar.value : space + scalar.value
    }
  }
}
