import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import FieldCLI
@testable import HubServer
@testable import RehearsalTool

/// Help and usage errors of both tools, in both languages.
@Suite struct HelpTests {
  /// A command as `--experimental-dump-help` describes it.
  private struct Command: Decodable {
    struct Argument: Decodable {
      var kind: String
      var abstract: String?
      var valueName: String?
    }

    var commandName: String
    var superCommands: [String]?
    var abstract: String?
    var discussion: String?
    var arguments: [Argument]?
    var subcommands: [Command]?

    var path: [String] { (superCommands ?? []) + [commandName] }
    /// This one and all below, without the parser's own `help`.
    var all: [Command] { [self] + (subcommands ?? []).filter { $0.commandName != "help" }.flatMap(\.all) }
    var texts: [String?] { [abstract, discussion] + (arguments ?? []).map(\.abstract) }

    /// The lines under "Examples:".
    var examples: [String] {
      let lines = (discussion ?? "").components(separatedBy: "\n")
      let heading = ["Example:", "Examples:", "Ví dụ:", "Các ví dụ:"]
      guard let start = lines.lastIndex(where: heading.contains) else { return [] }
      return lines[(start + 1)...].map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  private struct Dump: Decodable { var command: Command }

  private func commands(_ tool: String, _ language: String) async throws -> [Command] {
    let ended = try await Tool.run(Tool.path(tool), ["--experimental-dump-help", "--lang", language])
    return try JSONDecoder().decode(Dump.self, from: Data(ended.output.utf8)).command.all
  }

  /// `rehearsal` speaks as the command of `hub` that starts it.
  private static func spoken(_ tool: String) -> String { tool == "rehearsal" ? "hub" : tool }

  @Test(.long, arguments: ["field", "hub", "rehearsal"]) func everyCommandHelpsInBothLanguagesWithExamplesThatParse(_ tool: String)
    async throws
  {
    let (english, vietnamese) = (try await commands(tool, "en"), try await commands(tool, "vi"))
    #expect(english.count >= (tool == "rehearsal" ? 3 : 9) && english.map(\.path) == vietnamese.map(\.path))
    for (en, vi) in zip(english, vietnamese) {
      let name = en.path.joined(separator: " ")
      #expect(en.abstract?.isEmpty == false, "\(name) says nothing of itself")
      for (a, b) in zip(en.texts, vi.texts) {
        #expect((a == nil) == (b == nil), "\(name)")
        guard let a, let b, !Self.parsersOwn.contains(a) else { continue }
        #expect(a != b && Self.isVietnamese(b) && !Self.isVietnamese(a), "\(name): “\(a)” and “\(b)”")
      }
      for argument in en.arguments ?? [] { #expect(argument.abstract?.isEmpty == false, "\(name) <\(argument.valueName ?? "?")>") }
      #expect(!en.examples.isEmpty && en.examples == vi.examples, "\(name) has no example, or others in Vietnamese")
      for example in en.examples {
        #expect(example.hasPrefix(Self.spoken(tool)) && example.count <= 78, "\(example)")
        #expect(throws: Never.self, "\(example)") { try self.parse(example, of: tool) }
      }
      // A command's own example shows that command.
      if (en.subcommands ?? []).isEmpty && en.commandName != "next" {
        #expect(en.examples.allSatisfy { $0 == name || $0.hasPrefix(name + " ") }, "\(name)")
      }
    }
  }

  private static let parsersOwn: Set<String> = ["Show the version.", "Show help information.", "Show subcommand help information."]

  private func parse(_ example: String, of tool: String) throws {
    let arguments = Array(Self.words(example).dropFirst())
    switch tool {
    case "hub": _ = try HubCommand.parseAsRoot(arguments)
    case "rehearsal": _ = try RehearsalCommand.parseAsRoot(arguments)
    default: _ = try Field.parseAsRoot(arguments)
    }
  }

  @Test func anExampleThatDoesNotParseIsFound() {
    for wrong in ["hub serve --prot 80", "hub close", "hub forms publish a.xlsx b.xlsx", "hub serve --port many"] {
      #expect(throws: (any Error).self, "\(wrong)") { try parse(wrong, of: "hub") }
    }
    #expect(Self.words("field report --set \"a=b c\" > x.json") == ["field", "report", "--set", "a=b c"])
  }

  /// As a shell cuts it: quotes hold words together; a redirection is not the command's.
  private static func words(_ line: String) -> [String] {
    var (words, word, isQuoted) = ([String](), "", false)
    for character in line + " " {
      switch character {
      case "\"": isQuoted.toggle()
      case ">" where !isQuoted: return words
      case " " where !isQuoted:
        if !word.isEmpty { words.append(word) }
        word = ""
      default: word.append(character)
      }
    }
    return words
  }

  static func isVietnamese(_ text: String) -> Bool {
    text.decomposedStringWithCanonicalMapping.unicodeScalars.contains {
      "đĐ".unicodeScalars.contains($0) || (0x300...0x331).contains($0.value)
    }
  }

  @Test(.long, arguments: ["field", "hub"]) func theScreenIsWhollyVietnamese(_ tool: String) async throws {
    for command in try await commands(tool, "vi") {
      let arguments = Array(command.path.dropFirst())
      for call in [arguments + ["--help"], ["help"] + arguments] {
        let ended = try await Tool.run(Tool.path(tool), call, environment: ["LANG": "vi_VN.UTF-8"])
        #expect(ended.status == 0 && ended.errors.isEmpty && ended.output.hasPrefix("MÔ TẢ: "), "\(call)")
        for english in ["OVERVIEW", "USAGE", "OPTIONS", "ARGUMENTS", "SUBCOMMANDS", "(default", "Show ", "See '"] {
          #expect(!ended.output.contains(english), "\(call): \(english)")
        }
      }
    }
  }

  @Test(.long) func usageErrorsAreInTheReadersLanguage() async throws {
    for (arguments, vi, en) in [
      (["status", "--jsn"], "Không có tùy chọn '--jsn'. Có phải ý bạn là '--json'?", "Unknown option '--jsn'. Did you mean '--json'?"),
      (["status", "--frobnicate"], "Không có tùy chọn '--frobnicate'", "Unknown option '--frobnicate'"),
      (["close"], "Thiếu đối số '<form>'", "Missing expected argument '<form>'"),
      (["serve", "--port"], "Thiếu giá trị sau '--port <port>'", "Missing value for '--port <port>'"),
      (["serve", "--port", "tám"], "Giá trị 'tám' không hợp lệ cho '--port <port>'", "The value 'tám' is invalid for '--port <port>'"),
      (["status", "x"], "Thừa đối số 'x'", "Unexpected argument 'x'"),
      (["status", "x", "y"], "Thừa 2 đối số: 'x', 'y'", "2 unexpected arguments: 'x', 'y'"),
      (["status", "--json=1"], "Tùy chọn '--json' không nhận giá trị, nhưng lại có '1'.", "The option '--json' does not take any value"),
      (["serve", "--port", "70000"], "--port phải từ 0 đến 65535, không phải 70000.", "--port must be 0 to 65535, not 70000."),
      (["clsoe"], "Không có lệnh 'clsoe'; xem hub --help.", "There is no command 'clsoe'; see hub --help."),
      (["status", "--lang", "fr"], "--lang phải là vi hoặc en, không phải fr.", "--lang must be vi or en, not fr."),
    ] {
      let vietnamese = try await HubTool.run(arguments, environment: ["LANG": "vi_VN.UTF-8"])
      #expect(vietnamese.status == 64 && vietnamese.output.isEmpty && vietnamese.errors.contains(vi), "\(vietnamese.errors)")
      for english in ["Error:", "Usage:", "See '", "Help:"] { #expect(!vietnamese.errors.contains(english), "\(vietnamese.errors)") }
      let english = try await HubTool.run(arguments)
      #expect(english.status == 64 && english.output.isEmpty && english.errors.contains(en), "\(english.errors)")
      let json = try await HubTool.run(arguments.filter { $0 != "--json=1" } + ["--json"])
      guard arguments != ["status", "--json=1"] && arguments != ["serve", "--port"] else { continue }
      #expect(json.status == 64 && json.output.isEmpty)
      let object = try JSONSerialization.jsonObject(with: Data(json.errors.utf8)) as? [String: [String: String]]
      #expect(object?["error"]?["code"] == "usage" && object?["error"]?["message"]?.contains(en) == true, "\(json.errors)")
    }
  }

  @Test func theLanguageMayBeNamedAnywhere() async throws {
    for arguments in [
      ["--lang", "vi", "forms", "--help"], ["forms", "--help", "--lang=vi"], ["--lang", "en", "forms", "--lang", "vi", "-h"],
    ] {
      #expect(try await HubTool.run(arguments).output.contains("LỆNH CON:"), "\(arguments)")
    }
    #expect(try await HubTool.run(["--lang", "en"], environment: ["LANG": "vi_VN.UTF-8"]).output.contains("There is no hub"))
  }

  @Test func refusalsAreObjectsWithJSON() async throws {
    let folder = try TemporaryFolder()
    let missing = try await HubTool.run(["status", "--json", "--dir", folder.path + "/none"])
    #expect(missing.status == 1 && missing.output.isEmpty)
    let error = try #require(try JSONSerialization.jsonObject(with: Data(missing.errors.utf8)) as? [String: [String: String]])
    #expect(error["error"]?["code"] == "storeMissing" && error["error"]?["message"]?.contains("hub init") == true)
    try Data("type,name\nnonsense,q1\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/form.xml"))
    let form = try await HubTool.run(["forms", "check", folder.path + "/form.xml", "--json"])
    let said = try JSONSerialization.jsonObject(with: Data(form.output.utf8)) as? [String: Any]
    #expect(form.status == 1 && (said?["problems"] as? [String])?.isEmpty == false)
    #expect(form.sentences.count == 1 && form.errors.contains("\"code\":\"badForm\""), "\(form.errors)")
  }
}
