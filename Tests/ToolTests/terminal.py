"""Runs a program in a pseudo-terminal and does what a person does there; reads a scenario as JSON, writes what happened as JSON.

The scenario: command, folder, environment, columns, rows, steps. A step is one of
  ["see", TEXT]         waits until the screen shows TEXT, however its lines are broken
  ["type", TEXT]        sends TEXT, keys in their escape sequences
  ["resize", COLUMNS, ROWS]
  ["signal", NUMBER]
  ["note", NAME]        keeps the screen under that name
  ["run", COMMAND]      gives a command to the shell in the same folder, and waits for it; $PROGRAM is the program's process
The answer: code (negative: a signal), screens, main (what is left on the ordinary screen), restored (terminal modes as before),
failed (the step that did not come true, with the screen it found) or null.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata

PATIENCE_S = 60  # a stuck program is ended after this long; nothing is judged by how long it takes


class Screen:
    """What a terminal would show: as much of one as the tools use."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.main, self.other = self.blank(), self.blank()
        self.is_other = False
        self.row = self.column = 0
        self.pending = b""

    def blank(self):
        return [[" "] * self.columns for _ in range(self.rows)]

    @property
    def cells(self):
        return self.other if self.is_other else self.main

    def resize(self, columns, rows):
        for name in ("main", "other"):
            cells = [(line + [" "] * columns)[:columns] for line in getattr(self, name)]
            setattr(self, name, (cells + [[" "] * columns for _ in range(rows)])[:rows])
        self.columns, self.rows = columns, rows
        self.row, self.column = min(self.row, rows - 1), min(self.column, columns - 1)

    def text(self, cells=None):
        return "\n".join("".join(line).rstrip() for line in (cells or self.cells)).rstrip("\n")

    def feed(self, data):
        data = self.pending + data
        for cut in range(len(data), max(len(data) - 64, -1), -1):  # an escape sequence or a character may be cut
            try:
                text = data[:cut].decode()
            except UnicodeDecodeError:
                continue
            tail = re.search("\x1b(\\[[0-9;?]*)?$", text)
            if tail:
                text = text[: tail.start()]
            break
        else:
            text, data = "", b""
        self.pending = data[len(text.encode()):]
        for sequence, final, other, character in re.findall("\x1b\\[([0-9;?]*)([A-Za-z])|(\x1b.)|(.)", text, re.S):
            if final:
                self.control(sequence, final)
            elif character:
                self.put(character)

    def control(self, sequence, final):
        numbers = [int(n) if n else 0 for n in sequence.lstrip("?").split(";")]
        if final == "H":
            self.row = min(max(numbers[0], 1), self.rows) - 1
            self.column = min(max(numbers[1] if len(numbers) > 1 else 1, 1), self.columns) - 1
        elif final == "K":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif final == "J":
            first = 0 if numbers[0] >= 2 else self.row + 1
            if numbers[0] == 0:
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
            for row in range(first, self.rows):
                self.cells[row][:] = [" "] * self.columns
        elif sequence == "?1049" and final in "hl":
            self.is_other = final == "h"

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            if self.row == self.rows - 1:
                self.cells.append([" "] * self.columns)
                self.cells.pop(0)
            else:
                self.row += 1
        elif unicodedata.combining(character):
            place = max(0, self.column - 1)
            self.cells[self.row][place] = unicodedata.normalize("NFC", self.cells[self.row][place] + character)
        elif character >= " ":
            if self.column >= self.columns:
                self.column = 0
                self.put("\n")
            self.cells[self.row][self.column] = character
            self.column += 1


class Run:
    def __init__(self, scenario):
        self.scenario = scenario
        self.screen = Screen(scenario["columns"], scenario["rows"])
        self.master, self.slave = pty.openpty()
        self.size(scenario["columns"], scenario["rows"])
        self.before = termios.tcgetattr(self.slave)
        self.code = None
        self.child = os.fork()
        if self.child == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for stream in (0, 1, 2):
                os.dup2(self.slave, stream)
            os.closerange(3, 256)
            os.chdir(scenario["folder"])
            os.execve(scenario["command"][0], scenario["command"], scenario["environment"])

    def size(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.screen.feed(os.read(self.master, 65536))
            return True
        return False

    def ended(self):
        if self.code is None:
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self, is_true):
        until = time.monotonic() + PATIENCE_S
        while not is_true():
            if time.monotonic() > until or (self.ended() and not self.read(0.05)):
                return is_true()
            self.read(0.05)
        return True

    def step(self, step):
        kind = step[0]
        if kind == "see":
            return self.wait(lambda: step[1] in " ".join(self.screen.text().split()))
        if kind == "type":
            os.write(self.master, step[1].encode())
        elif kind == "resize":
            self.size(step[1], step[2])
            self.screen.resize(step[1], step[2])
        elif kind == "run":
            environment = os.environ | {"PROGRAM": str(self.child)}
            done = subprocess.run(step[1], shell=True, cwd=self.scenario["folder"], env=environment, stdin=subprocess.DEVNULL)
            return done.returncode == 0
        elif kind == "signal":
            os.kill(self.child, step[1])
        return True

    def run(self):
        screens, failed = {}, None
        for number, step in enumerate(self.scenario["steps"]):
            if step[0] == "note":
                screens[step[1]] = self.screen.text()
            elif not self.step(step):
                failed = f"step {number} {step}; ended: {self.ended()} {self.code}; the screen:\n{self.screen.text()}"
                break
        if failed is None and not self.wait(self.ended):
            failed = "did not end; the screen:\n" + self.screen.text()
        if not self.ended():
            os.kill(self.child, signal.SIGKILL)
            self.wait(self.ended)
        while self.read(0.05):
            pass
        return {
            "code": self.code,
            "screens": screens,
            "main": self.screen.text(self.screen.main),
            "isOther": self.screen.is_other,
            "restored": termios.tcgetattr(self.slave) == self.before,
            "failed": failed,
        }


print(json.dumps(Run(json.load(sys.stdin)).run()))
