package import Foundation

/// What a page of a snapshot was asked for with.
package struct SnapshotRequest: Hashable {
  package var scope: String
  package var cursor: Data
  package var next: Data

  package init(scope: String, cursor: Data, next: Data) {
    self.scope = scope
    self.cursor = cursor
    self.next = next
  }

  /// How its answer in a bundle is named.
  package var about: Data {
    var data = Data()
    for part in [Data(scope.utf8), cursor, next] {
      data.appendVarint(UInt64(part.count))
      data.append(part)
    }
    return data.sha256
  }
}
