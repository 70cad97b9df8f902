internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import SyncKit
internal import ToolSupport

/// Command `hub prove`: compares a rehearsal's manifest with a hub's store, in a process of its own.
struct ProveCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: LocalizedText(
      vi: "Kiểm tra mọi thứ một buổi tổng duyệt đã nhập đều có trong kho của máy chủ đúng một lần.",
      en: "Check that everything a rehearsal entered is in the hub's store exactly once."),
    examples: ["hub prove rehearsal/manifest.json --dir rehearsal/hub"])

  @OptionGroup var options: ToolOptions
  @Argument(
    help: .text(
      vi: "Bản kê mà buổi tổng duyệt đã ghi.",
      en: "The manifest the rehearsal wrote."))
  var manifest: String
  @Option(
    name: .long,
    help: .text(
      vi: "Thư mục của máy chủ.",
      en: "The hub's folder."))
  var dir: String

  func perform(_ console: Console) async throws {
    let manifest = try RehearsalManifest.load(from: manifest)
    let hub = try await SurveyHub.open(at: dir, clock: try options.wallClock())
    defer { try? hub.close() }
    var proof = try await RehearsalProof.check(manifest, in: hub.hub)
    let holds = proof.holds
    let counts = (proof.missing.count, proof.altered.count, proof.unexpected.count, proof.lostReportValues.count)
    if !holds && !console.isJSON {
      for value in proof.missing.prefix(RehearsalProof.namesMax) {
        console.warn(LocalizedText(vi: "thiếu: \(value)", en: "missing: \(value)"))
      }
      for value in proof.altered.prefix(RehearsalProof.namesMax) {
        console.warn(LocalizedText(vi: "sai: \(value)", en: "altered: \(value)"))
      }
      for value in proof.unexpected.prefix(RehearsalProof.namesMax) {
        console.warn(LocalizedText(vi: "thừa: \(value)", en: "unexpected: \(value)"))
      }
      for value in proof.lostReportValues.prefix(RehearsalProof.namesMax) {
        console.warn(LocalizedText(vi: "báo cáo mất giá trị: \(value)", en: "a value of this report is lost: \(value)"))
      }
      for value in (proof.lostPosts + proof.lostPhotos).prefix(RehearsalProof.namesMax) {
        console.warn(LocalizedText(vi: "tin hoặc ảnh bị mất: \(value)", en: "a post or photo is lost: \(value)"))
      }
    }
    if !console.isJSON { proof.missing.removeAll() }
    try console.result(proof)
    if proof.erasedAnswers > 0 {
      let erased = console.words.number(proof.erasedAnswers)
      console.say(
        "\(erased) phiếu đã mở rồi được xóa: chỉ còn so được các số tổng.",
        "\(erased) answers were released and erased since: only their sums can be compared.")
    }
    console.say(
      holds
        ? "Đạt: \(console.words.number(proof.foundAnswers)) phiếu, mỗi phiếu đúng một lần."
        : "KHÔNG ĐẠT: thiếu, sai, thừa, báo cáo mất = \(counts).",
      holds
        ? "Holds: \(console.words.number(proof.foundAnswers)) answers, each exactly once."
        : "FAILS: missing, altered, unexpected, reports lost = \(counts).")
    if !holds { throw ToolExit.failed }
  }
}
