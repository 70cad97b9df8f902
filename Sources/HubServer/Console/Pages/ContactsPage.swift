internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the people to call in each unit; somebody who may configure replaces the list.
struct ContactsPage {
  let parts: ConsoleParts
  let forms: ActForms

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }

  /// Columns of the list, as a file has them.
  static let columns = ["unit", "role", "name", "phone", "joined"]

  /// The whole list as a file has it.
  static func text(_ contacts: [String: [UnitContact]]) -> String {
    let lines = contacts.sorted { $0.key < $1.key }.flatMap(\.value).map { contact in
      [contact.unit.rawValue, contact.role, contact.name, contact.phone, contact.hasJoined ? "1" : ""].map { field in
        field.contains { ",\"".contains($0) } ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
      }.joined(separator: ",")
    }
    return ([columns.joined(separator: ",")] + lines).joined(separator: "\n")
  }

  var content: HTML {
    let notes = CallNotes(parts: parts)
    let known = day.units.filter { day.contacts[$0.unit.rawValue] != nil }
    let rows: [HTML] = known.flatMap { line in
      (day.contacts[line.unit.rawValue] ?? []).map { contact -> HTML in
        let joined = contact.hasJoined ? words.text("đã vào nhóm", "in the chat group") : ""
        return
          "<tr><th scope=\"row\"><a href=\"\(parts.query.unit(line.unit))\"><small>\(line.unit.rawValue)</small> \(line.name)</a></th><td>\(notes.one(contact))</td><td>\(joined)</td></tr>\n"
      }
    }
    let missing = day.units.count - known.count
    return """
      <p class="crumbs"><a href="\(parts.query.link("/setup"))">\(words.text("Thiết lập", "Setup"))</a></p>
      <h1>\(words.text("Danh bạ", "Contacts")) <b>\(words.number(rows.count))</b></h1>
      <p>\(words.text("\(words.number(missing)) đơn vị chưa có ai để gọi.", "\(words.number(missing)) units have nobody to call."))</p>
      \(forms.contacts(day))<table class="plain"><tbody>
      \(rows)</tbody></table>

      """
  }
}

extension ActForms {
  /// The whole list as text, to be changed and sent back: the pasted list takes its place. Nil where only a part of the tree is looked at.
  func contacts(_ day: OperatorDay) -> HTML? {
    guard let token = formToken(.configure), day.scope.isAll else { return nil }
    let text = ContactsPage.text(day.contacts)
    let words = parts.words
    return """
      <details class="act"><summary>\(words.text("Thay cả danh bạ", "Replace the whole list"))</summary><form method="post" action="\(parts.query.link("/contacts"))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(text))">
      <label for="csv">\(words.text("Mỗi dòng: mã đơn vị, vai trò, tên, điện thoại, 1 nếu đã vào nhóm", "One a line: unit, role, name, phone, 1 if in the chat group"))</label>
      <textarea id="csv" name="csv" rows="8" spellcheck="false">\(text)</textarea>
      <p><button class="primary">\(words.text("Thay danh bạ", "Replace the list"))</button></p></form></details>

      """
  }
}
