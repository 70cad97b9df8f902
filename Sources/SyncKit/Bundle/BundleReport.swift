public import SyncCore

/// What a hub found in bundles, and what became of it.
public struct BundleReport: Sendable, Hashable, Codable {
  /// What came of one device, whoever brought it.
  public struct Device: Sendable, Hashable, Codable {
    public var replica: ReplicaID
    public var label = ""
    /// The unit it writes for; empty when the hub does not know the device.
    public var scope = ""
    /// Batches the hub did not have.
    public var new = 0
    /// Batches the hub had.
    public var duplicate = 0
    /// Batches that wait for an earlier one.
    public var waiting = 0
    /// Batches of a revoked device that wait for a decision.
    public var undecided = 0
    /// Parts that were not taken; `problems` says why.
    public var refused = 0
    /// Sections that were damaged on the way: what was in them comes again with its next bundle.
    public var damaged = 0
    /// Changes in the new batches.
    public var changes = 0
    /// Changes in them that are not merged yet, with a reason.
    public var held = 0
    /// Units in them of which a value lost or won unseen.
    public var conflicting = 0
    /// Packets the hub now has.
    public var packets = 0
    /// Packets under a key that a revocation had ended: the hub has them, and they wait for a decision.
    public var packetsLate = 0
    /// Attachments that the hub has whole now and had not before.
    public var blobs = 0
    /// Attachments that the hub had.
    public var blobsDuplicate = 0
    /// Attachments of which pieces are missing, or the row that refers to them.
    public var blobsWaiting = 0
    /// Units that a restored hub had lost.
    public var unitsBack = 0
    public var isNewlyEnrolled = false
    /// Whether the return holds an answer for it.
    public var isAnswered = false
    public var problems: [LocalizedText] = []

    package init(replica: ReplicaID) { self.replica = replica }
  }

  /// What was wrong with one file.
  public struct File: Sendable, Hashable, Codable {
    public var path: String
    public var bytes = 0
    public var sections = 0
    /// At the hub, parcels for devices or other hubs; on a device, whom else it holds something for.
    public var others = 0
    /// Sections of kinds this program does not know.
    public var unknown = 0
    /// Whether nothing of it could be read.
    public var isRefused = false
    public var damage: [LocalizedText] = []
    /// Kinds of damage more than are listed.
    public var unlisted = 0

    package init(path: String) { self.path = path }

    package mutating func note(_ text: LocalizedText) {
      if damage.count < BundleReport.damageListedMax { damage.append(text) } else { unlisted += 1 }
    }
  }

  /// Listed for one file, or one device.
  package static let damageListedMax = 20

  public var files: [File] = []
  /// By unit and label.
  public var devices: [Device] = []
  /// The return bundle, or its parts; empty when none was asked for or there was nobody to answer.
  public var returns: [String] = []

  package init() {}

  /// Whether every part of every file was taken.
  public var isWhole: Bool {
    files.allSatisfy { $0.damage.isEmpty && !$0.isRefused } && devices.allSatisfy { $0.refused == 0 }
  }
}
