internal import SyncCore

/// Looks at the names and choices that a form's rules mention.
extension FormCheck {
  mutating func checkRule(_ rule: FormExpression?, _ column: String, _ entry: FormOutline.Entry) {
    guard let rule else { return }
    let place = Place.item(entry.ordinal, column)
    let subject = entry.item.name
    if rule.usesCurrent, !Self.rulesOfOneAnswer.contains(column) || !entry.item.isQuestion {
      report(place, subject, FormMessage.dotOutsideConstraint(column))
    }
    var texts = Texts(isFilter: column == "choice_filter")
    check(rule.root, takesMany: false, entry, &texts)
    for choice in comparedChoices(in: rule.root, entry) { texts.warn(FormMessage.noSuchChoice(choice)) }
    for text in texts.problems { report(place, subject, text) }
    for text in texts.warnings { warn(place, subject, text) }
  }

  /// Rules that are about the answer to one question, so that `.` means it.
  private static let rulesOfOneAnswer: Set<String> = ["constraint", "required", "relevant", "calculation", "default"]

  /// Texts about a rule: faults, and merely strange parts; each once.
  private struct Texts {
    /// Plain names are columns of the list.
    let isFilter: Bool
    private(set) var problems: [LocalizedText] = []
    private(set) var warnings: [LocalizedText] = []

    init(isFilter: Bool) { self.isFilter = isFilter }

    mutating func report(_ text: @autoclosure () -> LocalizedText) { Self.add(text, to: &problems) }
    mutating func warn(_ text: @autoclosure () -> LocalizedText) { Self.add(text, to: &warnings) }

    /// Whoever mends the first of a rule reads it anew, and is told the rest then.
    private static func add(_ text: () -> LocalizedText, to texts: inout [LocalizedText]) {
      guard texts.count < FormCheck.findingsOfRuleMax else { return }
      let text = text()
      if !texts.contains(text) { texts.append(text) }
    }
  }

  /// Choices that a rule looks for and the question does not offer: it never holds, which few authors mean.
  private func comparedChoices(in rule: ExpressionNode, _ entry: FormOutline.Entry) -> [String] {
    var own: FormQuestion?
    if case .question(let question) = entry.item { own = question }
    let (ownKind, ownList) = (own?.kind, own?.choiceList)
    var found: [String] = []
    // Most parts of a rule compare no text, so that little is looked up for each.
    func look(_ question: ExpressionNode, _ choice: ExpressionNode, isSelected: Bool) {
      guard case .string(let text) = choice, !text.isEmpty else { return }
      let (kind, list): (QuestionKind?, String?)
      switch question {
      case .current: (kind, list) = (ownKind, ownList)
      case .reference, .path:
        let name = question.referenceName ?? ""
        (kind, list) = (kinds[name], questions[name]?.choiceList)
      default: return
      }
      guard isSelected || kind == .selectOne, let codes = list.flatMap({ codes[$0] }), !codes.isEmpty else { return }
      if !codes.contains(text.trimmingWhitespace) { found.append(text) }
    }
    rule.walk { node in
      switch node {
      case .call(.selected, let arguments) where arguments.count == 2: look(arguments[0], arguments[1], isSelected: true)
      case .binary(.equal, let left, let right), .binary(.notEqual, let left, let right):
        look(left, right, isSelected: false)
        look(right, left, isSelected: false)
      default: break
      }
    }
    return found
  }

  /// Looks at every name in a rule. A repeat's own condition is judged outside it.
  ///
  /// The depth of a rule is bounded by `FormExpression.expressionDepthMax`.
  private func check(_ node: ExpressionNode, takesMany: Bool, _ entry: FormOutline.Entry, _ texts: inout Texts) {
    switch node {
    case .number, .string, .current: break
    case .reference(let name): reference(to: name, takesMany: takesMany, entry, &texts)
    case .path(let path):
      guard let name = path.name, !unreadable.contains(name) else { break }
      guard let place = locations[name], path.isInsidePick || path.leads(from: entry.location, to: place) else {
        // As XPath has it: what leads nowhere is blank.
        return texts.warn(FormMessage.wrongPath(name, locations[name]))
      }
      reference(to: name, takesMany: takesMany, entry, &texts)
    case .lookup(let lookup):
      if form.choiceLists[lookup.list] == nil { texts.report(FormMessage.unknownList(lookup.list)) }
      for operand in lookup.operands {
        // Plain names inside are columns of that list.
        operand.walk { inner in
          if let name = inner.referenceName { reference(to: name, takesMany: false, entry, &texts) }
        }
      }
    case .column(let name) where !texts.isFilter:
      if kinds[name] != nil || repeatNames.contains(name) {
        texts.report(ExpressionMessage.plainName)
      } else {
        texts.warn(FormMessage.plainName(name))
      }
    case .column(let name):
      guard name != "name", case .question(let question) = entry.item, let own = question.choiceList.flatMap({ columns[$0] }) else { break }
      if !own.contains(name) { texts.warn(FormMessage.unknownChoiceColumn(name)) }
    case .pick(let pick):
      check(pick.base, takesMany: true, entry, &texts)
      for name in pick.names where kinds[name] == nil && !unreadable.contains(name) && !repeatNames.contains(name) {
        texts.warn(FormMessage.plainName(name))
      }
      for condition in pick.conditions { checkInside(condition, entry, &texts) }
    case .negative(let operand), .matches(let operand, _): check(operand, takesMany: false, entry, &texts)
    case .binary(_, let left, let right):
      check(left, takesMany: false, entry, &texts)
      check(right, takesMany: false, entry, &texts)
    case .call(.position, let arguments):
      guard case .path(let path)? = arguments.first else { break }
      let around = Array(entry.location.dropLast(path.ups))
      if !entry.repeats.contains(where: { locations[$0] == around }) { texts.warn(FormMessage.positionOutsideRepeat) }
    case .call(let function, let arguments):
      for (index, argument) in arguments.enumerated() {
        if function.isCondition(at: index) {
          checkInside(argument, entry, &texts)
        } else {
          check(argument, takesMany: function.takesMany(at: index), entry, &texts)
        }
      }
      guard function == .choiceName, let name = arguments[1].referenceName, let question = questions[name] else { break }
      if !question.kind.hasChoices { texts.report(FormMessage.noChoices(name)) }
    }
  }

  /// Looks at the names in a condition on the filling-ins of a repeat, each of which has one answer.
  private func checkInside(_ condition: ExpressionNode, _ entry: FormOutline.Entry, _ texts: inout Texts) {
    condition.walk { inner in
      if case .reference(let name) = inner { reference(to: name, takesMany: true, entry, &texts) }
    }
  }

  /// - Returns: False when there is nothing of that name.
  @discardableResult
  private func reference(to name: String, takesMany: Bool, _ entry: FormOutline.Entry, _ texts: inout Texts) -> Bool {
    if unreadable.contains(name) { return false }
    if takesMany, repeatNames.contains(name) { return true }
    guard let kind = kinds[name], let home = repeatOfQuestion[name] else {
      texts.report(repeatNames.contains(name) ? FormMessage.isRepeat(name) : FormMessage.unknownQuestion(name))
      return false
    }
    if kind == .note { texts.warn(FormMessage.noteHasNoAnswer(name)) }
    if let home, !entry.repeats.contains(home), !takesMany { texts.warn(FormMessage.insideRepeat(name, home)) }
    return true
  }
}
