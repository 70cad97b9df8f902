import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Somebody copies every file of a device or a hub, has all keys, and looks for the order in which people answered.
@Suite struct PacketOrderTests {
  private static let people = 6
  private static let trials = 40

  /// How many of all pairs lie in the order in which they were made.
  private func agreement(_ places: [Int]) -> Double {
    let pairs = places.indices.flatMap { a in places.indices.filter { $0 > a }.map { (places[a], places[$0]) } }
    return Double(pairs.count { $0.0 < $0.1 }) / Double(pairs.count)
  }

  /// Half of all pairs, give or take four standard deviations of the mean: of Kendall's statistic of that many people, over all trials.
  private func isChance(_ agreements: [Double]) -> Bool {
    let n = Double(Self.people)
    let deviation = (2 * (2 * n + 5) / (9 * n * (n - 1))).squareRoot() / 2
    let mean = agreements.reduce(0, +) / Double(agreements.count)
    return abs(mean - 0.5) < 4 * deviation / Double(agreements.count).squareRoot()
  }

  /// Every file in a folder and below, by its path.
  private func files(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in FileManager.default.enumerator(atPath: folder)?.compactMap({ $0 as? String }) ?? [] {
      if let data = FileManager.default.contents(atPath: folder + "/" + name) { files[name] = data }
    }
    return files
  }

  private func place(of part: Data, in file: Data) -> Int? { file.range(of: part)?.lowerBound }

  @Test(.long) func aDevicesFilesDoNotTellWhoAnsweredFirst() async throws {
    var agreements: [Double] = []
    for _ in 0..<Self.trials {
      let world = try await World()
      let device = try await world.device("a")
      var made: [Data] = []
      for number in 0..<Self.people {
        try await device.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", ["r\(number)"])
        let now = try await device.engineRead { try $0.session.rows("SELECT bytes FROM sync_packet").compactMap { $0[0].blob } }
        made += try now.map { try WirePacket(serializedBytes: $0).encapsulated }.filter { !made.contains($0) }
      }
      #expect(made.count == Self.people)
      let all = try files(world.folder.path).filter { $0.key.hasPrefix("a.sqlite") }
      #expect(all["a.sqlite-wal"]?.isEmpty ?? true, "the log is cut after each answer")
      let file = try #require(all["a.sqlite"])
      agreements.append(agreement(try made.map { try #require(place(of: $0, in: file)) }))
      // Freed pages keep nothing of them: each packet is there once.
      for packet in made { #expect(file.ranges(of: packet).count == 1) }
      try device.close()
    }
    #expect(isChance(agreements), "\(agreements)")
  }

  @Test func aReaderThatKeepsTheLogIsOutwaited() async throws {
    let world = try await World()
    let device = try await world.device("a")
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let reader = try DatabaseQueue(path: world.folder.path + "/a.sqlite", configuration: configuration)
    try reader.inDatabase { db in
      try db.execute(sql: "BEGIN")
      _ = try Row.fetchAll(db, sql: "SELECT * FROM sync_state")
    }
    try await device.execute("INSERT INTO answer (id, unit, words) VALUES ('1', '07201', 'w')")
    #expect(device.dropBox.order.isLogDue)
    try reader.inDatabase { try $0.execute(sql: "COMMIT") }
    #expect(try await device.forgetOrder())
    #expect(try files(world.folder.path)["a.sqlite-wal"]?.isEmpty ?? true)
  }

  @Test func manyAtOnceAreWrittenAnewOnce() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.database.write { db in
      try device.insertTogether(in: db) {
        for number in 0..<50 {
          try db.execute(sql: "INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", arguments: ["\(number)"])
        }
      }
    }
    #expect(try await device.status().packetsWaiting == 50)
    #expect(!device.dropBox.order.isPutOff)
    // A transaction that fails leaves nothing put off.
    struct Stop: Error {}
    await #expect(throws: Stop.self) {
      try await device.database.write { db in try device.insertTogether(in: db) { throw Stop() } }
    }
    #expect(!device.dropBox.order.isPutOff)
    _ = try await device.sync(with: world.transport)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM answer") } == 50)
  }

  // MARK: The hub

  private func spooling() async throws -> World {
    var options = Hub.Options()
    options.spoolsPackets = true
    return try await World(options: options)
  }

  private func packet(_ world: World, _ scope: String, _ words: String) throws -> WirePacket {
    let keys = world.hub.keys
    return try Packets.make(
      table: "answer", cells: [("id", .text(UUID().uuidString)), ("unit", .text(scope)), ("words", .text(words))], scope: scope,
      dropKey: keys.dropKey, unitKey: keys.unitKey(scope: scope))
  }

  private func send(_ packet: WirePacket, _ scope: String, to world: World) async throws {
    _ = try await world.hub.keep(try WireDropRequest.with { $0.packets = [packet] }.serializedData(), scope: scope)
  }

  @Test(.long) func aHubsFilesDoNotTellWhoAnsweredFirst() async throws {
    var waiting: [Double] = []
    var released: [Double] = []
    var spooled: [Double] = []
    for _ in 0..<Self.trials {
      let world = try await spooling()
      var few: [WirePacket] = []
      var words: [String] = []
      // In each commune somebody of whom k is too few, and six people who make a step; contacts of devices come between.
      for number in 0..<Self.people {
        let scope = "0720\(number)"
        few.append(try packet(world, scope, "alone"))
        try await send(few[number], scope, to: world)
        words.append("person-\(UUID().uuidString)")
        try await send(try packet(world, "07301", words[number]), "07301", to: world)
        try await world.hub.store.write { try $0.execute("UPDATE hub_device SET contact_ms = 1") }
        world.clock.advance(1000)
      }
      // Before the flush: files by hash, all of one time.
      let folder = world.folder.path + "/hub.sqlite.spool"
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.count == 32 }
      #expect(names.count == 2 * Self.people)
      for name in names + [""] {
        let date = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.modificationDate] as? Date
        #expect(date == Date(timeIntervalSince1970: 0), "\(name)")
      }
      spooled.append(agreement(few.map { names.sorted().firstIndex(of: $0.id.hex) ?? -1 }))
      #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") } == 0)
      try await world.hub.flushPackets()
      let all = try files(world.folder.path)
      #expect(all["hub.sqlite-wal"]?.isEmpty ?? true, "the log is cut after each flush")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.count == 32 }.isEmpty)
      let file = try #require(all["hub.sqlite"])
      waiting.append(agreement(try few.map { try #require(place(of: $0.encapsulated, in: file)) }))
      released.append(agreement(try words.map { try #require(place(of: Data($0.utf8), in: file)) }))
      for word in words { #expect(all.values.reduce(0) { $0 + $1.ranges(of: Data(word.utf8)).count } == 1, "nowhere else") }
    }
    #expect(isChance(waiting), "\(waiting)")
    #expect(isChance(released), "\(released)")
    #expect(isChance(spooled), "\(spooled)")
  }

  @Test(.long) func laterFlushesDoNotTellEarlierOnesApart() async throws {
    var agreements: [Double] = []
    for _ in 0..<Self.trials {
      let world = try await spooling()
      var made: [WirePacket] = []
      for number in 0..<Self.people {
        made.append(try packet(world, "0720\(number)", "alone"))
        try await send(made[number], "0720\(number)", to: world)
        try await world.hub.flushPackets()
      }
      let file = try #require(try files(world.folder.path)["hub.sqlite"])
      agreements.append(agreement(try made.map { try #require(place(of: $0.encapsulated, in: file)) }))
    }
    #expect(isChance(agreements), "\(agreements)")
  }

  @Test func aBackupHoldsWhatWasAnsweredAsKept() async throws {
    let world = try await spooling()
    let device = try await world.device("a")
    for number in 0..<3 { try await device.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", ["\(number)"]) }
    _ = try await device.sync(with: world.transport)
    #expect(try await device.status().packetsKept == 3)
    #expect(world.hub.spooledPackets().scopes.count == 3)
    let path = world.folder.path + "/backup.sqlite"
    _ = try await world.hub.backUp(to: path)
    let copy = try await DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM hub_packet") }
    #expect(copy == 3)
  }

  @Test func aPowerCutBetweenStoreAndSpoolCountsAPacketOnce() async throws {
    let world = try await spooling()
    let one = try packet(world, "07201", "w")
    try await send(one, "07201", to: world)
    try await world.hub.flushPackets()
    // It lies in both places again.
    try world.hub.spool.keep([one], scope: "07201")
    let spooled = world.hub.spooledPackets()
    let counts = try await world.hub.read { try DropCounts.byScope($0, spooled: spooled) }
    #expect(counts["07201"]?.waiting == 1 && counts["07201"]?.received == 1)
    try await world.hub.flushPackets()
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") } == 1)
  }

  @Test func twoProcessesThatFlushAtOnceKeepEachPacketOnce() async throws {
    let world = try await spooling()
    var options = Hub.Options()
    options.spoolsPackets = true
    let store = try SQLiteHubStore.open(
      at: world.folder.path + "/hub.sqlite", tables: world.schema.tables, migrator: world.schema.migrator, clock: world.clock)
    let other = try await Hub.open(store: store, keys: world.hub.keys, clock: world.clock, options: options)
    for round in 0..<4 {
      for number in 0..<5 { try await send(try packet(world, "07201", "\(round) \(number)"), "07201", to: world) }
      async let first: Void = world.hub.flushPackets()
      async let second: Void = other.flushPackets()
      _ = try await (first, second)
    }
    #expect(try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()) }["07201"]?.released == 20)
    #expect(try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()) }["07201"]?.repeated == 0)
    try other.close()
  }

  @Test func aKeyOfPacketsInTheSpoolIsNotDestroyed() async throws {
    let world = try await spooling()
    try await send(try packet(world, "07201", "w"), "07201", to: world)
    let id = try #require(try await world.hub.dropKeys().first)
    #expect(id.waiting == 1)
    await #expect(throws: SyncError.self) {
      _ = try await world.hub.destroyDropKey(id.id, in: world.folder.path + "/keys", acceptsLoss: true)
    }
  }

  @Test func anExaminationCountsTheSpoolAndNamesWhatIsDamaged() async throws {
    let world = try await spooling()
    try await send(try packet(world, "07201", "w"), "07201", to: world)
    func examined() async throws -> Examination {
      try await SQLiteHubStore.examine(at: world.folder.path + "/hub.sqlite", tables: world.schema.tables, keys: world.hub.keys)
    }
    var found = try await examined()
    #expect(found.findings.isEmpty && found.packets == 1)
    let damaged = world.folder.path + "/hub.sqlite.spool/" + String(repeating: "ab", count: 16)
    try Data("nothing".utf8).write(to: URL(fileURLWithPath: damaged))
    found = try await examined()
    #expect(found.findings.count == 1)
    try await world.hub.flushPackets()
    #expect(FileManager.default.fileExists(atPath: damaged), "what cannot be read is left where it is")
  }
}
