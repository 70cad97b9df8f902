"""Goes back, loads again, presses twice and loses the network in a real Chromium without JavaScript, while the hub is killed between steps.

Usage: webback.py HUB DIR CLOCK TARGET [--shots DIR] [--width 360] [--scheme light]
Starts and kills `hub serve` itself. Prints one JSON object; a failed check ends it with exit code 1 and one sentence on standard error.
"""

import argparse
import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

from playwright.sync_api import Error, sync_playwright

NEEDLE = "Chim hoa mi thu nghiem 7391"
FIRST = {"a1_agency": "ubnd", "a2_position": "cong_chuc", "a3_years": "y5_10"}
REST = [
    {"b1_disclosure": "2", "b2_topics": "chua_co"}, {"c1_conference": "khong"},
    {"d1_consulted": "3", "d2_matters": "chua_duoc", "d3_uptake": "khong", "d4_speak_up": "co"}, {"e1_board": "khong", "e3_petitions": "0"},
    {"f1_head": "3", "f2_rules": "co"},
    {"g1_service": "3", "g2_workplace": "3", "g3_priorities": "thai_do", "g4_overall": "3", "g6_suggestion": NEEDLE},
]


def check(holds, sentence):
    if not holds:
        raise SystemExit(sentence)


class Server:
    """`hub serve`, killed and started again on one port."""

    def __init__(self, hub, folder, clock):
        self.command = [hub, "serve", "--dir", folder, "--port", "0", "--board-port", "0", "--clock", "@" + clock]
        self.port = 0
        self.start()

    def start(self):
        self.command[5] = str(self.port)
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        match = re.match(r"hub: http://127\.0\.0\.1:(\d+)", line)
        check(match, f"hub serve said {line!r}")
        self.port = int(match.group(1))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def again(self):
        self.kill()
        self.start()


class Relay:
    """A network between browser and hub; while `swallows` is set, calls reach the hub and their answers are lost."""

    def __init__(self, server):
        self.server, self.swallows = server, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            hub = socket.create_connection(("127.0.0.1", self.server.port))
        except OSError:
            client.close()
            return

        def back():
            try:
                while data := hub.recv(65536):
                    if self.swallows:
                        break
                    client.sendall(data)
            except OSError:
                pass
            for side in (client, hub):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        threading.Thread(target=back, daemon=True).start()
        try:
            while data := client.recv(65536):
                hub.sendall(data)
        except OSError:
            pass


class Visit:
    def __init__(self, page, url, server, shots):
        self.page, self.url, self.server, self.shots, self.count = page, url, server, shots, 0

    def shot(self, name):
        self.count += 1
        wide = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        check(wide[0] <= wide[1], f"{name}: the page is wider than the screen: {wide}")
        if self.shots:
            self.page.screenshot(path=f"{self.shots}-{self.count:02d}-{name}.png", full_page=True)

    def press(self, value):
        self.page.locator(f"p.go button[value='{value}'], section button[value='{value}']").first.click()

    def answer(self, answers):
        for question, value in answers.items():
            field = self.page.locator(f"[name='q.{question}']")
            if field.first.get_attribute("type") in ("radio", "checkbox"):
                self.page.locator(f"[name='q.{question}'][value='{value}']").check()
            else:
                field.fill(value)

    def holds(self, answers, how):
        for question, value in answers.items():
            field = self.page.locator(f"[name='q.{question}']")
            check(field.count(), f"{how}: {question} is not asked on {self.page.url}")
            if field.first.get_attribute("type") in ("radio", "checkbox"):
                check(self.page.locator(f"[name='q.{question}'][value='{value}']").is_checked(), f"{how}: {question} is lost")
            else:
                check(field.input_value() == value, f"{how}: {question} is lost")

    def move(self, how):
        """Back, forward or reload: never a page of the browser that asks whether to send again."""
        try:
            {"back": self.page.go_back, "forward": self.page.go_forward, "reload": self.page.reload}[how](timeout=10000)
        except Error as error:
            raise SystemExit(f"{how} from {self.page.url}: {str(error).splitlines()[0]}")

    def fill(self):
        self.page.goto(self.url)
        self.press("start")
        for answers in [FIRST] + REST:
            self.answer(answers)
            self.press("next")
        check(self.page.locator("button[value=send]").count() == 1, "no review at the end")

    def review(self, how):
        check(self.page.locator("button[value=send]").count() == 1 and NEEDLE in self.page.content(), f"{how}: the review is lost")


def back_and_reload(visit):
    visit.fill()
    visit.shot("review")
    for restart in (False, True):
        # All the way back and forth again, each page loaded twice.
        for number, answers in reversed(list(enumerate([FIRST] + REST))):
            if restart:
                visit.server.again()
            visit.move("back")
            visit.holds(answers, f"back to page {number}")
            visit.move("reload")
            visit.holds(answers, f"page {number} loaded again")
        for _ in [FIRST] + REST:
            visit.move("forward")
        if restart:
            visit.server.again()
        visit.move("reload")
        visit.review("reload")
    # Changed on the first page: the others are not asked again.
    for _ in range(7):
        visit.move("back")
    visit.answer({"a1_agency": "dang_uy"})
    visit.server.again()
    visit.press("next")
    visit.review("after a change on the first page")
    # A page with something wrong on it, loaded again.
    visit.press("page.4")
    visit.answer({"e3_petitions": "nhieu"})
    visit.press("next")
    check(visit.page.locator(".alert.bad").count() == 1, "what is wrong is not said")
    visit.move("reload")
    check(visit.page.locator(".alert.bad").count() == 1, "what is wrong is not said any more")
    visit.holds({"e3_petitions": "nhieu"}, "what is wrong")
    visit.shot("wrong")
    visit.answer({"e3_petitions": "0"})
    visit.press("next")
    visit.review("after what was wrong")


def lost_network(visit, context):
    visit.fill()
    context.set_offline(True)
    try:
        visit.press("send")
        visit.page.wait_for_url("chrome-error://**")
    except Error:
        pass
    check(NEEDLE not in visit.page.content(), "the network was not cut")
    context.set_offline(False)
    visit.move("back")
    visit.review("back after a lost network")
    # The call arrives, and its answer does not.
    relay = visit.relay
    relay.swallows = True
    try:
        visit.press("send")
        visit.page.wait_for_url("chrome-error://**")
    except Error:
        pass
    relay.swallows = False
    visit.move("reload")
    check("/done" in visit.page.url, f"sending again led to {visit.page.url}")
    visit.shot("done")
    for how in ("back", "reload"):
        visit.move(how)
        check(NEEDLE not in visit.page.content(), f"{how} after sending shows the answers again")
    visit.shot("already-sent")
    visit.server.again()
    visit.move("reload")
    check(NEEDLE not in visit.page.content(), "a restart shows the answers again")
    visit.shot("no-longer-here")


def two_presses(visit):
    visit.fill()
    visit.page.locator("button[value=send]").dblclick(no_wait_after=True)
    visit.page.wait_for_url("**/done")
    visit.shot("sent-twice")


def closed(visit, hub, folder):
    visit.fill()

    def state(to):
        done = subprocess.run([hub, "forms", "state", "pks01", to, "--dir", folder], capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)

    state("closed")
    visit.press("send")
    visit.review("a form that was closed")
    visit.shot("closed")
    visit.server.again()
    visit.move("reload")
    visit.review("a form that was closed, loaded again")


def passed_on(visit, context):
    visit.fill()
    address = visit.page.url
    other = context.new_page()
    other.goto(address)
    check(NEEDLE not in other.content() and other.url == visit.url, "an address that was passed on shows the answers")
    check(other.locator("button[value=start]").count() == 1, "an address that was passed on does not lead to the notice")
    other.close()


def found(folder):
    """Where the browser's files hold the text, however it is written."""
    needles = [text.encode(code) for text in (NEEDLE[:20], NEEDLE[:20].replace(" ", "+"), NEEDLE[:20].replace(" ", "%20"))
               for code in ("utf-8", "utf-16-le")]
    holding = []
    for path in glob.glob(folder + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            if any(needle in data for needle in needles):
                holding.append(os.path.relpath(path, folder))
    return holding


def main():
    parser = argparse.ArgumentParser()
    for name in ("hub", "dir", "clock", "target"):
        parser.add_argument(name)
    parser.add_argument("--shots")
    parser.add_argument("--width", type=int, default=360)
    parser.add_argument("--scheme", default="light")
    options = parser.parse_args()
    server = Server(options.hub, options.dir, options.clock)
    relay = Relay(server)
    try:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                folder, executable_path="/usr/bin/chromium", java_script_enabled=False, color_scheme=options.scheme,
                viewport={"width": options.width, "height": 740}, args=["--no-first-run"])
            visit = Visit(context.pages[0], f"http://127.0.0.1:{relay.port}{options.target}", server, options.shots)
            visit.relay = relay
            back_and_reload(visit)
            lost_network(visit, context)
            two_presses(visit)
            passed_on(visit, context)
            closed(visit, options.hub, options.dir)
            cookies = context.cookies()
            context.close()
            holding = found(folder)
        check(not cookies, f"cookies remain: {cookies}")
        check(not holding, f"the browser's files hold the answer: {holding}")
    finally:
        server.kill()
    print(json.dumps({"sent": 2}))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as problem:
        if problem.code and not isinstance(problem.code, int):
            print(problem.code, file=sys.stderr)
            sys.exit(1)
        raise
