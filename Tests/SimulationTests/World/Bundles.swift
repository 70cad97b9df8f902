import Foundation
import SwiftProtobuf

@testable import SyncBundle
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Bundles on somebody's stick: from a device to the hub, and its returns back, late, repeated, cut or damaged on the way.
extension Simulation {
  /// Files on their way.
  struct Stick {
    /// To the hub.
    var bundles: [String] = []
    /// From the hub, and how often it had been put back when it answered.
    var returns: [(path: String, epoch: Int)] = []
    var made = 0

    static let filesMax = 12
  }

  /// A device exports, and takes along what lies on the stick for others.
  func bundleTakes(from device: Device, _ dice: inout Dice) async throws {
    guard stick.bundles.count < Stick.filesMax else { return }
    let replica = try device.open()
    let courier = Courier(store: device.disk.path)
    if dice.chance(0.3), let other = stick.bundles.isEmpty ? nil : dice.pick(stick.bundles) { _ = try courier.collect(other) }
    stick.made += 1
    let path = "\(folder)/stick-\(stick.made).skb"
    var options = BundleExportOptions()
    options.isPlain = dice.chance(0.3)
    if dice.chance(0.3) { options.partBytesMax = BundleLimits.partBytesMin }
    if scenario.options.hasPhotos { options.withoutBlobs = dice.chance(0.3) }
    do {
      let export = try await replica.exportBundle(to: path, options: options, courier: courier)
      stick.bundles += export.paths
      note(.bundle)
      if export.blobs > 0 { met(.photosTaken) }
      if export.blobsLeft > 0 { met(.photosLeft) }
      // A part of it never arrives.
      if scenario.options.hasPhotos, export.paths.count > 1, dice.chance(0.3) {
        let lost = dice.pick(export.paths)
        stick.bundles.removeAll { $0 == lost }
      }
      if dice.chance(0.5) { try courier.dropAll() }
    } catch let error as SyncError where error.code == .diskFull && device.isDiskFull {
      note(.deviceDiskFull)
    } catch let error as SyncError where error.code == .badRequest {
      // A device that has not heard the hub's key cannot encrypt to it.
    }
    try await observe(device)
  }

  /// Somebody brings files to the hub, some of them again, some of them damaged, and gets a return.
  func bundleArrives(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub, !stick.bundles.isEmpty else { return }
    var chosen = (0..<1 + dice.below(2)).map { _ in dice.pick(stick.bundles) }
    if dice.chance(0.4) { stick.bundles.removeAll { $0 == chosen[0] } }
    if dice.chance(0.3) { chosen.append(try damaged(chosen[0], &dice)) }
    stick.made += 1
    var options = Hub.BundleOptions()
    options.returnPath = "\(folder)/return-\(stick.made).skb"
    do {
      let report = try await open.importBundles(chosen, options: options)
      if report.devices.contains(where: { $0.blobs > 0 }) { met(.photosBrought) }
      if report.devices.contains(where: { $0.blobsDuplicate > 0 }) { met(.photosRepeated) }
      if stick.returns.count < Stick.filesMax { stick.returns += report.returns.map { ($0, hub.port.epoch) } }
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      note(.hubDiskFull)
    }
  }

  private func damaged(_ path: String, _ dice: inout Dice) throws -> String {
    guard var data = FileManager.default.contents(atPath: path), data.count > BundleMagic.byteCount else { return path }
    if dice.chance(0.5) {
      data = data.prefix(BundleMagic.byteCount + dice.below(data.count - BundleMagic.byteCount))
    } else {
      data[BundleMagic.byteCount + dice.below(data.count - BundleMagic.byteCount)] ^= UInt8(1 << dice.below(8))
    }
    stick.made += 1
    let bad = "\(folder)/bad-\(stick.made).skb"
    try data.write(to: URL(fileURLWithPath: bad))
    return bad
  }

  /// A return reaches a device, perhaps not for the first time, perhaps another's.
  func bundleReturns(to device: Device, _ dice: inout Dice) async throws {
    guard !stick.returns.isEmpty else { return }
    let letter = dice.pick(stick.returns)
    if dice.chance(0.2) { stick.returns.removeAll { $0.path == letter.path } }
    try await read(letter, at: device)
  }

  private func read(_ letter: (path: String, epoch: Int), at device: Device) async throws {
    let replica = try device.open()
    try await observe(device)
    try await noteTold(in: letter, to: device)
    do {
      _ = try await replica.importBundles([letter.path])
      note(.bundleReturned)
    } catch let error as SyncError {
      if error.code == .revoked { try await noteRevoked() }
      let isExplained =
        switch error.code {
        // Nothing for this device, or older than what it knows of the hub; revoked; its disk is full.
        case .badRequest, .notAnswered: true
        case .revoked: device.isRevoked
        case .diskFull: device.isDiskFull
        case .fork, .badCursor, .unknownReplica: !isStrict
        default: false
        }
      if !isExplained { throw Violation(check: "letter", message: "\(device.name) said \(error.code): \(error.explanation.en)") }
    }
    try await observe(device)
  }

  /// What a return tells a device, if it applies all of it.
  private func noteTold(in letter: (path: String, epoch: Int), to device: Device) async throws {
    let replica = try device.open()
    let key = try replica.secrets().signingKey
    guard let hubKey = VerifyingKey(rawRepresentation: hub.keys.signing.publicKey) else { return }
    var answers = BundleAnswers()
    try answers.read(letter.path, for: key.replica, key: key)
    let known = try await replica.engineRead { try $0.state.value("incarnation").blob }
    guard let info = try answers.answer(.hubAnswer) else { return }
    // One of another life is not applied before the device has joined that.
    guard try WireHubInfo(serializedBytes: try hubKey.open(info.body, as: .hubInfo)).lives.contains(where: { $0.incarnation == known })
    else { return }
    var cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
    var fetched: [String] = []
    while let response = try answers.answer(.feedAnswer, cursor), fetched.count < 8 {
      guard response.status == 200 else {
        let error = SyncError(response)
        guard error.code == .rebase, let scope = error.scope else { return }
        // One that was begun before is at its end after the first.
        let begun =
          fetched.contains(scope) ? Data() : try await replica.engineRead { try SnapshotCursor(session: $0.session).next(scope: scope) }
        fetched.append(scope)
        guard
          let next = try await noteSnapshot(of: scope, after: cursor, from: begun, answers, hubKey, to: device, epoch: letter.epoch)
        else { return }
        cursor = next
        continue
      }
      let page = try PageCodec.open(response.body, hub: hubKey)
      try noteDelivered(page, asked: cursor, to: device, epoch: letter.epoch)
      guard page.cursor != cursor, !page.isHead else { return }
      cursor = page.cursor
    }
  }

  private func noteSnapshot(
    of scope: String, after cursor: Data, from begun: Data, _ answers: BundleAnswers, _ hubKey: VerifyingKey, to device: Device, epoch: Int
  ) async throws -> Data? {
    // The log of a store that was put back since cannot be looked at any more.
    guard epoch == hub.port.epoch else { return nil }
    var next = begun
    let asked = HubRequest("GET", "/v1/snapshot?cursor=\(cursor.base64URL)")
    while let response = try answers.answer(.snapshotAnswer, SnapshotRequest(scope: scope, cursor: cursor, next: next).about) {
      guard response.status == 200 else {
        guard !next.isEmpty else { return nil }
        next = Data()
        continue
      }
      let page = try SnapshotCodec.open(response.body, hub: hubKey)
      try await noteDelivered(page, asked: asked, to: device, epoch: epoch)
      guard !page.next.isEmpty else { return page.cursor }
      next = page.next
    }
    return nil
  }

  /// At the end everything that was on its way arrives: some of it for the second time.
  func emptyStick() async throws {
    guard let open = hub.port.hub, !stick.bundles.isEmpty else { return }
    stick.made += 1
    var options = Hub.BundleOptions()
    options.returnPath = "\(folder)/return-\(stick.made).skb"
    let report = try await open.importBundles(stick.bundles, options: options)
    stick.bundles = []
    guard report.files.allSatisfy({ $0.damage.isEmpty }) else {
      throw Violation(check: "bundle", message: "a whole bundle was called damaged: \(report.files.flatMap(\.damage).map(\.en))")
    }
    for letter in stick.returns + report.returns.map({ ($0, hub.port.epoch) }) {
      for device in devices where !device.isRevoked { try await read(letter, at: device) }
    }
    stick.returns = []
  }
}
