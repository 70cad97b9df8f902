import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// A device's store as it was when somebody copied it.
struct DeviceCopy {
  var image: String
  var secrets: ReplicaSecrets
  var known: Device.Known
  var version: Int
}

/// The hub's store as it was, by a backup or as its files lay on the disk.
struct HubCopy {
  var path: String
  var isBackup: Bool
  var epoch: Int
  var positions: [String: UInt64]
  var received: Set<Data>
  var writes: Numbers
  var revoked: Set<ReplicaID>
  var photos: Set<BlobID>
}

/// Copies of stores, and what people do with them.
extension Simulation {
  /// Devices at most, copies included.
  static let devicesMax = 8

  func keepCopy(of device: Device) throws {
    guard !device.isDiskFull, let secrets = try device.secrets.load() else { return }
    let image = device.disk.path + ".copy"
    try device.disk.save(as: image)
    copies[device.index] = DeviceCopy(image: image, secrets: secrets, known: device.known, version: device.version)
  }

  /// Both go on from here under one name.
  func cloneDevice(_ device: Device, _ dice: inout Dice) throws {
    guard devices.count < Self.devicesMax, !device.isDiskFull, let secrets = try device.secrets.load() else { return }
    let twin = Device(
      index: devices.count, folder: folder, clock: SimClock(time, errorMs: Int64.random(in: -3000...3000, using: &dice)),
      scope: device.scope, readScopes: device.readScopes, version: device.version, link: link(), seed: derive(scenario.seed, 7),
      program: device.program)
    try device.disk.save(as: twin.disk.path)
    try twin.secrets.save(secrets)
    twin.known = device.known
    devices.append(twin)
    try markRevoked()
    for family in families.indices where families[family].contains(device.index) { families[family].append(twin.index) }
    say("  copied to \(twin.name)")
    note(.clone)
  }

  func restoreDevice(_ device: Device, _ dice: inout Dice) async throws {
    guard let copy = copies[device.index], !device.isDiskFull, !device.isRevoked else { return }
    try device.close()
    try device.disk.restore(copy.image)
    // Sometimes only the database is put back.
    if dice.chance(0.7) { try device.secrets.save(copy.secrets) }
    let lost = device.known
    device.known = copy.known
    device.version = max(copy.version, device.version)
    time.advance(1)
    _ = try device.open()
    try markRevoked()
    for number in history.written.indices
    where lost.writes.contains(number) && !devices.contains(where: { $0.known.writes.contains(number) }) {
      gone.insert(number)
    }
    goneAnswers.formUnion(lost.answers.subtracting(devices.reduce(into: []) { $0.formUnion($1.known.answers) }))
    note(.deviceRestored)
  }

  func keepHubCopy(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub, !hub.isDiskFull else { return }
    let path = folder + "/hub.copy\(hubCopies.count)-\(dice.below(1 << 30))"
    let isBackup = dice.chance(0.5)
    if isBackup {
      _ = try await open.backUp(to: path)
      // Devices let go of what the two newest hold: from now on only a careless operator puts an older copy in place.
      if !isAnyCopyRestored, let last = hubCopies.lastIndex(where: \.isBackup) { hubCopies.removeFirst(last) }
    } else {
      try hub.disk.save(as: path)
    }
    let positions = try await open.read { session in
      Dictionary(
        uniqueKeysWithValues: try session.rows("SELECT scope, position FROM hub_scope").map {
          ($0[0].text ?? "", UInt64(clamping: $0[1].integer ?? 0))
        })
    }
    hubCopies.append(
      HubCopy(
        path: path, isBackup: isBackup, epoch: hub.port.epoch, positions: positions, received: history.received, writes: hubWrites,
        revoked: revoked, photos: Set(open.blobs.ids())))
  }

  /// The hub's machine breaks, and one of the copies takes the store's place.
  func restoreHub(_ dice: inout Dice) async throws {
    guard !hubCopies.isEmpty, !hub.isDiskFull else { return }
    let copy = dice.pick(hubCopies)
    if scenario.options.hasPhotos, let blobs = hub.port.hub?.blobs, dice.chance(0.5) {
      // The photos' folder, too, is as it was.
      for id in blobs.ids() where !copy.photos.contains(id) { blobs.setAside(id) }
    }
    try hub.close()
    if copy.isBackup {
      try Disk.copy(copy.path, to: hub.disk.path)
      for part in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: hub.disk.path + part) }
    } else {
      try hub.disk.restore(copy.path)
    }
    // A copy of the files does not know that it is one; `hub restore` tells it.
    let isTold = copy.isBackup || dice.chance(0.5)
    if isTold && !copy.isBackup { try BackupFile.markAsCopy(hub.disk.path, by: nil) }
    if copy.isBackup, hubCopies.last(where: \.isBackup)?.path != copy.path { met(.olderBackup) }
    history.putBack(to: copy.epoch, positions: copy.positions)
    hub.port.epoch += 1
    history.received = copy.received
    for number in history.written.indices where hubWrites.contains(number) && !copy.writes.contains(number) { gone.insert(number) }
    hubWrites = copy.writes
    revoked = copy.revoked
    try markRevoked()
    time.advance(1)
    _ = try await hub.open()
    say("  the hub's store is as at \(copy.positions.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: " "))")
    note(.hubRestored)
  }
}
