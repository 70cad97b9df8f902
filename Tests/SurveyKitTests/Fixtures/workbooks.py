"""Writes workbooks for the tests of .xlsx reading: plain ones by hand with the standard library, others by openpyxl.

    python3 workbooks.py hand FORM_FOLDER OUT     # needs nothing else
    python3 workbooks.py openpyxl FORM_FOLDER OUT # needs openpyxl
    python3 workbooks.py odd FORM_FOLDER OUT      # needs openpyxl; odd.xlsx opened and saved by LibreOffice 7.4 is libreoffice.xlsx
"""
import csv
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def sheets(folder):
    return {name: list(csv.reader(open(Path(folder) / f"{name}.csv", encoding="utf-8", newline=""))) for name in
            ("survey", "choices", "settings")}


def letters(column):
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


class Hand:
    """A workbook as small as the format allows, with a say in every detail."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.names, self.texts = [], []

    def shared(self, text):
        self.texts.append(text)
        return len(self.texts) - 1

    def sheet(self, name, rows, cell, ns=MAIN, tail="", first=1, prefix=""):
        p = prefix + ":" if prefix else ""
        declared = f'xmlns:{prefix}="{ns}"' if prefix else f'xmlns="{ns}"'
        body = []
        for number, row in enumerate(rows, first):
            cells = "".join(cell(f"{letters(column)}{number}", text, p) for column, text in enumerate(row) if text != "")
            body.append(f'<{p}row r="{number}">{cells}</{p}row>')
        self.raw(name, f'<?xml version="1.0" encoding="UTF-8"?><{p}worksheet {declared}><{p}sheetData>{"".join(body)}</{p}sheetData>{tail}</{p}worksheet>')

    def raw(self, name, xml):
        self.names.append(name)
        self.zip.writestr(f"xl/worksheets/sheet{len(self.names)}.xml", xml)

    def close(self, shared=None, extra=()):
        entries = "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="rId{i}"/>' for i, n in enumerate(self.names, 1))
        self.zip.writestr("xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{entries}</sheets></workbook>')
        rels = "".join(f'<Relationship Id="rId{i}" Type="{LINKS}/worksheet" Target="/xl/worksheets/sheet{i}.xml"/>' for i in range(1, len(self.names) + 1))
        rels += f'<Relationship Id="rIdS" Type="{LINKS}/sharedStrings" Target="sharedStrings.xml"/>'
        head = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        self.zip.writestr("xl/_rels/workbook.xml.rels", f"{head}{rels}</Relationships>")
        self.zip.writestr("_rels/.rels", f'{head}<Relationship Id="r" Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        if shared is None:
            shared = f'<sst xmlns="{MAIN}">' + "".join(
                f'<si><r><t xml:space="preserve">{escape(t[:3])}</t></r><r><rPr><b/></rPr><t xml:space="preserve">{escape(t[3:])}</t></r>'
                f'<rPh sb="0" eb="1"><t>PHONETIC</t></rPh></si>' for t in self.texts) + "</sst>"
        self.zip.writestr("xl/sharedStrings.xml", shared)
        for name, data in extra:
            self.zip.writestr(name, data)
        self.zip.close()


def inline(place, text, p):
    if text.isdigit() and not text.startswith("0"):
        return f'<{p}c r="{place}"><{p}v>{text}.0</{p}v></{p}c>'
    return f'<{p}c r="{place}" t="inlineStr"><{p}is><{p}t xml:space="preserve">{escape(text)}</{p}t></{p}is></{p}c>'


def hand(folder, out):
    data = sheets(folder)

    book = Hand(out / "inline.xlsx")
    for name, rows in data.items():
        book.sheet(f" {name.upper()} ", rows, inline)
    book.sheet("Ghi chú", [["anything"], ["at all"]], inline)
    book.close()

    book = Hand(out / "shared-rich.xlsx")
    for name, rows in data.items():
        book.sheet(name, rows, lambda place, text, p: f'<c r="{place}" t="s"><v>{book.shared(text)}</v></c>')
    book.close()

    book = Hand(out / "strict-prefixed.xlsx")
    for name, rows in data.items():
        book.sheet(name, rows, inline, ns=STRICT, prefix="x")
    book.close()

    book = Hand(out / "formulas.xlsx")
    for name, rows in data.items():
        book.sheet(name, rows, lambda place, text, p: f'<c r="{place}" t="str"><f>CONCATENATE("a")</f><v>{escape(text)}</v></c>')
    book.close()

    book = Hand(out / "no-references.xlsx")  # rows and cells without r=, as some exporters write
    for name, rows in data.items():
        body = "".join("<row>" + "".join(f"<c t='inlineStr'><is><t>{escape(t)}</t></is></c>" for t in row) + "</row>" for row in rows)
        book.raw(name, f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>')
    book.close()

    def hostile(name, survey=None, shared=None, extra=()):
        book = Hand(out / name)
        for title, rows in data.items():
            if title == "survey" and survey is not None:
                book.raw(title, survey)
            else:
                book.sheet(title, rows, inline)
        book.close(shared, extra)

    hostile("entity.xlsx", f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/hostname">]><worksheet xmlns="{MAIN}">'
            '<sheetData><row r="1"><c r="A1" t="str"><v>&x;</v></c></row></sheetData></worksheet>')
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    hostile("laughs.xlsx", shared=f'<!DOCTYPE s [<!ENTITY l0 "ha">{laughs}]><sst xmlns="{MAIN}"><si><t>&l9;</t></si></sst>')
    hostile("utf16.xlsx", '<?xml version="1.0" encoding="UTF-16"?><worksheet/>'.encode("utf-16"))
    hostile("utf7.xlsx", '<?xml version="1.0" encoding="UTF-7"?><worksheet/>')
    hostile("bomb.xlsx", b"<worksheet><sheetData>" + b" " * (40 << 20) + b"</sheetData></worksheet>")
    hostile("deep.xlsx", "<worksheet>" + "<a>" * 5000 + "</a>" * 5000 + "</worksheet>")
    hostile("entries.xlsx", extra=[(f"junk/{i}", b"") for i in range(3000)])
    hostile("far-row.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1048576"><c r="A1048576" t="str"><v>x</v></c></row></sheetData></worksheet>')
    hostile("far-column.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="XFD1" t="str"><v>x</v></c></row></sheetData></worksheet>')
    hostile("long-cell.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>{"x" * 70000}</v></c></row></sheetData></worksheet>')
    hostile("attributes.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData ' + " ".join(f'a{i}="1"' for i in range(9000)) + "/></worksheet>")
    cells = "".join('<c t="s"><v>0</v></c>' for _ in range(40))
    hostile("one-text-everywhere.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>' + f"<row>{cells}</row>" * 40 + "</sheetData></worksheet>",
            shared=f'<sst xmlns="{MAIN}"><si><t>{"x" * 32000}</t></si></sst>')
    hostile("one-row-again.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>' + '<row r="5"/>' * 20_001 + "</sheetData></worksheet>")
    hostile("much-text.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>' + "".join(f'<row><c t="str"><v>{"x" * 30000}</v></c></row>' for _ in range(80))
            + "</sheetData></worksheet>")
    wide = "".join(f'<c t="str"><v>h{i}</v></c>' for i in range(250))
    hostile("wide.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row>{wide}</row>' + '<row><c t="str"><v>x</v></c></row>' * 4_200
            + "</sheetData></worksheet>")
    hostile("bad-index.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="s"><v>99</v></c></row></sheetData></worksheet>')
    hostile("torn.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1">')
    hostile("crossed.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"></sheetData></row></worksheet>')
    hostile("error-cell.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>type</v></c><c r="B1" t="str"><v>name</v></c>'
            '<c r="C1" t="str"><v>label::Tiếng Việt (vi)</v></c></row><row r="7"><c r="A7" t="str"><v>text</v></c><c r="B7" t="e"><v>#REF!</v></c></row></sheetData></worksheet>')
    whole = (out / "inline.xlsx").read_bytes()
    (out / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    compound = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    (out / "old.xls").write_bytes(compound)
    (out / "password.xlsx").write_bytes(compound + "EncryptedPackage".encode("utf-16-le") + bytes(90))
    (out / "nothing.xlsx").write_bytes(b"")
    (out / "picture.xlsx").write_bytes(bytes.fromhex("89504e470d0a1a0a") + bytes(99))
    with zipfile.ZipFile(out / "open.xlsx", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office/>")
    with zipfile.ZipFile(out / "archive.xlsx", "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    hostile("many-texts.xlsx", shared=f'<sst xmlns="{MAIN}">' + "<si><t>a</t></si>" * 200_001 + "</sst>")
    hostile("long-text.xlsx", shared=f'<sst xmlns="{MAIN}"><si>' + "<r><t>" + "a" * 70_000 + "</t></r></si></sst>")
    book = Hand(out / "twice.xlsx")
    for name, rows in data.items():
        book.sheet(name, rows, inline)
    book.sheet("SURVEY", data["survey"], inline)
    book.close()
    (out / "text.xlsx").write_text("type,name,label\n")


def by_openpyxl(folder, out):
    import datetime

    from openpyxl import Workbook

    data = sheets(folder)
    book = Workbook()
    book.remove(book.active)
    for name, rows in data.items():
        sheet = book.create_sheet({"survey": "Survey ", "choices": "CHOICES", "settings": "Settings"}[name])
        order = list(reversed(range(len(rows[0]))))  # columns in another order, some hidden
        for number, row in enumerate(rows):
            at = 3 + number * 2  # blank rows above and between
            for place, column in enumerate(order):
                text = row[column]
                value = float(text) if text.isdigit() and not text.startswith("0") else text
                sheet.cell(row=at, column=2 + place, value=value if value != "" else None)
        sheet.column_dimensions["D"].hidden = True
        sheet.row_dimensions[5].hidden = True
    extra = book.create_sheet("Ghi chú")
    extra["A1"] = datetime.date(2024, 3, 26)
    book.save(out / "reordered.xlsx")

    book = Workbook()
    survey = book.active
    survey.title = "survey"
    survey.append(["type", "name", "label::Tiếng Việt (vi)", "required", "constraint", "note"])
    survey.append(["select_one so", "q1", "Câu 1", True, None, datetime.date(2024, 3, 26)])
    survey.append(["integer", "q2", "Câu 2", "no", ". > 5", 1.5])
    survey.append([None] * 6)
    survey.append(["text", "q3", "Câu 3 gộp ô", None, None, None])
    survey.merge_cells("C5:F5")
    choices = book.create_sheet("choices")
    choices.append(["list_name", "name", "label::Tiếng Việt (vi)"])
    choices.append(["so", 1, 10])
    choices.append(["so", 2.0, 2.5])
    settings = book.create_sheet("settings")
    settings.append(["form_title", "form_id", "version", "default_language"])
    settings.append(["Thử", "thu", datetime.date(2024, 3, 26), "Tiếng Việt (vi)"])
    book.save(out / "kinds.xlsx")


def odd(_, out):
    import datetime

    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill

    book = Workbook()
    survey = book.active
    survey.title = " Survey"
    heading = ["hint::Tiếng Việt (vi)", "type", "note", "name", "label::Tiếng Việt (vi)", "required", "relevant", "constraint",
               "constraint_message::Tiếng Việt (vi)", "calculation", "choice_filter"]
    rows = [
        heading,
        [None, "begin_group", "của tôi", "g1", "Phần một"],
        [],
        ["Chọn một", "select_one huyen", datetime.datetime(2024, 3, 26, 8, 30), "huyen", "Huyện", True],
        [None, "select_one xa", None, "xa", "Xã", "yes", None, None, None, None, "huyen = ${huyen}"],
        ["số nguyên", "integer", 1.5, "so", "Số người", False, None, ". >= 0 and . <= 200", "Từ 0 đến 200"],
        [None, "date", None, "ngay", "Ngày", None, "${so} > 3", ". <= today()", "Không sau hôm nay"],
        [None, "calculate", None, "doi", None, None, None, None, None, "${so} * 2"],
        [None, "end_group"],
        [],
        [None, "text", None, "y_kien", "Ý kiến"],
    ]
    for number, row in enumerate(rows, 2):
        for column, value in enumerate(row, 2):
            if value is not None:
                survey.cell(number, column, value)
    survey["B12"] = '="Viết "&"ngắn"'
    survey.column_dimensions["D"].hidden = True
    survey.row_dimensions[6].hidden = True
    survey.merge_cells("F12:H12")
    for column in range(1, 40):
        survey.cell(2, column).font = Font(bold=True)
        survey.cell(2, column).fill = PatternFill("solid", fgColor="FFFF00")
    survey["C5"].comment = Comment("nhớ hỏi kỹ", "tổ công tác")
    survey.freeze_panes = "C3"
    survey.auto_filter.ref = "B2:L12"
    choices = book.create_sheet("CHOICES")
    for row in [["list_name", "name", "label::Tiếng Việt (vi)", "huyen"], ["huyen", 1, "Huyện Một"], ["huyen", 2.0, 2.5], [],
                ["xa", "01", "Xã Một", 1], ["xa", "02", True, 2], ["xa", '="0"&"3"', "Xã Ba", "=1+1"]]:
        choices.append(row)
    settings = book.create_sheet("Settings ")
    settings.append(["form_title", "form_id", "version", "default_language"])
    settings.append(["Biểu mẫu lạ", "la", datetime.date(2024, 3, 26), "Tiếng Việt (vi)"])
    draft = book.create_sheet("Nháp")
    draft["A1"] = "=1/0"
    book.save(out / "odd.xlsx")


if __name__ == "__main__":
    out = Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    {"hand": hand, "openpyxl": by_openpyxl, "odd": odd}[sys.argv[1]](sys.argv[2], out)
