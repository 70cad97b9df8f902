import SurveyKit
import Testing

@Suite struct UnitsTreeTests {
  @Test func theProvinceHasTenDistrictsAnd209Communes() throws {
    let tree = try UnitsFixture.bacGiang()
    #expect(tree.units(at: .district).count == 10)
    #expect(tree.units(at: .commune).count == 209)
    #expect(tree.roots.map(\.code) == ["24"])
    #expect(tree.descendants(of: "24").count == 219)
    #expect(tree.children(of: "213").count == 16)
  }

  @Test func aCodeKeepsItsLeadingZero() throws {
    #expect(try UnitsFixture.bacGiang()["07201"]?.code.rawValue == "07201")
  }

  @Test func ancestorsAreNearestFirst() throws {
    let tree = try UnitsFixture.bacGiang()
    #expect(tree.ancestors(of: "07318").map(\.code) == ["216", "24"])
    #expect(tree.covers("24", "07318"))
    #expect(!tree.covers("220", "07318"))
    #expect(tree.ancestors(of: "nowhere").isEmpty)
  }

  @Test func aCommunesDisplayNameCarriesItsDistrict() throws {
    let tree = try UnitsFixture.bacGiang()
    #expect(tree.displayName(of: "07318") == "Xã Phúc Sơn, Huyện Tân Yên")
    #expect(tree.displayName(of: "07630") == "Xã Phúc Sơn, Huyện Sơn Động")
    #expect(tree.displayName(of: "216") == "Huyện Tân Yên")
  }

  /// Names are shown and codes name files: neither may be what a terminal or a shell takes for something else.
  @Test func namesAndCodesThatPlayTricksAreRefused() {
    let long = String(repeating: "a", count: 3_000)
    let communes = "code,name,kind\n..,Xã Một,xa\n-x,Xã Hai,xa\n003,Xã \u{1B}[31mBa,xa\n004,\(long),xa\n0-5.a_,Xã Năm,xa"
    let problems = UnitsFixture.problems {
      _ = try UnitLoader.load(communes: UnitsFixture.rows(communes), districts: [], province: UnitsFixture.province)
    }
    for line in 2...3 { #expect(problems.contains { $0.hasPrefix("communes.csv, line \(line): The code") }, "\(line): \(problems)") }
    for line in 4...5 { #expect(problems.contains { $0.hasPrefix("communes.csv, line \(line): The name") }, "\(line): \(problems)") }
    #expect(problems.count == 4, "\(problems)")
  }

  @Test func everyMistakeIsReportedAtOnceWithItsLine() {
    let communes = """
      code,name,kind,district_code,district
      001,Xã Một,xa,1,Huyện A
      001,Xã Hai,xa,1,Huyện A
      002,,xa,1,Huyện A
      003,Xã Ba,xa,9,Huyện X
      0 4,Xã Bốn,xa,1,Huyện B
      """
    let districts = "code,name,kind,communes\n1,Huyện A,huyen,9\n2,Huyện C,huyen,x"
    let problems = UnitsFixture.problems {
      _ = try UnitLoader.load(
        communes: UnitsFixture.rows(communes), districts: UnitsFixture.rows(districts), province: UnitsFixture.province)
    }
    #expect(problems.contains { $0.hasPrefix("communes.csv, line 3: The code “001” is already at communes.csv, line 2") })
    #expect(problems.contains("communes.csv, line 4: The column “name” has no value."))
    #expect(problems.contains { $0.hasPrefix("communes.csv, line 5: The parent “9”") })
    #expect(problems.contains { $0.hasPrefix("communes.csv, line 6: District “1” is “Huyện A”") })
    #expect(problems.contains("districts.csv, line 2: “1” says it has 9 communes, but communes.csv has 4."))
    #expect(problems.contains { $0.hasPrefix("districts.csv, line 3: The column “communes” says “x”") })
  }

  @Test func aCircleOfParentsIsNamedOnce() {
    let units = [
      SurveyUnit(code: "a", name: "A", kind: "xa", parentCode: "b", level: .commune),
      SurveyUnit(code: "b", name: "B", kind: "xa", parentCode: "a", level: .commune),
    ]
    let problems = UnitsFixture.problems { _ = try UnitTree(units: units) }
    #expect(problems.filter { $0.contains("circle: a → b → a") }.count == 1)
  }

  @Test func headcountAddsUpTo4187() throws {
    let tree = try UnitsFixture.bacGiang()
    let headcount = try Headcount(rows: UnitsFixture.rows(file: "headcount.csv"), tree: tree)
    #expect(headcount.eligible(in: "24", of: tree) == 4_187)
    #expect(headcount.staff["07201"] == Headcount.Staff(officials: 11, civilServants: 9, partTime: 12, eligible: 20))
  }

  @Test func headcountNamesWrongSumsUnknownAndMissingCommunes() throws {
    let tree = try UnitsFixture.bacGiang()
    var rows = try UnitsFixture.rows(file: "headcount.csv")
    rows[0].fields["eligible"] = "7"
    rows[1].fields["officials"] = "-3"
    rows[2].fields["code"] = "99999"
    let problems = UnitsFixture.problems { _ = try Headcount(rows: rows, tree: tree) }
    #expect(problems.count == 4)
    #expect(problems.contains { $0.hasPrefix("headcount.csv, line 2: The column “eligible” says 7") })
    #expect(problems.contains { $0.hasPrefix("headcount.csv, line 3: The column “officials” says “-3”") })
    #expect(problems.contains("headcount.csv, line 4: The code “99999” is not a commune of the list."))
    #expect(problems.contains { $0.hasPrefix("headcount.csv: There is no line for “Phường Ngô Quyền") })
  }
}
