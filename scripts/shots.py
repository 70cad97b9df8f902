#!/usr/bin/env python3
"""Draws every page of the operators' console on a rehearsed day, at 1,280 and at 360 pixels, light and dark: a sheet a page in docs/console.

    scripts/shots.py [--bin .build/debug] [--out docs/console] [--folder .build/shots] [--at 18:45] [--english]

Rehearses a day with all troubles up to a quarter to seven in the evening unless FOLDER has one already, serves it with its clock standing still, signs in as an
operator does, sends a reminder, returns a report, and looks at each page once in each size and scheme. FOLDER keeps the single pictures.
Ends with an error where a page scrolls sideways or shows a name of the program, and where the day has nothing for a page.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[1]
CAMPAIGN = ROOT / "Examples" / "bac-giang-2024"
PASSWORD, OPERATOR, ADDRESS = "mat khau cua toi", "Trực ban 1", "https://khaosat.example.org"
SIZES = {1280: 800, 360: 740}
SCHEMES = ("light", "dark")
# Of a picture, in pixels: what a long page shows below is like what it shows above.
HEIGHTS_MAX = {1280: 900, 360: 1500}
# Of a picture on its sheet, in pixels.
SHEET_WIDTHS = {1280: 560, 360: 200}
JPEG_QUALITY = 45
START_SECONDS_MAX = 60

# Finds names of the program on a page, outside of what is meant for programs.
CODES = r"""(() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("pre, textarea, script, code, .link, .code").forEach((each) => each.remove());
  return copy.textContent.match(/\b[a-z][a-z0-9]*_[a-z0-9_]+\b/g) || [];
})()"""


def run(*arguments):
    ended = subprocess.run([str(each) for each in arguments], capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"{arguments[0]} {arguments[1]} failed: {ended.stderr or ended.stdout}")
    return ended.stdout


class Hub:
    """The rehearsed hub, served while its clock stands still."""

    def __init__(self, binaries, folder, until):
        self.hub, self.folder = binaries / "hub", folder
        if not (folder / "day" / "clock").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            run(self.hub, "rehearse", CAMPAIGN, "--out", folder / "day", "--troubles", "all", "--until", until, "--speed", "60000")
            shutil.copytree(folder / "day", folder / "pristine")
        # Each run begins with the same day, whatever the last one did to it.
        shutil.rmtree(folder / "day")
        shutil.copytree(folder / "pristine", folder / "day")
        self.place = ["--dir", folder / "day" / "hub", "--clock", f"@{folder}/day/clock"]
        self.process = subprocess.Popen(
            [str(each) for each in [self.hub, "serve", *self.place, "--port", "0", "--board-port", "0", "--public-url", ADDRESS]],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = [self.process.stdout.readline() for _ in range(2)]
        found = re.match(r"board: (http://127\.0\.0\.1:\d+)", lines[1])
        if not found:
            raise SystemExit(f"hub serve said {lines}")
        self.base = found.group(1)

    def invite(self, name, may):
        said = json.loads(run(self.hub, "people", "invite", name, "--may", may, "--json", *self.place))
        return said["path"]

    def stop(self):
        self.process.terminate()
        self.process.wait(START_SECONDS_MAX)


class Desk:
    """A browser in which somebody has signed in; `cookies` are those of the session."""

    def __init__(self, browser, hub, english):
        self.browser, self.hub, self.english, self.cookies = browser, hub, english, []

    def address(self, path):
        return self.hub.base + path + ("" if not self.english else ("&" if "?" in path else "?") + "lang=en")

    def page(self, width=1280, scheme="light", signed_in=True):
        context = self.browser.new_context(viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme)
        if signed_in:
            context.add_cookies(self.cookies)
        return context.new_page()

    def first(self, page, path, selector):
        """The address of the first link on a page; none where there is none."""
        if path is None:
            return None
        page.goto(self.address(path))
        found = page.locator(selector)
        return re.sub(r"[?&]lang=en$", "", found.first.get_attribute("href")) if found.count() else None


def prepare(desk):
    """Signs in, does what some pages need, and returns their names and addresses."""
    invitation = desk.hub.invite(OPERATOR, "read,act,configure,answers")
    for name, may in (("Lãnh đạo tỉnh", "read,answers"), ("Công đoàn", "read")):
        desk.hub.invite(name, may)
    entry = desk.page(signed_in=False)
    pages = {"sign-in": ("/sign-in", False), "invitation": (desk.hub.invite("Trực ban 2", "read,act"), False)}
    entry.goto(desk.address(invitation))
    for field in ("#password", "#again"):
        entry.fill(field, PASSWORD)
    with entry.expect_navigation():
        entry.click("form:has(#again) button")
    desk.cookies = entry.context.cookies()
    page = desk.page()
    conflict = desk.first(page, "/decide", "main a[href^='/conflict/']")
    held = desk.first(page, "/decide", "main a[href^='/held/']")
    unit = desk.first(page, "/decide", "main li:has(a[href^='/conflict/']) a[href^='/unit/']")
    report = desk.first(page, unit, "#reports + ul a[href^='/report/']")
    device = desk.first(page, unit, "#devices + table a[href^='/device/']")
    troubled = desk.first(page, "/units?state=deviceTrouble", "#rows a[href^='/unit/']")
    alike = desk.first(page, conflict, "main a[href^='/alike/']")
    post = desk.first(page, "/posts", "main a[href^='/post/']")
    page.goto(desk.address("/remind?state=late"))
    with page.expect_navigation():
        page.click("main form button.primary")
    reminder = re.sub(r"[?&]lang=en$", "", page.url.removeprefix(desk.hub.base))
    if report:
        page.goto(desk.address(report))
        page.click("details:has(textarea[name=words]) > summary")
        page.fill("textarea[name=words]", "Đề nghị đối chiếu số người đã trả lời với danh sách cán bộ.")
        with page.expect_navigation():
            page.click("button[value=return]")
    never = desk.first(page, "/units?state=neverInContact", "#rows a[href^='/unit/']")
    signed = {
        "now": "/now", "overview": "/", "units": "/units", "units-late": "/units?state=late", "units-none": "/units?q=khongco", "unit": unit,
        "unit-device": troubled, "unit-never": never, "report": report, "conflict": conflict, "alike": alike, "decide": "/decide",
        "held": held, "device": device, "devices": "/devices", "reports": "/reports", "sums": "/sums", "remind": "/remind?state=late",
        "reminder": reminder, "posts": "/posts", "post": post, "results": "/results", "results-district": "/results?level=district",
        "setup": "/setup", "definition": "/campaign", "forms": "/forms", "tags": "/tags", "contacts": "/contacts", "people": "/people",
        "account": "/account", "codes": "/codes", "poster": f"/codes/print?paper=poster&base={ADDRESS}",
        "card": f"/codes/print?paper=card&base={ADDRESS}", "no-page": "/nothing",
    }
    missing = [name for name, path in signed.items() if path is None]
    return pages | {name: (path, True) for name, path in signed.items() if path}, missing


def draw(desk, pages, folder):
    """A picture of each page in each size and scheme; returns what is wrong with any."""
    faults = []
    for width in SIZES:
        for scheme in SCHEMES:
            guest, operator = desk.page(width, scheme, signed_in=False), desk.page(width, scheme)
            for name, (path, signed_in) in pages.items():
                page = operator if signed_in else guest
                page.goto(desk.address(path), wait_until="load")
                where = f"{name} {width} {scheme}"
                sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if sideways > 0:
                    faults.append(f"{where}: scrolls sideways by {sideways}")
                if width == 1280 and scheme == "light":
                    faults += [f"{where}: shows {code}" for code in sorted(set(page.evaluate(CODES)))]
                tall = min(HEIGHTS_MAX[width], max(SIZES[width], page.evaluate("document.documentElement.scrollHeight")))
                page.wait_for_timeout(150)
                page.screenshot(
                    path=str(folder / f"{name}-{width}-{scheme}.png"), full_page=True,
                    clip={"x": 0, "y": 0, "width": width, "height": tall})
    # In grey, as a printer without colours has them.
    page = desk.page()
    page.emulate_media(media="print", color_scheme="light")
    for name in ("now", "overview"):
        page.goto(desk.address(pages[name][0]))
        page.evaluate("document.documentElement.style.filter = 'grayscale(1)'")
        page.screenshot(path=str(folder / f"{name}-print.png"), full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": 1100})
    return faults


def sheets(browser, names, folder, out):
    """A sheet for each page: both sizes in both schemes, beside one another."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    page = browser.new_page(viewport={"width": sum(SHEET_WIDTHS.values()) * 2 + 48, "height": 600})
    for name in names:
        files = [f"{name}-{width}-{scheme}.png" for width in SIZES for scheme in SCHEMES]
        images = "".join(f"<img src='{file}' width='{SHEET_WIDTHS[int(file.split('-')[-2])]}'>" for file in files)
        sheet = folder / "sheet.html"
        sheet.write_text(
            "<!doctype html><meta charset=utf-8><style>body{margin:8px;background:#808080;display:flex;gap:8px;align-items:flex-start}"
            f"</style>{images}")
        page.goto(f"file://{sheet}")
        page.screenshot(path=str(out / f"{name}.jpg"), full_page=True, type="jpeg", quality=JPEG_QUALITY)
    images = "".join(f"<img src='{name}-print.png' width='660'>" for name in ("now", "overview"))
    (folder / "sheet.html").write_text(f"<!doctype html><meta charset=utf-8><style>body{{margin:8px;background:#808080}}</style>{images}")
    page.goto(f"file://{folder}/sheet.html")
    page.screenshot(path=str(out / "print-grey.jpg"), full_page=True, type="jpeg", quality=JPEG_QUALITY)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / ".build" / "debug")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "console")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".build" / "shots")
    parser.add_argument("--at", default="18:45", help="hour of the rehearsed day")
    parser.add_argument("--english", action="store_true", help="the pages in English")
    parser.add_argument("--only", help="names of pages, with commas between; makes no sheets")
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    hub = Hub(chosen.bin.resolve(), folder, chosen.at)
    pictures = folder / ("english" if chosen.english else "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            desk = Desk(browser, hub, chosen.english)
            pages, missing = prepare(desk)
            if chosen.only:
                pages = {name: pages[name] for name in chosen.only.split(",")} | {name: pages[name] for name in ("now", "overview")}
            faults = draw(desk, pages, pictures)
            if not chosen.only:
                sheets(browser, list(pages), pictures, chosen.out.resolve())
            browser.close()
    finally:
        hub.stop()
    faults += [f"the rehearsed day has no page for {name}" for name in missing]
    print("\n".join(faults) or f"{len(pages)} pages in {chosen.out}", file=sys.stderr if faults else sys.stdout)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
