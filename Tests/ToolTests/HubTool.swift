import Foundation
import TestSupport
import Testing

/// Runs the real `hub` program, and speaks to it over real sockets.
enum HubTool {
  static let campaign = Tool.packageRoot.appendingPathComponent("Examples/bac-giang-2024").path

  /// The folder of a second campaign: the example with forms of its own.
  ///
  /// - Parameter reportDays: As in `campaign.json`; nil leaves those of the example, for it to be moved.
  static func secondCampaign(in folder: TemporaryFolder, reportDays: String? = nil) throws -> String {
    let path = folder.path + "/second"
    let manager = FileManager.default
    try manager.copyItem(atPath: campaign, toPath: path)
    let days = #"["2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"]"#
    func edit(_ file: String, _ changes: [(String, String)]) throws {
      let url = URL(fileURLWithPath: path + "/" + file)
      let text = changes.reduce(try String(contentsOf: url, encoding: .utf8)) { $0.replacing($1.0, with: $1.1) }
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    for (old, new) in [("pks01", "q2"), ("report01", "r2")] {
      try manager.moveItem(atPath: "\(path)/\(old).xlsform", toPath: "\(path)/\(new).xlsform")
      try edit("\(new).xlsform/settings.csv", [(old, new)])
    }
    try edit(
      "campaign.json",
      [
        ("\"bac-giang-2024\"", "\"second\""), ("\"pks01\"", "\"q2\""), ("\"report01\"", "\"r2\""),
        (days, reportDays ?? days),
        ("\"Survey of the opinions", "\"Second survey of the opinions"), ("\"Khảo sát,", "\"Khảo sát thứ hai,"),
      ])
    return path
  }

  static func process(_ arguments: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path("hub"))
    process.arguments = arguments
    process.environment = Tool.environment()
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// Runs a command to its end.
  static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Tool.Ended {
    try await Tool.hub(arguments, environment: environment)
  }

  /// A hub with the example campaign in a fresh folder.
  static func made(in folder: TemporaryFolder) async throws -> String {
    let dir = folder.path + "/hub"
    for arguments in [["init", dir], ["campaign", "load", campaign, "--dir", dir]] {
      let ended = try await run(arguments)
      try #require(ended.status == 0, "\(ended.errors)")
    }
    return dir
  }
}

/// A `hub serve` that runs while the value lives.
final class ServedHub {
  let process: Process
  let hubPort: Int
  let boardPort: Int
  private let errorsPath: String
  private let dir: String
  private var token: String?

  var errors: String { String(decoding: FileManager.default.contents(atPath: errorsPath) ?? Data(), as: UTF8.self) }

  /// - Parameter descriptors: What `ulimit` allows the process to open, such as `-Sn 200`; nil: what the tests may.
  init(_ dir: String, _ folder: TemporaryFolder, port: Int = 0, arguments: [String] = [], descriptors: String? = nil) async throws {
    let out = folder.path + "/serve-\(UUID().uuidString)"
    errorsPath = out + ".err"
    self.dir = dir
    for path in [out, errorsPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process = HubTool.process(["serve", "--dir", dir, "--port", String(port), "--board-port", "0"] + arguments)
    if let descriptors, let program = process.executableURL?.path {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "ulimit \(descriptors) && exec \"$0\" \"$@\"", program] + (process.arguments ?? [])
    }
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: errorsPath)
    try process.run()
    var lines: [Substring] = []
    for _ in 0..<600 where lines.count < 2 && process.isRunning {
      try await Task.sleep(for: .milliseconds(50))
      lines = String(decoding: FileManager.default.contents(atPath: out) ?? Data(), as: UTF8.self).split(separator: "\n")
    }
    try #require(lines.count >= 2, "hub serve said nothing")
    func number(_ line: Substring, _ prefix: String) throws -> Int {
      try #require(line.hasPrefix(prefix), "\(line)")
      return try #require(Int(line.dropFirst(prefix.count).prefix { $0.isNumber }), "\(line)")
    }
    hubPort = try number(lines[0], "hub: http://127.0.0.1:")
    boardPort = try number(lines[1], "board: http://127.0.0.1:")
  }

  deinit { if process.isRunning { process.terminate() } }

  /// A page for operators, as somebody gets it who may see everything, by a token of theirs.
  func page(_ path: String) async throws -> RawCall.Answer {
    if token == nil {
      for arguments in [["people", "invite", "tester", "--may", "read,answers"], ["people", "token", "tester"]] {
        let ended = try await HubTool.run(arguments + ["--dir", dir])
        try #require(ended.status == 0, "\(ended.errors)")
        token = ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
    return try RawCall.request("GET", path, port: boardPort, headers: ["Authorization: Bearer \(token ?? "")"])
  }

  /// Asks it to end and waits; gives its exit code.
  func stop(with signal: Int32 = SIGTERM) async -> Int32 {
    kill(process.processIdentifier, signal)
    for _ in 0..<400 where process.isRunning { try? await Task.sleep(for: .milliseconds(50)) }
    return process.isRunning ? -1 : process.terminationStatus
  }
}

extension ServedHub {
  /// Memory the process has in use, in MiB.
  var residentMiB: Int {
    let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
  }
}

/// A plain connection to this machine that stays open while the value lives.
final class OpenSocket {
  private let socket: Int32

  /// - Parameter receiveBytes: What the kernel keeps for whoever does not read; nil leaves that to it.
  init(port: Int, receiveBytes: Int32? = nil) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var bytes = receiveBytes { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size)) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    try #require(connected == 0)
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  /// Sends as much as the other side takes; gives how much that was.
  func send(_ bytes: Data) -> Int {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { break }
      sent += count
    }
    return sent
  }

  /// Sends what the kernel takes without waiting; gives how much that was.
  func sendAtOnce(_ bytes: Data) -> Int {
    max(0, bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) })
  }

  /// Reads until `isWhole`, the other side's end, or `seconds` in which nothing comes.
  func receive(for seconds: Int, until isWhole: (Data) -> Bool) -> Data {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var received = Data()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !isWhole(received) {
      let count = recv(socket, &buffer, buffer.count, 0)
      if count <= 0 { break }
      received.append(contentsOf: buffer.prefix(count))
    }
    return received
  }
}

/// One HTTP call over a plain socket, so that tests can say exactly what is sent.
struct RawCall {
  struct Answer {
    var status = 0
    var headers: [String: String] = [:]
    var body = Data()
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// Sends `bytes` and reads until the other side ends, or for `seconds` at most.
  static func send(_ bytes: Data, port: Int, seconds: Int = 20, readsAnswer: Bool = true) throws -> Answer? {
    let socket = try OpenSocket(port: port)
    _ = socket.send(bytes)
    guard readsAnswer else { return nil }
    return parse(socket.receive(for: seconds, until: isWhole))
  }

  static func request(
    _ method: String, _ target: String, port: Int, headers: [String] = [], body: Data = Data(), host: String? = nil
  ) throws -> Answer {
    var head = ["\(method) \(target) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"] + headers
    if !body.isEmpty { head.append("Content-Length: \(body.count)") }
    let answer = try send(Data((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body, port: port)
    return try #require(answer)
  }

  private static func parts(_ data: Data) -> (head: [String], body: Data)? {
    guard let end = data.range(of: Data("\r\n\r\n".utf8)) else { return nil }
    let head = String(decoding: data[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    return (head, Data(data[end.upperBound...]))
  }

  private static func isWhole(_ data: Data) -> Bool {
    guard let parts = parts(data) else { return false }
    let length = parse(data).headers["content-length"].flatMap { Int($0) }
    return length.map { parts.body.count >= $0 } ?? false
  }

  private static func parse(_ data: Data) -> Answer {
    guard let (head, body) = parts(data) else { return Answer() }
    var answer = Answer(body: body)
    answer.status = head.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
    for line in head.dropFirst() {
      let halves = line.split(separator: ":", maxSplits: 1)
      if halves.count == 2 { answer.headers[halves[0].lowercased()] = halves[1].trimmingCharacters(in: .whitespaces) }
    }
    return answer
  }
}
