import Foundation
import SurveyKit
import SyncKit
import TestSupport
import Testing

/// `hub forms` as its users meet it.
@Suite struct FormsToolTests {
  private static let campaign = Tool.packageRoot.appendingPathComponent("Examples/bac-giang-2024")

  /// A hub with the campaign loaded, in a folder of its own.
  private func hub() async throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    #expect(try await Tool.hub(["init", folder.path + "/hub"]).status == 0)
    #expect(try await Tool.hub(["campaign", "load", Self.campaign.path, "--dir", folder.path + "/hub"]).status == 0)
    return folder
  }

  /// The survey form's folder with a text of one of its sheets changed and a new version.
  private func edition(_ version: String, in folder: TemporaryFolder, _ changes: [(sheet: String, old: String, new: String)]) throws
    -> String
  {
    let path = folder.path + "/pks01-\(version).xlsform"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in ["survey", "choices", "settings"] {
      var text = try String(contentsOf: Self.campaign.appendingPathComponent("pks01.xlsform/\(name).csv"), encoding: .utf8)
      for change in changes + [("settings", "2024032601", version)] where change.sheet == name {
        try #require(text.contains(change.old))
        text = text.replacingOccurrences(of: change.old, with: change.new)
      }
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name).csv"))
    }
    return path
  }

  @Test func checkSummarisesAFormInOrderAndWarnsOfCellsThatTellPeopleApart() async throws {
    let file = Self.campaign.appendingPathComponent("pks01.xlsx").path
    let nowhere = ["SYNCKIT_HUB": NSTemporaryDirectory() + "/no-hub-here"]
    let fine = try await Tool.hub(["forms", "check", file], environment: nowhere)
    #expect(fine.status == 0)
    #expect(fine.output.contains("pks01 version 2024032601 is in order: 25 questions"))
    #expect(fine.errors.isEmpty)
    let few = try await Tool.hub(["forms", "check", file, "--answers", "20", "--lang", "vi"], environment: nowhere)
    #expect(few.status == 0)
    #expect(few.errors.contains("nhiều hơn 20 phiếu dự kiến"))
  }

  @Test func checkTellsAllProblemsAtOnce() async throws {
    let folder = try TemporaryFolder()
    let path = try edition(
      "9", in: folder,
      [
        ("survey", "${e3_petitions} > 0", "${petitions} > 0"), ("survey", "count-selected(.) <= 3", "count-selectd(.) <= 3"),
        ("choices", "priority,doan_ket", "priority,doan ket"),
      ])
    let ended = try await Tool.hub(["forms", "check", path])
    #expect(ended.status == 1)
    for says in ["no question \"petitions\"", "no function \"count-selectd\"", "\"doan ket\" cannot be used"] {
      #expect(ended.errors.contains(says), "\(ended.errors)")
    }
    #expect(ended.errors.contains("survey, row "))
    let absent = try await Tool.hub(["forms", "check", folder.path + "/absent.xlsx"])
    #expect(absent.status == 1)
  }

  @Test func aNewVersionClosesTheOldOneAndKeepsItsChoices() async throws {
    let folder = try await hub()
    let dir = ["--dir", folder.path + "/hub"]
    let again = try await Tool.hub(["forms", "publish", Self.campaign.appendingPathComponent("pks01.xlsx").path] + dir)
    #expect(again.output.contains("exactly pks01 version 2024032601 already"), "\(again)")

    let losing = try edition("2024032702", in: folder, [("choices", "priority,doan_ket", "priority,doan_ket_noi_bo")])
    let refused = try await Tool.hub(["forms", "publish", losing] + dir)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("g3_priorities loses the choices doan_ket of edition 2024032601"), "\(refused.errors)")

    let older = try edition("2024032500", in: folder, [])
    #expect(try await Tool.hub(["forms", "publish", older] + dir).errors.contains("newer edition"))

    let wider = try edition(
      "2024032703", in: folder, [("choices", "priority,doan_ket", "priority,khac_nua,Việc khác,Other\npriority,doan_ket")])
    let published = try await Tool.hub(["forms", "publish", wider] + dir)
    #expect(published.status == 0, "\(published.errors)")
    #expect(published.output.contains("Older versions are closing: 2024032601"))
    let list = try await Tool.hub(["forms", "list"] + dir).output
    #expect(list.contains("closing") && list.contains("2024032703"))
    // The campaign's folder still holds the first version; loading it again changes nothing.
    let loaded = try await Tool.hub(["campaign", "load", Self.campaign.path] + dir)
    #expect(loaded.status == 0 && loaded.output.contains("nothing changed"), "\(loaded)")
  }

  @Test func loadingAFolderAgainKeepsAFormThatWasAdded() async throws {
    let folder = try await hub()
    let dir = ["--dir", folder.path + "/hub"]
    let path = try edition("1", in: folder, [("settings", "pks01", "water")])
    #expect(try await Tool.hub(["forms", "publish", path, "--add"] + dir).status == 0)
    let loaded = try await Tool.hub(["campaign", "load", Self.campaign.path] + dir)
    #expect(loaded.status == 0 && loaded.output.contains("nothing changed"), "\(loaded)")
    #expect(loaded.errors.contains("though the folder does not name it: water;"), "\(loaded.errors)")
    #expect(try await Tool.hub(["campaign", "list"] + dir).output.contains("pks01, water"))
  }

  @Test func aFormMovesForwardOnly() async throws {
    let folder = try await hub()
    let dir = ["--dir", folder.path + "/hub"]
    #expect(try await Tool.hub(["forms", "state", "pks01", "closing"] + dir).output.contains("pks01: closing"))
    #expect(try await Tool.hub(["forms", "state", "pks01", "open"] + dir).status == 1)
    #expect(try await Tool.hub(["forms", "state", "pks01", "shut"] + dir).status == 1)
    #expect(try await Tool.hub(["forms", "state", "nothing", "closed"] + dir).errors.contains("there is no such form"))
    #expect(try await Tool.hub(["close", "pks01"] + dir).output.contains("Closed pks01"))
    #expect(try await Tool.hub(["close", "pks01"] + dir).status == 0)
    #expect(try await Tool.hub(["forms", "state", "pks01", "closing"] + dir).status == 1)
  }
}
