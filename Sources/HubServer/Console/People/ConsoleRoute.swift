internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Right that a call of the console asks of its caller.
enum ConsoleDoor: Equatable, Sendable {
  case open
  case needs(Capability)
  case shut

  /// - Parameter isPost: Something is to be done, not only read.
  static func to(_ path: String, isPost: Bool) -> ConsoleDoor {
    // A page's tables ask what the page asks.
    if !isPost, let asked = TableFormat.of(path) {
      let door = to(asked.page, isPost: false)
      return door == .open ? .shut : door
    }
    return ConsoleRoute.to(path, isPost: isPost)?.door ?? .shut
  }

  func opens(to person: Person?) -> Bool {
    switch self {
    case .open: true
    case .needs(let capability): person?.may(capability) == true
    case .shut: false
    }
  }
}

/// Call that the console answers. A call of no route is shut, for administrators too.
struct ConsoleRoute: Sendable {
  /// Path; a part in capitals stands for any one part, as in `/unit/UNIT/call`.
  let path: String
  let isPost: Bool
  let door: ConsoleDoor
  private let parts: [Substring]

  private init(_ path: String, isPost: Bool, _ door: ConsoleDoor) {
    (self.path, self.isPost, self.door) = (path, isPost, door)
    parts = path.split(separator: "/")
  }

  /// Tells if a part of a route's path stands for any part.
  private static func isPlace(_ part: Substring) -> Bool { part.allSatisfy(\.isUppercase) }

  /// Route of a call; nil where it is none of the console's.
  static func to(_ path: String, isPost: Bool) -> ConsoleRoute? {
    let asked = path.split(separator: "/")
    return all.first { route in
      route.isPost == isPost && route.parts.count == asked.count
        && zip(route.parts, asked).allSatisfy { $0 == $1 || isPlace($0) }
    }
  }

  /// Every call that the console answers.
  static let all: [ConsoleRoute] = [
    calls(
      .open,
      [
        "/style.css", "/print-poster.css", "/print-card.css", "/live.js", "/keys.js", "/icon.svg", "/favicon.ico", "/health", "/sign-in",
        "/invitation/SECRET",
      ], posts: ["/sign-in", "/invitation/SECRET", "/sign-out"]),
    calls(
      .needs(.read),
      [
        "/", "/now", "/units", "/unit/UNIT", "/device/DEVICE", "/report/UNIT/DAY", "/report/UNIT/DAY/photo/FILE", "/conflict/CONFLICT",
        "/alike/CONFLICT", "/decide", "/held/HELD", "/posts", "/post/POST", "/photo/FILE", "/reminder/REMINDER", "/reports", "/sums",
        "/devices", "/contacts",
        "/setup", "/campaign", "/forms", "/tags", "/account", "/live", "/metrics",
      ]),
    calls(.needs(.seeAnswers), ["/results"]),
    calls(
      .needs(.act), ["/remind", "/codes", "/codes/print"],
      posts: [
        "/unit/UNIT/call", "/report/UNIT/DAY", "/reports", "/remind", "/conflict/CONFLICT", "/alike/CONFLICT", "/held/HELD", "/post/POST",
      ]),
    calls(
      .needs(.configure), ["/people"],
      posts: [
        "/people", "/setup", "/campaign", "/forms", "/tags", "/contacts", "/device/DEVICE", "/unit/UNIT/code", "/unit/UNIT/codes",
        "/unit/UNIT/headcount",
        "/unit/UNIT/window",
      ]),
  ].flatMap(\.self)

  private static func calls(_ door: ConsoleDoor, _ reads: [String], posts: [String] = []) -> [ConsoleRoute] {
    reads.map { ConsoleRoute($0, isPost: false, door) } + posts.map { ConsoleRoute($0, isPost: true, door) }
  }
}
