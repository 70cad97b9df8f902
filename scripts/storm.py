#!/usr/bin/env python3
"""A storm over real processes: `field` and `hub` killed, cloned, put back and restored at random, on links that are cut; then the proof.

    scripts/storm.py --bin .build/debug [--minutes M] [--seed N]

Devices of a few communes import answers, file reports, post and sync. Meanwhile commands and the hub are killed with SIGKILL, devices are cloned or
replaced by older copies of themselves, the hub is put back to its newest backup, connections are cut after a random byte, an enrolled device and
strangers send damaged messages, and copies of stores are damaged and read. In the end links are good, every device drains, and the hub must hold
each answer, report and post exactly once. Ends with 1 when anything was lost, doubled, or ended in a crash.
"""

import argparse
import asyncio
import collections
import csv
import hashlib
import http.client
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "rehearsal"))
from client import Client, Refused  # noqa: E402
from devices import ANSWER, DAY, FORM, FORM_VERSION, REPORT, answer_id, canonical, sha  # noqa: E402
from world import CAMPAIGN, ROOT, free_port  # noqa: E402

DEVICES, DEVICES_MAX = 8, 24
# Devices that work at the same time.
AT_ONCE = 3
HOSTILE_CLIENTS = 4
HOSTILE_PER_TURN, DAMAGED_PER_TURN = 120, 3
CUT_SHARE, CUT_BYTES_MAX = 0.3, 6_000
KILL_SECONDS_MAX = 0.4
COMMAND_SECONDS_MAX = 120
TRIES_MAX, DRAIN_ROUNDS_MAX = 30, 40
RETRY_LATER = 75


class Relay:
    """Hands connections on to the hub; cuts a share of them after a random byte of either way while `cuts` is set."""

    def __init__(self, to, chance):
        self.to, self.chance, self.cuts, self.cut = to, chance, True, 0
        self.port = None
        begun = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve(begun)), daemon=True).start()
        begun.wait()

    async def _serve(self, begun):
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        begun.set()
        await server.serve_forever()

    async def _relay(self, reader, writer):
        left = [self.chance.randint(0, CUT_BYTES_MAX) if self.cuts and self.chance.random() < CUT_SHARE else None]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.to)
        except OSError:
            return writer.close()
        await asyncio.gather(self._carry(reader, far_writer, writer, left), self._carry(far_reader, writer, far_writer, left))

    async def _carry(self, reader, writer, other, left):
        try:
            while data := await reader.read(65_536):
                if left[0] is not None:
                    left[0] -= len(data)
                    if left[0] < 0:
                        self.cut += 1
                        data = data[:left[0]]
                        writer.write(data)
                        for each in (writer, other):
                            each.transport.abort()
                        return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


class Storm:
    def __init__(self, arguments, folder):
        self.field, self.hub_tool = (str(pathlib.Path(arguments.bin).resolve() / name) for name in ("field", "hub"))
        self.folder, self.chance = pathlib.Path(folder), random.Random(arguments.seed)
        self.clock = f"1711936800000,{int(time.time() * 1000)},1"
        self.dir, self.backups = self.folder / "hub-0", self.folder / "backups"
        self.backups.mkdir()
        self.port, self.process, self.log = free_port("127.0.0.1"), None, open(self.folder / "hub.log", "wb")
        self.counts, self.faults, self.lock = collections.Counter(), [], threading.Lock()
        self.devices, self.restores = [], 0

    def count(self, what, number=1):
        with self.lock:
            self.counts[what] += number

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    # ------------------------------------------------------------ the hub

    def hub(self, *arguments, dir=None, allowed=(0,)):
        command = [self.hub_tool, *arguments, "--dir", str(dir or self.dir), "--clock", self.clock, "--lang", "en"]
        ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS_MAX)
        if ended.returncode not in allowed:
            self.fault(f"hub {' '.join(arguments)} ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-400:]}")
        return ended

    def serve(self):
        self.process = subprocess.Popen(
            [self.hub_tool, "serve", "--dir", str(self.dir), "--port", str(self.port), "--board-port", "0", "--clock", self.clock, "--lang", "en"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("hub: "):
            raise SystemExit(f"hub serve did not start; see {self.log.name}")

    def kill_hub(self):
        if self.process.poll() is not None:
            self.fault(f"the hub had ended by itself with {self.process.returncode}")
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def backup(self):
        self.hub("backup", str(self.backups))
        self.count("backups of the hub")

    def restore(self):
        """Puts the hub back to its newest backup, in a folder of its own, with its keys."""
        newest = max(self.backups.glob("*.sqlite"), key=lambda path: path.stat().st_mtime_ns)
        self.kill_hub()
        self.restores += 1
        old, self.dir = self.dir, self.folder / f"hub-{self.restores}"
        self.hub("restore", str(newest), "--yes", "--reason", "storm", dir=self.dir)
        shutil.copytree(old / "keys", self.dir / "keys", dirs_exist_ok=True)
        self.serve()
        self.count("restores of the hub")

    # ------------------------------------------------------------ devices

    def run(self, device, *arguments, kill=False, allowed=(0,)):
        """Runs one command of a device; returns its exit code and what it said. With `kill` it may be killed on the way: None."""
        command = [self.field, *arguments, "--store", str(device.folder / "field.sqlite"), "--clock", self.clock, "--lang", "en"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said, complained = process.communicate(timeout=device.chance.uniform(0, KILL_SECONDS_MAX) if kill else COMMAND_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            if not kill:
                self.fault(f"field {' '.join(arguments)} took longer than {COMMAND_SECONDS_MAX} s")
            self.count("kills of field")
            return None, ""
        if process.returncode not in allowed:
            self.fault(f"{device.name}: field {' '.join(arguments)} ended with {process.returncode}: {(said + complained)[-400:]}")
        return process.returncode, said

    def until_done(self, device, *arguments):
        """Runs a command that may be repeated until it has come to its end, killing some of its tries."""
        for _ in range(TRIES_MAX):
            code, said = self.run(device, *arguments, kill=device.chance.random() < 0.4)
            if code is not None:
                return said if code == 0 else None
        self.fault(f"{device.name}: field {arguments[0]} never came to its end")

    def enrol(self, number, unit, reports, port):
        device = Device(self.folder / f"device-{number}", unit, reports, random.Random(self.chance.random()))
        device.folder.mkdir()
        made = json.loads(self.hub("enroll", unit, "--json").stdout)
        for _ in range(TRIES_MAX):
            code, _ = self.run(device, "enroll", made[0]["code"], "--hub", f"http://127.0.0.1:{port}", allowed=(0, RETRY_LATER))
            if code == 0:
                self.devices.append(device)
                return device
        raise SystemExit(f"{device.name} could not enrol: {self.faults[-1:]}")

    def clone(self, device):
        """Copies a device with its store and keys; both go on."""
        copy = Device(self.folder / f"device-{len(self.devices)}", device.unit, False, random.Random(self.chance.random()))
        shutil.copytree(device.folder, copy.folder)
        self.devices.append(copy)
        self.count("clones of devices")

    def put_back(self, device):
        """Replaces a device by its older copy. Everything that it had told the hub lies in two backups by then."""
        if self.left(device):
            return
        self.backup()
        shutil.rmtree(device.folder)
        shutil.copytree(device.copy, device.folder)
        device.copy = None
        self.count("old copies put back")

    def left(self, device):
        """Syncs; returns what is not at the hub yet, or differs from it; empty: nothing."""
        self.run(device, "sync", "--json", allowed=(0, RETRY_LATER))
        code, said = self.run(device, "status", "--json")
        if code != 0:
            return "status failed"
        status = json.loads(said)["status"]
        waiting = {name: status[name] for name in (
            "pendingChanges", "sealedChanges", "waitingChanges", "heldChanges", "packetsWaiting", "packetsUncertain") if status[name]}
        if "proved" not in status["agreement"]:
            waiting["agreement"] = status["agreement"]
        return f"{waiting}" if waiting else ""

    def turn(self, device):
        """Lets a device do one thing."""
        device.turns += 1
        act = device.chance.choices(["import", "report", "post", "sync"], [3, 2 if device.reports else 0, 2, 6])[0]
        if act == "import":
            made = device.write_answers()
            if self.until_done(device, "import", str(device.folder / "answers.csv"), "--json") is not None:
                device.answers += made
        elif act == "report":
            report = device.write_report()
            reason = ["--reason", "more came"] if device.report else []
            if self.until_done(device, "report", "--from", str(device.folder / "report.json"), *reason) is not None:
                device.report = report
        elif act == "post":
            words = f"Tin {device.name} {device.turns}."
            code, _ = self.run(device, "post", words, kill=device.chance.random() < 0.3)
            if code == 0:
                device.posts.append(words)
        else:
            self.run(device, "sync", "--json", kill=device.chance.random() < 0.4, allowed=(0, RETRY_LATER, 1, 69))

    # ------------------------------------------------------------ hostile messages and damaged stores

    def damaged(self, data):
        """Changes, cuts, repeats or inserts a few bytes."""
        data = bytearray(data)
        for _ in range(self.chance.randint(1, 4)):
            at = self.chance.randrange(len(data) + 1)
            kind = self.chance.randrange(4)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << self.chance.randrange(8)
            elif kind == 1:
                del data[at:at + self.chance.randint(1, 40)]
            elif kind == 2:
                data[at:at] = self.chance.randbytes(self.chance.randint(1, 40))
            else:
                data[at:at] = data[at:at + self.chance.randint(1, 40)]
        return bytes(data)

    def hostile_turn(self, clients):
        """Sends damaged messages: signed as calls by an enrolled device or not at all. Each must get an answer that is no failure of the hub."""
        for _ in range(HOSTILE_PER_TURN):
            client = self.chance.choice(clients)
            sealed = client.batch(client.post_rows(self.chance.randint(1, 4), "Lũ.", DAY))
            body = self.damaged(sealed)
            target = self.chance.choice([
                "/v1/batches/" + hashlib.sha256(body).hexdigest(), "/v1/batches/" + hashlib.sha256(sealed).hexdigest(), "/v1/packets", "/v1/enroll",
                "/v1/bundles", "/v1/feed?cursor=" + self.chance.randbytes(12).hex(), "/v1/blobs/" + self.chance.randbytes(32).hex()])
            method = "PUT" if "batches" in target or "blobs" in target else "GET" if "feed" in target else "POST"
            headers = client.authorization(method, target, body) if self.chance.random() < 0.7 else {}
            try:
                client.call(method, target, body, headers)
                answer = "taken"
            except Refused as refusal:
                answer = f"{refusal.status}"
                if refusal.status >= 500 and refusal.status != 503:
                    self.fault(f"{method} {target} was answered with {refusal}")
            except (OSError, http.client.HTTPException):
                answer = "closed"
            self.count("hostile messages")
            self.count(f"hostile messages answered: {answer}")

    def damage_a_store(self, path, commands):
        """Damages a copy of a store's folder and reads it: a sentence and an exit code, no crash."""
        copy = self.folder / "damaged"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(path.parent, copy)
        target = self.chance.choice([each for each in copy.iterdir() if each.name.startswith(path.name) and each.is_file() and each.stat().st_size])
        data = bytearray(target.read_bytes())
        kind = self.chance.randrange(4)
        if kind == 0:
            for _ in range(self.chance.randint(1, 200)):
                data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
        elif kind == 1:
            del data[self.chance.randrange(len(data)):]
        elif kind == 2:
            at = self.chance.randrange(0, len(data), 4096)
            data[at:at + 4096] = bytes(len(data[at:at + 4096]))
        else:
            at = self.chance.randrange(0, len(data), 4096)
            data[at:at + 4096] = self.chance.randbytes(len(data[at:at + 4096]))
        target.write_bytes(data)
        for command in commands(copy / path.name):
            ended = subprocess.run([*command, "--clock", self.clock, "--lang", "en"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                   timeout=COMMAND_SECONDS_MAX, errors="replace")
            said = ended.stdout + ended.stderr
            if ended.returncode < 0 or "Fatal error" in said or (ended.returncode and not said.strip()):
                kept = self.folder / f"crashed-{len(self.faults)}"
                shutil.copytree(copy, kept)
                self.fault(f"{' '.join(command)} ended with {ended.returncode} on a damaged store, kept in {kept}: {said[-300:]}")
        self.count("damaged stores read")

    def damage_turn(self):
        for _ in range(DAMAGED_PER_TURN):
            device = self.chance.choice(self.devices)
            self.damage_a_store(device.folder / "field.sqlite", lambda store: [
                [self.field, name, "--store", str(store)] for name in ("status", "list", "doctor")])
        self.damage_a_store(self.dir / "hub.sqlite", lambda store: [[self.hub_tool, name, "--dir", str(store.parent)] for name in ("status", "verify")])

    # ------------------------------------------------------------ the whole

    def blow(self, minutes):
        self.hub("init")
        self.hub("campaign", "load", str(CAMPAIGN))
        self.serve()
        self.backup()
        relay = Relay(("127.0.0.1", self.port), random.Random(self.chance.random()))
        with open(CAMPAIGN / "communes.csv", encoding="utf-8-sig", newline="") as file:
            units = [row["code"] for row in csv.DictReader(file)]
        for number in range(DEVICES):
            # Two devices a commune: the first files its reports.
            self.enrol(number, units[number // 2], number % 2 == 0, relay.port)
        clients = []
        for number in range(HOSTILE_CLIENTS):
            client = Client(("127.0.0.1", self.port), f"127.1.0.{number + 1}")
            client.enrol(json.loads(self.hub("enroll", units[-1], "--json").stdout)[0]["code"])
            clients.append(client)
        end, shown = time.monotonic() + minutes * 60, time.monotonic()
        while time.monotonic() < end:
            at_work = self.chance.sample(self.devices, min(AT_ONCE, len(self.devices)))
            threads = [threading.Thread(target=self.turn, args=(device,)) for device in at_work]
            for thread in threads:
                thread.start()
            if self.chance.random() < 0.25:
                time.sleep(self.chance.uniform(0, 0.5))
                self.kill_hub()
                self.count("kills of the hub")
                self.serve()
            if self.chance.random() < 0.25:
                self.hostile_turn(clients)
            for thread in threads:
                thread.join()
            self.between()
            if time.monotonic() - shown > 20:
                shown = time.monotonic()
                print(f"  {end - shown:.0f} s left: {self.figures(relay)}", flush=True)
        relay.cuts = False
        return relay

    def between(self):
        """Does what needs devices at rest."""
        device = self.chance.choice(self.devices)
        what = self.chance.random()
        if what < 0.05 and len(self.devices) < DEVICES_MAX:
            self.clone(device)
        elif what < 0.13 and device.copy is None:
            device.copy = self.folder / f"{device.name}-copy-{device.turns}"
            shutil.copytree(device.folder, device.copy)
        elif what < 0.25 and any(each.copy for each in self.devices):
            self.put_back(self.chance.choice([each for each in self.devices if each.copy]))
        elif what < 0.29:
            self.backup()
        elif what < 0.34:
            self.restore()
        elif what < 0.44:
            self.damage_turn()

    def figures(self, relay):
        named = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()) if ":" not in what)
        return f"{named}, {relay.cut} connections cut"

    def prove(self, relay):
        begun = time.monotonic()
        left = {}
        for rounds in range(1, DRAIN_ROUNDS_MAX + 1):
            left = {device.name: what for device in self.devices if (what := self.left(device))}
            if not left:
                break
        print(f"Drained in {rounds} rounds, {time.monotonic() - begun:.0f} s." if not left else f"Not drained: {left}")
        if left:
            self.fault(f"{len(left)} devices did not drain: {left}")
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            self.fault(f"the hub stopped with {self.process.returncode}")
        self.hub("close", FORM)
        answers = sorted((answer for each in self.devices for answer in each.answers), key=lambda answer: answer["id"])
        posts = [{"unit": each.unit, "content": sha(f"{each.unit}\0{words}")} for each in self.devices for words in each.posts]
        reports = [{"key": f"{each.unit}/{DAY}", "contents": sorted(sha(f"{name}\0{canonical(value)}") for name, value in each.report.items())}
                   for each in self.devices if each.report]
        (self.folder / "manifest.json").write_text(json.dumps({"answers": answers, "reports": reports, "posts": posts}), encoding="utf-8")
        print(self.hub("prove", str(self.folder / "manifest.json")).stdout.strip())
        for command in ("status", "verify"):
            self.hub(command)
        print(f"{len(answers)} answers, {len(reports)} reports and {len(posts)} posts of {len(self.devices)} devices; {self.figures(relay)}.")
        print("Answers to hostile messages: " + ", ".join(f"{what.split(': ')[1]} {count}" for what, count in sorted(self.counts.items()) if ":" in what))


class Device:
    """One `field` store, and what its person was told is kept."""

    def __init__(self, folder, unit, reports, chance):
        self.folder, self.unit, self.reports, self.chance, self.name = folder, unit, reports, chance, folder.name
        self.answers, self.posts, self.report, self.copy, self.turns = [], [], {}, None, 0

    def write_answers(self):
        made = []
        with open(self.folder / "answers.csv", "w", encoding="utf-8", newline="") as file:
            sheet = csv.writer(file)
            questions = [*ANSWER, "g6_suggestion"]
            sheet.writerow(["response_id", "commune_code", "form_id", "form_version", "submitted_at", *questions])
            for index in range(self.chance.randint(1, 6)):
                number = f"{self.name}-{self.turns}-{index}"
                answer = {**ANSWER, "g6_suggestion": f"Ý kiến số {number}."}
                cells = [" ".join(value) if isinstance(value, list) else value for value in (answer[name] for name in questions)]
                sheet.writerow([number, self.unit, FORM, FORM_VERSION, f"{DAY}T08:30:00+07:00", *cells])
                made.append({"id": answer_id(number, self.unit, canonical(answer)), "unit": self.unit, "content": sha(canonical(answer))})
        return made

    def write_report(self):
        report = {**REPORT, "guided": min(self.turns, 30), "answered": min(self.turns, 30) // 2}
        (self.folder / "report.json").write_text(canonical(report), encoding="utf-8")
        return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / ".build" / "debug"), help="folder of field and hub")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="storm-")
    storm = Storm(arguments, folder)
    try:
        storm.prove(storm.blow(arguments.minutes))
    finally:
        if storm.process and storm.process.poll() is None:
            storm.process.kill()
    for fault in storm.faults[:40]:
        print("  FAULT: " + fault)
    if storm.faults:
        sys.exit(f"The storm FAILS: {len(storm.faults)} faults. Logs and stores stay in {folder}.")
    shutil.rmtree(folder, ignore_errors=True)
    print("The storm holds: nothing was lost, nothing is there twice, nothing crashed.")


main()
