public import Foundation
internal import SyncCore

/// Files that people name on the command line.
public enum InputFile {
  /// Reads a file a person named, up to a bound.
  public static func read(_ path: String, bytesMax: Int) throws -> Data {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw ToolError(
        vi: "Không đọc được tệp \(path); kiểm tra tên và quyền.", en: "Cannot read the file \(path); check its name and permissions.")
    }
    defer { try? file.close() }
    let data: Data
    do {
      data = try file.read(upToCount: bytesMax + 1) ?? Data()
    } catch {
      throw ToolError(vi: "Không đọc được tệp \(path).", en: "The file \(path) cannot be read.")
    }
    guard data.count <= bytesMax else {
      throw ToolError(
        vi: "Tệp \(path) lớn hơn \(bytesMax >> 20) MiB; hãy chia nhỏ.",
        en: "The file \(path) is larger than \(bytesMax >> 20) MiB; split it.")
    }
    return data
  }
}
