internal import Foundation
internal import SyncHub
internal import ToolSupport

/// Turns a workbook of Excel 97–2003, or an OpenDocument one, into `.xlsx` by LibreOffice, where it is installed.
enum LibreOffice {
  static let endings: Set<String> = ["xls", "ods"]
  /// Longest that LibreOffice may take, in seconds: its first start makes a profile.
  static let secondsMax = 120.0

  /// Name of LibreOffice's program; nil where it is not installed.
  private static var program: String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.lazy.flatMap { folder in ["soffice", "libreoffice"].map { "\(folder)/\($0)" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// - Returns: The workbook as `.xlsx`; nil for another kind of file, or without LibreOffice: then the reader says what the file is.
  /// - Throws: `ToolError` when LibreOffice makes nothing of it.
  static func converted(_ file: URL) throws -> Data? {
    guard endings.contains(file.pathExtension.lowercased()), let program else { return nil }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("workbook-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    // A profile of its own: one that somebody has open would be asked instead, and nothing made.
    process.arguments = [
      "-env:UserInstallation=file://\(folder.path)/profile", "--headless", "--convert-to", "xlsx", "--outdir", folder.path, file.path,
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    if ended.wait(timeout: .now() + secondsMax) == .timedOut {
      process.terminate()
      ended.wait()
    }
    let made = folder.appendingPathComponent(file.deletingPathExtension().lastPathComponent + ".xlsx")
    guard let data = try? Data(contentsOf: made) else {
      throw ToolError(
        vi: "LibreOffice không đọc được \(file.lastPathComponent); hãy mở tệp rồi lưu dạng .xlsx.",
        en: "LibreOffice cannot read \(file.lastPathComponent); open it and save it as .xlsx.")
    }
    return data
  }
}
