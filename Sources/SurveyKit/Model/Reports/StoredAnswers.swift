internal import Foundation

extension AnswerValue {
  /// Returns the answers of a stored row; none when the column is NULL.
  ///
  /// - Throws: `SurveyFieldError.unreadable`.
  package static func answers(stored json: String?, table: String, id: String) throws -> [String: AnswerValue] {
    guard let json else { return [:] }
    do throws(AnswerFaults) {
      return try answers(fromJSON: Data(json.utf8))
    } catch {
      throw SurveyFieldError.unreadable(table: table, id: id)
    }
  }
}
