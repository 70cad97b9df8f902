import Foundation

/// One run of a program from start to end.
struct WholeProcess {
  /// Seconds.
  var cpu: Double, wall: Double
  var output: Data

  /// - Throws: When it does not end well.
  init(_ path: String, _ arguments: [String], scratch: Scratch) throws {
    let outputPath = scratch.path + "/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for word in words + environment { free(word) } }
    var (child, status, usage) = (pid_t(), Int32(), rusage())
    let start = ContinuousClock.now
    guard posix_spawnp(&child, path, &actions, nil, &words, &environment) == 0, wait4(child, &status, 0, &usage) == child else {
      throw SQLiteFailure(description: "\(path) cannot be run")
    }
    wall = (ContinuousClock.now - start) / .seconds(1)
    guard status == 0 else { throw SQLiteFailure(description: "\(path) \(arguments.joined(separator: " ")) ended with \(status)") }
    cpu = [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    output = try Data(contentsOf: URL(fileURLWithPath: outputPath))
  }
}
