import Foundation
import SurveyKit
import SyncKit
import Testing

@testable import FormWeb

@Suite struct FormLinkTests {
  private let key = FormLinkKey(secret: Data(repeating: 7, count: 32))
  private let other = FormLinkKey(secret: Data(repeating: 8, count: 32))
  private let link = FormLink(campaign: "bac-giang-2024", unit: "07201", expires: CalendarDay("2024-04-30") ?? .first)

  @Test func aTokenNamesItsCommuneCampaignAndLastDayInAFewLetters() throws {
    let token = try #require(key.token(for: link))
    #expect(token.count == 44 && token.allSatisfy { ("A"..."Z").contains($0) || ("2"..."7").contains($0) })
    for spelling in [token, token.lowercased()] { #expect(try key.open(spelling) == link) }
    #expect(link.belongs(to: "bac-giang-2024") && !link.belongs(to: "bac-giang-2025"))
    let longest = FormLink(campaign: "x", unit: UnitCode(String(repeating: "u", count: UnitCode.bytesMax)), expires: link.expires)
    let long = try #require(key.token(for: longest))
    #expect(long.count <= FormLinkKey.tokenLettersMax)
    #expect(try key.open(long) == longest)
    #expect(key.token(for: FormLink(campaign: "x", unit: "a/b", expires: link.expires)) == nil)
    #expect(key.token(for: FormLink(campaign: "x", unit: "07201", expires: .last)) == nil)
  }

  @Test func aLinkToOneFormNamesIt() throws {
    for isLast in [true, false] {
      let own = FormLink(form: "water", campaign: "bac-giang-2024", unit: "07201", expires: link.expires, isLast: isLast)
      let token = try #require(key.token(for: own))
      #expect(try key.open(token) == own && token.count <= FormLinkKey.tokenLettersMax)
      #expect(own.leads(to: "water") && !own.leads(to: "pks01") && link.leads(to: "water") && link.leads(to: "pks01"))
      #expect(own.isOver(on: CalendarDay("2024-05-01") ?? .last) == isLast)
      for place in token.indices {
        var changed = token
        changed.replaceSubrange(place...place, with: token[place] == "A" ? "B" : "A")
        #expect(throws: FormLinkFault.self) { try key.open(changed) }
      }
    }
    let longest = FormLink(
      form: "f", campaign: "x", unit: UnitCode(String(repeating: "u", count: UnitCode.bytesMax)), expires: link.expires, isLast: true)
    #expect(try key.open(#require(key.token(for: longest))) == longest)
  }

  @Test func noChangedOrShortenedTokenIsAccepted() throws {
    let letters = Array(try #require(key.token(for: link)))
    var faults: Set<FormLinkFault> = []
    for place in letters.indices {
      for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" where letter != letters[place] {
        var changed = letters
        changed[place] = letter
        do throws(FormLinkFault) {
          Issue.record("accepted \(String(changed)): \(try key.open(String(changed)))")
        } catch {
          faults.insert(error)
        }
      }
      #expect(throws: FormLinkFault.self) { try key.open(String(letters[..<place])) }
      #expect(throws: FormLinkFault.self) { try key.open(String(letters[..<place] + letters[(place + 1)...])) }
    }
    #expect(faults == [.malformed, .foreign, .forged])
    for nonsense in ["", "A", "!", "ÀÀÀÀ", String(repeating: "A", count: 44), String(repeating: "A", count: 5000), "AEAY/../AEAY"] {
      #expect(throws: FormLinkFault.self) { try key.open(nonsense) }
    }
  }

  @Test func anotherHubsTokenIsForeignAndClaimingOurKeyDoesNotHelp() throws {
    let token = try #require(other.token(for: link))
    #expect(throws: FormLinkFault.foreign) { try key.open(token) }
    var bytes = try #require(Base32.decode(token))
    bytes.replaceSubrange(2..<4, with: key.id)
    #expect(throws: FormLinkFault.forged) { try key.open(Base32.encode(bytes)) }
  }

  @Test func lettersHaveOneSpelling() throws {
    for length in 0...40 {
      let bytes = Data((0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) })
      let text = Base32.encode(bytes)
      #expect(Base32.decode(text) == bytes)
      if length % 5 != 0, let last = text.last, let next = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".drop(while: { $0 != last }).dropFirst().first
      {
        #expect(Base32.decode(text.dropLast() + String(next)) != bytes)
      }
    }
    #expect(Base32.decode("A") == nil && Base32.decode("AAA") == nil && Base32.decode("AB") == nil)
    // RFC 4648, section 10.
    #expect(Base32.encode(Data("foobar".utf8)) == "MZXW6YTBOI")
  }

  @Test func anAnswersIDFollowsFromPageAndCommuneAndDoesNotShowThem() {
    let draft = Draft.newID()
    #expect(Draft.isID(draft) && draft != Draft.newID())
    let id = key.answerID(draft: draft, unit: "07201", content: Data())
    #expect(Draft.isID(id) && id == key.answerID(draft: draft, unit: "07201", content: Data()))
    let others = [
      key.answerID(draft: draft, unit: "07204", content: Data()), other.answerID(draft: draft, unit: "07201", content: Data()),
      key.answerID(draft: draft, unit: "07201", content: Data([1])),
    ]
    #expect(Set([id, draft] + others).count == 5)
  }
}
