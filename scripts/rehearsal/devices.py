"""Honest devices: `field` processes that enrol, collect, report and sync over poor links, and what each of them was told is kept."""

import asyncio
import collections
import csv
import hashlib
import json
import os
import pathlib
import random
import struct
import zlib

DAY = "2024-04-01"
FORM, FORM_VERSION = "pks01", "2024032601"
CAMPAIGN = "bac-giang-2024"
# Commands of all devices that run at once; the others wait their turn.
COMMANDS_MAX = 24
COMMAND_SECONDS_MAX = 600
# The first import of a device holds more than the hub releases at least together.
ANSWERS_FIRST, ANSWERS_LATER_MAX = 6, 3
RETRY_LATER = 75
# Devices that come late come within so many seconds after the strangers.
LATE_SECONDS_MAX = 10
# Syncs after the end of everything else, until a device has nothing left.
DRAIN_ROUNDS_MAX = 30

ANSWER = {
    "a1_agency": "ubnd", "a2_position": "cong_chuc", "a3_years": "y5_10", "a4_gender": "nam", "b1_disclosure": "3",
    "b2_topics": ["chu_truong", "ke_hoach"], "b3_means": ["niem_yet", "hoi_nghi"], "c1_conference": "co", "c2_conference_quality": "3",
    "d1_consulted": "3", "d2_matters": ["ke_hoach", "le_loi"], "d3_uptake": "thuong_xuyen", "d4_speak_up": "co", "e1_board": "khong",
    "e3_petitions": 1, "e4_answered": 0, "f1_head": "3", "f2_rules": "co", "g1_service": "3", "g2_workplace": "3",
    "g3_priorities": ["lang_nghe", "cong_nghe"], "g4_overall": "3",
}
REPORT = {
    "channels": ["niem_yet", "loa"], "difficulties": ["mang"], "officials_total": 30, "report_date": DAY, "reporter_role": "thanh_vien",
}


def canonical(value):
    """Canonical JSON of docs/protocol.md, for the values that are used here."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def answer_id(number, unit, content):
    """The id under which the hub keeps an imported answer: it follows from number, place and content."""
    parts = [sha(f"{CAMPAIGN}/{number}")[:32], unit, f"{FORM}@{FORM_VERSION}", DAY, content]
    return sha("synckit/answer/1\0" + "".join(f"{len(part.encode())}:{part}" for part in parts))[:32]


def picture(seed, side):
    """A PNG of noise: as a photo it takes about as many bytes as it has points."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(side * 3) for _ in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def complaint(said, complained):
    """The sentences with which a command ended, in one line; of JSON the message."""
    text = (complained or said).decode(errors="replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(text.split())[:300]


class Device:
    """One `field` store and its person."""

    def __init__(self, world, number, unit, code, hub, turns):
        self.world, self.number, self.unit, self.code, self.hub, self.turns = world, number, unit, code, hub, turns
        self.folder = pathlib.Path(world.folder) / f"device-{number}"
        self.folder.mkdir()
        self.random = random.Random(number)
        self.answers, self.report, self.photos = [], {}, 0
        self.codes, self.complaints, self.faults = collections.Counter(), collections.Counter(), []
        self.left = "never enrolled"

    async def field(self, *arguments, allowed=(0,)):
        """Runs one command to its end; returns its exit code and what it said. Any other code than those allowed is a fault."""
        command = [self.world.field, *arguments, "--store", str(self.folder / "field.sqlite"), "--clock", self.world.clock, "--lang", "en"]
        async with self.turns:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
            try:
                said, complained = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS_MAX)
            except asyncio.TimeoutError:
                process.kill()
                said, complained = await process.communicate()
        code = process.returncode
        self.codes[f"{arguments[0]} {code}"] += 1
        if code != 0:
            self.complaints[complaint(said, complained)] += 1
        if code not in allowed:
            self.faults.append(f"device {self.number} ({self.unit}): field {' '.join(arguments)} ended with {code}: "
                               f"{complaint(said, complained)}")
        return code, said.decode(errors="replace")

    async def live(self):
        """Enrols, works until told to end, then syncs until nothing is left."""
        # Every fourth comes late: it enrols beside strangers who try wrong codes.
        while self.number % 4 == 0 and not self.world.strangers.value and not self.world.devices_end.value:
            await asyncio.sleep(0.5)
        await asyncio.sleep(self.random.uniform(0, LATE_SECONDS_MAX) if self.number % 4 == 0 else 0)
        while (await self.field("enroll", self.code, "--hub", self.hub, "--label", f"device {self.number}", allowed=(0, RETRY_LATER)))[0]:
            await asyncio.sleep(1)
        self.left = "never drained"
        self.world.enrolled.value += 1
        turn = 0
        while turn == 0 or not self.world.devices_end.value:
            await self.collect(ANSWERS_FIRST if turn == 0 else self.random.randint(1, ANSWERS_LATER_MAX), turn)
            await self.file_report(turn)
            await self.field("sync", "--json", allowed=(0, RETRY_LATER))
            await self.pause()
            turn += 1
        for _ in range(DRAIN_ROUNDS_MAX):
            await self.field("sync", "--json", allowed=(0, RETRY_LATER))
            self.left = await self.whats_left()
            if not self.left:
                break
            await asyncio.sleep(1)
        await self.field("doctor")

    async def pause(self):
        """Rests between two turns, longer where there are many devices, and not past the end."""
        rest = self.random.uniform(0.5, 1.5) * self.world.pause_seconds
        while rest > 0 and not self.world.devices_end.value:
            await asyncio.sleep(min(rest, 0.5))
            rest -= 0.5

    async def collect(self, count, turn):
        questions = [*ANSWER, "g6_suggestion"]
        made = []
        with open(self.folder / "answers.csv", "w", encoding="utf-8", newline="") as file:
            sheet = csv.writer(file)
            sheet.writerow(["response_id", "commune_code", "form_id", "form_version", "submitted_at", *questions])
            for index in range(count):
                number = f"{self.number}-{turn}-{index}"
                answer = {**ANSWER, "g6_suggestion": f"Ý kiến số {number}."}
                cells = [" ".join(value) if isinstance(value, list) else value for value in (answer[name] for name in questions)]
                sheet.writerow([number, self.unit, FORM, FORM_VERSION, f"{DAY}T08:30:00+07:00", *cells])
                content = canonical(answer)
                made.append({"id": answer_id(number, self.unit, content), "unit": self.unit, "content": sha(content)})
        code, said = await self.field("import", str(self.folder / "answers.csv"), "--json")
        if code == 0 and json.loads(said)["counts"]["accepted"] == count:
            self.answers += made
        elif code == 0:
            self.faults.append(f"device {self.number}: of {count} answers not all were taken: {said}")

    async def file_report(self, turn):
        """Files the day's report, later corrects it; every third device adds a photo to it in its first turns."""
        report = {**REPORT, "guided": min(turn + 1, 30), "answered": min(turn, 30)}
        (self.folder / "report.json").write_text(canonical(report), encoding="utf-8")
        arguments = ["report", "--from", str(self.folder / "report.json"), *(["--reason", "more came"] if turn else [])]
        with_photo = self.number % 3 == 0 and turn < 2
        if with_photo:
            (self.folder / "photo.png").write_bytes(picture(self.number * 2 + turn, self.world.photo_side))
            arguments += ["--photo", str(self.folder / "photo.png")]
        code, _ = await self.field(*arguments)
        if code == 0:
            self.report, self.photos = report, self.photos + with_photo

    async def whats_left(self):
        """Says in a few words what is not at the hub yet, or differs from it; empty: nothing."""
        code, said = await self.field("status", "--json")
        if code != 0:
            return "status failed"
        shown = json.loads(said)
        status = shown["status"]
        waiting = {name: status[name] for name in (
            "pendingChanges", "sealedChanges", "waitingChanges", "heldChanges", "packetsWaiting", "packetsUncertain") if status[name]}
        if "proved" not in status["agreement"]:
            waiting["agreement"] = status["agreement"]
        photos = [each for each in shown["photos"].values() if each["photosIn"] < each["photos"]]
        if photos:
            waiting["photos"] = photos
        return f"{waiting}" if waiting else ""

    def told(self):
        key = f"{self.unit}/{DAY}"
        contents = sorted(sha(f"{question}\0{canonical(value)}") for question, value in self.report.items())
        return {"answers": self.answers, "reports": [{"key": key, "contents": contents}] if self.report else [], "photos": self.photos,
                "codes": self.codes, "complaints": self.complaints, "faults": self.faults, "left": self.left, "number": self.number,
                "unit": self.unit}


def run(world, units, codes, ports, results):
    """The process of all honest devices. Sends what each was told, once all have drained."""
    os.nice(5)

    async def live():
        turns = asyncio.Semaphore(COMMANDS_MAX)
        devices = [Device(world, number, unit, code, f"http://127.0.0.1:{port}", turns)
                   for number, (unit, code, port) in enumerate(zip(units, codes, ports), start=1)]
        await asyncio.gather(*(device.live() for device in devices))
        return [device.told() for device in devices]

    results.send(asyncio.run(live()))
