internal import Foundation

/// Reason why a person is no longer there.
enum Leaving: Error, Equatable, Sendable {
  /// Ctrl-C, or the signal of it.
  case interrupted
  /// Ctrl-D, or the end of the input.
  case endOfInput
  /// SIGTERM, SIGHUP or SIGQUIT.
  case ended
}

/// Where a dialog learns what a person does.
protocol EventSource: AnyObject {
  /// Waits for the next event, for at most `timeoutMs`; nil waits for ever.
  func next(timeoutMs: Int32?) -> InputEvent
  func close()
}

enum InputEvent {
  case bytes([UInt8])
  /// The window has another size, or is in front again.
  case resized
  /// No input came in time.
  case quiet
  case left(Leaving)
}

/// Bytes of standard input and the relevant signals, one after the other.
///
/// While the value lives, signals that would end the process become `Leaving`, so that they are handled here and not in the middle
/// of a write. `close` restores the earlier handlers.
final class InputSource: EventSource {
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT]
  private static let bytesMax = 4_096
  private var pipe: [Int32] = [-1, -1]
  private let keys: Int32

  init() {
    keys = Self.openKeys()
    guard Foundation.pipe(&pipe) == 0 else { return }
    for end in pipe {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    wakingDescriptor = pipe[1]
    for number in Self.signals { signal(number, wake) }
  }

  func close() {
    for number in Self.signals { signal(number, SIG_DFL) }
    wakingDescriptor = -1
    for end in pipe where end >= 0 { Foundation.close(end) }
    pipe = [-1, -1]
    if keys > 0 { Foundation.close(keys) }
  }

  /// Opens a terminal a second time, to read it without waiting. Ctrl-C removes what was typed before it, and a read that counted
  /// on those bytes would wait for ever. Standard input itself is shared with the shell, and stays unchanged.
  private static func openKeys() -> Int32 {
    guard let name = ttyname(0) else { return 0 }
    let file = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    return file > 0 ? file : 0
  }

  func next(timeoutMs: Int32?) -> InputEvent {
    while true {
      var waited = [pollfd(fd: pipe[0], events: Int16(POLLIN), revents: 0), pollfd(fd: keys, events: Int16(POLLIN), revents: 0)]
      let count = poll(&waited, nfds_t(waited.count), timeoutMs ?? -1)
      if count == 0 { return .quiet }
      if count < 0 {
        if errno == EINTR { continue }
        return .left(.endOfInput)
      }
      if waited[0].revents != 0 {
        var number: UInt8 = 0
        guard read(pipe[0], &number, 1) == 1 else { continue }
        switch Int32(number) {
        case SIGWINCH, SIGCONT: return .resized
        case SIGINT: return .left(.interrupted)
        default: return .left(.ended)
        }
      }
      var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
      let got = read(keys, &bytes, bytes.count)
      if got > 0 { return .bytes(Array(bytes.prefix(got))) }
      if got < 0, errno == EINTR || errno == EAGAIN { continue }
      return .left(.endOfInput)
    }
  }
}

/// Window taken over whole: raw keys, the alternate screen. However the process ends, the terminal is as before.
final class Terminal {
  /// Sequence for raw mode, the alternate screen, and marked pastes.
  private static let enter = "\u{1b}[?1049h\u{1b}[?2004h\u{1b}[2J\u{1b}[H"
  /// Sequence that wipes the alternate screen before leaving it, for terminals that have no other one.
  private static let leave = "\u{1b}[2J\u{1b}[H\u{1b}[?2004l\u{1b}[?25h\u{1b}[?1049l"
  private static let crashes = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT]

  private let output: Int32

  /// Returns whether pages can be drawn on standard input and that output.
  static func isUsable(output: Int32, environment: [String: String]) -> Bool {
    let kind = environment["TERM"] ?? ""
    return isatty(0) == 1 && isatty(output) == 1 && !kind.isEmpty && kind != "dumb"
  }

  /// Takes the window over; nil when the terminal cannot be set.
  init?(output: Int32) {
    self.output = output
    var before = termios()
    guard tcgetattr(0, &before) == 0 else { return nil }
    let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    saved.initialize(to: before)
    let leaving = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: Self.leave.utf8.count)
    _ = leaving.initialize(from: Self.leave.utf8)
    savedAttributes = saved
    leavingBytes = leaving.baseAddress
    leavingCount = leaving.count
    windowDescriptor = output
    Self.guardAgainstCrashes()
    var raw = before
    cfmakeraw(&raw)
    guard tcsetattr(0, TCSAFLUSH, &raw) == 0 else {
      savedAttributes = nil
      return nil
    }
    signal(SIGTSTP, SIG_IGN)
    write(Array(Self.enter.utf8))
  }

  /// Gives the window back. Unread keys are dropped, so that they do not reach the shell.
  func close() {
    restoreTerminal(TCSAFLUSH)
    signal(SIGTSTP, SIG_DFL)
  }

  var size: Size {
    var window = winsize()
    guard ioctl(output, UInt(TIOCGWINSZ), &window) == 0, window.ws_row > 0, window.ws_col > 0 else { return Size(rows: 24, columns: 80) }
    return Size(rows: Int(window.ws_row), columns: Int(window.ws_col))
  }

  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(output, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var waited = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waited, 1, 1_000)
      } else if errno != EINTR {
        return  // The window is gone; the end of the input says so next.
      }
    }
  }

  /// Drops keys typed ahead.
  func dropTypedAhead() { tcflush(0, TCIFLUSH) }

  private static func guardAgainstCrashes() {
    guard savedActions == nil else { return }
    let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: signalCount)
    actions.initialize(repeating: sigaction(), count: signalCount)
    savedActions = actions
    for number in crashes {
      sigaction(number, nil, actions + Int(number))
      signal(number, restoreAndCrash)
    }
    atexit { restoreTerminal(TCSAFLUSH) }
  }
}

// MARK: What signal handlers touch: plain memory, set before the handlers are.

private let signalCount = 65
private nonisolated(unsafe) var wakingDescriptor: Int32 = -1
private nonisolated(unsafe) var savedAttributes: UnsafeMutablePointer<termios>?
private nonisolated(unsafe) var savedActions: UnsafeMutablePointer<sigaction>?
private nonisolated(unsafe) var leavingBytes: UnsafeMutablePointer<UInt8>?
private nonisolated(unsafe) var leavingCount = 0
private nonisolated(unsafe) var windowDescriptor: Int32 = -1

private func wake(_ number: Int32) {
  let before = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = write(wakingDescriptor, &byte, 1)
  errno = before
}

/// Restores the terminal. Async-signal-safe, as `write` and `tcsetattr` are.
private func restoreTerminal(_ when: Int32) {
  guard let saved = savedAttributes else { return }
  savedAttributes = nil
  if let leavingBytes { _ = write(windowDescriptor, leavingBytes, leavingCount) }
  tcsetattr(0, when, saved)
}

/// Gives the window back, then lets the crash happen as it would have.
private func restoreAndCrash(_ number: Int32) {
  restoreTerminal(TCSANOW)
  if let savedActions { sigaction(number, savedActions + Int(number), nil) }
  raise(number)
}
