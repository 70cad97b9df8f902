import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit

/// E7: a hub takes the work of some devices out of one bundle, beside the same devices sending it over HTTP.
struct CarriedWork {
  let folder: String
  let tools: Tools
  let devices: Int
  /// Batches of each device.
  let batchesEach: Int
  let rowsEach: Int

  struct Prepared {
    let province: Province
    let bundle: String
  }

  func prepare() async throws -> Prepared {
    let province = try await Province(folder, communes: devices)
    let survey = try await SurveyHub.open(at: province.hubFolder)
    let codes = try await province.codes(survey, province.communes)
    var maker = RowMaker(seed: 8)
    let path = province.scratch.path
    for (number, commune) in province.communes.enumerated() {
      let member = try await province.member("author-\(number)", code: codes[number], survey)
      for _ in 0..<batchesEach {
        try await member.insert(maker.make(rowsEach, commune), transactionOf: 1)
        // Writing a bundle seals what is pending.
        _ = try await member.field.replica.exportBundle(to: path + "/author-\(number).skb")
      }
      try member.close()
    }
    try survey.close()
    let courier = Courier(store: path + "/author-0.sqlite")
    for number in 1..<devices { _ = try courier.collect(path + "/author-\(number).skb") }
    let first = try Member(path + "/author-0.sqlite")
    let bundle = try await first.field.replica.exportBundle(to: path + "/all.skb", courier: courier)
    try first.close()
    return Prepared(province: province, bundle: bundle.paths[0])
  }

  /// CPU of the hub with the bundle, to that of the hub with the calls.
  func run(_ prepared: Prepared) async throws -> Double {
    let province = prepared.province
    let scratch = try Scratch(province.scratch.path)
    try province.copyHub(to: scratch.path + "/bundle")
    let importing = try await SurveyHub.open(at: scratch.path + "/bundle")
    let bundle = try await Cost.of {
      guard try await importing.hub.importBundles([prepared.bundle]).isWhole else { throw SQLiteFailure(description: "not all was taken") }
    }.cpu
    try await check(importing)

    try province.copyHub(to: scratch.path + "/calls")
    let hub = try ServedHub(tools, folder: scratch.path + "/calls")
    let members = try (0..<devices).map { try province.copy("author-\($0)", to: scratch.path) }
    let wire = try TimedHTTP(hub.address, isForSending: true)
    let before = try hub.cpu()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for member in members { group.addTask { try await member.push(wire) } }
      try await group.waitForAll()
    }
    let calls = try hub.cpu() - before
    for member in members { try member.close() }
    try hub.stop()
    guard wire.times("batches").count == devices * batchesEach else {
      throw SQLiteFailure(description: "\(wire.times("batches").count) batches went by")
    }
    try await check(try await SurveyHub.open(at: scratch.path + "/calls"))
    return bundle / calls
  }

  private func check(_ survey: SurveyHub) async throws {
    let posts = try await survey.hub.read { try $0.rows("SELECT count(*) FROM post", [])[0][0].integer ?? 0 }
    try survey.close()
    guard posts == Int64(devices * batchesEach * rowsEach) else { throw SQLiteFailure(description: "\(posts) posts arrived") }
  }
}
