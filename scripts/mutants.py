#!/usr/bin/env python3
"""Puts the deliberate faults of Tests/Mutations into a scratch copy, one by one, and says which test finds each.

Each patch begins with the law it breaks and the suites that should notice first. Those run first; where they notice nothing,
the rest of the engine's suites and a few seeds of the simulator do. Ends with 1 when a fault survives, when a patch
no longer applies, or when one does not build.

    scripts/mutants.py                  all; goes on where an interrupted run of the same sources stopped
    scripts/mutants.py merge seal       those whose names contain one of the words, whatever was found before

What was found is written into the table of Tests/Mutations/README.md at once.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCHES = ROOT / "Tests" / "Mutations"
# Kept between runs: building it from nothing takes minutes, a fault in it seconds.
TREE = pathlib.Path(os.environ.get("MUTANTS_TREE", ROOT / ".build" / "mutants"))
BUILD = os.environ.get("MUTANTS_BUILD", "swift build --build-tests").split()
SEEDS = 20
SUITE_SECONDS_MAX = 1800
# Everything fast: the kill at every step and the long run of seeds repeat what the seeds here do.
REST = [r"^SyncKitTests\.", r"^SimulationTests\.ExhaustiveMergeTests", r"^SimulationTests\.SimulationTests"]


class Fault:
    def __init__(self, path):
        self.path = path
        self.name = path.stem
        head = path.read_text().split("\n")
        self.law, self.says = head[0].rstrip(".").split(": ", 1)
        self.first = head[1].removeprefix("First: ").split()
        self.catcher = None
        self.problem = None

    def apply(self, *more):
        # One line of context is enough, so that a change nearby needs no new patch.
        return subprocess.run(["git", "apply", "-C1", *more, str(self.path)], cwd=TREE, capture_output=True, text=True)


def mirror(here, there):
    """Makes `there` like `here`, and touches only what differs, so that little is built again."""
    wanted = {path.relative_to(here) for path in here.rglob("*") if path.is_file()}
    for path in list(there.rglob("*")) if there.exists() else []:
        if path.is_file() and path.relative_to(there) not in wanted:
            path.unlink()
    for name in wanted:
        source, copy = here / name, there / name
        if not copy.exists() or source.read_bytes() != copy.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def scratch_copy():
    """The sources as they are here; only the engine's targets are built."""
    TREE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q"], cwd=TREE, check=True)
    for name in ["Sources", "Tests", "docs", "proto"]:
        mirror(ROOT / name, TREE / name)
    shutil.copy(ROOT / "Package.swift", TREE / "Package.swift")
    for name in ["checkouts", "repositories", "artifacts", "workspace-state.json"]:
        kept, copy = ROOT / ".build" / name, TREE / ".build" / name
        if kept.exists() and not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", str(kept), str(copy)], check=True)
    if (ROOT / "Package.resolved").exists():
        shutil.copy(ROOT / "Package.resolved", TREE / "Package.resolved")


def build():
    environment = dict(os.environ, SYNCKIT_PARTS="engine")
    done = subprocess.run(BUILD, cwd=TREE, capture_output=True, text=True, env=environment)
    return None if done.returncode == 0 else (done.stdout + done.stderr)[-2000:]


def run(suites):
    """The first test that notices, or None."""
    environment = dict(os.environ, TZ="UTC")
    if "SimulationTests.SimulationTests" in suites.replace("\\", ""):
        environment.update(SIM_SEEDS=str(SEEDS), SIM_FIRST="1")
    binary = TREE / ".build" / "debug" / "synckitPackageTests.xctest"
    command = [str(binary), "--skip-build", "--testing-library", "swift-testing", "--filter", suites]
    try:
        done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, env=environment, timeout=SUITE_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return f"{suites.lstrip('^')}: never ends"
    if done.returncode == 0:
        return None
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    failed = re.findall(r"✘ Test (\S+?)\(.*?\) recorded an issue.*? at (\w+)\.swift", said)
    seed = re.search(r"sim: seed \d+ failed: (.*)", said)
    if seed:
        return f"SimulationTests: {seed.group(1)[:100]}"
    if failed:
        return ".".join(reversed(failed[0]))
    return f"{suites.lstrip('^')}: ends with {done.returncode}"


def hunt(fault):
    applied = fault.apply()
    if applied.returncode != 0:
        fault.problem = "the patch no longer applies"
        return
    try:
        broken = build()
        if broken:
            print(broken)
            fault.problem = "does not build"
            return
        first = "|".join(re.escape(suite) for suite in fault.first)
        for suites in [rf"^({first})\b"] + REST:
            fault.catcher = run(suites)
            if fault.catcher:
                return
        fault.problem = "SURVIVED: no test noticed"
    finally:
        fault.apply("--reverse")


class Notes:
    """What was found with the sources as they are, for a run that goes on."""

    def __init__(self):
        self.path = TREE / ".build" / "mutants.json"
        sources = hashlib.sha256()
        for path in sorted(path for name in ["Sources", "Tests"] for path in (TREE / name).rglob("*.swift")):
            sources.update(path.read_bytes())
        self.sources = sources.hexdigest()
        kept = json.loads(self.path.read_text()) if self.path.exists() else {}
        if kept.get("sources") != self.sources:
            kept = {}
        self.is_sound = kept.get("sound", False)
        self.found = kept.get("found", {})

    def key(self, fault):
        return hashlib.sha256(fault.path.read_bytes().split(b"\n---", 1)[-1]).hexdigest()

    def keep(self, fault=None):
        if fault:
            self.found[self.key(fault)] = fault.catcher
        self.path.write_text(json.dumps({"sources": self.sources, "sound": self.is_sound, "found": self.found}))

    def check_sound(self):
        """What fails without any fault would seem to find every one."""
        if self.is_sound:
            return
        print("the suites without any fault", flush=True)
        for suites in REST:
            failed = run(suites)
            if failed:
                sys.exit(f"a test fails without any fault: {failed}")
        self.is_sound = True
        self.keep()


def write_table(faults):
    """Keeps what an earlier run said of faults that were not hunted in this one."""
    readme = PATCHES / "README.md"
    head, _, old = readme.read_text().partition("| Fault |")
    said = {row.split("`")[1]: row.split("|")[-2].strip() for row in old.split("\n") if row.startswith("| `")}
    lines = ["| Fault | Breaks | Found by |", "|---|---|---|"]
    for fault in faults:
        word = fault.catcher or fault.problem or said.get(fault.name, "not hunted yet")
        lines.append(f"| `{fault.name}`: {fault.says} | {fault.law} | {word.replace('|', '/')} |")
    readme.write_text(head + "\n".join(lines) + "\n")


def main():
    words = sys.argv[1:]
    faults = [Fault(path) for path in sorted(PATCHES.glob("*.patch"))]
    chosen = [fault for fault in faults if not words or any(word in fault.name for word in words)]
    scratch_copy()
    print(f"{len(chosen)} faults; building the sources without any", flush=True)
    sound = build()
    if sound:
        sys.exit("the sources do not build without any fault:\n" + sound)
    notes = Notes()
    notes.check_sound()
    for number, fault in enumerate(chosen, 1):
        began = time.monotonic()
        fault.catcher = None if words else notes.found.get(notes.key(fault))
        taken = "found before" if fault.catcher else None
        if not taken:
            hunt(fault)
            taken = f"{time.monotonic() - began:.0f} s"
        if fault.catcher:
            notes.keep(fault)
        write_table(faults)
        print(f"[{number}/{len(chosen)}] {fault.name} ({fault.law}): {fault.catcher or fault.problem}  ({taken})", flush=True)
    missed = [fault for fault in chosen if fault.problem]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} faults found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped; the next run goes on from here")
