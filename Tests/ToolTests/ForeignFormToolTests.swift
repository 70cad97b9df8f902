import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

/// A form as other programs write it, checked, published and asked in the terminal by the real tools.
@Suite(.serialized, .long) struct ForeignFormToolTests {
  private func write(_ version: String, _ folder: TemporaryFolder, survey: String = ForeignForm.survey) throws -> String {
    let path = folder.path + "/pks01-\(version).xlsform"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in [
      ("survey", survey), ("choices", ForeignForm.choices), ("settings", ForeignForm.settings(id: "pks01", version: version)),
    ] { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name).csv")) }
    return path
  }

  @Test func everythingIsAskedAsItIsWritten() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let form = try write("2024032602", folder)
    let published = try await HubTool.run(["forms", "publish", form, "--dir", dir])
    #expect(published.status == 0, "\(published.errors)")
    let hub = try await ServedHub(dir, folder)
    let path = folder.path + "/device"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let said = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir])
    let json = try JSONSerialization.jsonObject(with: Data(said.output.utf8))
    let code = try #require(((json as? [[String: Any]])?.first ?? json as? [String: Any])?["code"] as? String, "\(said.output)")
    let field = ToolProcess(name: "field", folder: path)
    try #require(try await field.run("enroll", code, "--hub", "http://127.0.0.1:\(hub.hubPort)").code == 0)
    let lines = ["", "", "An", "2", "3", "n", "5", "y", "Car", "n", "2 1", "3", "Maybe", "1", "4", "s", "q"]
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path + "/lines.txt"))
    func collect(_ options: String) async throws -> String {
      let ended = try await Tool.run("/bin/sh", ["-c", "cd '\(path)' && exec '\(Tool.path("field"))' collect \(options) < lines.txt"])
      #expect(ended.status == 0, "\(ended.output)\n\(ended.errors)")
      return ended.output
    }
    let english = try await collect("--lang en")
    for text in [
      "Welcome dear reader", "How many children, An?", "See help (https://example.org/x)", "Age of a child of An?", "Specify other.",
      "Toys at age 5", "Which toy at age 5?", "Which toy at age 5? (2.1)", "From 0 to 5 in steps of 1.", "1  Apple", "Banana; Apple",
    ] { #expect(english.contains(text), "\(text) is not in \(english)") }
    #expect(!english.contains("${") && !english.contains("**"))
    let french = try await collect("--lang en --form-lang fr")
    #expect(french.contains("Combien d'enfants, An ?") && french.contains("Banane"))
    let unknown = try await field.run("collect", "--form-lang", "xx")
    #expect(unknown.code == 1 && unknown.err.contains("fr (Français)"), "\(unknown.err)")
    #expect(await hub.stop() == 0)
  }

  @Test func whatMeansNothingIsSaidAndCountedAndWhatIsMissingIsNotAsked() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let survey = ForeignForm.survey.replacingOccurrences(
      of: "rank fruit,order", with: "deviceid,d,,,,,\naudit,,,,,,\nselect_one_from_file towns.csv,town,Town,Ville,,,\nrank fruit,order")
    let form = try write("2024032603", folder, survey: survey)
    let checked = try await HubTool.run(["forms", "check", form, "--lang", "en"])
    #expect(checked.status == 0 && checked.errors.contains("this is not recorded here; its value is blank. (2 cells: rows 11, 12)"))
    #expect(checked.output.contains("4 cells are passed over or taken otherwise"), "\(checked.output)")
    let without = try await HubTool.run(["forms", "publish", form, "--dir", dir, "--lang", "en"])
    #expect(without.status == 0 && without.errors.contains("Files are missing beside the form: towns.csv"), "\(without.errors)")
    try Data("name,label\na,Town A\n".utf8).write(to: URL(fileURLWithPath: form + "/towns.csv"))
    let other = try await HubTool.run(["forms", "publish", form, "--dir", dir, "--lang", "en"])
    #expect(other.status == 1 && other.errors.contains("write a new version in settings"), "\(other.errors)")
    let telling = try write("2024032604", folder, survey: survey + "geopoint,where,Where?,,,,\n")
    try Data("name,label\na,Town A\n".utf8).write(to: URL(fileURLWithPath: telling + "/towns.csv"))
    let anonymous = try await HubTool.run(["forms", "publish", telling, "--dir", dir, "--lang", "en"])
    #expect(anonymous.status == 0 && anonymous.errors.contains("where: an anonymous form asks for no position"), "\(anonymous.errors)")
    let again = try await HubTool.run(["forms", "publish", telling, "--dir", dir, "--lang", "en"])
    #expect(again.status == 0 && again.output.contains("has exactly pks01"), "\(again.output)")
  }
}
