internal import Foundation
public import SurveyKit
public import SyncHub

/// Answers a questionnaire through its pages as a browser without JavaScript would: for rehearsals and tests.
///
/// Every call may be repeated: a page that was taken twice counts once.
public struct WebRespondent: Sendable {
  /// Carries one call to the pages; a redirection is given back, not followed.
  public typealias Send = @Sendable (HubRequest) async throws -> HubResponse

  /// `/s/TOKEN`
  public let target: String
  private let send: Send

  /// Pages turned before giving up.
  private static let turnsMax = 500
  /// Headers that browsers send with a call from one of our pages.
  private static let onPage = ["sec-fetch-site": "same-origin"]

  public init(target: String, send: @escaping Send) {
    self.target = target
    self.send = send
  }

  /// Fills in the pages, sends them and reads the confirmation.
  ///
  /// - Parameter answers: By question, as a form accepts them; questions that no page asks are not answered.
  /// - Returns: The id that was drawn for it, from which the hub's follows by `FormLinkKey.answerID`.
  /// - Throws: `WebRespondentError` when the pages do not take the answers.
  public func answer(_ answers: [String: AnswerValue]) async throws -> String {
    var page = try await get(target)
    guard page.buttons.contains("start") else { throw WebRespondentError(status: 200, faults: []) }
    page = try await post(page, "start")
    guard let id = page.value("id") else { throw WebRespondentError(status: 200, faults: []) }
    for _ in 0..<Self.turnsMax {
      if page.buttons.contains("send") {
        try await finish(page)
        return id
      }
      page = try await post(page, button(on: page, answers), answers)
    }
    throw WebRespondentError(status: 200, faults: page.faults)
  }

  /// Another filling-in of a repeat while some are missing, else on.
  private func button(on page: PageScan, _ answers: [String: AnswerValue]) -> String {
    for button in page.buttons.sorted() {
      guard case .add(let name, let outer)? = Interview.Step(button) else { continue }
      let shown = page.buttons.count {
        if case .remove(name, let place)? = Interview.Step($0) { RepeatNumber.outer(place + 1) == outer } else { false }
      }
      if shown < Self.instances(of: name, inside: outer, in: answers).count { return button }
    }
    return "next"
  }

  /// Filling-ins of a repeat, wherever it stands.
  private static func instances(of name: String, inside outer: Int?, in answers: [String: AnswerValue]) -> [[String: AnswerValue]] {
    found(name, (outer.map { RepeatNumber.places($0) } ?? [])[...], answers) ?? []
  }

  private static func found(_ name: String, _ places: ArraySlice<Int>, _ answers: [String: AnswerValue]) -> [[String: AnswerValue]]? {
    guard let place = places.first else { return answers[name].map { _ in answers.instances(of: name) } }
    for case .instances(let several) in answers.values where several.indices.contains(place - 1) {
      if let found = found(name, places.dropFirst(), several[place - 1]) { return found }
    }
    return nil
  }

  private func get(_ target: String) async throws -> PageScan {
    let reply = try await send(HubRequest("GET", target, headers: Self.onPage))
    guard reply.status == 200 else { throw WebRespondentError(status: reply.status, faults: []) }
    return PageScan(reply.body)
  }

  private func post(_ page: PageScan, _ button: String, _ answers: [String: AnswerValue] = [:]) async throws -> PageScan {
    let reply = try await send(call(page, button, answers))
    if reply.status == 303, let place = reply.headers["location"] { return try await get(place) }
    let next = PageScan(reply.body)
    guard reply.status == 200 else { throw WebRespondentError(status: reply.status, faults: next.faults) }
    return next
  }

  private func finish(_ page: PageScan) async throws {
    let reply = try await send(call(page, "send", [:]))
    guard reply.status == 303, let place = reply.headers["location"], place.hasPrefix(target + "/done") else {
      throw WebRespondentError(status: reply.status, faults: [])
    }
    _ = try await get(place)
  }

  // MARK: Fields

  private func call(_ page: PageScan, _ button: String, _ answers: [String: AnswerValue]) -> HubRequest {
    var fields = page.hidden.map { ($0.name, $0.value) }
    for field in page.fields {
      switch Self.answer(to: field, in: answers) {
      case .choices(let names)?: fields += names.map { (field, $0) }
      case let value?: fields.append((field, value.cell))
      case nil: fields.append((field, ""))
      }
    }
    fields.append(("go", button))
    return HubRequest(
      "POST", target, headers: Self.onPage.merging(["content-type": FieldsBody.contentType]) { $1 }, body: FieldsBody.encoded(fields))
  }

  /// `q.NAME`, or `q.REPEAT.PLACE.NAME`.
  private static func answer(to field: String, in answers: [String: AnswerValue]) -> AnswerValue? {
    let parts = field.split(separator: ".").map(String.init)
    guard parts.count == 4, let place = Int(parts[2]) else { return parts.count == 2 ? answers[parts[1]] : nil }
    let instances = instances(of: parts[1], inside: RepeatNumber.outer(place + 1), in: answers)
    let own = RepeatNumber.place(place + 1) - 1
    return instances.indices.contains(own) ? instances[own][parts[3]] : nil
  }
}

extension FieldsBody {
  /// The body a browser would post.
  static func encoded(_ fields: [(String, String)]) -> Data {
    var plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    plain.insert(charactersIn: "-._*")
    func escaped(_ text: String) -> String {
      text.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n").addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
    return Data(fields.map { "\(escaped($0.0))=\(escaped($0.1))" }.joined(separator: "&").utf8)
  }
}

/// The pages did not take what a respondent entered.
public struct WebRespondentError: ExplainedError {
  public var status: Int
  /// What the page said is wrong.
  public var faults: [String]

  public var explanation: LocalizedText {
    let said = faults.joined(separator: " ")
    return LocalizedText(
      vi: "Trang phiếu không nhận câu trả lời (mã \(status)). \(said)",
      en: "The form's pages did not take the answers (status \(status)). \(said)")
  }
}
