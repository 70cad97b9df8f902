internal import Foundation

/// Finds our other programs beside this one.
public enum ProgramBeside {
  /// Returns the path of a program in this one's folder.
  ///
  /// - Throws: `ToolError` when there is no such program.
  public static func path(_ name: String) throws -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw ToolError(
        vi: "Không thấy chương trình \(name) trong cùng thư mục (\(path)); dựng nó bằng make build.",
        en: "There is no program \(name) in the same folder (\(path)); build it with make build.")
    }
    return path
  }

  /// Continues as another program, with the same arguments, terminal and process.
  ///
  /// - Throws: `ToolError` when there is no such program, or it cannot be started.
  public static func become(_ name: String) throws -> Never {
    let path = try path(name)
    var arguments = ([path] + CommandLine.arguments.dropFirst()).map { strdup($0) }
    arguments.append(nil)
    execv(path, arguments)
    let reason = String(cString: strerror(errno))
    for argument in arguments { free(argument) }
    throw ToolError(vi: "Không chạy được \(path): \(reason).", en: "\(path) cannot be started: \(reason).")
  }
}
