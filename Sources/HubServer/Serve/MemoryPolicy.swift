#if canImport(Glibc)
  internal import CMalloc
#endif

/// Keeps large bodies apart from what lives long, so that a hub's memory does not grow with the days.
///
/// Each time glibc frees a large piece, it takes pieces of that size from its heaps from then on, up to 32 MiB. After one batch of 8 MiB all
/// bodies lay between small values of many threads' heaps, which could never shrink. Fixed bounds have large pieces go back to the system at once.
enum MemoryPolicy {
  /// Bytes from which a piece is taken from the system and given back to it: glibc's first value.
  static let largeBytesMin: Int32 = 128 << 10
  /// Heaps that the threads share.
  static let heapsMax: Int32 = 2

  static func apply() {
    #if canImport(Glibc)
      _ = mallopt(M_MMAP_THRESHOLD, largeBytesMin)
      _ = mallopt(M_ARENA_MAX, heapsMax)
    #endif
  }
}
