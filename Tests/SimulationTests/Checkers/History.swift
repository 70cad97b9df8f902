import Foundation

@testable import SyncKit

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

  func first(missingFrom other: Numbers) -> Int? {
    (0..<words.count * 64).first { contains($0) && !other.contains($0) }
  }
}

/// A unit by where it was sealed.
struct UnitName: Hashable, Sendable, CustomStringConvertible {
  var author: ReplicaID
  var scope: String
  var number: UInt64
  var index: Int

  var description: String { "\(author.short)/\(scope)#\(number).\(index)" }
}

/// Everything the simulation saw happen: who sealed what knowing what, and which pages were delivered. The causal histories
/// are kept here as sets of units – vector clocks written out, so that units may also arrive out of order – and come from
/// the bytes that were delivered, not from the engine's cursors.
struct History {
  struct SealedUnit {
    var name: UnitName
    /// As sealed.
    var stamp: UInt64
    var changes: [RowChange]
    /// The units its author had been told of when it sealed this one, by the cursor the batch names.
    var told = Numbers()
    var isHub = false
  }

  struct Place: Hashable {
    var unit: Int
    var stamp: UInt64
  }

  /// What a person wrote, and what had been seen before.
  struct Written {
    var store: Int
    var deed: Deed
    /// Units whose values stood on the device, and earlier writes there; at the hub, how far its feed went.
    var units = Numbers()
    var writes = Numbers()
    var hubPosition: UInt64?
  }

  private(set) var units: [SealedUnit] = []
  private var numbers: [UnitName: Int] = [:]
  var written: [Written] = []
  /// Batches a hub said it has, by hash.
  var received: Set<Data> = []
  /// The feed of each scope, as readers were told it.
  private(set) var feed: [String: [UInt64: Place]] = [:]
  /// What a device that applied up to a cursor has been told. Cursors are opaque: their meaning follows from the pages.
  private(set) var meaning: [Data: Numbers] = [Data(): Numbers()]

  /// Changes without the order in which tables and columns happen to travel.
  private static func content(_ changes: [RowChange]) -> Set<[AnyHashable]> {
    Set(changes.map { [$0.table, $0.key, $0.life, Set($0.cells)] })
  }

  /// Takes the batches a device made since it was last looked at.
  mutating func sealed(_ content: BatchContent, applied: Numbers) throws -> [Int] {
    guard let told = meaning[content.cursor] else {
      throw Violation(check: "cursor", message: "batch \(content.number) of \(content.replica.short) names a cursor no page gave")
    }
    if let wrong = told.first(missingFrom: applied) {
      throw Violation(
        check: "cursor",
        message: "batch \(content.number) of \(content.replica.short) claims \(units[wrong].name), which its store never applied")
    }
    return content.units.enumerated().map { index, unit in
      let name = UnitName(author: content.replica, scope: content.scope, number: content.number, index: index)
      if let known = numbers[name] { return known }
      numbers[name] = units.count
      units.append(SealedUnit(name: name, stamp: unit.stamp.rawValue, changes: unit.changes, told: told))
      return units.count - 1
    }
  }

  /// Takes a page that reached a reader undamaged.
  ///
  /// - Returns: The page's units, by position.
  mutating func delivered(_ page: PageContent, asked: Data) throws -> [UInt64: Int] {
    let told = try page.units.reduce(into: [:]) { told, unit in
      told[unit.position] = try place(unit, scope: page.scope, hub: page.hub, reader: page.reader)
    }
    guard let before = meaning[asked] else { throw Violation(check: "cursor", message: "a page answers a cursor no page gave") }
    var after = before
    for number in told.values { after.insert(number) }
    meaning[page.cursor] = after
    return told
  }

  /// Notes what stands at a position of a feed.
  ///
  /// - Parameter reader: For whom the unit was read; its own come without what they say.
  mutating func place(_ unit: FeedUnit, scope: String, hub: ReplicaID, reader: ReplicaID?) throws -> Int {
    let name = UnitName(author: unit.author, scope: scope, number: unit.batchNumber, index: unit.index)
    let number: Int
    if let known = numbers[name] {
      number = known
    } else {
      guard unit.author == hub else { throw Violation(check: "feed", message: "\(name) is in the feed, and nobody sealed it") }
      number = units.count
      numbers[name] = number
      units.append(SealedUnit(name: name, stamp: unit.stamp.rawValue, changes: unit.changes, isHub: true))
    }
    if unit.author != reader && Self.content(unit.changes) != Self.content(units[number].changes) {
      throw Violation(check: "feed", message: "\(name) reached \(reader?.short ?? "the log") with other content than it was sealed with")
    }
    let place = Place(unit: number, stamp: unit.stamp.rawValue)
    if let known = feed[scope]?[unit.position], known != place {
      throw Violation(
        check: "feed", message: "position \(unit.position) of \(scope) is \(name) for one reader, \(units[known.unit].name) for another")
    }
    feed[scope, default: [:]][unit.position] = place
    return number
  }

  /// Takes the last page of a snapshot, which stands for all of a feed up to a position.
  ///
  /// - Returns: The units it stands for, by position.
  mutating func fetched(scope: String, upTo end: UInt64, cursor: Data, asked: Data) throws -> [UInt64: Int] {
    guard let before = meaning[asked] else { throw Violation(check: "cursor", message: "a snapshot answers a cursor no page gave") }
    let told = (feed[scope] ?? [:]).filter { $0.key <= end }.mapValues(\.unit)
    guard UInt64(told.count) == end else { throw Violation(check: "feed", message: "the log of \(scope) has not \(end) positions") }
    var after = before
    for number in told.values { after.insert(number) }
    meaning[cursor] = after
    return told
  }
}
