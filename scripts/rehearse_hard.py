#!/usr/bin/env python3
"""A hard rehearsal: the real hub behind the real nginx, real devices over poor links, and strangers beside them; then the proof.

    scripts/rehearse_hard.py --bin .build/release [--devices N] [--minutes M] [--figures] [--bare] [--loopback]

Devices enrol, import answers, file and correct reports, add photos and sync over links of 1 to 4 KB a second and 600 ms. In turns they are alone,
and beside strangers: 30 slow bodies, 400 idle sockets at the proxy and as many at the hub, 100 that ask on and read nothing, wrong codes, an enrolled device that sends junk and floods,
and a disk that fills and is freed. In the end links are good, every device drains, and the hub must hold each answer and report exactly once.
--figures also holds the 99th percentile of the devices' calls beside strangers to 3 times theirs alone; only optimised tools are worth that.
"""

import argparse
import collections
import csv
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "rehearsal"))
import devices  # noqa: E402
import links  # noqa: E402
import probes  # noqa: E402
import strangers  # noqa: E402
from world import CAMPAIGN, ROOT, Disk, Hub, Namespace, Nginx, World  # noqa: E402

HUB_BYTES_MAX = 300_000_000
RATIO_MAX, CALLS_MIN = 3, 1_000
PAIR_MINUTES = 3
# A device's turn comes again after so many seconds for each device, so that the devices' own work leaves the processors free.
PAUSE_SECONDS, PAUSE_SECONDS_PER_DEVICE = 3.0, 0.15
ENROL_SECONDS_MAX, DRAIN_SECONDS_MAX = 300, 600
SAMPLE_SECONDS = 0.2
FULL_SECONDS_MAX = 45
ALONE, BESIDE = 1, 2


# ---------------------------------------------------------------- the ground

def inside_namespaces(arguments):
    """Begins again in a mount and a network namespace of its own, as far as the kernel allows."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    network = [] if arguments.loopback else ["--net"]
    for namespaces in ([*root, "--mount", *network], [*root, "--mount"]):
        command = ["unshare", *namespaces]
        allowed = subprocess.run([*command, "true"], capture_output=True).returncode == 0 if shutil.which("unshare") else False
        if allowed:
            os.execvp("unshare", [*command, sys.executable, __file__, *sys.argv[1:], "--inside=" + "+".join(namespaces)])
    os.execv(sys.executable, [sys.executable, __file__, *sys.argv[1:], "--inside=none"])


def network(arguments):
    """The devices' network namespace; None, and a sentence, where the kernel gives none."""
    if arguments.loopback:
        return None
    if "--net" in arguments.inside and shutil.which("ip"):
        try:
            return Namespace()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"Skipped: crossing network namespaces, as the kernel forbids what it takes ({error}). Devices use the loopback network.")
            return None
    why = "the kernel forbids it (unshare --net)" if "--net" not in arguments.inside else "there is no `ip`: run `make deps`"
    print(f"Skipped: crossing network namespaces, as {why}. Devices use the loopback network.")
    return None


# ---------------------------------------------------------------- the course

class Course:
    """Alternates between parts in which devices are alone and parts beside strangers, and watches the hub meanwhile."""

    def __init__(self, world, hub, disk):
        self.world, self.hub, self.disk = world, hub, disk
        # For each time that the disk was filled, whether the hub noticed.
        self.full = []
        # What the hub had in memory at the end of each part.
        self.memory = []

    def wait(self, seconds, until=lambda: False):
        """Lets time pass, sampling the hub's memory; returns whether `until` came true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            if self.hub.process.poll() is not None:
                raise SystemExit(f"The hub ended with {self.hub.process.returncode} in the middle of the rehearsal; see {self.hub.log.name}.")
            self.hub.memory_kib()
            time.sleep(SAMPLE_SECONDS)
        return until()

    def note(self, name):
        self.memory.append(f"{name} {self.hub.memory_kib() / 1024:.0f}")

    def alone(self, seconds):
        self.world.part.value = ALONE
        self.wait(seconds)
        self.world.part.value = 0
        self.note("alone")

    def beside(self, seconds):
        self.world.strangers.value = 1
        self.world.part.value = BESIDE
        self.wait(seconds * 0.4)
        if self.disk.can_fill:
            self.disk.fill()
            # A store goes on in the room its files have; it is full once it says so.
            self.full.append(self.wait(FULL_SECONDS_MAX, until=lambda: not self.hub.health()["ok"]))
            self.wait(seconds * 0.1)
            self.disk.free()
        self.wait(seconds * 0.5)
        self.note("beside")
        self.world.part.value = 0
        self.world.strangers.value = 0
        # Strangers hang up, and what they began ends.
        self.wait(3)


# ---------------------------------------------------------------- what is shown

class Verdict:
    """The sentences of the end, and whether all of them are good."""

    def __init__(self):
        self.holds = True

    def say(self, is_good, good, bad):
        self.holds = self.holds and bool(is_good)
        print(("  holds: " + good) if is_good else ("  FAILS: " + bad))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def table(title, took):
    """Prints calls and percentiles, alone and beside strangers, of each kind of call and of all; returns the two 99th percentiles of all."""
    print(f"\n{title}\n  {'':24}{'calls':>14}{'p50 ms':>16}{'p95 ms':>16}{'p99 ms':>16}    beside ÷ alone")
    whole = {part: sum((values for (of, _), values in took.items() if of == part), []) for part in (ALONE, BESIDE)}
    for kind in [*sorted({kind for _, kind in took}), "all calls"]:
        pair = [whole[part] if kind == "all calls" else took.get((part, kind), []) for part in (ALONE, BESIDE)]
        figures = "".join(f"{percentile(pair[0], share):>8.1f}{percentile(pair[1], share):>8.1f}" for share in (0.5, 0.95, 0.99))
        print(f"  {kind:24}{len(pair[0]):>7}{len(pair[1]):>7}{figures}    {ratio(percentile(pair[0], 0.99), percentile(pair[1], 0.99)):.2f}")
    return tuple(percentile(whole[part], 0.99) for part in (ALONE, BESIDE))


def ratio(alone, beside):
    return beside / alone if alone else 0.0


def merged(parts):
    together = {}
    for took in parts:
        for name, values in took.items():
            together.setdefault(name, []).extend(values)
    return together


def prove(world, hub, told, probed, verdict):
    """Stops the hub and holds its store against what devices and probes were told."""
    code, said, _ = world.hub_command("photos", "--json", dir=hub.dir)
    photos = json.loads(said) if code == 0 else {"isIn": -1}
    wanted = sum(each["photos"] for each in told)
    verdict.say(photos["isIn"] == wanted, f"{wanted} photos are at the hub.", f"Of {wanted} photos {photos['isIn']} are at the hub.")
    stopped = hub.stop()
    verdict.say(stopped == 0, "The hub stopped when asked.", f"Stopping the hub ended with {stopped}.")
    code, said, complaint = world.hub_command("close", devices.FORM, dir=hub.dir)
    verdict.say(code == 0, "The form was closed.", f"hub close failed: {complaint}")
    manifest = pathlib.Path(world.folder) / "manifest.json"
    answers = sorted((answer for each in told for answer in each["answers"]), key=lambda answer: answer["id"])
    reports = [report for each in told for report in each["reports"]]
    manifest.write_text(json.dumps({"answers": answers, "reports": reports}), encoding="utf-8")
    code, said, complaint = world.hub_command("prove", str(manifest), "--json", dir=hub.dir)
    proof = json.loads(said) if said.startswith("{") else {}
    verdict.say(code == 0 and proof.get("foundAnswers") == len(answers),
                f"{len(answers)} answers are at the hub, each exactly once; {len(reports)} reports with no value lost.",
                f"hub prove: {proof or complaint}")
    with sqlite3.connect(f"file:{hub.dir / 'hub.sqlite'}?mode=ro", uri=True) as store:
        kept = {row[0] for row in store.execute("SELECT id FROM post")}
    posts = [post for each in probed for post in each["posts"]]
    lost = [post for post in posts if post not in kept]
    verdict.say(not lost, f"{len(posts)} posts that the hub had merged are there.", f"{len(lost)} of {len(posts)} merged posts are gone.")
    for command in ("status", "verify"):
        code, said, complaint = world.hub_command(command, dir=hub.dir)
        verdict.say(code == 0, f"hub {command} finds nothing wrong.", f"hub {command} ended with {code}: {(said + complaint)[-1500:]}")


def judge_devices(told, verdict):
    faults = [fault for each in told for fault in each["faults"]]
    left = [f"device {each['number']} ({each['unit']}): {each['left']}" for each in told if each["left"]]
    codes, complaints = (sum((each[name] for each in told), collections.Counter()) for name in ("codes", "complaints"))
    print("  Commands by exit code: " + ", ".join(f"{name}: {count}" for name, count in sorted(codes.items())))
    for sentence, count in complaints.most_common():
        print(f"  {count:>7}  {sentence}")
    verdict.say(not left, f"All {len(told)} devices drained, proved equal.", f"{len(left)} devices did not drain: " + "; ".join(left[:5]))
    verdict.say(not faults, "No command of a device failed.", f"{len(faults)} commands failed, such as: " + " | ".join(faults[:5]))


def judge_figures(arguments, hub, memory, device_took, probe_took, verdict):
    table("Calls of devices behind poor links, from the last byte handed on to the first of the answer", device_took)
    alone, beside = table("Calls of the timed clients, whole", probe_took)
    print(f"\nMemory of the hub in MiB: at most {hub.peak_kib / 1024:.0f}; at the end of each part: {', '.join(memory)}\n")
    verdict.say(hub.peak_kib * 1024 < HUB_BYTES_MAX, "The hub stays under 300 MB.", f"The hub took {hub.peak_kib * 1024 // 1_000_000} MB.")
    if not arguments.figures:
        return
    fewest = min(sum(len(values) for (of, _), values in probe_took.items() if of == part) for part in (ALONE, BESIDE))
    verdict.say(fewest >= CALLS_MIN, f"At least {CALLS_MIN} calls alone and beside.", f"Only {fewest} calls; more minutes are needed.")
    verdict.say(ratio(alone, beside) <= RATIO_MAX, f"The p99 beside strangers is at most {RATIO_MAX} times that alone.",
                f"The p99 beside strangers is {ratio(alone, beside):.2f} times that alone.")


# ---------------------------------------------------------------- the whole

def received(pipe, who, seconds):
    """What a process sends; ends the rehearsal when it says nothing in time or has died."""
    try:
        if pipe.poll(seconds):
            return pipe.recv()
    except EOFError:
        pass
    raise SystemExit(f"The process of {who} said nothing for {seconds} s or died.")


def units_for(count):
    """Communes for devices, one each, then for the probes, and one for the strangers."""
    with open(CAMPAIGN / "communes.csv", encoding="utf-8-sig", newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    room = len(codes) - probes.PROBES - 1
    count = min(count or room, room)
    return codes[:count], codes[count:count + probes.PROBES], codes[-1]


def rehearse(arguments, folder):
    verdict, begun = Verdict(), time.monotonic()
    namespace = network(arguments)
    disk = Disk(folder)
    if not disk.can_fill:
        print(f"Skipped: a disk that fills, as the kernel forbids mounting one ({disk.why_not}).")
    own, probing, hostile = units_for(arguments.devices)
    world = World(folder, pathlib.Path(arguments.bin).resolve(), namespace)
    world.pause_seconds = max(PAUSE_SECONDS, PAUSE_SECONDS_PER_DEVICE * len(own))
    hub = Hub(world, disk)
    codes = hub.codes([*own, *probing, hostile, hostile, hostile])
    hub.serve()
    nginx = Nginx(world, arguments.bare)
    print(f"{len(own)} devices and {len(probing)} timed clients for {arguments.minutes:g} minutes, "
          f"{'across network namespaces' if namespace else 'on the loopback network'}; folder {folder}", flush=True)
    chance = random.Random(1)
    _, link_pipe = world.outside(links.run, [chance.randint(*links.BYTES_PER_SECOND) for _ in own])
    ports = received(link_pipe, "links", 30)
    _, stranger_pipe = world.outside(strangers.run, codes[-3:])
    received(stranger_pipe, "strangers", 60)
    _, device_pipe = world.outside(devices.run, own, codes, ports)
    course = Course(world, hub, disk)
    early = sum(1 for number in range(1, len(own) + 1) if number % 4)
    course.wait(ENROL_SECONDS_MAX, until=lambda: world.enrolled.value >= early)
    course.note("enrolled")
    print(f"{world.enrolled.value} devices are enrolled after {time.monotonic() - begun:.0f} s.", flush=True)
    timed = []
    for index in range(len(probing)):
        timed.append(world.outside(probes.run, len(own) + 1 + index, codes[len(own) + index])[1])
        received(timed[-1], "a timed client", 60)
    pairs = max(1, round(arguments.minutes / PAIR_MINUTES))
    for _ in range(pairs):
        course.alone(arguments.minutes * 60 / pairs / 3)
        course.beside(arguments.minutes * 60 / pairs * 2 / 3)
    world.links_good.value = world.devices_end.value = 1
    course.wait(DRAIN_SECONDS_MAX, until=device_pipe.poll)
    print(f"All is done after {time.monotonic() - begun:.0f} s.", flush=True)
    told = received(device_pipe, "devices", 1)
    probed = [received(pipe, "a timed client", 60) for pipe in timed]
    health = hub.health()
    world.over.value = 1
    tried, link_took = received(stranger_pipe, "strangers", 60), received(link_pipe, "links", 30)

    print("\nWhat strangers tried:\n" + "\n".join(f"  {count:>7}  {what}" for what, count in tried.items()))
    refused = sum((collections.Counter(each["refused"]) for each in probed), collections.Counter())
    print(f"Refusals to timed clients: {dict(refused) or 'none'}. /health: {json.dumps(health)}")
    judge_figures(arguments, hub, course.memory, link_took, merged(each["took"] for each in probed), verdict)
    broken = [each for probe in probed for each in probe["broken"]]
    verdict.say(not broken, "No call of a timed client broke.", f"{len(broken)} calls of timed clients broke, such as: " + "; ".join(broken[:5]))
    if disk.can_fill:
        verdict.say(all(course.full), f"The hub's disk was full, noticed, and freed: {len(course.full)} times.",
                    f"The hub's disk was full for {FULL_SECONDS_MAX} s and nothing failed: nothing was tried.")
        log = pathlib.Path(hub.log.name).read_text(errors="replace")
        verdict.say("full" in log, "The hub's log says that the disk was full.", f"The hub's log does not say why calls failed: {log[-500:]}")
        verdict.say(health["ok"], "The hub is well again.", f"/health says {json.dumps(health)}")
    judge_devices(told, verdict)
    prove(world, hub, told, probed, verdict)
    nginx.stop()
    if namespace:
        namespace.end()
    return verdict.holds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / ".build" / "debug"), help="folder of field and hub")
    parser.add_argument("--devices", type=int, default=20, help="devices, one a commune; 0: all")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--figures", action="store_true", help="hold the 99th percentiles against one another")
    parser.add_argument("--loopback", action="store_true", help="do not cross network namespaces")
    parser.add_argument("--bare", action="store_true", help="nginx only hands calls on, without what docs/operations.md recommends")
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is well")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not Nginx.program():
        sys.exit("Needs nginx: run `make deps`.")
    if not arguments.inside:
        inside_namespaces(arguments)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    folder = tempfile.mkdtemp(prefix="rehearsal-")
    holds = False
    try:
        holds = rehearse(arguments, folder)
    finally:
        if holds and not arguments.keep:
            subprocess.run(["umount", f"{folder}/disk"], capture_output=True)
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"Logs and stores stay in {folder} (the hub's folder was on a disk of its own).")
    print("The hard rehearsal holds." if holds else "The hard rehearsal FAILS.")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
