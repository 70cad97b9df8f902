internal import Foundation
public import SurveyKit
public import SurveyKitHub
internal import SyncHub

/// A form as its pages will ask it, before it is published: nothing that is entered is kept.
public struct PreviewDesk: FormDesk {
  public let nowMs: Int64
  private let form: Form
  private let campaign: Campaign
  private let validator: AnswerValidator

  /// The unit that the pages speak of, and the campaign of its link.
  public static let unit = UnitCode("00")
  public static let campaign = "preview"

  public init(form: Form, nowMs: Int64) {
    self.nowMs = nowMs
    self.form = form
    let today = CalendarDay(daysSince1970: Int(nowMs / 86_400_000)) ?? .first
    let (before, after) = (today.adding(days: -2) ?? today, today.adding(days: 2) ?? today)
    campaign = Campaign(
      id: Self.campaign, title: form.title.localized, province: ProvinceName(code: Self.unit, name: ""),
      timeZone: TimeZone(identifier: Campaign.defaultTimeZone) ?? .gmt, opens: LocalTime(startOf: before),
      closes: LocalTime(startOf: after), graceMinutes: 0, reportDays: [], forms: [form.id], reportForm: "")
    validator = AnswerValidator(form: form, today: campaign.today(atMs: nowMs).description)
  }

  /// The link to the form's pages.
  public func target(_ key: FormLinkKey) -> String? {
    let link = FormLink(
      form: form.id, campaign: Self.campaign, unit: Self.unit, expires: campaign.closes.day, isLast: false)
    return key.token(for: link).map { WebForm.path + $0 }
  }

  public func visit(to unit: UnitCode, of isMeant: @escaping @Sendable (_ campaign: String) -> Bool) async throws -> FormVisit? {
    let edition = HubPlan.FormRecord(form: form.id, version: form.version, state: FormState.open.rawValue)
    let name = LocalizedText(vi: "Xem trước, không gì được lưu", en: "Preview, nothing is kept")
    return FormVisit(campaign: campaign, unit: unit, unitName: "\(name.vi) · \(name.en)", district: nil, editions: [edition])
  }

  public func validator(of edition: String, digest: String?) async throws -> AnswerValidator? { validator }

  public func submit(_ submission: AnswerSubmission) async throws {}
}
