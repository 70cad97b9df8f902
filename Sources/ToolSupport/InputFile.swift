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

/// Files that a command makes once, such as codes and keys.
public enum OutputFile {
  /// Refuses to replace a file: what it holds may be in no other place. What is no file is left to whoever writes.
  public static func refuseExisting(_ path: String) throws {
    var there = stat()
    guard stat(path, &there) == 0, there.st_mode & S_IFMT == S_IFREG else { return }
    throw ToolError(
      vi: "Đã có \(path); không ghi đè. Ghi tên khác, hoặc dời tệp đó đi trước. Chưa làm gì.",
      en: "There is \(path) already; it is not overwritten. Name another file, or move that one away first. Nothing was done.")
  }
}
