public import ArgumentParser
internal import Foundation
public import SyncCore

extension Language {
  /// Language of this process, known before its arguments are parsed: help and usage errors need it too.
  public static let spoken = taken(from: CommandLine.arguments).language ?? Language(environment: ProcessInfo.processInfo.environment)

  /// Returns the last language that a command line names, and the command line without it: `--lang vi` may stand anywhere, also
  /// before a command. An unknown language is left for the parser to refuse.
  public static func taken(from arguments: [String]) -> (language: Language?, rest: [String]) {
    var (language, rest) = (Language?.none, [String]())
    var left = arguments[...]
    while let argument = left.popFirst() {
      if argument == "--" { return (language, rest + [argument] + left) }
      let named = argument == "--lang" ? left.first : argument.hasPrefix("--lang=") ? String(argument.dropFirst(7)) : nil
      guard let found = named.flatMap(Language.init(rawValue:)) else {
        rest.append(argument)
        continue
      }
      language = found
      if argument == "--lang" { left.removeFirst() }
    }
    return (language, rest)
  }
}

extension ArgumentHelp {
  /// Returns an option's or argument's help in the language of this process.
  public static func text(vi: String, en: String, visibility: ArgumentVisibility = .default) -> ArgumentHelp {
    ArgumentHelp(LocalizedText(vi: vi, en: en)(.spoken), visibility: visibility)
  }
}

extension ValidationError {
  /// Makes the error for a wrong use of a command: exit code 64.
  public init(vi: String, en: String) { self.init(LocalizedText(vi: vi, en: en)(.spoken)) }
}

extension CommandConfiguration {
  /// Makes the configuration of a command, with its help in the language of this process.
  ///
  /// - Parameters:
  ///   - discussion: A paragraph is one line: the help wraps it to the terminal.
  ///   - examples: Command lines as a person types them, the same in both languages.
  public init(
    commandName: String? = nil, abstract: LocalizedText, discussion: LocalizedText? = nil, examples: [String], version: String = "",
    shouldDisplay: Bool = true, subcommands: [any ParsableCommand.Type] = [], defaultSubcommand: (any ParsableCommand.Type)? = nil
  ) {
    let heading = examples.count == 1 ? LocalizedText(vi: "Ví dụ:", en: "Example:") : LocalizedText(vi: "Các ví dụ:", en: "Examples:")
    let lines = [heading(.spoken)] + examples.map { "  " + $0 }
    self.init(
      commandName: commandName, abstract: abstract(.spoken),
      discussion: [discussion?(.spoken), lines.joined(separator: "\n")].compactMap { $0 }.joined(separator: "\n\n"), version: version,
      shouldDisplay: shouldDisplay, subcommands: subcommands, defaultSubcommand: defaultSubcommand)
  }
}
