import Foundation
import GRDB
import SurveyKit
import SurveyKitHub
import TestSupport
import Testing

/// `field doctor` and `hub verify` as people run them.
@Suite struct ExaminationToolTests {
  private struct Said: Decodable {
    struct Examination: Decodable {
      struct Finding: Decodable { var kind: String }
      var findings: [Finding]
      var rows: Int
    }

    var isSound: Bool
    var examination: Examination
  }

  private func said(_ ended: Tool.Ended) throws -> Said { try JSONDecoder().decode(Said.self, from: Data(ended.output.utf8)) }

  @Test(.long) func aServingHubAndItsDeviceAreSoundUntilSomebodyTampers() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let code = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir])
    let pattern = try #require(code.output.firstMatch(of: /"code" : "([A-Z2-9]+)"/))
    let store = folder.path + "/chair.sqlite"
    for command in [
      ["enroll", String(pattern.1), "--hub", "http://127.0.0.1:\(hub.hubPort)"], ["sync"], ["report", "--example"],
    ] {
      let ended = try await Tool.field(command + ["--store", store])
      try #require(ended.status == 0, "\(command) \(ended.errors)")
      if command[0] == "report" { try Data(ended.output.utf8).write(to: URL(fileURLWithPath: folder.path + "/r.json")) }
    }
    for command in [["report", "--from", folder.path + "/r.json"], ["sync"]] {
      let ended = try await Tool.field(command + ["--store", store])
      try #require(ended.status == 0, "\(command) \(ended.errors)")
    }
    let (doctor, verify) = (["doctor", "--store", store], ["verify", "--dir", dir])
    let (well, whole) = (try await Tool.field(doctor), try await HubTool.run(verify))
    #expect(well.status == 0 && well.output.contains("nothing wrong") && well.errors.isEmpty, "\(well)")
    #expect(whole.status == 0 && whole.output.contains("nothing wrong") && whole.errors.isEmpty, "\(whole)")
    let json = try said(try await HubTool.run(verify + ["--json"]))
    #expect(json.isSound && json.examination.findings.isEmpty && json.examination.rows > 200)

    try await DatabaseQueue(path: store).write { try $0.execute(sql: "DROP TRIGGER sync_capture_report_update") }
    let ill = try await Tool.field(doctor)
    #expect(ill.status == 1 && ill.sentences.count == 1 && ill.errors.contains("sync_capture_report_update"), "\(ill)")
    let inVietnamese = try await Tool.field(doctor + ["--lang", "vi"])
    #expect(inVietnamese.status == 1 && inVietnamese.errors.contains("bị thiếu"))
    let found = try await Tool.field(doctor + ["--json"])
    #expect(try found.status == 1 && !said(found).isSound && said(found).examination.findings.map(\.kind) == ["trigger"])
    // The doctor mends nothing; the next command that opens the store does.
    _ = try await Tool.field(["status", "--store", store])
    #expect(try await Tool.field(doctor).status == 0)

    #expect(await hub.stop() == 0)
    try await DatabaseQueue(path: SurveyHub.storePath(in: dir)).write { try $0.execute(sql: "DELETE FROM hub_batch WHERE id = 2") }
    let broken = try await HubTool.run(verify)
    #expect(broken.status == 1 && broken.errors.contains("lacks batch 2"), "\(broken)")
  }

  @Test func whereThereIsNothingToExamineOneSentenceSaysSo() async throws {
    let folder = try TemporaryFolder()
    let device = try await Tool.field(["doctor", "--store", folder.path + "/none.sqlite"])
    #expect(device.status == 1 && device.sentences.count == 1 && device.errors.contains("field enroll"), "\(device)")
    let hub = try await HubTool.run(["verify", "--dir", folder.path + "/none"])
    #expect(hub.status == 1 && hub.sentences.count == 1 && hub.errors.contains("hub init"), "\(hub)")
    try Data("text".utf8).write(to: URL(fileURLWithPath: folder.path + "/text.sqlite"))
    let text = try await Tool.field(["doctor", "--store", folder.path + "/text.sqlite"])
    #expect(text.status == 1 && text.sentences.count == 1 && text.errors.contains("damaged"), "\(text)")
  }
}
