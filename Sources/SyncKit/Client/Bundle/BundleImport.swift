internal import Foundation
internal import SwiftProtobuf
public import SyncBundle
public import SyncCore
internal import SyncStore

/// Result of importing return bundles on a device.
public struct BundleImport: Sendable, Hashable, Codable {
  public var files: [BundleReport.File] = []
  /// Parcels for this device.
  public var parcels = 0
  /// Other devices, or hubs, for which the files hold something.
  public var others: Int { files.map(\.others).max() ?? 0 }
  public var isNewlyEnrolled = false
  public var progress = SyncProgress()
  /// Packets that the hub has.
  public var packetsKept: Int { progress.packetsSent }
  /// Attachments that the hub has whole.
  public var blobsIn: Int { progress.blobsSent }
  /// True when the hub has no room for attachments at present.
  public var areBlobsDeferred = false
  /// Carried parcels that the hub has read, and that were deleted here.
  public var delivered = 0
  public var notices: [SyncNotice] = []
  /// Refusals of the hub, each reason once.
  public var refused: [LocalizedText] = []
  /// True when something is left that needs another bundle to the hub, and its answer.
  public var needsAnother = false

  public var isWhole: Bool { files.allSatisfy { $0.damage.isEmpty && !$0.isRefused } && refused.isEmpty }
}

extension Replica {
  /// Imports return bundles: each answer takes the path that it would take by HTTP. Repeating an import, in any order, changes
  /// nothing; answers to other devices are left.
  ///
  /// - Throws: `SyncError` when no file holds anything for this device, or its own store cannot go on; answers taken before stay
  ///   taken.
  public func importBundles(_ paths: [String], courier: Courier? = nil) async throws -> BundleImport {
    let code = try await engineRead { try $0.state.value(Self.replaceCode).text }
    guard let key = try await code == nil ? loadedSecrets().map({ try secretsKey($0) }) : keyForReplacement(of: presentIdentity()) else {
      throw Self.notEnrolled
    }
    var answers = BundleAnswers()
    for path in paths {
      try Task.checkCancellation()
      try answers.read(path, for: key.replica, key: key)
    }
    var outcome = BundleImport(files: answers.files, parcels: answers.parcels)
    if try await enrolment() == nil {
      guard answers.parcels > 0 else { throw nothingFor(key.replica, answers) }
      try await takeEnrolment(from: answers, key: key)
      outcome.isNewlyEnrolled = true
    }
    if let code {
      guard answers.parcels > 0 else { throw nothingFor(key.replica, answers) }
      _ = try await replaceIdentity(code: code, through: BundleTransport(answers: answers))
      outcome.isNewlyEnrolled = true
      outcome.needsAnother = true
    }
    outcome.delivered = try await takeDeliveries(answers.deliveries, courier: courier)
    guard answers.parcels > 0 else {
      if outcome.delivered > 0 { return outcome }
      throw nothingFor(key.replica, answers)
    }
    let exchange = BundleExchange(replica: self, answers: answers, outcome: outcome)
    return try await exchange.run()
  }

  /// Returns the key in use, or before enrolment, when no certificate names it, the only key.
  private func secretsKey(_ loaded: ReplicaSecrets) throws -> SigningKey {
    do { return try secrets().signingKey } catch let error as SyncError where error.code == .notEnrolled { return loaded.signingKey }
  }

  private func nothingFor(_ replica: ReplicaID, _ answers: BundleAnswers) -> SyncError {
    if let damage = answers.files.flatMap(\.damage).first { return SyncError(.damaged, vi: damage.vi, en: damage.en) }
    return SyncError(
      .badRequest, vi: "Không có gì cho máy này (\(replica.short)); nếu là của máy khác, mang giúp bằng field courier collect.",
      en: "There is nothing for this device (\(replica.short)); to carry it for others, use field courier collect.")
  }

  private func takeEnrolment(from answers: BundleAnswers, key: SigningKey) async throws {
    guard let answer = try answers.answer(.enrolmentAnswer, key.publicKey) else { throw BundleTransport.notAnswered }
    guard answer.status == 200 else { throw SyncError(answer) }
    let response = try WireEnrolResponse.parse(answer.body, named: LocalizedText(vi: "trả lời ghi danh", en: "enrolment answer"))
    let secrets = try loadedSecrets() ?? ReplicaSecrets(signingKey: key)
    try await accept(response, secrets: secrets, address: "", isFile: true)
    try await engineWrite { try $0.session.execute("DELETE FROM sync_state WHERE name IN ('enrolCode', 'enrolLabel')") }
  }

  private func takeDeliveries(_ deliveries: [Data], courier: Courier?) async throws -> Int {
    guard let courier, !deliveries.isEmpty else { return 0 }
    return try courier.drop(delivered: Courier.marks(in: deliveries, signedBy: try await hubKey()))
  }
}
