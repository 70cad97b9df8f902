import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// pyxform is the reference for what an XLSForm means: what it writes must read back as what we read from the sheets.
@Suite(.enabled(if: Python.hasPackages, Python.absent))
struct FormsXFormTests {
  private func converted(_ source: String) async throws -> Data {
    let folder = try TemporaryFolder()
    try await Python.run("to_xform.py", [source, folder.path + "/form.xml"])
    return try Data(contentsOf: URL(fileURLWithPath: folder.path + "/form.xml"))
  }

  @Test(.long, arguments: ["pks01", "report01"])
  func pyxformsXFormIsTheSameForm(_ id: String) async throws {
    let ours = try Samples.form(id)
    let theirs = try XFormImport.form(xml: try await converted(Samples.campaign.appendingPathComponent(id + ".xlsx").path))
    #expect(theirs.questions.map(\.name) == ours.questions.map(\.name))
    // pyxform straightens curly quotes in labels; we leave them as their author wrote them.
    let straight = String(decoding: ours.canonicalJSON, as: UTF8.self).replacingOccurrences(of: "’", with: "'")
    #expect(String(decoding: theirs.canonicalJSON, as: UTF8.self) == straight)
  }

  @Test(.long) func rulesOfEveryKindMeanTheSame() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/rules.xlsform"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in Self.rich { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name).csv")) }
    try await compare(path)
  }

  @Test(.long) func aLongFormOfAnotherFieldMeansTheSame() async throws { try await compare(Samples.water.path, withPaths: ["agree"]) }

  /// - Parameter named: Questions whose condition has a path of its author's: it reads back as the reference it is.
  private func compare(_ path: String, withPaths named: Set<String> = []) async throws {
    let ours = try XLSFormImport.form(folder: URL(fileURLWithPath: path))
    let theirs = try XFormImport.form(xml: try await converted(path))
    #expect(theirs.questions.map(\.name) == ours.questions.map(\.name))
    for (theirs, ours) in zip(theirs.questions, ours.questions) {
      if named.contains(ours.name) {
        #expect(theirs.relevant?.references == ours.relevant?.references)
      } else {
        #expect(theirs == ours)
      }
    }
    #expect(theirs.items.map(\.name) == ours.items.map(\.name))
    #expect(theirs.repeats == ours.repeats)
    if named.isEmpty { #expect(theirs.items == ours.items) }
    #expect(theirs.choiceLists == ours.choiceLists)
  }

  @Test(.long) func aBrokenXFormIsRefusedByPlace() async throws {
    let xml = String(decoding: try await converted(Samples.campaign.appendingPathComponent("report01.xlsx").path), as: UTF8.self)
    for (old, new, says) in [
      ("selected( /data/p/channels , 'khac')", "selekted( /data/p/channels , 'khac')", "/data/p/channels_other relevant"),
      ("type=\"date\"", "type=\"hologram\"", "not supported"), ("<h:html", "<!DOCTYPE x [<!ENTITY a 'b'>]><h:html", "DOCTYPE"),
      ("instance('role')/root", "instance('roles')/root", "no list \"roles\""), ("<select1 ", "<trigger ", ""),
      ("</h:html>", "", "damaged"),
      ("id=\"report01\"", "id=\"\"", "blank"), ("/data/n/officials_total \"", "/data/n/nobody \"", "no question \"nobody\""),
    ] {
      #expect(xml.contains(old), "\(old)")
      let error = #expect(throws: FormProblems.self) {
        try XFormImport.form(xml: Data(xml.replacingOccurrences(of: old, with: new).utf8))
      }
      #expect(error?.explanation.en.contains(says) == true || says.isEmpty, "\(old): \(error?.explanation.en ?? "")")
    }
  }

  private static let rich = [
    "survey": """
    type,name,label::English (en),relevant,constraint,calculation,choice_filter,default,required,constraint_message::English (en)
    hidden,unit_code,,,,,,,,
    select_one province,province,Province,,,,,,yes,
    select_one district,district,District,${province} != '',,,province = ${province},,yes,
    calculate,shown,,,,"jr:choice-name(${district}, '${district}')",,,,
    date,day,Day,,. <= today() and . >= date('2024-03-26') - 7,,,today(),${province} = 'bg',Too late.
    text,phone,Phone,,"regex(., '0[0-9]{9}') and string-length(.) = 10",,,,,Ten digits.
    integer,n,How many,,(. mod 2 = 0 or . div 3 > 1) and not(. = 13),,,5,,Even.
    begin group,g,Group,"${n} > 0 and selected(${province}, 'bg')",,,,,,
    note,hello,Hello ${phone},,,,,,,
    decimal,d,Decimal,"coalesce(${n}, 0) >= 1.5",,,,,,
    end group,,,,,,,,,
    begin repeat,person,Person,,,,,,,
    text,first,First name,,,,,,yes,
    integer,age,Age,position(..) < 10,. >= 0 and . <= ${n},,,,,Wrong age.
    calculate,line,,,,"concat(position(..), ' ', ${first}, ' ', ${n})",,,,
    end repeat,,,,,,,,,
    calculate,total,,,,sum(${age}) + count(${person}),,,,
    calculate,names,,,,"join(', ', ${first})",,,,
    calculate,pick,,,,"indexed-repeat(${first}, ${person}, 1)",,,,
    calculate,when,,,,"format-date(${day}, '%d/%m/%Y')",,,,
    calculate,kept,,,,once(${n} * 2),,,,

    """,
    "choices": """
    list_name,name,label::English (en),province
    province,bg,Bac Giang,
    province,bn,Bac Ninh,
    district,vy,Viet Yen,bg
    district,ts,Tu Son,bn

    """,
    "settings": "form_title,form_id,version,default_language\nRules,rules,1,English (en)\n",
  ]
}
