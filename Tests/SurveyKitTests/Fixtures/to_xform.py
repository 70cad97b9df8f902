"""Converts an XLSForm to an XForm with pyxform: to_xform.py FORM.xlsx OUT.xml, or from a folder of CSV files."""
import csv
import sys
from pathlib import Path

from openpyxl import Workbook
from pyxform.xls2xform import convert

source, out = Path(sys.argv[1]), Path(sys.argv[2])
if source.is_dir():
    book = Workbook()
    book.remove(book.active)
    for name in ("survey", "choices", "settings"):
        sheet = book.create_sheet(name)
        for row in csv.reader(open(source / f"{name}.csv", encoding="utf-8", newline="")):
            sheet.append([cell or None for cell in row])
    source = out.with_suffix(".xlsx")
    book.save(source)
out.write_text(convert(xlsform=source).xform, encoding="utf-8")
