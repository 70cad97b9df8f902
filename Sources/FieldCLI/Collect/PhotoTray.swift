internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Pictures that a person has named for a report that is not filed yet. An answer holds a picture's address; the person sees the
/// file that it came from.
final class PhotoTray {
  private var taken: [String: (photo: Photo, path: String)] = [:]

  /// Reads a picture.
  ///
  /// - Returns: The picture's address, as the answer.
  /// - Throws: `PhotoFault`, or `ToolError` for a file that cannot be read.
  func take(_ path: String, sideMax: Int?) throws -> String {
    let bytes = try InputFile.read(NSString(string: path).expandingTildeInPath, bytesMax: Photo.sourceBytesMax)
    let photo = try Photo(bytes, sideMax: sideMax ?? Photo.sidePixelsMax)
    let address = BlobID(of: photo.jpeg).hex
    taken[address] = (photo, path)
    return address
  }

  /// Returns the file that a picture came from; nil for one that was filed earlier.
  func path(of address: String) -> String? { taken[address]?.path }

  /// Returns the pictures to which answers refer, with their questions.
  func photos(in answers: ValidatedAnswers) -> [NewPhoto] {
    let given = answers.values.flatMap { name, value -> [(String, AnswerValue)] in
      if case .instances(let instances) = value { instances.flatMap { $0.map { ($0.key, $0.value) } } } else { [(name, value)] }
    }
    return given.compactMap { name, value in taken[value.cell].map { NewPhoto($0.photo, question: name) } }
  }
}
