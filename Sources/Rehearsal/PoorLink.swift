internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import Synchronization

/// Bad link between devices and hub: a real TCP relay that delays every piece and cuts some connections in the middle. An obedient
/// link passes everything on, and cuts where it is told to.
final class PoorLink: Sendable {
  /// Connections relayed at once; more wait to be accepted.
  static let connectionsMax = 64
  /// Longest delay of each piece, in milliseconds.
  static let delayMsMax = 40
  /// Pieces for each one that is cut instead of being passed on.
  static let cutOneIn = 60
  private static let pieceBytes = 16 * 1024

  let port: Int
  private let listener: Int32
  private let target: UInt16
  private let random: Mutex<SeededGenerator>
  private let isObedient: Bool
  /// Bytes from devices that are passed on before the next requested cut; nil: none is requested.
  private let left = Mutex<Int?>(nil)
  private let upstream = Atomic<Int>(0)
  private let open = Atomic<Int>(0)
  /// Connections cut so far.
  private let cutCount = Atomic<Int>(0)

  var cuts: Int { cutCount.load(ordering: .relaxed) }
  /// Bytes passed on from devices so far.
  var upstreamBytes: Int { upstream.load(ordering: .relaxed) }

  /// Requests a cut of an obedient link after a number of further bytes from devices.
  func cut(after bytes: Int?) { left.withLock { $0 = bytes } }

  /// Listens on a free loopback port and relays to `target` on the same machine.
  ///
  /// - Parameter isObedient: True to do no harm but what `cut(after:)` requests.
  init(target: Int, seed: UInt64, isObedient: Bool = false) throws {
    self.isObedient = isObedient
    self.target = UInt16(clamping: target)
    random = Mutex(SeededGenerator(seed: seed))
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    listener = descriptor
    var address = Self.loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, size) == 0 && listen(descriptor, 128) == 0 && getsockname(descriptor, raw, &size) == 0
      }
    }
    guard bound else { throw SyncError(.internalFault, vi: "Không mở được cổng chuyển tiếp.", en: "Cannot open the relay's port.") }
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [self] in acceptAll() }
  }

  deinit { close(listener) }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private func acceptAll() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { return }
      while open.load(ordering: .relaxed) >= Self.connectionsMax { usleep(2000) }
      let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = Self.loopback(port: target)
      let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
      }
      guard connected else {
        close(client)
        close(server)
        continue
      }
      open.add(1, ordering: .relaxed)
      let pair = Pair(client: client, server: server)
      Thread.detachNewThread { [self] in relay(from: client, to: server, pair: pair, isUpstream: true) }
      Thread.detachNewThread { [self] in relay(from: server, to: client, pair: pair, isUpstream: false) }
    }
  }

  /// Sockets of two directions, closed when both are done.
  private final class Pair: Sendable {
    let client: Int32
    let server: Int32
    let done = Atomic<Int>(0)

    init(client: Int32, server: Int32) {
      self.client = client
      self.server = server
    }
  }

  /// Returns how much of a piece still arrives when it is cut: half, so that the cut falls inside a message. Nil: it is passed on.
  private func chance(_ count: Int) -> Int? {
    let (delay, isCut) = random.withLock { random in
      (Int.random(in: 0...Self.delayMsMax, using: &random), Int.random(in: 0..<Self.cutOneIn, using: &random) == 0)
    }
    usleep(UInt32(delay) * 1000)
    return isCut ? count / 2 : nil
  }

  private func asked(_ count: Int, isUpstream: Bool) -> Int? {
    guard isUpstream else { return nil }
    return left.withLock { left in
      guard let through = left else { return nil }
      left = through < count ? nil : through - count
      return through < count ? through : nil
    }
  }

  private func relay(from source: Int32, to sink: Int32, pair: Pair, isUpstream: Bool) {
    var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
    while true {
      let count = recv(source, &piece, piece.count, 0)
      guard count > 0 else { break }
      if let passing = isObedient ? asked(count, isUpstream: isUpstream) : chance(count) {
        _ = send(sink, piece, passing, Int32(MSG_NOSIGNAL))
        if isUpstream { upstream.add(passing, ordering: .relaxed) }
        cutCount.add(1, ordering: .relaxed)
        break
      }
      var sent = 0
      while sent < count {
        let passed = piece.withUnsafeBufferPointer { buffer in
          send(sink, buffer.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
        }
        guard passed > 0 else { break }
        sent += passed
      }
      if isUpstream { upstream.add(sent, ordering: .relaxed) }
      if sent < count { break }
    }
    shutdown(pair.client, Int32(SHUT_RDWR))
    shutdown(pair.server, Int32(SHUT_RDWR))
    if pair.done.add(1, ordering: .acquiringAndReleasing).newValue == 2 {
      close(pair.client)
      close(pair.server)
      open.subtract(1, ordering: .relaxed)
    }
  }
}
