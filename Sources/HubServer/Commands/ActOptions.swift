public import ArgumentParser
internal import Foundation
internal import SurveyKitHub
public import SyncHub
internal import ToolSupport

/// Takes who does something to a hub, and why: both are kept with the act.
public struct ActOptions: ParsableArguments, Sendable {
  @Option(
    name: .long,
    help: .text(
      vi: "Ai làm; ghi vào sổ. Mặc định: tên người dùng trên máy này.", en: "Who does it; kept. Default: the user of this machine."))
  public var by: String?

  @Option(name: .long, help: .text(vi: "Vì sao; ghi vào sổ (hub acts).", en: "Why; kept (hub acts).")) public var reason: String?

  public init() {}

  public func validate() throws { try ValidationError.refuseBlank(reason: reason, by: by) }

  /// The act, in the name of who gives the command.
  public func act(
    _ kind: String, _ subject: String = "", look: (@Sendable (any HubSession) throws -> [String: String])? = nil
  ) throws -> IntendedAct {
    try IntendedAct(stated: kind, subject: subject, by: by ?? Self.user, reason: reason ?? "", look: look)
  }

  /// Refuses a command without the reason that its act requires, before anything is done.
  func requireReason(for kind: String) throws {
    guard ActReasons.isRequired(for: kind), reason == nil else { return }
    throw ValidationError(vi: "Hãy ghi vì sao: --reason \"…\".", en: "Say why: --reason \"…\".")
  }

  /// Finds who is logged in, also behind `sudo`.
  public static var user: String {
    let environment = ProcessInfo.processInfo.environment
    let names = [environment["SUDO_USER"], environment["USER"], NSUserName()]
    return names.compactMap { $0 }.first { !$0.isEmpty } ?? String(getuid())
  }
}
