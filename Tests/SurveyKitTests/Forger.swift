import Foundation
import Synchronization
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A device that signs whatever it is told to.
final class Forger: Sendable {
  struct Held: Hashable, Sendable {
    var reason: String
    var detail: String
  }

  private let (key, unit, world): (SigningKey, String, HubWorld)
  private let last = Mutex((number: UInt64(0), hash: Data()))

  init(_ field: SurveyField, unit: String, _ world: HubWorld) throws {
    (key, self.unit, self.world) = (try #require(try field.replica.keyStore.load()).signingKey, unit, world)
  }

  var number: UInt64 { last.withLock { $0.number } }

  /// - Returns: What the receipt says is held.
  func push(_ changes: [RowChange]) async throws -> [Held] {
    let (number, previous) = last.withLock { ($0.number + 1, $0.hash) }
    let units = [ChangeUnit(stamp: HybridTimestamp(wallMs: HubWorld.morningMs + number), changes: changes)]
    let content = BatchContent(replica: key.replica, scope: unit, number: number, previous: previous, cursor: Data(), units: units)
    let batch = try BatchCodec.seal(content, with: key)
    let answer = try await world.survey.hub.ingest(batch)
    last.withLock { $0 = (number, batch.hash) }
    let receipt = try WireReceipt.parse(WireSigned.parse(answer, named: LocalizedText("x")).body, named: LocalizedText("x"))
    return receipt.held.map { Held(reason: $0.reason, detail: $0.detail) }
  }
}
