public import Foundation
public import SurveyKit
internal import SyncHub

/// Tags of units, by which a chain that is none of the tree's groups looks after some of them, such as a union. Local to the hub.
public struct UnitTags: Sendable, Hashable {
  /// Units that bear a tag, by tag.
  public var units: [String: Set<UnitCode>]

  public init(units: [String: Set<UnitCode>] = [:]) { self.units = units }

  /// Tags of a unit, in their order.
  public func tags(of unit: UnitCode) -> [String] { units.filter { $0.value.contains(unit) }.map(\.key).sorted() }

  /// Tags of a hub, at most.
  public static let tagsMax = 100
  /// Bytes of a tag.
  public static let tagBytesMax = 40

  static let schema = """
    CREATE TABLE unit_tag (tag TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (tag, unit)) WITHOUT ROWID;
    ALTER TABLE console_person ADD COLUMN tag TEXT;
    """

  /// Letters, digits, `-` and `_`.
  public static func isTag(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= tagBytesMax && text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
  }

  /// Reads a list of `unit,tag`, one pair a line.
  ///
  /// - Throws: `SyncError` that names the line; `CSVFault`.
  public init(list text: String) throws {
    try self.init(list: text.allSatisfy(\.isWhitespace) ? Data() : Data(text.replacing("\r\n", with: "\n").utf8))
  }

  /// Reads the same of a file, in the encodings and with the separators that spreadsheets write, or of a workbook.
  ///
  /// - Throws: `SyncError` that names the line; `CSVFault`.
  public init(list file: Data) throws {
    units = [:]
    guard !file.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) else { return }
    let reader = try CSVReader(file)
    guard ["unit", "tag"].allSatisfy(reader.header.contains) else {
      throw SyncError(.badRequest, vi: "Dòng đầu phải là unit,tag.", en: "The first row must be unit,tag.")
    }
    for (number, result) in reader.enumerated() {
      let record = try result.get()
      guard let unit = record["unit"], let tag = record["tag"].map({ $0.precomposedStringWithCanonicalMapping }), Self.isTag(tag) else {
        throw SyncError(
          .badRequest, vi: "Dòng \(number + 2): cần unit,tag; nhãn gồm chữ, số, - và _, tối đa \(Self.tagBytesMax) byte.",
          en: "Line \(number + 2): unit,tag is needed; a tag has letters, digits, - and _, at most \(Self.tagBytesMax) bytes.")
      }
      units[tag, default: []].insert(UnitCode(unit))
    }
    guard units.count <= Self.tagsMax else {
      throw SyncError(.badRequest, vi: "Quá \(Self.tagsMax) nhãn.", en: "More than \(Self.tagsMax) tags.")
    }
  }

  /// The list that reads as these tags.
  public var list: String {
    let lines = units.flatMap { tag, units in units.map { "\($0),\(tag)" } }.sorted()
    return (["unit,tag"] + lines).joined(separator: "\n")
  }

  static func all(in session: any HubSession) throws -> UnitTags {
    var tags = UnitTags()
    for row in try session.rows("SELECT tag, unit FROM unit_tag") {
      guard let tag = row[0].text, let unit = row[1].text else { continue }
      tags.units[tag, default: []].insert(UnitCode(unit))
    }
    return tags
  }
}

extension SurveyHub {
  public func unitTags() async throws -> UnitTags { try await hub.read { try UnitTags.all(in: $0) } }

  /// Puts tags in the place of all that there are.
  ///
  /// - Throws: `SyncError` where a unit is none of the hub's, or somebody's part of the units would have no unit left; nothing is written then.
  public func setTags(_ tags: UnitTags) async throws {
    try await hub.write { session in
      let known = Set(try session.rows("SELECT code FROM unit").compactMap { $0[0].text })
      if let unknown = tags.units.values.joined().map(\.rawValue).sorted().first(where: { !known.contains($0) }) {
        throw SyncError(.badRequest, vi: "Không có đơn vị \(unknown).", en: "There is no unit \(unknown).")
      }
      if let person = try PeopleTable(session: session).all().first(where: { $0.tag.map { tags.units[$0] == nil } ?? false }) {
        throw SyncError(
          .badRequest, vi: "Nhãn \(person.tag ?? "") là phạm vi của \(person.name); hãy đổi phạm vi người ấy trước.",
          en: "The tag \(person.tag ?? "") is the part of \(person.name); change their part first.")
      }
      try session.execute("DELETE FROM unit_tag", [])
      for (tag, units) in tags.units {
        for unit in units { try session.execute("INSERT INTO unit_tag (tag, unit) VALUES (?1, ?2)", [.text(tag), .text(unit.rawValue)]) }
      }
    }
  }
}
