/// A blob that the hub lacks and this device has.
struct BlobOffer: Hashable, Sendable {
  var id: BlobID
  var size: Int
  /// Where to go on.
  var offset: Int
}
