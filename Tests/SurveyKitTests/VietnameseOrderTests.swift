import Foundation
import SurveyKit
import SurveyKitHub
import Testing

@Suite struct VietnameseOrderTests {
  private func sorted(_ names: [String]) -> [String] {
    names.sorted(by: VietnameseOrder.precedes)
  }

  @Test func lettersFollowTheVietnameseAlphabet() {
    let alphabet = "a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y".split(separator: " ").map(String.init)
    #expect(sorted(alphabet.reversed()) == alphabet)
  }

  @Test func tonesComeInTheirOrderAndOnlyAfterLetters() {
    #expect(sorted(["mạ", "má", "mã", "mả", "mà", "ma"]) == ["ma", "mà", "mả", "mã", "má", "mạ"])
    #expect(sorted(["mâ", "mạ", "mab"]) == ["mạ", "mab", "mâ"])
    #expect(sorted(["Quảng Minh", "Quang Minh", "Quang Châu"]) == ["Quang Châu", "Quang Minh", "Quảng Minh"])
  }

  @Test func đComesAfterEveryD() {
    #expect(sorted(["Đa Mai", "Dĩnh Trì", "Dương Hưu", "Em"]) == ["Dĩnh Trì", "Dương Hưu", "Đa Mai", "Em"])
  }

  @Test func composedAndDecomposedAreEqual() {
    let name = "Thị trấn Bố Hạ, Huyện Yên Thế – Ưỡn Ậm"
    let composed = VietnameseOrder.Key(name.precomposedStringWithCanonicalMapping)
    #expect(composed == VietnameseOrder.Key(name.decomposedStringWithCanonicalMapping))
  }

  @Test func aShorterWordComesFirstAndNumbersCountAsNumbers() {
    #expect(sorted(["Tâng", "Tân An"]) == ["Tân An", "Tâng"])
    #expect(sorted(["Tổ 10", "Tổ 2", "Tổ"]) == ["Tổ", "Tổ 2", "Tổ 10"])
  }

  @Test func strangeTextStillHasATotalOrder() {
    let strange = ["", "\u{301}", "a\u{301}\u{301}", "中", "Я", "a", "A", "🙂", "007", "7"]
    for a in strange {
      for b in strange {
        let (keyA, keyB) = (VietnameseOrder.Key(a), VietnameseOrder.Key(b))
        #expect([keyA < keyB, keyB < keyA, keyA == keyB].filter { $0 }.count == 1)
      }
    }
  }
}
