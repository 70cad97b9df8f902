import Foundation

@testable import SyncCore

/// What a check found wrong. Ends the run.
struct Violation: Error, Sendable, CustomStringConvertible {
  var check: String
  var message: String
  var description: String { "\(check): \(message)" }
}

/// A growing set of small numbers.
struct Numbers: Hashable, Sendable {
  private var words: [UInt64] = []

  func contains(_ number: Int) -> Bool { number / 64 < words.count && words[number / 64] >> UInt64(number % 64) & 1 == 1 }

  mutating func insert(_ number: Int) {
    while words.count <= number / 64 { words.append(0) }
    words[number / 64] |= 1 << UInt64(number % 64)
  }

  mutating func formUnion(_ other: Numbers) {
    while words.count < other.words.count { words.append(0) }
    for index in other.words.indices { words[index] |= other.words[index] }
  }

  mutating func formIntersection(_ other: Numbers) {
    for index in words.indices { words[index] &= index < other.words.count ? other.words[index] : 0 }
  }

  func first(missingFrom other: Numbers) -> Int? {
    (0..<words.count * 64).first { contains($0) && !other.contains($0) }
  }
}

/// A unit by where it was sealed. The batch's hash tells two devices of one name apart.
struct UnitName: Hashable, Sendable, CustomStringConvertible {
  var author: ReplicaID
  var scope: String
  var number: UInt64
  var index: Int
  var batch: Data

  var description: String { "\(author.short)/\(scope)#\(number).\(index)" }
}

/// Everything the simulation saw happen: who sealed what knowing what, and which pages were delivered. The causal histories
/// are kept here as sets of units – vector clocks written out, so that units may also arrive out of order – and come from
/// the bytes that were delivered, not from the engine's cursors.
///
/// A unit that was sealed anew under another identity is the same unit under another name.
struct History {
  struct SealedUnit {
    var name: UnitName
    var changes: [RowChange]
    /// Units its author knew when it sealed this one: its store's own, and what that had been told. The hub: what it had merged.
    var past = Numbers()
    /// Of those, its store's own.
    var own = Numbers()
  }

  struct Place: Hashable {
    var unit: Int
    var author: ReplicaID
    var stamp: UInt64
    /// The operator declined it: it has a place, and nothing of it was merged.
    var isDeclined = false
  }

  /// What a person wrote, and what had been seen before.
  struct Written {
    var store: Int
    var deed: Deed
    /// Units whose values stood on the store, and earlier writes there.
    var units = Numbers()
    var writes = Numbers()
  }

  private(set) var units: [SealedUnit] = []
  private var numbers: [UnitName: Int] = [:]
  var written: [Written] = []
  /// Batches a hub said it has, by hash, since its store was last put back.
  var received: Set<Data> = []
  /// The feed of each scope, as readers were told it, each time the hub's store was put back.
  private var feeds: [[String: [UInt64: Place]]] = [[:]]
  /// The feed as it is now.
  var feed: [String: [UInt64: Place]] { feeds[feeds.count - 1] }
  /// What a device that applied up to a cursor has been told. Cursors are opaque: their meaning follows from the pages.
  private(set) var meaning: [Data: Numbers] = [Data(): Numbers()]

  /// What the operator declined.
  var declined: [RowChange] { feed.values.flatMap(\.values).filter(\.isDeclined).flatMap { units[$0.unit].changes } }

  /// What the feed says of a row, a line for each unit.
  func story(of row: RowName, where isTold: (Place) -> String = { _ in "" }) -> String {
    feed.values.flatMap { $0.sorted { $0.key < $1.key } }.compactMap { position, place -> String? in
      let unit = units[place.unit]
      let changes = unit.changes.filter { change in
        if change.table == "sync_decision" { return change.cells.contains { $0.column == "row_key" && $0.value.text == row.key } }
        return change.table == row.table && change.key.text == row.key
      }
      guard !changes.isEmpty else { return nil }
      let cells = changes.map { "life \($0.life) " + $0.cells.map { "\($0.place)=\($0.value.short)" }.joined(separator: " ") }
      let what = (place.isDeclined ? " declined" : "") + isTold(place)
      return "\n  \(position) \(unit.name) as \(place.author.short) at \(place.stamp)\(what): \(cells.joined(separator: "; "))"
    }.joined()
  }

  /// Whether the feed has a write of a cell whose author knew of another, or that other one under a later stamp.
  func hasWrite(of row: RowName, at cell: CellPlace, knowing other: RowOracle.Write) -> Bool {
    feed.values.contains { scope in
      scope.values.contains { place in
        !place.isDeclined && (place.unit == other.unit ? place.stamp > other.stamp : units[place.unit].past.contains(other.unit))
          && units[place.unit].changes.contains { change in
            change.table == row.table && change.key.text == row.key && change.cells.contains { $0.place == cell }
          }
      }
    }
  }

  func unit(_ name: UnitName) -> Int? { numbers[name] }

  /// The hub's store is put back to how it was in an earlier epoch, up to a position of each scope.
  mutating func putBack(to epoch: Int, positions: [String: UInt64]) {
    feeds.append(
      feeds[epoch].reduce(into: [:]) { kept, scope in kept[scope.key] = scope.value.filter { $0.key <= positions[scope.key] ?? 0 } })
  }

  /// Changes without the order in which tables and columns happen to travel.
  private static func content(_ changes: [RowChange]) -> Set<[AnyHashable]> {
    Set(changes.map { [$0.table, $0.key, $0.life, Set($0.cells)] })
  }

  /// Takes a batch a device made since it was last looked at.
  mutating func sealed(_ batch: SealedBatch, by store: inout Device.Known) throws {
    let content = try BatchCodec.reopen(batch)
    guard let told = meaning[content.cursor] else {
      throw Violation(check: "cursor", message: "batch \(content.number) of \(content.replica.short) names a cursor no page gave")
    }
    if let wrong = told.first(missingFrom: store.applied) {
      throw Violation(
        check: "cursor",
        message: "batch \(content.number) of \(content.replica.short) claims \(units[wrong].name), which its store never applied")
    }
    for (index, unit) in content.units.enumerated() {
      let name = UnitName(author: content.replica, scope: content.scope, number: content.number, index: index, batch: batch.hash)
      // A clock that was set back may give one stamp twice.
      let again = store.own[unit.stamp.rawValue]?.last { Self.content(units[$0].changes) == Self.content(unit.changes) }
      let number = numbers[name] ?? again ?? units.count
      numbers[name] = number
      if number == units.count {
        var past = told
        past.formUnion(store.ownUnits)
        units.append(SealedUnit(name: name, changes: unit.changes, past: past, own: store.ownUnits))
      }
      store.own[unit.stamp.rawValue, default: []].append(number)
      store.ownUnits.insert(number)
      store.applied.insert(number)
    }
  }

  /// Takes a page that reached a reader undamaged.
  ///
  /// - Parameters:
  ///   - earlier: What its reader was told of the feed before the page.
  ///   - isStrict: Nothing happened that gives one unit two names or places.
  /// - Returns: The page's units, by position.
  mutating func delivered(
    _ page: PageContent, after earlier: [UInt64: Place], asked: Data, epoch: Int, isStrict: Bool
  ) throws -> [UInt64: Place] {
    feeds[epoch][page.scope, default: [:]].merge(earlier) { known, _ in known }
    var told: [UInt64: Place] = [:]
    for unit in page.units {
      told[unit.position] = try place(
        unit, scope: page.scope, hub: page.hub, reader: page.reader, epoch: epoch, isStrict: isStrict)
    }
    guard let before = meaning[asked] else { throw Violation(check: "cursor", message: "a page answers a cursor no page gave") }
    var after = before
    for place in told.values { after.insert(place.unit) }
    // Where lives of the hub ended, a cursor may leave out some of what its holder was told; what it says is what all have in common.
    if let other = meaning[page.cursor] { after.formIntersection(other) }
    meaning[page.cursor] = after
    return told
  }

  /// Notes what stands at a position of a feed.
  ///
  /// - Parameter reader: For whom the unit was read; its own come without what they say. Nil: read in the log.
  mutating func place(
    _ unit: FeedUnit, scope: String, hub: ReplicaID, reader: ReplicaID?, epoch: Int, isStrict: Bool
  ) throws -> Place {
    let name = UnitName(author: unit.author, scope: scope, number: unit.batchNumber, index: unit.index, batch: unit.batchHash)
    let number: Int
    if let known = numbers[name] {
      number = known
    } else {
      guard unit.author == hub else { throw Violation(check: "feed", message: "\(name) is in the feed, and nobody sealed it") }
      number = units.count
      numbers[name] = number
      var past = Numbers()
      for (position, place) in feeds[epoch][scope] ?? [:] where position < unit.position { past.insert(place.unit) }
      units.append(SealedUnit(name: name, changes: unit.changes, past: past))
    }
    let isNamed = unit.author == reader || unit.isDeclined || !isStrict && unit.changes.isEmpty
    if !isNamed && Self.content(unit.changes) != Self.content(units[number].changes) {
      throw Violation(check: "feed", message: "\(name) reached \(reader?.short ?? "the log") with other content than it was sealed with")
    }
    let place = Place(unit: number, author: unit.author, stamp: unit.stamp.rawValue, isDeclined: unit.isDeclined)
    if let known = feeds[epoch][scope]?[unit.position], known != place {
      throw Violation(
        check: "feed",
        message: "position \(unit.position) of \(scope) is \(name) for one reader, \(units[known.unit].name) for another")
    }
    feeds[epoch][scope, default: [:]][unit.position] = place
    return place
  }

  /// Takes the last page of a snapshot, which stands for all of a feed up to a position.
  ///
  /// - Returns: The units it stands for, by position.
  mutating func fetched(scope: String, upTo end: UInt64, cursor: Data, asked: Data, epoch: Int) throws -> [UInt64: Place] {
    guard let before = meaning[asked] else { throw Violation(check: "cursor", message: "a snapshot answers a cursor no page gave") }
    let told = (feeds[epoch][scope] ?? [:]).filter { $0.key <= end }
    guard UInt64(told.count) == end else {
      throw Violation(check: "feed", message: "the log of \(scope) has \(told.count) known positions, not \(end)")
    }
    var after = before
    for place in told.values { after.insert(place.unit) }
    if let other = meaning[cursor] { after.formIntersection(other) }
    meaning[cursor] = after
    return told
  }
}
