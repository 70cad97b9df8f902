internal import Foundation

/// What a page of a snapshot was asked for with.
struct SnapshotRequest: Hashable {
  var scope: String
  var cursor: Data
  var next: Data

  /// How its answer in a bundle is named.
  var about: Data {
    var data = Data()
    for part in [Data(scope.utf8), cursor, next] {
      data.appendVarint(UInt64(part.count))
      data.append(part)
    }
    return data.sha256
  }
}
