public import SyncCore

/// Says in sentences what an edition of a form changes of the one before, for whoever publishes it.
public enum FormChanges {
  /// Names listed in one sentence.
  private static let namesMax = 8

  /// - Returns: A sentence for each kind of difference; nothing where people are asked the same.
  public static func sentences(from old: Form, to new: Form) -> [LocalizedText] {
    let (before, after) = (old.questions, new.questions)
    let (oldNames, newNames) = (before.map(\.name), after.map(\.name))
    let known = Dictionary(before.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let common = after.compactMap { question in known[question.name].map { (old: $0, new: question) } }
    func changed(_ differs: (FormQuestion, FormQuestion) -> Bool) -> [String] {
      common.filter { differs($0.old, $0.new) }.map(\.new.name)
    }
    var sentences: [LocalizedText] = []
    func add(_ names: [String], _ what: LocalizedText) {
      guard !names.isEmpty else { return }
      let list = names.prefix(namesMax).joined(separator: ", ") + (names.count > namesMax ? ", …" : "")
      sentences.append(LocalizedText(vi: "\(what.vi) (\(names.count)): \(list).", en: "\(what.en) (\(names.count)): \(list)."))
    }
    if old.title != new.title {
      let (was, now) = (old.title.localized, new.title.localized)
      sentences.append(LocalizedText(vi: "Tên: “\(was.vi)” → “\(now.vi)”.", en: "Title: “\(was.en)” → “\(now.en)”."))
    }
    if old.languages != new.languages {
      let (was, now) = (old.languages.map(\.code).joined(separator: ", "), new.languages.map(\.code).joined(separator: ", "))
      sentences.append(LocalizedText(vi: "Ngôn ngữ: \(was) → \(now).", en: "Languages: \(was) → \(now)."))
    }
    add(newNames.filter { !oldNames.contains($0) }, LocalizedText(vi: "Thêm câu", en: "Questions added"))
    add(oldNames.filter { !newNames.contains($0) }, LocalizedText(vi: "Bỏ câu", en: "Questions that are gone"))
    add(changed { $0.label != $1.label || $0.hint != $1.hint }, LocalizedText(vi: "Đổi lời của câu", en: "Questions in other words"))
    add(
      changed { $0.required != $1.required || $0.relevant != $1.relevant },
      LocalizedText(vi: "Đổi lúc hỏi hoặc bắt buộc", en: "Asked or required otherwise"))
    add(
      changed { $0.constraint != $1.constraint || $0.choiceFilter != $1.choiceFilter || $0.calculation != $1.calculation },
      LocalizedText(vi: "Đổi quy tắc của câu", en: "Questions with other rules"))
    add(
      changed { old.choices(of: $0) != new.choices(of: $1) }, LocalizedText(vi: "Đổi lựa chọn của câu", en: "Questions with other choices"))
    let (order, kept) = (newNames.filter { known[$0] != nil }, oldNames.filter { newNames.contains($0) })
    if order != kept { sentences.append(LocalizedText(vi: "Đổi thứ tự câu hỏi.", en: "The order of questions changes.")) }
    return sentences
  }
}
