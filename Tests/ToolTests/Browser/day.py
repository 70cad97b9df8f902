"""Spends an operator's day on the console in a real Chromium: with the mouse on a phone, or by keys alone.

Usage: day.py PLAN, where PLAN is a JSON object:
    base, cookie, name, password    the console, a session on it, and how its owner signs in again
    language, width, keys           "vi" or "en"; 360 or 1280; true for keys alone
    link                            address of a questionnaire as a QR code of yesterday has it
    clock, later                    file of the hub's clock, and what stands in it after the former end of the survey
    folder                          where files go

Prints one JSON object: `seen` says of each step whether it holds, `faults` lists what axe, the browser's console and the widths say.
"""

import json
import os
import pathlib
import re
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import sheets
import webform

SIZES = {360: 740, 1280: 800}
LATE, CALLED, CLOSES = "07201", "07204", "2031-04-06 22:00"


class Operator:
    def __init__(self, page, plan):
        self.page, self.plan, self.faults, self.looked, self.said = page, plan, [], set(), []
        page.on("console", lambda message: self.said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path):
        mark = "&" if "?" in path else "?"
        self.page.goto(self.plan["base"] + path + ("" if self.plan["language"] == "vi" else mark + "lang=en"))
        self.look()

    def look(self):
        """Notes what is wrong with the page that is open."""
        page, path = self.page, re.sub(r"^https?://[^/]+", "", self.page.url)
        self.faults += [f"{path}: console: {text}" for text in self.said]
        self.said.clear()
        if page.evaluate("document.documentElement.lang") != self.plan["language"]:
            self.faults.append(f"{path}: in the other language")
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if sideways > 0:
            self.faults.append(f"{path}: scrolls sideways by {sideways}")
        self.looked.add(path)
        for found in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            targets = [node["target"] for node in found["nodes"]][:3]
            self.faults.append(f"{path}: axe {found['id']}: {found['help']} {targets}")

    def press(self, selector, key="Enter"):
        """Presses what is found first: with the mouse, or by a key once it has the focus."""
        element = self.page.locator(selector).first
        if not self.plan["keys"]:
            return element.click()
        element.focus()
        if not element.evaluate("element => element === document.activeElement"):
            raise SystemExit(f"{selector} takes no focus on {self.page.url}")
        self.page.keyboard.press(key)

    def go(self, selector):
        """Presses what leads to another page, or sends a form."""
        with self.page.expect_navigation():
            self.press(selector)
        self.look()

    def type(self, selector, text):
        element = self.page.locator(selector).first
        if self.plan["keys"] and element.get_attribute("type") != "time":
            element.focus()
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(text)
        else:
            element.fill(text)

    def text(self, selector="main"):
        return self.page.locator(selector).first.inner_text()

    def count(self, selector):
        return self.page.locator(selector).count()


def answers(text):
    """How many answers a cell such as 17/20 says."""
    return int(re.sub(r"\D", "", text.split("/")[0]))


def morning(desk, seen):
    # Who is late?
    desk.open("/now")
    seen["nobody else is asked for"] = desk.page.url.startswith(desk.plan["base"])
    desk.go("nav.chips a[href*='state=late']")
    late = desk.page.evaluate("[...document.querySelectorAll('#rows > tr')].map(each => each.id)")
    seen["the late ones are listed"] = f"u-{LATE}" in late and 1 < len(late) < 10
    # One of them, and its report.
    desk.go(f"#u-{LATE} th a")
    seen["a unit says what to do"] = desk.count("ol.todo > li") > 0
    desk.go(f"#reports + ul a[href^='/report/{LATE}/']")
    cells = desk.page.evaluate("[...document.querySelectorAll('main table td b')].map(each => each.innerText)")
    seen["its report is read by labels"] = "20" in cells and "officials_total" not in desk.text()
    # Back to its authors, with a comment.
    comment = "Đề nghị đối chiếu số người trả lời với danh sách."
    desk.press("details:has(textarea[name=words]) > summary")
    desk.type("textarea[name=words]", comment)
    desk.go("button[value=return]")
    seen["it is sent back"] = comment in desk.text() and desk.page.url.split("?")[0].endswith(f"/report/{LATE}/{desk.plan['day']}")
    # A call, and what came of it.
    desk.go("nav.places a[href^='/now']")
    desk.press(f"#u-{CALLED} details.call > summary")
    desk.type(f"#u-{CALLED} input[name=until]", "16:00")
    desk.type(f"#u-{CALLED} input[name=note]", "máy hỏng, mượn máy khác")
    desk.go(f"#u-{CALLED} button[value=promised]")
    seen["a noted call leads back"] = "/now" in desk.page.url
    # A promise for later goes to the end of the list; the search finds the unit.
    desk.type("#search", CALLED)
    with desk.page.expect_navigation():
        desk.page.locator("#search").press("Enter")
    desk.look()
    desk.go(f"#u-{CALLED} th a")
    log = desk.text()
    seen["a call is noted"] = "16:00" in log and "máy hỏng, mượn máy khác" in log
    # The rest get a reminder.
    desk.go("nav.places a[href^='/now']")
    desk.go("a[data-remind]")
    ticked = desk.count("input[name=unit]:checked")
    desk.go("main form button.primary")
    seen["the rest are reminded"] = ticked == len(late) and "/reminder/" in desk.page.url and desk.text().count("07") >= ticked


def noon(desk, seen):
    # A conflict: looked at first, then settled.
    desk.go("nav.places a[href^='/decide']")
    desk.go("main a[href^='/conflict/']")
    open_before = desk.count("input[value=take]")
    for index in range(open_before):
        desk.press(f"tr:nth-child({index + 1}) input[value=take]", "Space")
    seen["a side is chosen"] = desk.count("input[value=take]:checked") == open_before > 0
    desk.type("input[name=reason]", "gọi lại tổ trưởng")
    desk.go("button[value=preview]")
    seen["what it would leave is said"] = desk.count("main table") > 1 and desk.count("input[value=take]:checked") == open_before
    desk.go("main form button.primary")
    seen["a conflict is settled"] = desk.count("input[value=take]") == 0 and "gọi lại tổ trưởng" in desk.text()
    # A device was revoked by mistake.
    desk.go("p.crumbs a")
    desk.go("#devices + table a[href^='/device/']")
    for act, other in (("revoke", "restore"), ("restore", "revoke")):
        desk.type(f"form:has(button[value={act}]) input[name=reason]", f"nhầm máy ({act})")
        desk.go(f"button[value={act}]")
        seen[f"a device: {act}"] = desk.count(f"button[value={other}]") == 1 and f"nhầm máy ({act})" in desk.text()
    # More time, with a reason, after a look at what changes.
    desk.go(".tools a[href^='/account']")
    desk.go("main a[href^='/setup']")
    desk.type("input[name=closes]", CLOSES)
    desk.type("#why-window", "mất điện ba huyện")
    desk.go("button[value=preview]")
    seen["what changes is said before"] = CLOSES in desk.text("div.said") and desk.count("button[value=change]") == 1
    desk.go("button[value=change]")
    seen["the window is longer"] = desk.page.locator("input[name=closes]").input_value() == CLOSES


def respond(browser, plan):
    """Answers by the printed link on somebody's own phone."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    status = page.goto(plan["link"]).status
    webform.answer(webform.Visit(page, None))
    context.close()
    return status == 200


def evening(desk, seen):
    # Days later the session has ended.
    desk.open("/units?sort=unit")
    seen["signs in again"] = "/sign-in" in desk.page.url
    desk.type("#name", desk.plan["name"])
    desk.type("#password", desk.plan["password"])
    desk.go("form:has(#password) button")
    seen["comes back to the page"] = desk.page.url.split("?")[0].endswith("/units")
    # The same figures on the page and in the file.
    shown = []
    for number in range(1, 4):
        desk.open(f"/units?sort=unit&page={number}")
        shown += desk.page.evaluate(
            """[...document.querySelectorAll('#rows > tr')].map(row => [row.querySelector('th small').innerText,
              row.querySelectorAll('td')[1].innerText, row.querySelectorAll('td')[2].innerText])""")
    seen["an answer by the printed code counts"] = [answers(row[1]) for row in shown if row[0] == LATE] == [1]
    with desk.page.expect_download() as started:
        desk.press("a[href^='/units.xlsx']")
    file = pathlib.Path(desk.plan["folder"]) / "units.xlsx"
    started.value.save_as(file)
    rows = sheets.by_libreoffice(str(file), desk.plan["folder"])
    read = {row[0]: (int(row[6]), int(row[8])) for row in rows[1:]}
    page = {row[0]: (answers(row[1]), answers(row[2])) for row in shown}
    seen["LibreOffice reads the same figures"] = len(page) == 209 and read == page


def main():
    plan = json.loads(sys.argv[1])
    seen = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": plan["width"], "height": SIZES[plan["width"]]}, has_touch=plan["width"] == 360, accept_downloads=True)
        context.add_cookies([{"name": "synckit", "value": plan["cookie"], "url": plan["base"]}])
        desk = Operator(context.new_page(), plan)
        strangers = []
        desk.page.on("request", lambda request: None if request.url.startswith(plan["base"]) else strangers.append(request.url))
        morning(desk, seen)
        noon(desk, seen)
        # Replaced whole: a hub that reads meanwhile sees either time.
        moved = pathlib.Path(plan["clock"] + ".new")
        moved.write_text(plan["later"].zfill(20))
        os.replace(moved, plan["clock"])
        seen["a code of yesterday answers after the former end"] = respond(browser, plan)
        evening(desk, seen)
        seen["nothing is fetched from elsewhere"] = strangers == []
        browser.close()
    print(json.dumps({"seen": seen, "faults": desk.faults, "looked": sorted(desk.looked)}, ensure_ascii=False))


main()
