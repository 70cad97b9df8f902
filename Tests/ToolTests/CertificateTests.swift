import Foundation
import TestSupport
import Testing

/// A hub that speaks TLS goes on with the certificate that is renewed under it. `make tls`: the hub must be built with the trait `TLS`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SYNCKIT_TLS_HUB"] != nil, "needs a hub with TLS: make tls"))
struct CertificateTests {
  @Test func aRenewedCertificateIsUsedWithoutAStop() async throws {
    let folder = try TemporaryFolder()
    let program = try #require(ProcessInfo.processInfo.environment["SYNCKIT_TLS_HUB"])
    let dir = try await HubTool.made(in: folder)
    let (certificate, key) = (folder.path + "/hub.crt", folder.path + "/hub.key")
    let (first, second) = (try make("first", in: folder), try make("second", in: folder))
    func install(_ from: (certificate: String, key: String)) throws {
      for (source, target) in [(from.certificate, certificate), (from.key, key)] {
        try? FileManager.default.removeItem(atPath: target)
        try FileManager.default.copyItem(atPath: source, toPath: target)
      }
    }
    try install(first)
    let hub = Process()
    hub.executableURL = URL(fileURLWithPath: program)
    hub.arguments = ["serve", "--dir", dir, "--port", "0", "--board-port", "0", "--tls-cert", certificate, "--tls-key", key]
    let said = Pipe()
    let log = folder.path + "/log"
    #expect(FileManager.default.createFile(atPath: log, contents: nil))
    let errors = try #require(FileHandle(forWritingAtPath: log) as FileHandle?)
    (hub.standardOutput, hub.standardError) = (said, errors)
    try hub.run()
    defer {
      hub.terminate()
      hub.waitUntilExit()
    }
    let line = try #require(String(decoding: said.fileHandleForReading.availableData, as: UTF8.self).split(separator: "\n").first)
    #expect(line.hasPrefix("hub: https://127.0.0.1:"))
    let address = line.dropFirst(5) + "/health"
    #expect(try trusts(address, first.certificate))
    #expect(try !trusts(address, second.certificate))
    // A key without its certificate, as between two writes: the earlier pair goes on.
    try? FileManager.default.removeItem(atPath: key)
    try FileManager.default.copyItem(atPath: second.key, toPath: key)
    try await eventually {
      #expect(try trusts(address, first.certificate))
      return try String(contentsOfFile: log, encoding: .utf8).contains("do not fit together")
    }
    try install(second)
    try await eventually { try trusts(address, second.certificate) }
    #expect(try !trusts(address, first.certificate))
  }

  private func make(_ name: String, in folder: TemporaryFolder) throws -> (certificate: String, key: String) {
    let (certificate, key) = (folder.path + "/\(name).crt", folder.path + "/\(name).key")
    let arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=hub", "-addext",
      "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    ]
    #expect(try run("openssl", arguments) == 0)
    return (certificate, key)
  }

  private func trusts(_ address: some StringProtocol, _ certificate: String) throws -> Bool {
    try run("curl", ["-sf", "--max-time", "10", "--cacert", certificate, "-o", "/dev/null", String(address)]) == 0
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  private func eventually(_ holds: () throws -> Bool) async throws {
    for _ in 0..<60 where try !holds() { try await Task.sleep(for: .milliseconds(500)) }
    #expect(try holds())
  }
}
