public import Foundation
public import SurveyKit
public import SyncHub

/// Campaign as its authors write it: a folder of small files, read and checked as a whole.
///
/// | file | says |
/// |---|---|
/// | `campaign.json` | when, where, with which forms |
/// | `communes.csv`, and `districts.csv` where they lie in districts | the unit tree |
/// | `headcount.csv` | how many may answer in each commune |
/// | `ID.xlsform/`, `ID.xlsx` or `ID.xml` | each form that the campaign names; the first of them that is there |
public struct CampaignFolder: Sendable {
  public var campaign: Campaign
  public var tree: UnitTree
  public var headcount: Headcount
  /// Forms that people answer, in the campaign's order, then the form of the daily report.
  public var forms: [Form]
  /// Remarks about what is no mistake, such as a file that was not needed.
  public private(set) var remarks: [LocalizedText] = []

  /// Largest CSV file read, in bytes.
  static let fileBytesMax = 16 << 20

  /// Reads the folder.
  ///
  /// - Parameter day: Moves the campaign so that it begins then.
  /// - Throws: every mistake in every file at once, with file and line.
  public init(_ folder: URL, movedTo day: CalendarDay? = nil) throws(DataProblems) {
    var reading = CampaignReading(folder: folder)
    guard reading.isFolder else {
      throw DataProblems([
        DataProblem(folder.lastPathComponent, vi: "Không có thư mục này.", en: "There is no such folder.")
      ])
    }
    let campaign = reading.campaign(movedTo: day)
    let tree = reading.tree(province: campaign?.province ?? ProvinceName(code: "0", name: "?"))
    let headcount = reading.headcount(tree: tree)
    let forms = reading.forms(named: campaign?.forms ?? [], report: campaign?.reportForm)
    guard reading.problems.isEmpty, let campaign, let tree, let headcount else { throw DataProblems(reading.problems) }
    self.campaign = campaign
    self.tree = tree
    self.headcount = headcount
    self.forms = forms
    remarks = reading.remarks
  }

  /// A campaign that was read otherwise than from a folder.
  init(campaign: Campaign, tree: UnitTree, headcount: Headcount, forms: [Form] = []) {
    (self.campaign, self.tree, self.headcount, self.forms) = (campaign, tree, headcount, forms)
  }

  /// Reads `headcount.csv` alone.
  static func headcount(csv data: Data, tree: UnitTree) throws(DataProblems) -> Headcount {
    var reading = CampaignReading(folder: URL(fileURLWithPath: "/"), given: [Headcount.file: data])
    let headcount = reading.headcount(tree: tree)
    guard reading.problems.isEmpty, let headcount else { throw DataProblems(reading.problems) }
    return headcount
  }
}

/// Reading in progress: it goes on after a mistake, so that all mistakes are reported together.
private struct CampaignReading {
  let folder: URL
  /// Contents of files that are read in place of those in the folder, by name.
  var given: [String: Data] = [:]
  var problems: [DataProblem] = []
  var remarks: [LocalizedText] = []

  var isFolder: Bool {
    var isFolder = ObjCBool(false)
    return FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  mutating func campaign(movedTo day: CalendarDay?) -> Campaign? {
    guard let json = data(Campaign.file) else { return nil }
    do throws(DataProblems) {
      let campaign = try Campaign(json: json)
      return try day.map { day throws(DataProblems) in try campaign.moved(toDay: day) } ?? campaign
    } catch {
      problems += error.problems
      return nil
    }
  }

  mutating func tree(province: ProvinceName) -> UnitTree? {
    guard let communes = rows(UnitLoader.communesFile, columns: ["code", "name", "kind"]) else { return nil }
    var districts: [SourceRow] = []
    if UnitLoader.hasGroups(communes: communes) {
      guard let rows = rows(UnitLoader.districtsFile, columns: ["code", "name", "kind", "communes"]) else { return nil }
      districts = rows
    } else if FileManager.default.fileExists(atPath: folder.appendingPathComponent(UnitLoader.districtsFile).path) {
      remarks.append(
        LocalizedText(
          vi: "Không dùng \(UnitLoader.districtsFile): cột district_code của \(UnitLoader.communesFile) không có hoặc để trống.",
          en: "\(UnitLoader.districtsFile) is not used: \(UnitLoader.communesFile) has no column district_code, or nothing in it."))
    }
    do throws(DataProblems) {
      return try UnitLoader.load(communes: communes, districts: districts, province: province)
    } catch {
      problems += error.problems
      return nil
    }
  }

  mutating func headcount(tree: UnitTree?) -> Headcount? {
    let rows = rows(Headcount.file, columns: ["code", "officials", "civil_servants", "part_time", "eligible"])
    // Skips the headcount without a tree: every commune would be unknown, and the tree's own mistakes are reported.
    guard let rows, let tree else { return nil }
    do throws(DataProblems) {
      return try Headcount(rows: rows, tree: tree)
    } catch {
      problems += error.problems
      return nil
    }
  }

  /// Reads the forms that people answer, reduced so that nobody can be identified, and the report's form.
  mutating func forms(named asked: [String], report: String?) -> [Form] {
    var forms: [Form] = []
    let names = asked + (report.map { [$0] } ?? [])
    for (index, name) in names.enumerated() where !names[..<index].contains(name) {
      let file = FormFile.name(of: name, in: folder)
      do throws(FormProblems) {
        let reading = try FormFile.reading(at: folder.appendingPathComponent(file))
        var form = reading.form
        if let remark = reading.missingFilesRemark {
          remarks.append(LocalizedText(vi: "\(file): \(remark.vi)", en: "\(file): \(remark.en)"))
        }
        if name != report {
          let anonymous = AnonymousForm(form)
          form = anonymous.form
          problems += anonymous.problems.map { DataProblem(file, vi: $0.message.vi, en: $0.message.en) }
          remarks += anonymous.remarks.map { LocalizedText(vi: "\(file): \($0.vi)", en: "\(file): \($0.en)") }
        }
        if form.id != name {
          problems.append(
            DataProblem(
              file, vi: "trang settings ghi form_id là “\(form.id)”, nhưng campaign.json gọi biểu mẫu là “\(name)”.",
              en: "the sheet settings says form_id “\(form.id)”, but campaign.json calls the form “\(name)”."))
        }
        forms.append(form)
      } catch {
        problems += error.problems.map { DataProblem(file, vi: $0.explanation.vi, en: $0.explanation.en) }
      }
    }
    return forms
  }

  private mutating func data(_ file: String) -> Data? {
    if let data = given[file] { return data }
    let url = folder.appendingPathComponent(file)
    guard FileManager.default.fileExists(atPath: url.path) else {
      problems.append(DataProblem(file, vi: "Thiếu tệp này.", en: "The file is missing."))
      return nil
    }
    let size = (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= CampaignFolder.fileBytesMax, let data = try? Data(contentsOf: url) else {
      problems.append(
        DataProblem(
          file, vi: "Không đọc được tệp, hoặc tệp lớn hơn \(CampaignFolder.fileBytesMax) byte.",
          en: "The file cannot be read, or is larger than \(CampaignFolder.fileBytesMax) bytes."))
      return nil
    }
    return data
  }

  /// Names of all columns that a file of the folder may have.
  private static let columns = ColumnNames([
    "code", "name", "kind", "district_code", "district", "parent_code", "communes", "officials", "civil_servants", "part_time", "eligible",
  ])

  private mutating func rows(_ file: String, columns: [String]) -> [SourceRow]? {
    guard let data = data(file) else { return nil }
    do throws(CSVFault) {
      let table = try CSVTable(data)
      var near: [String: String] = [:]
      let header = table.header.map { title -> String in
        switch Self.columns.reading(title) {
        case .meant(let name) where !table.header.contains(name):
          remarks.append(
            LocalizedText(
              vi: "\(file): cột “\(title)” được hiểu là \(name).", en: "\(file): the column “\(title)” was taken as \(name)."))
          return name
        case .near(let name): near[name] = title
        default: break
        }
        return title
      }
      let missing = columns.filter { !header.contains($0) }
      problems += missing.map { name in
        let title = near[name].map { LocalizedText(vi: " Có phải là cột “\($0)”? Hãy sửa tên.", en: " Is it “\($0)”? Correct its name.") }
        return DataProblem(
          file, line: 1, vi: "Thiếu cột “\(name)”.\(title?.vi ?? "")", en: "The column “\(name)” is missing.\(title?.en ?? "")")
      }
      problems += table.faults.map { DataProblem(file, vi: $0.explanation.vi, en: $0.explanation.en) }
      remarks += table.remarks.map { LocalizedText(vi: "\(file): \($0.vi)", en: "\(file): \($0.en)") }
      guard missing.isEmpty, table.faults.isEmpty else { return nil }
      return table.records.filter { !$0.isBlank }.map { record in
        SourceRow(line: record.line, fields: Dictionary(zip(header, record.fields), uniquingKeysWith: { first, _ in first }))
      }
    } catch {
      problems.append(DataProblem(file, vi: error.explanation.vi, en: error.explanation.en))
      return nil
    }
  }
}
