/// Blob that the hub lacks and this device has.
package struct BlobOffer: Hashable, Sendable {
  package var id: BlobID
  package var size: Int
  /// Offset in bytes at which sending continues.
  package var offset: Int

  package init(id: BlobID, size: Int, offset: Int) {
    self.id = id
    self.size = size
    self.offset = offset
  }
}
