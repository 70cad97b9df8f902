public import SyncCore

/// Result of importing bundles at a hub.
public struct BundleReport: Sendable, Hashable, Codable {
  /// Result for one device, whoever brought its parcels.
  public struct Device: Sendable, Hashable, Codable {
    public var replica: ReplicaID
    public var label = ""
    /// Org unit for which the device writes; empty when the hub does not know the device.
    public var scope = ""
    /// Batches that the hub did not have.
    public var new = 0
    /// Batches that the hub had.
    public var duplicate = 0
    /// Batches that wait for an earlier one.
    public var waiting = 0
    /// Batches of a revoked device that wait for a decision.
    public var undecided = 0
    /// Sections that were refused; `problems` says why.
    public var refused = 0
    /// Sections that were damaged on the way: the device's next bundle brings their content again.
    public var damaged = 0
    /// Changes in the new batches.
    public var changes = 0
    /// Changes in the new batches that are not merged yet, with a reason.
    public var held = 0
    /// Units in the new batches of which a value lost or won unseen.
    public var conflicting = 0
    /// Packets that the hub now has.
    public var packets = 0
    /// Packets under a key that a revocation had ended: the hub has them, and they wait for a decision.
    public var packetsLate = 0
    /// Attachments that are whole at the hub since this import.
    public var blobs = 0
    /// Attachments that the hub had.
    public var blobsDuplicate = 0
    /// Attachments of which pieces are missing, or the row that refers to them.
    public var blobsWaiting = 0
    /// Units that a restored hub had lost.
    public var unitsBack = 0
    public var isNewlyEnrolled = false
    /// True when the return bundle holds an answer for the device.
    public var isAnswered = false
    public var problems: [LocalizedText] = []

    package init(replica: ReplicaID) { self.replica = replica }
  }

  /// Result for one file.
  public struct File: Sendable, Hashable, Codable {
    public var path: String
    public var bytes = 0
    public var sections = 0
    /// At the hub: parcels for devices or other hubs. On a device: other recipients of the file.
    public var others = 0
    /// Sections of kinds that this program does not know.
    public var unknown = 0
    /// True when nothing of the file could be read.
    public var isRefused = false
    public var damage: [LocalizedText] = []
    /// Further damage beyond the listed.
    public var unlisted = 0

    package init(path: String) { self.path = path }

    package mutating func note(_ text: LocalizedText) {
      if damage.count < BundleReport.damageListedMax { damage.append(text) } else { unlisted += 1 }
    }
  }

  /// Damage listed for one file, or one device.
  package static let damageListedMax = 20

  public var files: [File] = []
  /// Results by unit and label.
  public var devices: [Device] = []
  /// Paths of the return bundle or of its parts; empty when none was asked for, or there was nobody to answer.
  public var returns: [String] = []

  package init() {}

  /// True when every part of every file was taken.
  public var isWhole: Bool {
    files.allSatisfy { $0.damage.isEmpty && !$0.isRefused } && devices.allSatisfy { $0.refused == 0 }
  }
}
