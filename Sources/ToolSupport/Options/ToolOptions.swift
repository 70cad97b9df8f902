public import ArgumentParser
public import SyncCore
internal import SyncStore

/// Options of every command of both tools.
public struct ToolOptions: ParsableArguments, Sendable {
  @Flag(
    name: .long,
    help: .text(vi: "In JSON cho chương trình thay vì chữ cho người đọc.", en: "Print JSON for programs instead of text for people."))
  public var json = false

  @Option(name: .long, help: .text(vi: "Ngôn ngữ: vi hoặc en. Mặc định: theo hệ thống.", en: "Language: vi or en. Default: by locale."))
  public var lang: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Đồng hồ của buổi tổng duyệt: START_MS,ANCHOR_MS,SPEED, hoặc @TỆP.",
      en: "A rehearsal's clock: START_MS,ANCHOR_MS,SPEED, or @FILE.",
      visibility: .hidden))
  public var clock: String?

  public init() {}

  public var language: Language {
    lang.flatMap(Language.init(rawValue:)) ?? .spoken
  }

  public var console: Console { Console(language: language, isJSON: json) }

  /// Returns the command's clock: the system's, unless a rehearsal gave another.
  public func wallClock() throws -> any WallClock {
    guard let clock else { return SystemClock() }
    if clock.hasPrefix("@") {
      guard let file = FileClock(path: String(clock.dropFirst())) else {
        throw ToolError(vi: "Tệp đồng hồ \(clock) không có giờ.", en: "The clock file \(clock) holds no time.")
      }
      return file
    }
    guard let scaled = ScaledClock(argument: clock) else {
      throw ToolError(vi: "--clock phải có dạng START_MS,ANCHOR_MS,SPEED.", en: "--clock must look like START_MS,ANCHOR_MS,SPEED.")
    }
    return scaled
  }

  public func validate() throws {
    if let lang, Language(rawValue: lang) == nil {
      throw ValidationError(vi: "--lang phải là vi hoặc en, không phải \(lang).", en: "--lang must be vi or en, not \(lang).")
    }
  }
}

/// Refusal by a tool itself: one sentence, exit code 1.
public struct ToolError: ExplainedError {
  public var explanation: LocalizedText

  public init(vi: String, en: String) { explanation = LocalizedText(vi: vi, en: en) }
}

/// Exit codes of a command, for scripts.
public enum ToolExit {
  /// The request was refused or failed; a sentence tells why.
  public static let failed = ExitCode(1)
  /// The work was done in part: rows were refused, units are held.
  public static let partly = ExitCode(2)
  /// The network or hub was missing; the work is safe, and the same command can be given again.
  public static let tryAgain = ExitCode(75)
}

/// Command of `field` or `hub`: prints errors in the reader's language, and ends with an exit code.
public protocol ToolCommand: AsyncParsableCommand {
  var options: ToolOptions { get }
  /// Runs the command. Throw an `ExplainedError` to refuse, an `ExitCode` after printing the reason.
  func perform(_ console: Console) async throws
}

extension ToolCommand {
  public func run() async throws {
    let console = options.console
    do {
      try await perform(console)
    } catch let error as SyncError {
      console.refuse(error.explanation, code: error.code.rawValue)
      throw error.mayPass ? ToolExit.tryAgain : ToolExit.failed
    } catch let error as any ExplainedError {
      console.refuse(error.explanation)
      throw ToolExit.failed
    } catch is CancellationError {
      console.refuse(LocalizedText(vi: "Đã dừng theo yêu cầu.", en: "Stopped on request."), code: SyncError.Code.cancelled.rawValue)
      throw ToolExit.tryAgain
    } catch let error where !(error is ExitCode || error is ValidationError || error is CleanExit) {
      console.refuse(
        LocalizedText(vi: "Lỗi không lường trước: \(error)", en: "Unforeseen fault: \(error)"), code: SyncError.Code.internalFault.rawValue)
      throw ToolExit.failed
    }
  }
}
