package import Foundation

/// Request for a page of a snapshot.
package struct SnapshotRequest: Hashable {
  package var scope: String
  package var cursor: Data
  package var next: Data

  package init(scope: String, cursor: Data, next: Data) {
    self.scope = scope
    self.cursor = cursor
    self.next = next
  }

  /// Name of the request, by which an answer in a bundle refers to it.
  package var about: Data {
    var data = Data()
    for part in [Data(scope.utf8), cursor, next] {
      data.appendVarint(UInt64(part.count))
      data.append(part)
    }
    return data.sha256
  }
}
