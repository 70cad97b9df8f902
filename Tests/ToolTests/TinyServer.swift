import Foundation
import SyncHub
import SyncKit
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A real HTTP server on a free port of the loopback, one thread and one answer a connection: a stand-in for whatever a device may meet.
final class TinyServer: Sendable {
  let port: Int
  private let socketNumber: Int32
  private let requests = Mutex(0)

  var address: String { "http://127.0.0.1:\(port)" }
  var requestCount: Int { requests.withLock { $0 } }

  init(_ answer: @escaping @Sendable (HubRequest) async -> HubResponse) throws {
    #if canImport(Glibc)
      let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let listener = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &place) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, address, &length) == 0
      }
    }
    guard listener >= 0, bound else { throw CocoaError(.fileNoSuchFile) }
    port = Int(UInt16(bigEndian: place.sin_port))
    socketNumber = listener
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        requests.withLock { $0 += 1 }
        Thread.detachNewThread { Self.serve(connection, answer) }
      }
    }
  }

  /// Returns a port that nothing listens at now.
  static func freePort() throws -> Int {
    let server = try TinyServer { _ in HubResponse(status: 503) }
    defer { server.stop() }
    return server.port
  }

  func stop() {
    shutdown(socketNumber, Int32(2))
    close(socketNumber)
  }

  /// Any page answers with this: what a hotel's or café's network does.
  static func captivePortal() throws -> TinyServer {
    try TinyServer { _ in
      HubResponse(status: 200, headers: ["content-type": "text/html; charset=utf-8"], body: Data("<html><body>Log in</body></html>".utf8))
    }
  }

  /// A hub behind real HTTP.
  static func bridge(to hub: Hub, delayMs: UInt64 = 0) throws -> TinyServer {
    let transport = LocalTransport(hub: hub)
    return try TinyServer { request in
      if delayMs > 0 { try? await Task.sleep(for: .milliseconds(delayMs)) }
      return (try? await transport.send(request, timeoutMs: 30_000)) ?? HubResponse(status: 500)
    }
  }

  private static func serve(_ connection: Int32, _ answer: @escaping @Sendable (HubRequest) async -> HubResponse) {
    defer { close(connection) }
    guard let request = read(connection) else { return }
    let done = DispatchSemaphore(value: 0)
    let result = Mutex(HubResponse(status: 500))
    Task {
      let response = await answer(request)
      result.withLock { $0 = response }
      done.signal()
    }
    done.wait()
    let response = result.withLock { $0 }
    var head = "HTTP/1.1 \(response.status) X\r\nConnection: close\r\nContent-Length: \(response.body.count)\r\n"
    for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
    var bytes = Data((head + "\r\n").utf8) + response.body
    while !bytes.isEmpty {
      let sent = bytes.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { return }
      bytes = Data(bytes.dropFirst(sent))
    }
  }

  private static func read(_ connection: Int32) -> HubRequest? {
    var bytes = Data()
    var head: Range<Data.Index>?
    while head == nil {
      guard let part = receive(connection) else { return nil }
      bytes.append(part)
      head = bytes.range(of: Data("\r\n\r\n".utf8))
    }
    guard let head else { return nil }
    let lines = String(decoding: bytes[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let start = (lines.first ?? "").split(separator: " ").map(String.init)
    guard start.count >= 2 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    var body = Data(bytes[head.upperBound...])
    let length = Int(headers["content-length"] ?? "") ?? 0
    while body.count < length {
      guard let part = receive(connection) else { return nil }
      body.append(part)
    }
    return HubRequest(start[0], start[1], headers: headers, body: body)
  }

  private static func receive(_ connection: Int32) -> Data? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(connection, &buffer, buffer.count, 0)
    return count > 0 ? Data(buffer[..<count]) : nil
  }
}
