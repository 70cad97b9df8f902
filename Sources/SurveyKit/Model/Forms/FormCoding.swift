public import Foundation
internal import SyncCore

extension Form {
  /// The one spelling of this definition: what is stored, signed and replicated. Sorted keys, no spaces, UTF-8 in NFC.
  public var canonicalJSON: Data {
    guard let data = try? JSONEncoder().encode(self), let json = CanonicalJSON.parse(data, depthMax: Self.formJSONDepthMax) else {
      return Data()  // A checked form holds only texts, whole numbers and names, which always encode.
    }
    return json.data
  }

  /// Deepest nesting of a definition's JSON: two levels for each group, and its texts.
  static let formJSONDepthMax = 2 * formGroupDepthMax + 10

  /// Reads a stored definition, parses its expressions again and checks it as the import does.
  ///
  /// - Throws: `FormDefinitionError`; a damaged or hostile definition is refused with a reason, never a crash.
  public init(canonicalJSON data: Data) throws(FormDefinitionError) {
    guard data.count <= Self.formDefinitionBytesMax, CanonicalJSON.depth(of: data) <= Self.formJSONDepthMax else {
      throw FormDefinitionError(problems: [
        LocalizedText(
          vi: "Định nghĩa lớn hơn \(Self.formDefinitionBytesMax) byte hoặc lồng quá sâu.",
          en: "The definition is larger than \(Self.formDefinitionBytesMax) bytes or nested too deeply.")
      ])
    }
    do {
      self = try JSONDecoder().decode(Form.self, from: data)
      wasRead(from: data)
    } catch let error as FormDefinitionError {
      throw error
    } catch let error as ExpressionError {
      throw FormDefinitionError(problems: [error.explanation])
    } catch let error as DecodingError {
      throw FormDefinitionError(problems: [Self.explanation(of: error)])
    } catch {
      throw FormDefinitionError(problems: [
        LocalizedText(vi: "Định nghĩa không đọc được.", en: "The definition cannot be read.")
      ])
    }
  }

  private static func explanation(of error: DecodingError) -> LocalizedText {
    let path: [any CodingKey] =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
        context.codingPath
      @unknown default: []
      }
    let place = path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    return LocalizedText(
      vi: "Định nghĩa JSON sai ở \"\(place)\"; hãy nhập lại biểu mẫu từ tệp XLSForm.",
      en: "The JSON definition is wrong at \"\(place)\"; import the form again from its XLSForm.")
  }
}

extension Form: Codable {
  private enum Key: String, CodingKey {
    case id, version, title, languages, lists, items
    case defaultLanguage = "default_language"
  }

  /// Throws `FormDefinitionError`, `ExpressionError` or `DecodingError`; see `init(canonicalJSON:)` for one kind of error.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    try self.init(
      id: container.decode(String.self, forKey: .id),
      version: container.decode(String.self, forKey: .version),
      title: container.decode(FormText.self, forKey: .title),
      languages: container.decode([FormLanguage].self, forKey: .languages),
      defaultLanguage: container.decode(String.self, forKey: .defaultLanguage),
      choiceLists: container.decode([String: [FormChoice]].self, forKey: .lists),
      items: container.decode([FormItem].self, forKey: .items))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(id, forKey: .id)
    try container.encode(version, forKey: .version)
    try container.encode(title, forKey: .title)
    try container.encode(languages, forKey: .languages)
    try container.encode(defaultLanguage, forKey: .defaultLanguage)
    try container.encode(choiceLists, forKey: .lists)
    try container.encode(items, forKey: .items)
  }
}

private enum ItemKey: String, CodingKey {
  case type, name, label, hint, list, required, relevant, constraint, calculation, appearance, items
  case repeatCount = "repeat_count"
  case choiceFilter = "choice_filter"
  case initial = "default"
  case requiredMessage = "required_message"
  case constraintMessage = "constraint_message"
  case maxPixels = "max_pixels"
}

extension FormItem: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: ItemKey.self)
    switch try container.decode(String.self, forKey: .type) {
    case "group": self = .group(try FormSection(from: decoder))
    case "repeat": self = .repeated(try FormSection(from: decoder))
    default: self = .question(try FormQuestion(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: ItemKey.self)
    switch self {
    case .question(let question): try question.encode(to: encoder)
    case .group(let section):
      try container.encode("group", forKey: .type)
      try section.encode(to: encoder)
    case .repeated(let section):
      try container.encode("repeat", forKey: .type)
      try section.encode(to: encoder)
    }
  }
}

extension FormSection: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: ItemKey.self)
    try self.init(
      name: container.decode(String.self, forKey: .name),
      label: container.decodeIfPresent(FormText.self, forKey: .label),
      relevant: container.decodeIfPresent(FormExpression.self, forKey: .relevant),
      appearance: container.decodeIfPresent(String.self, forKey: .appearance),
      count: container.decodeIfPresent(FormExpression.self, forKey: .repeatCount),
      items: container.decode([FormItem].self, forKey: .items))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: ItemKey.self)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(label, forKey: .label)
    try container.encodeIfPresent(relevant, forKey: .relevant)
    try container.encodeIfPresent(appearance, forKey: .appearance)
    try container.encodeIfPresent(count, forKey: .repeatCount)
    try container.encode(items, forKey: .items)
  }
}

extension FormQuestion: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: ItemKey.self)
    try self.init(
      name: container.decode(String.self, forKey: .name),
      kind: container.decode(QuestionKind.self, forKey: .type),
      label: container.decodeIfPresent(FormText.self, forKey: .label),
      hint: container.decodeIfPresent(FormText.self, forKey: .hint),
      choiceList: container.decodeIfPresent(String.self, forKey: .list),
      required: container.decodeIfPresent(FormExpression.self, forKey: .required),
      requiredMessage: container.decodeIfPresent(FormText.self, forKey: .requiredMessage),
      relevant: container.decodeIfPresent(FormExpression.self, forKey: .relevant),
      constraint: container.decodeIfPresent(FormExpression.self, forKey: .constraint),
      constraintMessage: container.decodeIfPresent(FormText.self, forKey: .constraintMessage),
      calculation: container.decodeIfPresent(FormExpression.self, forKey: .calculation),
      choiceFilter: container.decodeIfPresent(String.self, forKey: .choiceFilter).map { try FormExpression($0, isFilter: true) },
      initial: container.decodeIfPresent(FormDefault.self, forKey: .initial),
      appearance: container.decodeIfPresent(String.self, forKey: .appearance),
      maxPixels: container.decodeIfPresent(Int.self, forKey: .maxPixels))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: ItemKey.self)
    try container.encode(name, forKey: .name)
    try container.encode(kind, forKey: .type)
    try container.encodeIfPresent(label, forKey: .label)
    try container.encodeIfPresent(hint, forKey: .hint)
    try container.encodeIfPresent(choiceList, forKey: .list)
    try container.encodeIfPresent(required, forKey: .required)
    try container.encodeIfPresent(requiredMessage, forKey: .requiredMessage)
    try container.encodeIfPresent(relevant, forKey: .relevant)
    try container.encodeIfPresent(constraint, forKey: .constraint)
    try container.encodeIfPresent(constraintMessage, forKey: .constraintMessage)
    try container.encodeIfPresent(calculation, forKey: .calculation)
    try container.encodeIfPresent(choiceFilter, forKey: .choiceFilter)
    try container.encodeIfPresent(initial, forKey: .initial)
    try container.encodeIfPresent(appearance, forKey: .appearance)
    try container.encodeIfPresent(maxPixels, forKey: .maxPixels)
  }
}

extension FormDefault: Codable {
  private enum Key: String, CodingKey { case value, rule }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if let rule = try container.decodeIfPresent(FormExpression.self, forKey: .rule) {
      self = .rule(rule)
    } else {
      self = .literal(try container.decode(String.self, forKey: .value))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .literal(let text): try container.encode(text, forKey: .value)
    case .rule(let rule): try container.encode(rule, forKey: .rule)
    }
  }
}

extension FormChoice: Codable {
  private enum Key: String, CodingKey { case name, label, attributes }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    try self.init(
      name: container.decode(String.self, forKey: .name), label: container.decode(FormText.self, forKey: .label),
      attributes: container.decodeIfPresent([String: String].self, forKey: .attributes) ?? [:])
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(label, forKey: .label)
    if !attributes.isEmpty { try container.encode(attributes, forKey: .attributes) }
  }
}
