"""Says of every folder of CSV sheets if pyxform takes it as a form: legal.py FOLDER prints `name<tab>legal` or `name<tab>refused<tab>why`."""
import csv
import sys
from pathlib import Path

from openpyxl import Workbook
from pyxform.xls2xform import convert

for folder in sorted(Path(sys.argv[1]).iterdir(), key=lambda path: int(path.name)):
    book = Workbook()
    book.remove(book.active)
    for name in ("survey", "choices", "settings"):
        rows = [row for row in csv.reader(open(folder / f"{name}.csv", encoding="utf-8", newline="")) if row]
        if not rows:
            continue
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([cell or None for cell in row])
    path = folder / "form.xlsx"
    book.save(path)
    try:
        convert(xlsform=path)
        print(folder.name, "legal", sep="\t")
    except Exception as error:
        print(folder.name, "refused", " ".join(str(error).split())[:160], sep="\t")
