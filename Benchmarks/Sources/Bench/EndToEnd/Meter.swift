import Foundation
import Synchronization

/// Stands between a device and a hub on loopback, and counts the bytes that go by: whole HTTP, heads and bodies.
final class Meter: Sendable {
  struct Counts {
    var connections = 0
    /// Bytes from the device to the hub, and back.
    var sent = 0, received = 0
  }

  let port: Int
  private let counts = Mutex(Counts())

  var counted: Counts { counts.withLock { $0 } }

  /// - Parameter hubPort: Where the hub listens on loopback.
  init(hubPort: Int) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw SQLiteFailure(description: "the meter cannot listen") }
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [weak self] in
      while true {
        let device = accept(listener, nil, nil)
        guard device >= 0 else { return }
        let hub = Self.dial(hubPort)
        self?.counts.withLock { $0.connections += 1 }
        Thread.detachNewThread { [weak self] in Self.pump(device, hub) { bytes in self?.counts.withLock { $0.sent += bytes } } }
        Thread.detachNewThread { [weak self] in Self.pump(hub, device) { bytes in self?.counts.withLock { $0.received += bytes } } }
      }
    }
  }

  private static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func dial(_ port: Int) -> Int32 {
    let end = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port)
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(end, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    return end
  }

  /// Counts before it hands on: who has an answer finds it counted.
  private static func pump(_ from: Int32, _ to: Int32, _ count: (Int) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let read = recv(from, &buffer, buffer.count, 0)
      guard read > 0 else { break }
      count(read)
      var written = 0
      while written < read {
        let more = buffer.withUnsafeBytes { send(to, $0.baseAddress?.advanced(by: written), read - written, Int32(MSG_NOSIGNAL)) }
        guard more > 0 else { break }
        written += more
      }
    }
    shutdown(to, Int32(SHUT_WR))
  }
}
