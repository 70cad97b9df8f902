internal import Foundation

/// Limit of the files that the process may have open.
public enum DescriptorLimit {
  /// Raises the limit as far as this process may by itself, and returns it.
  public static func raise() -> Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return fallback }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(resource, &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Number of files that are open now; an estimate when the system does not tell.
  public static var open: Int {
    for folder in ["/proc/self/fd", "/dev/fd"] {
      if let names = try? FileManager.default.contentsOfDirectory(atPath: folder) { return names.count }
    }
    return guess
  }

  /// Limit that every system grants a process.
  private static let fallback = 256
  private static let guess = 64

  #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let resource = RLIMIT_NOFILE
  #endif
}
