"""Opens the operators' pages of a running hub in a real Chromium.

    console.py pages BASE COOKIE PATH...              axe, console errors, sideways scroll, codes of the program in place of words: every page,
                                                      both languages, two widths, two schemes
    console.py live BASE COOKIE HUB_PROCESS           what changes comes in while somebody reads, types and points

Prints one JSON object. `live` stops the hub's process for seconds, and lets it go on.
"""

import json
import os
import re
import signal
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SIZES = {360: 740, 1280: 800}
SCHEMES = ["light", "dark"]


# Names of columns, questions and states as the program writes them, outside of what is meant for programs.
CODES = r"""(() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("pre, textarea, script, code, .link, .code").forEach((each) => each.remove());
  return [...new Set(copy.textContent.match(/\b[a-z][a-z0-9]*_[a-z0-9_]+\b/g) || [])];
})()"""


def context(browser, base, cookie, width=1280, scheme="light", **more):
    made = browser.new_context(viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme, **more)
    made.add_cookies([{"name": "synckit", "value": cookie, "url": base}])
    return made


def with_language(path, language):
    return path if language == "vi" else path + ("&" if "?" in path else "?") + "lang=en"


def pages(browser, base, cookie, paths):
    """Lists what is wrong with any page; nothing where all is well."""
    faults, looked = [], 0
    for width in SIZES:
        for scheme in SCHEMES:
            with context(browser, base, cookie, width, scheme) as made:
                page = made.new_page()
                said = []
                page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
                page.on("pageerror", lambda error: said.append(str(error)))
                for language in ("vi", "en"):
                    for path in paths:
                        where = f"{with_language(path, language)} {width} {scheme}"
                        answer = page.goto(base + with_language(path, language), wait_until="load")
                        looked += 1
                        if answer.status != 200:
                            faults.append(f"{where}: status {answer.status}")
                        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                        if sideways > 0:
                            faults.append(f"{where}: scrolls sideways by {sideways}")
                        faults += [f"{where}: shows the code {code}" for code in page.evaluate(CODES)]
                        for found in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
                            targets = [node["target"] for node in found["nodes"]][:3]
                            faults.append(f"{where}: axe {found['id']}: {found['help']} {targets}")
                        faults += [f"{where}: console: {text}" for text in said]
                        said.clear()
    rows = {}
    for width, height in SIZES.items():
        with context(browser, base, cookie, width) as made:
            page = made.new_page()
            shown = []
            for language in ("vi", "en"):
                page.goto(base + with_language("/now", language))
                shown.append(page.evaluate(
                    "height => [...document.querySelectorAll('.cards > li')].filter(each => each.getBoundingClientRect().bottom <= height).length",
                    height))
            rows[width] = min(shown)
    return {"faults": faults, "looked": looked, "rows": rows}


def live(browser, base, cookie, process):
    """Checks, one after the other, what a page does while the hub changes."""
    with context(browser, base, cookie) as made:
        page = made.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(base + "/now")
        page.wait_for_function("document.getElementById('live').textContent.startsWith('trực tiếp ')", timeout=20_000)
        token = page.locator("input[name=form]").first.get_attribute("value")
        ids = "[...document.querySelectorAll('#cards > li')].map(each => each.id)"
        first = page.evaluate(ids)

        def call(row, **fields):
            # Another operator's call, which this page hears of.
            answer = made.request.post(
                f"{base}/unit/{row[2:]}/call", form={"form": token, "to": "/now", **fields}, headers={"sec-fetch-site": "same-origin"},
                max_redirects=0)
            assert answer.status == 303, answer.status

        seen = {}
        # Focus and scroll stay, rows do not move, and what changed within a row is there.
        page.mouse.move(5, 5)
        page.locator(f"#{first[4]} a").first.focus()
        page.evaluate("window.scrollTo(0, 150)")
        call(first[1], outcome="promised", until="23:50", note="hẹn sau")
        page.wait_for_selector("#changes:not([hidden])", timeout=20_000)
        seen["rows stay under focus"] = page.evaluate(ids) == first
        seen["scroll stays"] = page.evaluate("window.scrollY") == 150
        seen["focus stays"] = page.evaluate("document.activeElement.closest('li').id") == first[4]
        # A promise may put a row on a later page; whom nobody reached stays.
        call(first[2], outcome="unreachable", note="máy bận")
        page.wait_for_function("id => document.getElementById(id).innerText.includes('máy bận')", arg=first[2], timeout=20_000)
        seen["the change is in its row"] = page.evaluate(ids) == first
        seen["says how many"] = re.fullmatch(r"\d+ thay đổi ↑", page.locator("#changes").inner_text()) is not None
        page.locator("#changes").click()
        after = page.evaluate(ids)
        seen["applied when asked"] = after != first and after.index(first[1]) > first.index(first[1]) if first[1] in after else after != first
        seen["nothing is left to apply"] = page.locator("#changes").is_hidden()
        # Rows under the pointer stay.
        page.evaluate("document.activeElement.blur()")
        order = page.evaluate(ids)
        page.locator(f"#{order[3]}").scroll_into_view_if_needed()
        page.locator(f"#{order[3]}").hover()
        call(order[0], outcome="promised", until="23:51", note="")
        page.wait_for_selector("#changes:not([hidden])", timeout=20_000)
        seen["rows stay under the pointer"] = page.evaluate(ids) == order
        # Where nobody is in the list it follows by itself.
        page.mouse.move(5, 5)
        page.wait_for_function("order => JSON.stringify([...document.querySelectorAll('#cards > li')].map(each => each.id)) !== order",
                               arg=json.dumps(order, separators=(",", ":")), timeout=20_000)
        seen["follows by itself"] = page.locator("#changes").is_hidden()
        # What somebody is typing stays, also when their row changes.
        row = page.evaluate(ids)[2]
        page.locator(f"#{row} details.call summary").click()
        page.locator(f"#{row} input[name=note]").fill("đang gõ")
        call(row, outcome="unreachable", note="của người khác")
        page.wait_for_timeout(5_000)
        seen["typing stays"] = page.locator(f"#{row} input[name=note]").input_value() == "đang gõ"
        # Keys: j goes down the rows, / to the search.
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("j")
        page.keyboard.press("j")
        seen["j goes down"] = page.evaluate("document.activeElement.closest('li')?.id") == page.evaluate(ids)[1]
        page.keyboard.press("/")
        seen["/ searches"] = page.evaluate("document.activeElement.id") == "search"
        # Cut for 15 seconds: the line says so in amber, the numbers stay, and all is well again afterwards.
        rows = len(page.evaluate(ids))
        os.kill(process, signal.SIGSTOP)
        try:
            page.wait_for_selector("#live.cut", timeout=25_000)
            seen["says that it is cut"] = page.locator("#live").inner_text().startswith("không trực tiếp từ ")
            seen["numbers stay"] = len(page.evaluate(ids)) == rows
        finally:
            os.kill(process, signal.SIGCONT)
        page.wait_for_selector("#live:not(.cut)", timeout=30_000)
        seen["recovers"] = True
        seen["no error"] = errors == []
    with context(browser, base, cookie, java_script_enabled=False) as made:
        page = made.new_page()
        page.goto(base + "/now")
        seen["refreshes without the script"] = page.locator("meta[http-equiv=refresh]").count() == 1
    return seen


mode, base, cookie, *rest = sys.argv[1:]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    if mode == "pages":
        result = pages(browser, base, cookie, rest)
    else:
        result = live(browser, base, cookie, int(rest[0]))
    browser.close()
print(json.dumps(result, ensure_ascii=False))
