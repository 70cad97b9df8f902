"""Goes through the units in trouble by keys alone, in a real Chromium.

Usage: keys.py BASE COOKIE
BASE is the console's address, COOKIE a session's `name=value`. Prints one JSON object; a failed check ends it with exit code 1 and one sentence on
standard error.
"""

import json
import sys

from playwright.sync_api import sync_playwright


def check(holds, sentence):
    if not holds:
        raise SystemExit(sentence)


def main():
    base, cookie = sys.argv[1], sys.argv[2].split("=", 1)
    faults, strangers = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(base) else strangers.append(request.url))
        page.goto(base + "/now")
        focus = lambda: page.evaluate("document.activeElement.closest('.card')?.dataset.unit ?? document.activeElement.id")
        units = page.evaluate("Array.from(document.querySelectorAll('.cards > .card'), (card) => card.dataset.unit)")
        check(len(units) > 3, "too few units")
        for key, unit in [("j", units[0]), ("j", units[1]), ("j", units[2]), ("k", units[1])]:
            page.keyboard.press(key)
            check(focus() == unit, f"{key} went to {focus()} and not to {unit}")
        page.keyboard.press("c")
        check(page.evaluate("document.activeElement.name") == "outcome", "c does not open the call")
        page.keyboard.press("?")
        check(page.evaluate("document.getElementById('keys').open"), "? does not show the keys")
        page.keyboard.press("/")
        check(focus() == "search", "/ does not lead to the search")
        page.keyboard.type("jkcr?")
        check(page.url == base + "/now" and page.input_value("#search") == "jkcr?", "keys act while somebody types")
        page.goto(base + "/now")
        page.keyboard.press("j")
        page.keyboard.press("r")
        page.wait_for_url("**/remind**")
        check(page.url.endswith("/remind?units=" + units[0]), page.url)
        page.goto(base + "/now")
        page.keyboard.press("r")
        page.wait_for_url("**/remind**")
        check(page.url.endswith("/remind?state=late"), page.url)
        page.goto(base + "/now")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/unit/**")
        check(page.url.endswith("/unit/" + units[0]), page.url)
        check(not faults, f"the browser complains: {faults}")
        check(not strangers, f"something is fetched from elsewhere: {strangers}")
        browser.close()
    print(json.dumps({"units": len(units)}))


main()
