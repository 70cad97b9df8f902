internal import Crypto
internal import Foundation
internal import SyncCore

/// Question of a form over all of its editions: answers of editions that ask it under the same name with the same choices are
/// counted together. With other choices it is another question.
package struct PooledQuestion {
  /// Question in results: its name, with the edition when a newer one asks something else under that name.
  package var question: TallyQuestion
  /// Name in its editions.
  package var name: String
  /// Lasting key, computed from name, kind, and choices with their labels.
  package var key: String
  /// Editions that ask it, as `form@version`.
  package var editions: [String]

  /// Returns all questions.
  ///
  /// - Parameter editions: Editions, newest first.
  /// - Returns: The newest edition's questions in its order, then those that only older ones ask.
  package static func all(_ editions: [(key: String, version: String, questions: [TallyQuestion])]) -> [PooledQuestion] {
    var pooled: [PooledQuestion] = []
    var names: Set<String> = []
    for edition in editions {
      for question in edition.questions {
        let key = key(of: question)
        if let index = pooled.firstIndex(where: { $0.key == key }) {
          pooled[index].editions.append(edition.key)
          continue
        }
        var named = question
        if names.contains(named.id) { named.id = "\(question.id)@\(edition.version)" }
        guard names.insert(named.id).inserted else { continue }
        pooled.append(PooledQuestion(question: named, name: question.id, key: key, editions: [edition.key]))
      }
    }
    return pooled
  }

  private static func key(of question: TallyQuestion) -> String {
    let kind =
      switch question.kind {
      case .single: "single"
      case .multiple: "multiple"
      case .number: "number"
      }
    let choices = question.choices.sorted { $0.id < $1.id }.flatMap { [$0.id, $0.label.vi, $0.label.en] }
    let text = ([question.id, kind] + choices).map { "\($0.utf8.count):\($0)" }.joined()
    return "\(question.id)/\(Data(SHA256.hash(data: Data(text.utf8)).prefix(8)).hex)"
  }
}
