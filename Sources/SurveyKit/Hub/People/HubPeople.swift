internal import Foundation
public import SurveyKit
internal import SyncHub

extension ActLook {
  /// Reads the people of the operators' pages and their rights.
  public static let people: Look = { session in
    try PeopleTable(session: session).all().reduce(into: [:]) { seen, person in
      let capabilities = Capability.allCases.filter(person.may).map(\.rawValue).joined(separator: " ")
      seen[person.name] =
        "\(capabilities)\(person.scope.map { " (\($0))" } ?? "")\(person.tag.map { " #\($0)" } ?? "")\(person.isReady ? "" : ", invited")"
    }
  }
}

extension SurveyHub {
  /// Invites somebody, or gives an existing person other rights and a new password; the old one becomes invalid.
  ///
  /// - Parameter giver: Person who gives the rights on a page, within their own; nil for whoever has the hub's machine.
  /// - Returns: Secret with which the invited person chooses a password, once, within three days.
  public func invite(_ name: String, _ capabilities: Set<Capability>, scope: UnitCode?, tag: String? = nil, by giver: Person? = nil)
    async throws
    -> String
  {
    let name = ReportChange.cleaned(name)
    guard !PeopleTable.id(name).isEmpty, name.count <= Person.nameLengthMax else {
      throw SyncError(
        .badRequest, vi: "Cần tên, không quá \(Person.nameLengthMax) ký tự.",
        en: "A name is needed, of at most \(Person.nameLengthMax) characters.")
    }
    guard !capabilities.isEmpty else {
      throw SyncError(.badRequest, vi: "Cần ít nhất một quyền.", en: "At least one capability is needed.")
    }
    let (secret, nowMs) = (Self.newSecret(), nowMs)
    try await hub.write { session in
      let tree = try HubPlan.read(session)?.tree
      if let scope, tree?[scope] == nil {
        throw SyncError(.badRequest, vi: "Không có đơn vị \(scope).", en: "There is no unit \(scope).")
      }
      if let tag, try UnitTags.all(in: session).units[tag] == nil {
        throw SyncError(
          .badRequest, vi: "Không đơn vị nào có nhãn \(tag); gắn nhãn bằng hub people tags.",
          en: "No unit bears the tag \(tag); give tags with hub people tags.")
      }
      let table = PeopleTable(session: session)
      let person = Person(name: name, capabilities: capabilities, scope: scope, tag: tag, isReady: false)
      try Self.check(giver, manages: [person, try table.person(name)], in: tree)
      try Self.keepingAnAdministrator(table) { try table.put(person, nowMs: nowMs) }
      try table.endKeys(of: name)
      try table.add(secret, .invitation, of: name, nowMs: nowMs)
    }
    return secret
  }

  /// Returns the people of the operators' pages.
  ///
  /// - Parameter giver: Limits the list to people whose rights this person may change; nil for everybody.
  public func people(of giver: Person? = nil) async throws -> [Person] {
    try await hub.read { session in
      let all = try PeopleTable(session: session).all()
      guard let giver else { return all }
      let tree = try HubPlan.read(session)?.tree
      return all.filter { giver.manages($0, in: tree) }
    }
  }

  /// Removes somebody's rights, and signs them out.
  ///
  /// - Parameter giver: See `invite`.
  public func removePerson(_ name: String, by giver: Person? = nil) async throws {
    try await hub.write { session in
      let table = PeopleTable(session: session)
      guard let person = try table.person(name) else { throw Self.nobody(name) }
      try Self.check(giver, manages: [person], in: HubPlan.read(session)?.tree)
      try Self.keepingAnAdministrator(table) { try table.remove(name) }
    }
  }

  /// Returns the person of an invitation; nil when the invitation is not valid.
  public func invited(by secret: String) async throws -> Person? {
    let nowMs = nowMs
    return try await hub.read { try PeopleTable(session: $0).owner(of: secret, .invitation, nowMs: nowMs) }
  }

  /// Sets the password of an invited person, and signs them in.
  ///
  /// - Parameter password: Hash of the password.
  /// - Returns: Secret of their session; nil when the invitation is no longer valid.
  public func accept(_ invitation: String, password: String) async throws -> String? {
    let (secret, nowMs) = (Self.newSecret(), nowMs)
    return try await hub.write { session in
      let table = PeopleTable(session: session)
      guard let person = try table.owner(of: invitation, .invitation, nowMs: nowMs) else { return nil }
      try table.set(password: password, of: person.name)
      try table.endKeys(of: person.name)
      try table.add(secret, .session, of: person.name, nowMs: nowMs)
      return secret
    }
  }

  /// Returns the hash of somebody's password; nil when there is no such person, or they have not chosen one.
  public func password(of name: String) async throws -> String? { try await hub.read { try PeopleTable(session: $0).password(of: name) } }

  /// Signs in a person whose password was right.
  ///
  /// - Returns: Secret of their session.
  public func signIn(_ name: String) async throws -> String {
    let (secret, nowMs) = (Self.newSecret(), nowMs)
    try await hub.write { try PeopleTable(session: $0).add(secret, .session, of: name, nowMs: nowMs) }
    return secret
  }

  /// Ends one session, or all of somebody's.
  public func signOut(_ secret: String, everywhere name: String? = nil) async throws {
    try await hub.write { session in
      let table = PeopleTable(session: session)
      try table.endKey(secret)
      if let name { for kind in [ConsoleKeyKind.session, .card] { try table.endKeys(of: name, kind) } }
    }
  }

  /// Returns the person of a session or token, with present rights; nil when the key is not valid.
  public func person(bySession secret: String) async throws -> Person? {
    if let person = try await person(by: secret, .session) { return person }
    return try await lead(bySession: secret)
  }

  public func person(byToken secret: String) async throws -> Person? { try await person(by: secret, .token) }

  private func person(by secret: String, _ kind: ConsoleKeyKind) async throws -> Person? {
    let nowMs = nowMs
    return try await hub.read { try PeopleTable(session: $0).owner(of: secret, kind, nowMs: nowMs) }
  }

  /// Makes a token with which a program reads in somebody's name, for a year.
  public func makeToken(of name: String, label: String) async throws -> String {
    let (secret, nowMs) = (Self.newSecret(), nowMs)
    try await hub.write { session in
      let table = PeopleTable(session: session)
      guard try table.person(name) != nil else { throw Self.nobody(name) }
      try table.add(secret, .token, of: name, label: ReportChange.cleaned(label), nowMs: nowMs)
    }
    return secret
  }

  /// Runs a change and refuses it when nobody could let people in afterwards: the last administrator is neither removed nor
  /// reduced.
  private static func keepingAnAdministrator(_ table: PeopleTable, _ change: () throws -> Void) throws {
    func administrators() throws -> Int { try table.all().count { $0.may(.configure) && $0.part.isAll } }
    let before = try administrators()
    try change()
    guard try before == 0 || administrators() > 0 else {
      throw SyncError(
        .badRequest, vi: "Đây là người cuối cùng có quyền cấu hình; hãy mời người khác trước.",
        en: "This is the last person who may configure; invite another first.")
    }
  }

  private static func check(_ giver: Person?, manages people: [Person?], in tree: UnitTree?) throws {
    guard let giver, !people.allSatisfy({ $0.map { giver.manages($0, in: tree) } ?? true }) else { return }
    throw SyncError(
      .badRequest, vi: "Chỉ đổi được quyền trong phạm vi của mình, và chỉ những quyền mình có.",
      en: "Rights can be given and taken only in your own part of the tree, and only those that you have.")
  }

  private static func nobody(_ name: String) -> SyncError {
    SyncError(.badRequest, vi: "Không có người tên \(name); xem hub people.", en: "There is nobody named \(name); see hub people.")
  }

  /// Returns 256 random bits, as letters and digits that an address takes.
  static func newSecret() -> String { Data((0..<32).map { _ in UInt8.random(in: .min ... .max) }).hex }
}
