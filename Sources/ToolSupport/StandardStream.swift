internal import ArgumentParser
internal import Foundation
internal import SyncCore

/// Standard output and error, written so that a reader who left or a full disk ends the tool in an orderly way.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Exit status that a shell reports for a program that SIGPIPE ended.
  private static let readerLeft: Int32 = 128 + SIGPIPE

  /// Occupies the numbers of standard streams that were closed, so that no database or socket gets them and is written into.
  ///
  /// The stand-in cannot be written, or read: using it fails as a closed stream does.
  static func reserve() {
    for (number, mode) in [(0, O_WRONLY), (1, O_RDONLY), (2, O_RDONLY)] as [(Int32, Int32)] where fcntl(number, F_GETFD) == -1 {
      _ = open("/dev/null", mode)
    }
  }

  /// Writes all of `text`. When output cannot be written the process ends: silently if its reader left, as `head` does, otherwise
  /// with a sentence and exit code 1. A failure of standard error is ignored.
  func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(rawValue, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else if errno != EINTR {
        return giveUp(errno)
      }
    }
  }

  private func giveUp(_ reason: Int32) {
    guard self == .output else { return }
    if reason != EPIPE {
      let full = reason == ENOSPC || reason == EDQUOT
      let text = LocalizedText(
        vi: full ? "Không ghi hết được kết quả: đĩa đã đầy." : "Không ghi được kết quả ra đầu ra chuẩn (mã lỗi \(reason)).",
        en: full ? "The output could not be written whole: the disk is full." : "Standard output cannot be written (error \(reason)).")
      StandardStream.error.write(text(.spoken) + "\n")
    }
    exit(reason == EPIPE ? Self.readerLeft : ToolExit.failed.rawValue)
  }
}
