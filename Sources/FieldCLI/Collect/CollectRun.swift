internal import SurveyKit
internal import SurveyKitField
internal import SyncKit

/// Steps between people and the store, whatever the dialog.
struct CollectRun {
  let survey: SurveyField
  let campaign: Campaign
  let unit: UnitCode
  let unitName: String
  let words: CollectWording
  let dialog: any CollectDialog

  /// Answers and reports stored so far.
  private(set) var taken = 0
  /// True when somebody has begun and nothing was stored yet.
  private(set) var hasDraft = false
  /// Result of saving a report.
  private(set) var saved: LocalizedText?
  /// Reason why the answers that wait at the review were not stored.
  private(set) var refusal: LocalizedText?
  /// Contradictions of the report as it stands.
  private(set) var invalid: InvalidReport?

  init(survey: SurveyField, campaign: Campaign, unit: UnitCode, unitName: String, words: CollectWording, dialog: any CollectDialog) {
    self.survey = survey
    self.campaign = campaign
    self.unit = unit
    self.unitName = unitName
    self.words = words
    self.dialog = dialog
  }

  /// Asks one person after another, until somebody leaves.
  ///
  /// - Throws: `Leaving`, and errors of the store; `hasDraft` tells whether answers were lost.
  mutating func anonymous(_ id: String) async throws {
    let session = CollectSession(dialog: dialog, words: words, isReport: false)
    var goesOn = true
    while goesOn {
      // Reads the form each time: an exchange may have closed it meanwhile.
      let form = try await survey.formToAsk(id: id)
      let today = try await survey.campaignToday()
      guard try dialog.tell(words.notice(form, campaign: campaign, unit: unitName)) else { return }
      var walk = FormWalk(form: form, today: today.day.description, carried: carried(form))
      let language = form.languages.contains { $0.code == words.textLanguage } ? words.textLanguage : form.defaultLanguage
      hasDraft = true
      var message = ""
      while hasDraft {
        let answers = try session.answers(&walk, message: message)
        do {
          // Leaves out a day about which no clock can be trusted.
          try await survey.submit(answers, unit: unit, day: today.certainDay, language: language)
          (hasDraft, refusal) = (false, nil)
        } catch let error as any ExplainedError {
          refusal = error.explanation
          message = words.notTaken(error.explanation(words.language))
        }
      }
      taken += 1
      dialog.wipe()
      goesOn = try dialog.tell(words.received(taken))
    }
  }

  /// Asks for the commune's report of a day: today's is begun, or corrected if it is filed; the form's day question may name
  /// another.
  mutating func report(_ id: String) async throws {
    let session = CollectSession(dialog: dialog, words: words, isReport: true)
    let form = try await survey.formToAsk(id: id)
    let today = try await survey.campaignToday()
    var walk: FormWalk
    var message = ""
    let question = form.dayQuestion
    if let filed = try await survey.report(day: today.day) {
      walk = FormWalk(
        form: form, today: today.day.description, carried: carried(form), correcting: filed.answers, dayQuestion: question)
      message = words.alreadyFiled(today.day)
    } else {
      // Suggests no day about which no clock can be trusted: the person is asked.
      let suggested = today.certainDay.flatMap { day in question.map { [$0: AnswerValue.date(day.description)] } } ?? [:]
      walk = FormWalk(
        form: form, today: today.day.description, carried: carried(form), suggested: suggested, dayQuestion: question)
      if let doubt = today.doubt { message = words.dayDoubted(doubt) }
    }
    hasDraft = true
    while hasDraft {
      let answers = try session.answers(&walk, message: message)
      message = ""
      let stated = question.flatMap { answers.values[$0]?.cell }.flatMap { CalendarDay($0) }
      do {
        try await save(answers, day: stated ?? today.day, doubt: stated == nil ? today.doubt : nil, session)
        refusal = nil
      } catch let error as any ExplainedError {
        refusal = error.explanation
        message = words.notTaken(error.explanation(words.language))
      }
    }
  }

  /// Saves a report, asking for the reason when one is needed. A person who goes back from there has saved nothing.
  private mutating func save(
    _ answers: ValidatedAnswers, day: CalendarDay, doubt: CampaignToday.Doubt?, _ session: CollectSession
  ) async throws {
    var reason: String?
    while true {
      var message = ""
      do {
        let saving = try await survey.saveReport(
          day: day, answers: answers, reason: reason, photos: session.photos.photos(in: answers), doubt: doubt)
        hasDraft = false
        taken = saving == .unchanged ? 0 : 1
        saved = Report.saying(saving, day: Wording(language: words.language).day(day))
        invalid = try await survey.report(day: day)?.invalid
        return
      } catch SurveyFieldError.reasonNeeded {
      } catch SurveyFieldError.reasonTooLong {
        message = SurveyFieldError.reasonTooLong.explanation(words.language)
      }
      reason = try session.text(words.reasonLabel(day), hint: words.reasonHint, message: message)
      if reason == nil { return }
    }
  }

  private func carried(_ form: Form) -> [String: AnswerValue] {
    let hidden = form.questions.filter { $0.kind == .hidden }.map { ($0.name, AnswerValue.text(unit.rawValue)) }
    return Dictionary(hidden, uniquingKeysWith: { first, _ in first })
  }
}
