import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncBundle
@testable import SyncHub
@testable import SyncKit

/// Journeys of files between a world's devices and its hub.
extension World {
  func file(_ name: String) -> String { folder.path + "/" + name }

  /// What the hub makes of bundles, and the path of its return.
  func hubImports(_ paths: [String], return name: String) async throws -> (report: BundleReport, paths: [String]) {
    var options = Hub.BundleOptions()
    options.returnPath = file(name)
    let report = try await hub.importBundles(paths, options: options)
    return (report, report.returns)
  }

  /// One device's bundle to the hub and the return back to it.
  @discardableResult func journey(_ replica: Replica, _ name: String = UUID().uuidString) async throws -> (BundleReport, BundleImport) {
    let export = try await replica.exportBundle(to: file(name + ".skb"))
    clock.advance(1000)
    let (report, paths) = try await hubImports(export.paths, return: name + "-return.skb")
    clock.advance(1000)
    return (report, try await replica.importBundles(paths))
  }

  /// A device that never met the network: it asked by file, and has the hub's answer.
  func deviceByFile(_ name: String, unit: String = "07201") async throws -> Replica {
    let replica = try replica(name)
    try await replica.requestEnrolment(code: try await hub.makeCode(scope: unit, readScopes: ["24", unit]), label: name)
    try await journey(replica, name + "-enrol")
    return replica
  }

  /// What lies in a bundle, section by section.
  static func sections(_ path: String) throws -> (bodies: [Data], damage: [String]) {
    let reader = try BundleReader(path)
    var (bodies, damage) = ([Data](), [String]())
    while let item = try reader.next() {
      switch item {
      case .parcel(let parcel): bodies.append(parcel.bytes)
      case .section(_, let body): bodies.append(body)
      case .damage(let text, _): damage.append(text.en)
      }
    }
    return (bodies, damage)
  }

  /// The pieces of a bundle as they lie in the file: its beginning, then every section with its head.
  static func pieces(_ path: String) throws -> [Data] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var pieces = [data.prefix(BundleMagic.byteCount)]
    var at = BundleMagic.byteCount
    while at < data.count {
      let head = try #require(SectionHead(Data(data[at..<at + SectionHead.byteCount])))
      let end = at + SectionHead.byteCount + Int(head.bodyBytes)
      pieces.append(data[at..<end])
      at = end
    }
    return pieces.map { Data($0) }
  }

  func write(_ data: some Sequence<Data>, to name: String) throws -> String {
    try data.reduce(Data(), +).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

extension Replica {
  func insert(_ id: String, _ a: String, unit: String = "07201") async throws {
    try await execute("INSERT INTO note (id, unit, a) VALUES (?, ?, ?)", [id, unit, a])
  }
}
