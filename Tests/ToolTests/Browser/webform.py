"""Answers the sample questionnaire in a real Chromium without JavaScript, by keyboard only, and looks at what stays behind.

Usage: webform.py URL [--shots DIR] [--width 360] [--scheme light] [--lang vi]
Prints one JSON object; a failed check ends it with exit code 1 and one sentence on standard error.
"""

import argparse
import glob
import json
import os
import re
import sqlite3
import sys
import tempfile

from playwright.sync_api import Error, sync_playwright

# What is typed into the free text: nothing else on the machine says it.
NEEDLE = "Chim hoa mi thu nghiem 7391"
TABS_MAX = 120

# What is answered; a list is ticked boxes, a tuple is typed one after the other until the page takes it.
ANSWERS = {
    "a1_agency": "ubnd", "a2_position": "cong_chuc", "a3_years": "y5_10", "a4_gender": "nu",
    "b1_disclosure": "2", "b2_topics": ["ke_hoach", "noi_quy"], "b3_means": ["hoi_nghi"],
    "c1_conference": "co", "c2_conference_quality": "3",
    "d1_consulted": "4", "d2_matters": ["ke_hoach"], "d3_uptake": "thinh_thoang", "d4_speak_up": "co",
    "e1_board": "khong", "e3_petitions": ("3",), "e4_answered": ("5", "2"),
    "f1_head": "4", "f2_rules": "co",
    "g1_service": "4", "g2_workplace": "4", "g3_priorities": ["thu_tuc", "tru_so"], "g4_overall": "1",
    "g5_reason": (NEEDLE + "\nDong hai <b>&\"'",), "g6_suggestion": ("x",),
}

FOCUSED = """() => { const e = document.activeElement; return {tag: e.tagName, type: e.type || "", name: e.name || "",
  value: e.value || "", checked: !!e.checked, id: e.id, role: e.getAttribute("role") || "", text: (e.innerText || "").trim(),
  outline: getComputedStyle(e).outlineStyle + getComputedStyle(e.closest("label") || e).outlineStyle}; }"""


def check(holds, sentence):
    if not holds:
        raise SystemExit(sentence)


class Visit:
    def __init__(self, page, shots):
        self.page, self.shots, self.count, self.typed, self.seen = page, shots, 0, {}, []

    def shot(self, name):
        self.count += 1
        self.seen.append(self.heading())
        width = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        check(width[0] <= width[1], f"{name}: the page is wider than the screen: {width}")
        if self.shots:
            self.page.screenshot(path=f"{self.shots}-{self.count:02d}-{name}.png", full_page=True)

    def heading(self):
        return self.page.locator("h1").first.inner_text()

    def focused(self):
        return self.page.evaluate(FOCUSED)

    def tab(self):
        self.page.keyboard.press("Tab")
        focused = self.focused()
        if focused["tag"] in ("INPUT", "BUTTON", "A", "TEXTAREA"):
            check("solid" in focused["outline"] or "auto" in focused["outline"], f"focus is invisible on {focused}")
        return focused

    def press_button(self, value):
        for _ in range(TABS_MAX):
            focused = self.tab()
            if focused["tag"] == "BUTTON" and focused["value"] == value:
                with self.page.expect_navigation():
                    self.page.keyboard.press("Enter")
                return
        raise SystemExit(f"the keyboard never reached the button {value} on {self.heading()}")

    def fill(self):
        """Goes through the page with Tab, answers what is not answered as planned, and ends on Continue."""
        done = set()
        for _ in range(TABS_MAX):
            at = self.tab()
            question = at["name"][2:] if at["name"].startswith("q.") else ""
            plan = ANSWERS.get(question)
            if at["tag"] == "BUTTON" and at["value"] == "next":
                with self.page.expect_navigation():
                    self.page.keyboard.press("Enter")
                return
            if at["type"] == "radio" and question not in done:
                done.add(question)
                self.page.keyboard.press("Space")
                for _ in range(20):
                    if self.focused()["value"] == plan:
                        break
                    self.page.keyboard.press("ArrowDown")
                check(self.focused()["value"] == plan and self.focused()["checked"], f"cannot choose {plan} of {question}")
            elif at["type"] == "checkbox" and (at["value"] in plan) != at["checked"]:
                self.page.keyboard.press("Space")
            elif at["type"] in ("text", "textarea") and question not in done:
                done.add(question)
                turn = self.typed.get(question, 0)
                self.typed[question] = turn + 1
                if turn < len(plan):
                    self.page.keyboard.press("Control+A")
                    # Lines one by one: in a line break Enter must not send the page.
                    for number, line in enumerate(plan[turn].split("\n")):
                        if number:
                            self.page.keyboard.press("Enter")
                        self.page.keyboard.type(line)
        raise SystemExit(f"the keyboard never reached Continue on {self.heading()}")


def answer(visit):
    page = visit.page
    visit.shot("notice")
    visit.press_button("start")
    # Continue without an answer: the list of what is wrong has the focus, and its first link leads to the question.
    visit.shot("empty")
    visit.press_button("next")
    check(page.locator(".alert.bad li").count() == 3, "three questions of the first page must be answered")
    check(visit.focused()["role"] == "alert", "the list of what is wrong does not have the focus")
    visit.shot("wrong")
    visit.tab()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    check(visit.focused()["name"] == "q.a1_agency", "the first link does not lead to the first question")
    page.keyboard.press("Shift+Tab")
    visit.fill()
    last = ""
    for _ in range(30):
        if page.locator("button[value=send]").count():
            break
        last = visit.heading() + str(page.locator("fieldset, textarea").count())
        visit.shot("page")
        visit.fill()
        alert = page.locator(".alert").count()
        check(alert or last.split("\n")[0] != visit.heading(), f"no way on from {last}")
    visit.shot("review")
    text = page.locator("main").inner_text()
    for words in (NEEDLE, "Dong hai <b>&\"'"):
        check(words in text, f"the review lacks {words}")
    # To the first page and back: everything is still there.
    visit.press_button("page.0")
    check(page.locator("input:checked").count() == 4, "answers were lost on the way back")
    visit.press_button("next")
    check(page.locator("button[value=send]").count() == 1, "a page that was only looked at does not lead back to the review")
    visit.press_button("send")
    check(page.url.split("?")[0].endswith("/done"), f"sending led to {page.url}")
    visit.shot("received")


def afterwards(page, url):
    """Back and forth afterwards: nothing that was answered comes up again."""
    shown = []

    def look(how):
        try:
            text = page.content()
        except Error as error:
            text = str(error)
        shown.append({"how": how, "url": page.url, "heading": page.locator("h1").first.inner_text() if page.locator("h1").count() else ""})
        check(NEEDLE not in text, f"{how} shows the answers again")
        check(page.locator("h1").count() == 1, f"{how} shows no page of ours")

    look("received")
    before = {entry["url"] for entry in shown}
    for step in range(4):
        for how, move in (("back", lambda: page.go_back(timeout=5000)), ("reload", lambda: page.reload(timeout=5000))):
            try:
                move()
            except Error as error:
                raise SystemExit(f"{how}: {error}")
            look(f"{how} {step + 1}")
    check({entry["url"] for entry in shown} != before, "going back never left the last page, so nothing was tried")
    page.goto(url)
    look("the link again")
    check(page.locator("input:checked").count() == 0, "the form is filled in already")
    return shown


def remains(folder):
    """What the browser wrote down: titles and addresses of its history, and whether the answer is anywhere in its files."""
    history = os.path.join(folder, "Default", "History")
    rows = []
    if os.path.exists(history):
        with sqlite3.connect(history) as store:
            rows = store.execute("SELECT DISTINCT title, url FROM urls").fetchall()
    found = []
    for path in glob.glob(folder + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            texts = (NEEDLE[:20], NEEDLE[:20].replace(" ", "+"), NEEDLE[:20].replace(" ", "%20"))
            if any(text.encode(code) in data for text in texts for code in ("utf-8", "utf-16-le")):
                found.append(os.path.relpath(path, folder))
    return rows, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--shots")
    parser.add_argument("--width", type=int, default=360)
    parser.add_argument("--scheme", default="light")
    parser.add_argument("--lang", default="vi")
    options = parser.parse_args()
    url = options.url + ("" if options.lang == "vi" else "?lang=" + options.lang)
    origin = "/".join(url.split("/")[:3])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path="/usr/bin/chromium", java_script_enabled=False, color_scheme=options.scheme,
            viewport={"width": options.width, "height": 740}, args=["--no-first-run"])
        page = context.pages[0]
        requests, weights = [], {}
        page.on("request", lambda request: requests.append(request.url))

        def weigh(response):
            if response.status not in (303,):
                weights.setdefault(f"{response.request.method} {len(weights)}", len(response.body()))

        page.on("response", weigh)
        page.goto(url)
        visit = Visit(page, options.shots)
        answer(visit)
        cookies, storage = context.cookies(), context.storage_state()
        shown = afterwards(page, url)
        context.close()
        history, found = remains(folder)
    titles = sorted({title for title, _ in history})
    check(not cookies and not storage["cookies"] and not storage["origins"], f"cookies or storage remain: {cookies} {storage}")
    check(all(request.startswith(origin + "/s/") for request in requests), f"calls elsewhere: {requests}")
    check(len(titles) <= 2, f"titles in the history tell pages apart: {titles}")
    # A number within a page may stay, such as #n2; nothing that names a question.
    plain = re.compile(re.escape(options.url) + r"(/done|/[A-Z2-7]{26}/\d+)?(\?lang=en)?(#n\d+(\.\d+)?)?$")
    check(all(plain.match(address) for _, address in history), f"addresses tell answers: {history}")
    check(not found, f"the browser's files hold the answer: {found}")
    print(json.dumps({"pages": visit.seen, "titles": titles, "afterwards": shown, "requests": len(requests), "bytes": sorted(weights.values())}))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as problem:
        if problem.code and not isinstance(problem.code, int):
            print(problem.code, file=sys.stderr)
            sys.exit(1)
        raise
