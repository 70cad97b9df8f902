internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Pages for somebody who has not signed in, and about who may.
struct SignInPages {
  let query: ConsoleQuery

  private var words: Wording { query.words }

  private func hidden(_ name: String, _ value: String) -> HTML { "<input type=\"hidden\" name=\"\(name)\" value=\"\(value)\">" }

  /// - Parameters:
  ///   - to: Where to go on to.
  ///   - fault: Why it did not work.
  ///   - hasPeople: Nobody can sign in where nobody was ever invited.
  func signIn(to: String, fault: LocalizedText?, hasPeople: Bool) -> HTML {
    let said: HTML? = fault.map { "<p class=\"said bad\" role=\"alert\">\($0(query.language))</p>\n" }
    let invite = words.text(
      "Chưa ai được mời. Trên máy chủ chạy: hub people invite", "Nobody has been invited yet. On the hub's machine run: hub people invite")
    let nobody: HTML? = hasPeople ? nil : "<p>\(invite)</p>\n"
    return """
      <h1>\(words.text("Đăng nhập", "Sign in"))</h1>
      \(said)\(nobody)<form class="act" method="post" action="/sign-in">
      \(hidden("to", to))\(hidden("lang", query.language.rawValue))
      <label for="name">\(words.text("Tên", "Name"))</label><input type="text" id="name" name="name" autocomplete="username" required maxlength="\(Person.nameLengthMax)">
      <label for="password">\(words.text("Mật khẩu", "Password"))</label><input type="password" id="password" name="password" autocomplete="current-password" required maxlength="\(PasswordHash.lengthMax)">
      <p><button class="primary">\(words.text("Đăng nhập", "Sign in"))</button></p>
      </form>
      <form class="act" method="post" action="/sign-in">
      \(hidden("to", to))\(hidden("lang", query.language.rawValue))<h2>\(words.text("Tổ công tác: vào bằng thẻ", "A working group: sign in with your card"))</h2>
      <label for="card">\(words.text("Mã trên thẻ đã dùng để ghi danh máy", "Code on the card with which your device enrolled"))</label><input type="text" id="card" name="card" autocomplete="off" required maxlength="64">
      <p><button>\(words.text("Vào trang của xã", "Open your unit's page"))</button></p>
      </form>
      <p class="legend">\(words.text("Quên mật khẩu: người có quyền cấu hình mời lại.", "Forgotten: somebody who may configure invites you again."))</p>

      """
  }

  func invitation(_ secret: String, _ person: Person, fault: LocalizedText?) -> HTML {
    let said: HTML? = fault.map { "<p class=\"said bad\" role=\"alert\">\($0(query.language))</p>\n" }
    return """
      <h1>\(words.text("Chào \(person.name)", "Welcome, \(person.name)"))</h1>
      \(said)<p>\(words.text("Chọn mật khẩu, ít nhất \(PasswordHash.lengthMin) ký tự. Liên kết này chỉ dùng được một lần.", "Choose a password of at least \(PasswordHash.lengthMin) characters. This link works once."))</p>
      <form class="act" method="post" action="/invitation/\(secret)">
      \(hidden("lang", query.language.rawValue))\(hidden("name", person.name))
      <label for="password">\(words.text("Mật khẩu mới", "New password"))</label><input type="password" id="password" name="password" autocomplete="new-password" required minlength="\(PasswordHash.lengthMin)" maxlength="\(PasswordHash.lengthMax)">
      <label for="again">\(words.text("Gõ lại", "Once more"))</label><input type="password" id="again" name="again" autocomplete="new-password" required maxlength="\(PasswordHash.lengthMax)">
      <p><button class="primary">\(words.text("Đặt mật khẩu và vào", "Set the password and go on"))</button></p>
      </form>

      """
  }

  func account(_ visitor: Visitor) -> HTML {
    let person = visitor.person
    let form: HTML? = visitor.formToken.map { token in
      """
      <form class="act" method="post" action="/sign-out">\(hidden("form", token))<button class="primary">\(words.text("Đăng xuất", "Sign out"))</button>
      <label><input type="checkbox" name="everywhere" value="1"> \(words.text("ở mọi máy", "everywhere"))</label></form>

      """
    }
    let people: HTML? =
      person.may(.configure) ? "<li><a href=\"\(query.link("/people"))\">\(words.text("Người dùng", "People"))</a></li>\n" : nil
    let contacts: HTML =
      "<li><a href=\"\(query.link("/contacts"))\">\(words.text("Danh bạ các đơn vị", "Contacts of the units"))</a></li>\n"
    let setup: HTML =
      "<li><a href=\"\(query.link("/setup"))\">\(words.text("Thiết lập: lịch khảo sát", "Setup: the survey's days"))</a></li>\n"
    let codes: HTML? =
      person.may(.act) ? "<li><a href=\"\(query.link("/codes"))\">\(words.text("In mã QR", "Print QR codes"))</a></li>\n" : nil
    return "<h1>\(person.name)</h1>\n<p>\(rights(person))</p>\n<ul class=\"todo\">\n\(contacts)\(setup)\(codes)\(people)</ul>\n\(form)"
  }

  private func rights(_ person: Person) -> String {
    let may = Capability.allCases.filter(person.may).map(capability).joined(separator: ", ")
    let part = [person.scope?.rawValue, person.tag.map { "#\($0)" }].compactMap { $0 }.joined(separator: " ")
    return part.isEmpty ? may : words.text("\(may); phạm vi \(part)", "\(may); part \(part)")
  }

  private func capability(_ capability: Capability) -> String {
    switch capability {
    case .read: words.text("xem", "read")
    case .act: words.text("xử lý", "act")
    case .configure: words.text("cấu hình", "configure")
    case .seeAnswers: words.text("xem kết quả", "see answers")
    }
  }

  /// - Parameter link: A new invitation's, to be handed over; shown once.
  func people(_ all: [Person], visitor: Visitor, link: (name: String, address: String)?, fault: LocalizedText?) -> HTML {
    let said: HTML? = fault.map { "<p class=\"said bad\" role=\"alert\">\($0(query.language))</p>\n" }
    let made: HTML? = link.map {
      "<p class=\"said\" role=\"status\">\(words.text("Gửi riêng cho \($0.name), dùng một lần trong ba ngày:", "Hand to \($0.name) alone, good once within three days:")) <code>\($0.address)</code></p>\n"
    }
    let rows: [HTML] = all.map { person in
      let state = person.isReady ? "" : words.text("chưa đặt mật khẩu", "has not chosen a password")
      let remove: HTML? = visitor.formToken.map { token in
        "<form method=\"post\" action=\"/people\">\(hidden("form", token))\(hidden("name", person.name))\(hidden("do", "remove"))<button>\(words.text("Gỡ", "Remove"))</button></form>"
      }
      return "<tr><th scope=\"row\">\(person.name)</th><td>\(rights(person))</td><td>\(state)</td><td>\(remove)</td></tr>\n"
    }
    let boxes: [HTML] = Capability.allCases.map { each in
      let checked: HTML? = each == .read ? " checked" : nil
      return "<label><input type=\"checkbox\" name=\"may\" value=\"\(each.rawValue)\"\(checked)> \(capability(each))</label>"
    }
    let form: HTML? = visitor.formToken.map { token in
      """
      <form class="act" method="post" action="/people">\(hidden("form", token))\(hidden("do", "invite"))
      <h2>\(words.text("Mời người mới, hoặc đổi quyền và mật khẩu", "Invite somebody, or change rights and password"))</h2>
      <label for="name">\(words.text("Tên", "Name"))</label><input type="text" id="name" name="name" required maxlength="\(Person.nameLengthMax)">
      <fieldset><legend>\(words.text("Được làm gì", "May"))</legend>\(boxes)</fieldset>
      <label for="part">\(words.text("Chỉ phần này của cây: mã đơn vị; để trống là toàn bộ", "Only this part of the tree: a unit's code; blank is all"))</label><input type="text" id="part" name="scope" maxlength="32">
      <label for="tag">\(words.text("Chỉ đơn vị có nhãn này; để trống là mọi đơn vị", "Only units with this tag; blank is all"))</label><input type="text" id="tag" name="tag" maxlength="\(UnitTags.tagBytesMax)">
      <p><button class="primary">\(words.text("Tạo liên kết mời", "Make an invitation"))</button></p></form>

      """
    }
    return """
      <p class="crumbs"><a href="\(query.link("/setup"))">\(words.text("Thiết lập", "Setup"))</a></p>
      <h1>\(words.text("Người dùng", "People")) <b>\(all.count)</b></h1>
      \(said)\(made)<table class="plain"><tbody>
      \(rows)</tbody></table>
      \(TakeAway(query: query, page: "/people").html)\(form)
      """
  }
}
