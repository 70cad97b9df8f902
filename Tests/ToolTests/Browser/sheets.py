"""Prints the sheets of an .xlsx file as JSON, read by openpyxl: `sheets.py FILE`; by LibreOffice as CSV of the first sheet: `sheets.py FILE FOLDER`."""

import csv
import json
import pathlib
import subprocess
import sys

import openpyxl


def by_openpyxl(file):
    book = openpyxl.load_workbook(file)
    return {
        sheet.title: {
            "frozen": sheet.freeze_panes,
            "filter": sheet.auto_filter.ref,
            "formulas": sum(cell.data_type == "f" for row in sheet.iter_rows() for cell in row),
            "rows": [[cell.value for cell in row] for row in sheet.iter_rows()],
        }
        for sheet in book.worksheets
    }


def by_libreoffice(file, folder):
    options = [f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1"]
    subprocess.run(["soffice", *options, "--outdir", folder, file], check=True, capture_output=True, timeout=300)
    made = pathlib.Path(folder) / (pathlib.Path(file).stem + ".csv")
    with made.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


if __name__ == "__main__":
    print(json.dumps(by_openpyxl(sys.argv[1]) if len(sys.argv) == 2 else by_libreoffice(sys.argv[1], sys.argv[2])))
