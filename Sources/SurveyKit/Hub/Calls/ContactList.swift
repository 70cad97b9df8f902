internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Contacts as a table: `unit,role,name,phone,joined`.
public struct ContactList: Sendable {
  public var contacts: [UnitContact]

  /// Contacts of all units together.
  public static let contactsMax = 20_000

  /// - Throws: `SyncError` `.badRequest` that names the line; `CSVFault`.
  public init(_ text: String) throws {
    contacts = []
    let text = text.replacing("\r\n", with: "\n")
    guard !text.allSatisfy(\.isWhitespace) else { return }
    let reader = try CSVReader(Data(text.utf8))
    let refusal = SyncError(
      .badRequest, vi: "Dòng đầu phải là unit,role,name,phone,joined, nhiều nhất \(Self.contactsMax) dòng.",
      en: "The first row must be unit,role,name,phone,joined, with at most \(Self.contactsMax) rows.")
    // Another list pasted by mistake takes the place of nothing.
    guard ["unit", "phone"].allSatisfy(reader.header.contains) else { throw refusal }
    for result in reader {
      let record = try result.get()
      guard let unit = record["unit"], let phone = record["phone"], contacts.count < Self.contactsMax else { throw refusal }
      contacts.append(
        UnitContact(
          unit: UnitCode(unit), role: record["role"] ?? "", name: record["name"] ?? "", phone: phone,
          hasJoined: ["1", "x", "true"].contains((record["joined"] ?? "").lowercased())))
    }
  }
}
