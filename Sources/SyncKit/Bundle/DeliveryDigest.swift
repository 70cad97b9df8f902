package import Foundation
internal import SyncCore

/// Digest of what one file holds of a parcel, whatever the order of its sections. A courier learns by it when the hub has read
/// exactly that content.
package struct DeliveryDigest: Hashable {
  private let id: Data
  private var sum = [UInt8](repeating: 0, count: 32)
  private(set) var sections: UInt64 = 0

  package init(_ parcel: Parcel) { id = parcel.wire.id }

  package mutating func add(_ head: SectionHead) {
    for (place, byte) in head.hash.enumerated() where place < sum.count { sum[place] ^= byte }
    sections += 1
  }

  package mutating func add(_ other: DeliveryDigest) {
    for place in sum.indices { sum[place] ^= other.sum[place] }
    sections += other.sections
  }

  /// Value of 32 bytes.
  package var value: Data {
    var data = Data("synckit/mark/1".utf8) + [0] + id + Data(sum)
    data.appendVarint(sections)
    return data.sha256
  }
}

/// Digests of what several files hold of each parcel together: a courier may have divided it otherwise than it was given.
package struct DeliveryDigests {
  private var marks: [Data: DeliveryDigest] = [:]
  private var seen: Set<Data> = []

  package init() {}

  /// Sections that are remembered; larger imports report only the digests of single files.
  private static let sectionsMax = 200_000

  package mutating func add(_ head: SectionHead, of parcel: Parcel) {
    // Counts the same section in two files once.
    guard seen.count < Self.sectionsMax, seen.insert(parcel.wire.id + head.hash).inserted else { return }
    marks[parcel.wire.id, default: DeliveryDigest(parcel)].add(head)
  }

  package var values: [Data] { seen.count < Self.sectionsMax ? marks.values.map(\.value) : [] }
}
