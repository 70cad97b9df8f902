#!/usr/bin/env python3
"""Runs the tests that were built, two processes at a time, each process's output whole once it has ended.

    scripts/tests.py check      the fast tests of the targets downstream of a change: what was green with the same sources is left out
    scripts/tests.py all        every test, and what depends on days once more in another time zone: what CI runs

The test program is called directly: two `swift test` at once meet over the build's database.
"""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build" / "debug" / "synckitPackageTests.xctest"
GREEN = ROOT / ".build" / "green.json"
PROCESSES_MAX = 2
# A test that hangs must not hold a build for ever.
PROCESS_SECONDS_MAX = 3600
# Lines about failed tests of one process that are said once more at the end.
FAULTS_SHOWN_MAX = 40
# What tests of every target read beside sources.
SHARED_INPUTS = ["Package.swift", "Examples/", "docs/protocol.md", "proto/", "scripts/tests.py"]
# ToolTests runs the documents' sessions and reads all sources.
READS_EVERYTHING = {"ToolTests"}
# The engine in three processes: stores of hundreds of tests stay open at once, and Foundation starts no process beside some thousand
# open files.
ENGINE = [rf"^SyncKitTests\.{letters}" for letters in ("[A-E]", "[F-Q]", "[R-Z]")]
# What asks for no day and no hour is not run in a second zone.
ZONELESS = r"^SurveyKitTests\.(Suppression|FieldPrivacy|Generator|PhotoTests|Growth|Release|ScopeGenerator|VietnameseOrder|FormsWorkbook)"
# All tool tests begun together keep one another's hubs, some of them in the tests' own process, from answering in time.
TOOL_TESTS_AT_ONCE = 8
# The longest first, so that both cores end at about the same time. What is right in one zone and wrong in the other is a zone's
# doing; the engine, which takes longest, asks for no zone: once is enough.
ALL = [
    ("SimulationTests, many seeds", "UTC", r"^SimulationTests\.SimulationTests/manySeeds", None),
    ("SimulationTests, the others", "UTC", r"^SimulationTests\.", "manySeeds"),
    ("ToolTests", "UTC", r"^ToolTests\.", "HardRehearsal|DeafReader"),
    *[("SyncKitTests", "Pacific/Auckland", part, None) for part in ENGINE],
    ("SurveyKitTests", "UTC", r"^SurveyKitTests\.", None),
    ("SurveyKitTests", "Pacific/Auckland", r"^SurveyKitTests\.", ZONELESS),
    # Its devices and strangers take both cores, and would starve tests that keep time with a hub of their own.
    ("ToolTests, the hard rehearsal", "UTC", r"^ToolTests\.HardRehearsal", None),
    ("ToolTests, deaf readers", "UTC", r"^ToolTests\.DeafReader", None),
    ("FormWebTests", "UTC", r"^FormWebTests\.", None),
    ("FormWebTests", "Pacific/Auckland", r"^FormWebTests\.", None),
]
FAST = ["SyncKitTests", "ToolTests", "SimulationTests", "SurveyKitTests", "FormWebTests"]


def digests():
    """Returns a digest of everything that each test target depends on, by the target's name."""
    described = json.loads(subprocess.run(
        ["swift", "package", "--traits", "Server", "describe", "--type", "json"], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    targets = {target["name"]: target for target in described["targets"]}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    files = sorted(os.fsdecode(name) for name in listed.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file())
    contents = {name: hashlib.sha256((ROOT / name).read_bytes()).digest() for name in files}

    def closure(name, found):
        if name in found or name not in targets:
            return found
        found.add(name)
        for other in targets[name].get("target_dependencies", []):
            closure(other, found)
        return found

    result = {}
    for name in FAST:
        folders = tuple(SHARED_INPUTS) + tuple(targets[each]["path"] + "/" for each in closure(name, set()))
        digest = hashlib.sha256()
        for file in files:
            if name in READS_EVERYTHING or file.startswith(folders):
                digest.update(file.encode() + b"\0" + contents[file])
        result[name] = digest.hexdigest()
    return result


class Run:
    """One process of the test program."""

    def __init__(self, title, zone, pattern, skip, fast):
        self.title = f"{title} ({zone})"
        command = [str(PROGRAM), "--testing-library", "swift-testing", "--filter", pattern] + (["--skip", skip] if skip else [])
        if title.startswith("ToolTests"):
            command += ["--experimental-maximum-parallelization-width", str(TOOL_TESTS_AT_ONCE)]
        self.log = tempfile.TemporaryFile()
        environment = dict(os.environ, TZ=zone, **({"SYNCKIT_TESTS": "fast"} if fast else {}))
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def end(self):
        """Waits, prints what the process said, and returns whether every test passed."""
        try:
            code = self.process.wait(PROCESS_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            code = f"none after {PROCESS_SECONDS_MAX} s"
        seconds = time.monotonic() - self.begun
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        # A fast run says what failed and how it ended; the whole one says everything, as CI keeps it.
        lines = text.splitlines()
        shown = lines if code != 0 or not self.is_quiet else [line for line in lines if "Test run with" in line]
        with Run.printing:
            print(f"== {self.title}: {seconds:.0f} s" + ("" if code == 0 else f", exit code {code}"))
            print("\n".join(shown), flush=True)
        self.faults = [line for line in lines if line.startswith("✘")][:FAULTS_SHOWN_MAX]
        return code == 0

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    is_quiet = False
    printing = threading.Lock()


def run(wanted, fast):
    """Runs `wanted`, (title, zone, pattern, skip) each. Returns, by the title of each process that failed, the lines about its faults."""
    waiting, failed, running, lock = list(wanted), {}, set(), threading.Lock()
    Run.is_quiet = fast

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                each = waiting.pop(0)
                process = Run(*each, fast)
                running.add(process)
            if not process.end():
                with lock:
                    failed.setdefault(each[0], []).extend(process.faults)
            with lock:
                running.discard(process)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(PROCESSES_MAX)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        with lock:
            waiting.clear()
            for process in running:
                process.kill()
        sys.exit(130)
    return failed


def main(arguments):
    if arguments not in (["check"], ["all"]):
        sys.exit(__doc__)
    begun = time.monotonic()
    if arguments == ["all"]:
        failed = run(ALL, fast=False)
    else:
        now = digests()
        green = json.loads(GREEN.read_text()) if GREEN.exists() else {}
        wanted = [name for name in FAST if green.get(name) != now[name]]
        for name in sorted(set(FAST) - set(wanted)):
            print(f"== {name}: nothing that these tests read has changed since they were green")
        parts = {name: ENGINE if name == "SyncKitTests" else [rf"^{name}\."] for name in wanted}
        failed = run([(name, "UTC", part, None) for name in wanted for part in parts[name]], fast=True)
        GREEN.write_text(json.dumps({name: digest for name, digest in now.items() if name not in failed}, indent=1))
    seconds = time.monotonic() - begun
    # The end of a long output is what is kept and read.
    for title, faults in failed.items():
        print("\n".join([f"== {title}: what failed"] + faults))
    print(f"{'failed: ' + ', '.join(failed) if failed else 'All passed'} ({seconds:.0f} s).")
    sys.exit(1 if failed else 0)


main(sys.argv[1:])
