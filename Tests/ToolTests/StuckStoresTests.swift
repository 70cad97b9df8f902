import Foundation
import GRDB
import TestSupport
import Testing

/// Stores as a trial left them: after three restores a device had ten batches, of which the hub named the first missing and nobody had
/// its bytes any more; others could not be proved equal, and the hub said that nothing was missing. `field sync` alone heals them.
@Suite(.serialized, .sumsAddUp) struct StuckStoresTests {
  private struct Trial {
    let folder: TemporaryFolder
    let server: ServedHub
    var devices: [FieldDevice]

    init() async throws {
      folder = try TemporaryFolder()
      let archive = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Stores/stuck-after-three-restores.tar.gz").path
      let unpacked = try await Tool.run(try #require(ToolProcess.find("tar")), ["-xzf", archive, "-C", folder.path])
      try #require(unpacked.status == 0, "\(unpacked.errors)")
      server = try await ServedHub(folder.path + "/hub-data", folder)
      devices = ["fa", "fb", "fc"].map { [folder] in FieldDevice(store: folder.path + "/\($0).sqlite") }
    }

    var address: String { "http://127.0.0.1:\(server.hubPort)" }

    func status(_ device: FieldDevice) async throws -> [String: Any] {
      let ended = try await device.run("status", "--json")
      return try #require(JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any], "\(ended.errors)")
    }

    func hub(_ arguments: String...) async throws -> Tool.Ended { try await HubTool.run(arguments + ["--dir", folder.path + "/hub-data"]) }

    func count(_ sql: String, in store: String) throws -> Int {
      let queue = try DatabaseQueue(path: folder.path + "/" + store)
      defer { try? queue.close() }
      return try queue.read { try Int.fetchOne($0, sql: sql) ?? 0 }
    }
  }

  @Test(.long) func theStuckStoresHealBySyncAlone() async throws {
    let trial = try await Trial()
    #expect(try trial.count("SELECT count(*) FROM sync_outbox WHERE received = 2", in: "fb.sqlite") == 8)
    #expect(try trial.count("SELECT count(*) FROM hub_batch WHERE state = 0", in: "hub-data/hub.sqlite") == 8)
    // Two rounds: in the first each sends what it has, in the second each learns what the others sent.
    for round in 1...2 {
      for device in trial.devices {
        let ended = try await device.run("sync", "--hub", trial.address)
        #expect(ended.status == 0, "round \(round), \(device.store): \(ended.errors)")
      }
    }
    for device in trial.devices {
      let status = try await device.run("status")
      #expect(status.output.contains("proved equal") || status.output.contains("equal but for"), "\(status.output)")
      let left = try #require(try await trial.status(device)["status"] as? [String: Any])
      for name in ["pendingChanges", "sealedChanges", "waitingChanges"] {
        #expect(left[name] as? Int ?? -1 == 0, "\(device.store) \(name)")
      }
    }
    #expect(try trial.count("SELECT count(*) FROM hub_batch WHERE state = 0", in: "hub-data/hub.sqlite") == 0)
    // What the hub has is what the devices have: none shows a row of the commune that another lacks.
    let posts = try (["fa", "fb", "fc"].map { "\($0).sqlite" } + ["hub-data/hub.sqlite"]).map {
      try trial.count("SELECT count(*) FROM post WHERE unit = '07201'", in: $0)
    }
    #expect(Set(posts).count == 1 && posts[0] > 0, "\(posts)")
    let status = try await trial.hub("status")
    #expect(status.status == 0 && status.output.contains("the sums agree"), "\(status.output)")
  }
}
