public import ArgumentParser
internal import Foundation
internal import SyncCore

/// Beginning and end of both tools: every word in the reader's language, also those of the argument parser.
public enum ToolMain {
  /// Parses the process's arguments, runs the command that they name and ends the process with its exit code.
  ///
  /// Wrong usage is exit code 64; with `--json` it is an error object as other failures are.
  public static func run(_ root: any AsyncParsableCommand.Type) async {
    StandardStream.reserve()
    let arguments = Array(Language.taken(from: CommandLine.arguments).rest.dropFirst())
    guard !arguments.contains(where: { $0.contains("\u{FFFD}") }) else { refuseBytes(arguments) }
    do {
      var command = try await root.asyncParseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
    } catch {
      end(root, error, arguments)
    }
  }

  private static func end(_ root: any AsyncParsableCommand.Type, _ error: any Error, _ arguments: [String]) -> Never {
    let code = root.exitCode(for: error)
    // Hides the name of the command that runs when none is named.
    let text = root.fullMessage(for: error).replacingOccurrences(of: "\(root._commandName) next", with: root._commandName)
    if code.isSuccess {
      let isHelp = text.hasPrefix("OVERVIEW: ") || text.hasPrefix("USAGE: ")
      Console.out(isHelp && Language.spoken == .vietnamese ? ParserWords.help(text) : text)
    } else if !text.isEmpty {
      explain(
        root.message(for: error), in: text, wantsJSON: wantsJSON(arguments),
        unknown: unknown(arguments, of: root))
    }
    exit(code.rawValue)
  }

  /// Refuses arguments with invalid UTF-8, which came in as replacement characters: they would name another file.
  private static func refuseBytes(_ arguments: [String]) -> Never {
    let text = LocalizedText(
      vi: "Dòng lệnh không phải là chữ UTF-8; hãy đổi tên tệp đó.", en: "The command line is not UTF-8 text; rename that file.")
    if wantsJSON(arguments) { Console.object(.error, code: "usage", text(.spoken)) } else { Console.err(text(.spoken)) }
    exit(ExitCode.validationFailure.rawValue)
  }

  private static func wantsJSON(_ arguments: [String]) -> Bool { arguments.prefix { $0 != "--" }.contains("--json") }

  /// Returns an error for a first word that is no command: the parser would take it for an argument of the command that runs when
  /// none is named.
  private static func unknown(_ arguments: [String], of root: any AsyncParsableCommand.Type) -> LocalizedText? {
    guard let word = arguments.first, !word.hasPrefix("-"), root.configuration.subcommands.allSatisfy({ $0._commandName != word }) else {
      return nil
    }
    let tool = root._commandName
    return LocalizedText(vi: "Không có lệnh '\(word)'; xem \(tool) --help.", en: "There is no command '\(word)'; see \(tool) --help.")
  }

  private static func explain(_ message: String, in text: String, wantsJSON: Bool, unknown: LocalizedText?) {
    let isVietnamese = Language.spoken == .vietnamese
    let sentence = unknown?(.spoken) ?? (isVietnamese ? ParserWords.sentence(message) : message)
    if wantsJSON { return Console.object(.error, code: "usage", sentence) }
    if unknown != nil { return Console.err(sentence) }
    guard isVietnamese, let place = text.range(of: message) else { return Console.err(text) }
    let (before, after) = (String(text[..<place.lowerBound]), String(text[place.upperBound...]))
    Console.err(ParserWords.surroundings(before) + sentence + ParserWords.surroundings(after))
  }
}
