"""Writes a workbook as a person's spreadsheet program does: workbook.py FILE JSON, where JSON is {sheet: [[cell, ...], ...]}."""
import json
import sys

import openpyxl

book = openpyxl.Workbook()
book.remove(book.active)
for name, rows in json.loads(sys.argv[2]).items():
    sheet = book.create_sheet(name)
    for row in rows:
        sheet.append(row)
book.save(sys.argv[1])
