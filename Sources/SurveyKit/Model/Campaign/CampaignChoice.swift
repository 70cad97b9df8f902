extension Campaign {
  /// Returns the campaign that is shown and asked: the last that an operator chose; before any choice the one that opens last.
  static func current(of all: [(campaign: Campaign, chosen: Int64?)]) -> Campaign? {
    all.max { a, b in
      let (left, right) = (a.chosen ?? 0, b.chosen ?? 0)
      return left == right ? (a.campaign.opensMs, a.campaign.id) < (b.campaign.opensMs, b.campaign.id) : left < right
    }?.campaign
  }

  /// Returns the requested campaign: the named one, otherwise the one that asks a form, otherwise the shown one.
  ///
  /// - Parameter form: Id of a form, or the name of one of its editions.
  package static func meant(of all: [(campaign: Campaign, chosen: Int64?)], named id: String?, asking form: String? = nil) -> Campaign? {
    if let id { return all.first { $0.campaign.id == id }?.campaign }
    let shown = current(of: all)
    guard let form = form?.prefix(while: { $0 != "@" }), shown?.asks(String(form)) != true else { return shown }
    return all.first { $0.campaign.asks(String(form)) }?.campaign ?? shown
  }

  /// Returns whether people answer a form in this campaign, or report with it.
  public func asks(_ form: String) -> Bool { reportForm == form || forms.contains(form) }

  /// Tells if a form is the daily report's alone: units file it, and nobody answers it anonymously.
  package func isOnlyReport(_ form: String) -> Bool { reportForm == form && !forms.contains(form) }

  /// Returns the campaign of a day: `self` when none of the others has it. Days of one hub's campaigns do not overlap.
  package func orOther(of all: [Campaign], having day: CalendarDay?) -> Campaign {
    guard let day, !reportDays.contains(day) else { return self }
    return all.first { $0.reportDays.contains(day) } ?? self
  }

  /// Returns the campaign moved by a number of days; hours on the wall clock stay.
  ///
  /// - Throws: when a day would leave the calendar.
  public func moved(byDays shift: Int) throws(DataProblems) -> Campaign {
    guard shift != 0 else { return self }
    var moved = self
    moved.opens.day = try Self.shifted(opens.day, by: shift)
    moved.closes.day = try Self.shifted(closes.day, by: shift)
    moved.reportDays = []
    for reportDay in reportDays { moved.reportDays.append(try Self.shifted(reportDay, by: shift)) }
    return moved
  }
}
