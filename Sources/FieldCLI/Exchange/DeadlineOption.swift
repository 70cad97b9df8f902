internal import ArgumentParser
internal import SyncKit
internal import ToolSupport

/// Time for all calls of a command together.
struct DeadlineOption: ParsableArguments {
  @Option(name: .long, help: .text(vi: "Số giây cho mọi lần gọi máy chủ.", en: "Seconds for all calls to the hub together."))
  var deadline: Int = 600

  var milliseconds: Int { deadline * 1000 }

  func validate() throws {
    guard (1...86_400).contains(deadline) else {
      throw ValidationError(vi: "--deadline phải từ 1 đến 86400 giây.", en: "--deadline must be 1 to 86400 seconds.")
    }
  }

  /// Returns the transport with the deadline.
  func bound(_ transport: any Transport) -> DeadlineTransport { DeadlineTransport(transport, deadlineMs: milliseconds) }
}
