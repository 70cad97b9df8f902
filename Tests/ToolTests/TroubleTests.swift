import Foundation
import TestSupport
import Testing

/// What goes wrong in the field, end to end: each side says in one sentence what it noticed and did.
@Suite(.serialized) struct TroubleTests {
  @Test func aCopiedDeviceGoesOnUnderANewIdentity() async throws {
    let world = try await TroubleWorld()
    let a = try await world.device("a")
    try await a.report(guided: 10)
    _ = try await a.sync()
    let copy = try world.copy(a, to: "copy")
    try await a.report(guided: 11)
    _ = try await a.sync()
    try await copy.report(guided: 12)
    let noticed = try await copy.sync()
    #expect(noticed.sentences.count { $0.contains("copied, or restored from an old copy") && $0.contains("nothing is lost") } == 1)
    #expect(noticed.output.hasPrefix("Sent 2 (0 answers, 2 changes)"))
    #expect(try await copy.sync().errors.isEmpty)
    _ = try await a.sync()
    #expect(try await [a.guided(), copy.guided()] == [12, 12])
    // Both wrote, neither saw the other: the value that lost is kept.
    for device in [a, copy] { #expect(try await device.run("status").output.contains("Open conflicts: 1")) }
    #expect(try await copy.run("status").output.contains("took the new identity"))
    #expect(try await !a.run("status").output.contains("took the new identity"))
    let listed = try await world.hub("devices", "list").output
    #expect(listed.contains("succeeded by") && listed.contains("succeeds"))
    #expect(try await world.hub("status").status == 0)
  }

  @Test func aDeviceRestoredFromAnOldCopyLearnsAgainWhatItForgot() async throws {
    let world = try await TroubleWorld()
    let a = try await world.device("a")
    try await a.report(guided: 10)
    _ = try await a.sync()
    let old = try world.copy(a, to: "old")
    try await a.report(guided: 20)
    _ = try await a.sync()
    // The machine is gone; its backup of yesterday is put on another.
    #expect(try await old.guided() == 10)
    let noticed = try await old.run("sync", "--lang", "vi")
    #expect(noticed.status == 0 && noticed.errors.contains("khôi phục từ bản cũ"))
    #expect(try await old.guided() == 20)
    try await old.report(guided: 30)
    #expect(try await old.sync().errors.isEmpty)
    #expect(try await old.run("status").output.contains("Open conflicts: 0"))
  }
}
