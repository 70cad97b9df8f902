import Foundation
import Testing

@testable import SyncCore

/// Whether docs/protocol.md is enough: a decoder written from it in another language must read the samples as SyncKit does.
@Suite struct StrangerTests {
  private struct Told: Codable, Equatable {
    struct Change: Codable, Equatable {
      var table: String
      var key: [String]
      var life: UInt32
      /// Column, kind, value.
      var cells: [[String]]
    }
    struct Unit: Codable, Equatable {
      var stamp: [UInt64]
      var changes: [Change]
      /// In pages only.
      var position: UInt64?
      var author: String?
      var batch: String?
      var number: UInt64?
      var unit: Int?
    }
    struct Batch: Codable, Equatable {
      var hash: String
      var replica: String
      var scope: String
      var number: UInt64
      var previous: String
      var cursor: String
      var units: [Unit]
    }
    struct Receipt: Codable, Equatable {
      var batch: String
      var replica: String
      var scope: String
      var number: UInt64
      var hubTimeMs: UInt64
      var state: Int
      var units: UInt32
      var changes: UInt32
      var heldChanges: UInt32
    }
    struct Page: Codable, Equatable {
      var reader: String
      var scope: String
      var units: [Unit]
      var cursor: String
      var head: Bool
      var hubTimeMs: UInt64
    }
    struct Packet: Codable, Equatable {
      var table: String
      var cells: [[String]]
    }
    var device: String
    var hub: String
    var writeScope: String
    var readScopes: [String]
    var batches: [Batch]
    var receipts: [Receipt]
    var pages: [Page]
    var packet: Packet
    var bundledBatch: Batch
    var bundledPacket: Packet
  }

  @Test(.enabled(if: Python.isPresent, "python3 is missing: apt-get install python3 lets this test run"))
  func aDecoderWrittenFromTheProtocolTextReadsTheSamples() async throws {
    let output = try Python.run([
      SampleFiles.folder.appendingPathComponent("stranger.py").path, SampleFiles.folder.appendingPathComponent("Vectors").path,
    ])
    let told = try JSONDecoder().decode(Told.self, from: output)
    let expected = try await expected()
    #expect(told.device == expected.device && told.hub == expected.hub)
    #expect(told.writeScope == expected.writeScope && told.readScopes == expected.readScopes)
    #expect(told.batches == expected.batches)
    #expect(told.receipts == expected.receipts)
    #expect(told.pages == expected.pages)
    #expect(told.packet == expected.packet)
    #expect(told.bundledBatch == expected.bundledBatch && told.bundledPacket == expected.bundledPacket)
  }

  private func expected() async throws -> Told {
    let conversation = try await Conversation()
    let device = try #require(SigningKey(rawRepresentation: Conversation.devicePrivate))
    let author = try #require(VerifyingKey(rawRepresentation: device.publicKey))
    let batches = try ["batch-1", "batch-2"].map { name in
      let sealed = SealedBatch(bytes: try SampleFiles.load(name))
      let content = try BatchCodec.open(sealed, author: author)
      return Told.Batch(
        hash: sealed.hash.hex, replica: content.replica.description, scope: content.scope, number: content.number,
        previous: content.previous.hex, cursor: content.cursor.hex,
        units: content.units.map { Told.Unit(stamp: [$0.stamp.wallMs, UInt64($0.stamp.counter)], changes: $0.changes.map(Self.change)) })
    }
    let receipts = try ["receipt-1", "receipt-2"].map { name in
      let wire = try WireReceipt.parse(
        try conversation.hubKey.open(try SampleFiles.load(name), as: .receipt), named: LocalizedText("receipt"))
      return Told.Receipt(
        batch: wire.batch.hex, replica: wire.replica.hex, scope: wire.scope, number: wire.number, hubTimeMs: wire.hubTimeMs,
        state: 1, units: wire.units, changes: wire.changes, heldChanges: wire.heldChanges)
    }
    let pages = try ["page-author", "page-reader"].map { name in
      let page = try PageCodec.open(try SampleFiles.load(name), hub: conversation.hubKey)
      return Told.Page(
        reader: page.reader.description, scope: page.scope,
        units: page.units.map { unit in
          Told.Unit(
            stamp: [unit.stamp.wallMs, UInt64(unit.stamp.counter)], changes: unit.changes.map(Self.change), position: unit.position,
            author: unit.author.description, batch: batches[Int(unit.batchNumber) - 1].hash, number: unit.batchNumber, unit: unit.index)
        }, cursor: page.cursor.hex, head: page.isHead, hubTimeMs: page.hubTimeMs)
    }
    let packet = Told.Packet(table: "answer", cells: Conversation.packetCells.map { [$0.column] + Self.value($0.value) })
    return Told(
      device: device.replica.description, hub: conversation.hubKey.replica.description, writeScope: Conversation.scope,
      readScopes: ["24", Conversation.scope], batches: batches, receipts: receipts, pages: pages,
      packet: packet, bundledBatch: batches[0], bundledPacket: packet)
  }

  private static func change(_ change: RowChange) -> Told.Change {
    Told.Change(
      table: change.table, key: value(change.key), life: change.life, cells: change.cells.map { [$0.column] + value($0.value) })
  }

  private static func value(_ value: CellValue) -> [String] {
    switch value {
    case .null: ["null", ""]
    case .integer(let number): ["integer", "\(number)"]
    case .real(let number): ["real", Data(withUnsafeBytes(of: number.bitPattern.bigEndian) { Array($0) }).hex]
    case .text(let text): ["text", text]
    case .blob(let bytes): ["blob", bytes.hex]
    }
  }
}

private enum Python {
  static let isPresent = (try? run(["--version"])) != nil

  static func run(_ arguments: [String]) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    return data
  }
}
