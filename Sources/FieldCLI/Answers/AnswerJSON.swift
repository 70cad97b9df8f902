internal import SurveyKit

/// Answer as JSON for programs: texts, numbers, arrays, objects.
struct AnswerJSON: Encodable {
  let value: AnswerValue

  init(_ value: AnswerValue) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch value {
    case .text(let text), .choice(let text), .date(let text): try container.encode(text)
    case .integer(let number): try container.encode(number)
    case .decimal(let number): try container.encode(number)
    case .choices(let names): try container.encode(names)
    case .instances(let instances): try container.encode(instances.map { $0.mapValues(AnswerJSON.init) })
    }
  }
}
