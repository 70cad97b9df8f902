internal import Foundation
internal import SurveyKit
internal import SyncKit

/// File with the rows that an import refused, beside their source, ready to be corrected and imported.
struct RejectsFile {
  let source: String

  /// Existing files of that name that are left alone before giving up.
  private static let namesMax = 1000
  private static let reasonColumn = AnswersCSVImporter.Envelope.fault.rawValue

  init(of source: String) { self.source = source }

  /// Writes the refused rows as they were, with the reason in the column `fault`.
  ///
  /// A row that cannot be divided into columns stands whole in the first. An existing file, perhaps half corrected, is never
  /// overwritten: unless it has the same content, a new name is taken.
  ///
  /// - Returns: The file's path; nil when nothing was refused.
  func write(_ rejected: [RejectedRow], from csv: Data, encoding: TextEncoding?, language: Language) throws -> String? {
    guard !rejected.isEmpty else { return nil }
    let contents = try contents(rejected, csv: csv, encoding: encoding, language: language)
    let ending = [".csv", ".txt", ".tsv", ".xlsx"].first { source.lowercased().hasSuffix($0) } ?? ""
    let stem = String(source.dropLast(ending.count))
    for number in 1...Self.namesMax {
      let path = number == 1 ? "\(stem).rejects.csv" : "\(stem).rejects-\(number).csv"
      if !FileManager.default.fileExists(atPath: path) {
        try PrivateFile.write(contents, to: path)
        return path
      }
      if FileManager.default.contents(atPath: path) == contents { return path }
    }
    throw SyncError(
      .badRequest, vi: "Có quá nhiều tệp \(stem).rejects; hãy dọn bớt.", en: "There are too many files \(stem).rejects; clear some away.")
  }

  /// Returns the content in UTF-8 with its mark and the separator of the source, so that the program that opened the source opens
  /// it as well.
  private func contents(_ rejected: [RejectedRow], csv: Data, encoding: TextEncoding?, language: Language) throws -> Data {
    let reasons = Dictionary(rejected.map { ($0.line, $0.explanation(language)) }, uniquingKeysWith: { first, _ in first })
    var reader = try CSVReader(csv, encoding: encoding)
    var header = reader.header
    let place = header.firstIndex(of: Self.reasonColumn) ?? header.count
    if place == header.count { header.append(Self.reasonColumn) }
    var writer = CSVWriter(separator: reader.separator, hasMark: true)
    writer.write(header)
    while let next = reader.next() {
      switch next {
      case .success(let record):
        guard let reason = reasons[record.line] else { continue }
        writer.write(Self.row(record.fields, reason, at: place))
      case .failure(let fault):
        var fields = Array(repeating: "", count: header.count)
        fields[0] = reader.failedLine
        writer.write(Self.row(fields, reasons[fault.line] ?? "", at: place))
      }
    }
    return writer.data
  }

  private static func row(_ fields: [String], _ reason: String, at place: Int) -> [String] {
    var fields = fields
    if place < fields.count { fields[place] = reason } else { fields.append(reason) }
    return fields
  }
}
