"""What a hub's neighbours do to it: slow bodies, idle sockets, readers that do not read, wrong codes, and an enrolled device that sends junk and floods."""

import asyncio
import hashlib
import hmac
import http.client
import os
import random
import secrets
import socket
import threading
import time
import zlib

from client import Client, Refused, bytes_field, envelope, number_field, put_varint

SLOW_BODIES = 30
# As many at the proxy, and as many at the hub's own port.
IDLE_SOCKETS = 400
# At the hub's own port: each asks so often at once, and takes nothing of what it is told.
DEAF_SOCKETS, DEAF_CALLS, DEAF_BUFFER_BYTES, DEAF_PAUSE_SECONDS = 100, 300, 1 << 10, 15
WRONG_CODE_CALLS = 6
SLOW_BYTES_PER_SECOND = 4
FLOOD_ROWS, FLOOD_WORDS = 3_000, "nước lũ " * 30
BATCH_BYTES_MAX = 8 << 20
PACKET_BYTES = 512 + 16
PIECE_BYTES = 64 << 10
HALF_A_HEAD = b"GET /v1/hub HTTP/1.1\r\nHost: "


class Tally:
    """Counts what became of what strangers tried."""

    def __init__(self):
        self._counts, self._lock = {}, threading.Lock()

    def add(self, what):
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + 1

    @property
    def counts(self):
        return dict(sorted(self._counts.items()))


# ---------------------------------------------------------------- connections that hold places

def _head(method, target, length, headers=None):
    lines = [f"{method} {target} HTTP/1.1", "Host: hub.example", f"Content-Length: {length}", "Content-Type: application/vnd.synckit"]
    return "\r\n".join(lines + [f"{name}: {value}" for name, value in (headers or {}).items()] + ["", ""]).encode()


async def _again(world, tally, what, attempt, pause=0.5):
    """Makes `attempt` again and again while strangers are at work; a broken connection is counted."""
    while world.strangers.value:
        try:
            await attempt()
        except (OSError, asyncio.TimeoutError):
            tally.add(f"{what} broken")
        await asyncio.sleep(pause)


async def _opened(address, source):
    return await asyncio.open_connection(*address, local_addr=(source, 0))


def _status(answer):
    return answer[9:12].decode(errors="replace") or "nothing"


def _idle(world, address, source, says, tally):
    """A connection that says nothing, or half a head, until it is closed."""
    async def attempt():
        reader, writer = await _opened(address, source)
        try:
            writer.write(says)
            tally.add("idle sockets opened")
            await reader.read()
        finally:
            writer.close()
    return _again(world, tally, "idle sockets", attempt, pause=1)


def _slow(world, number, device, tally):
    """A body at some bytes a second: packets, an enrolment, or a batch under the signature of an enrolled device."""
    async def attempt():
        target = [f"/v1/drop/{device.scope}", "/v1/enroll", f"/v1/batches/{secrets.token_hex(32)}"][number % 3]
        method = "POST" if target == "/v1/enroll" else "PUT"
        headers = device.authorization(method, target) if "batches" in target else {}
        reader, writer = await _opened(world.proxy, world.source(world.STRANGERS + 100 + number))
        try:
            writer.write(_head(method, target, 60_000, headers))
            tally.add("slow bodies begun")
            answering = asyncio.ensure_future(reader.read(4096))
            while not answering.done():
                writer.write(secrets.token_bytes(SLOW_BYTES_PER_SECOND))
                await asyncio.wait([answering], timeout=1)
            tally.add(f"slow bodies answered with {_status(answering.result())}")
        finally:
            writer.close()
    return _again(world, tally, "slow bodies", attempt)


def _deaf(world, source, tally):
    """A connection that asks on and reads nothing, until the hub ends it."""
    async def attempt():
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
            plain.setblocking(False)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF_BUFFER_BYTES)
            plain.bind((source, 0))
            await loop.sock_connect(plain, world.hub_address)
            tally.add("deaf readers begun")
            await loop.sock_sendall(plain, b"GET /v1/hub HTTP/1.1\r\nHost: hub.example\r\n\r\n" * DEAF_CALLS)
            # A byte more now and then tells whether the hub has ended the connection, without reading.
            while True:
                await asyncio.sleep(1)
                await asyncio.wait_for(loop.sock_sendall(plain, b"\r\n"), 120)
    return _again(world, tally, "deaf readers", attempt, pause=DEAF_PAUSE_SECONDS)


def _wrong_codes(world, requests, tally):
    """Enrolments with wrong codes, one after another, all from one address."""
    async def attempt():
        reader, writer = await _opened(world.proxy, world.source(world.STRANGERS + 200))
        try:
            body = random.choice(requests)
            writer.write(_head("POST", "/v1/enroll", len(body), {"Connection": "close"}) + body)
            tally.add(f"wrong codes answered with {_status(await asyncio.wait_for(reader.read(), 30))}")
        finally:
            writer.close()
    return _again(world, tally, "wrong codes", attempt, pause=0)


async def _holders(world, device, tally):
    """Everything that only holds places, while `world.strangers` is set."""
    requests = [device.enrolment("".join(random.choices("23456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=10))) for _ in range(50)]
    works = [_idle(world, address, world.source(world.STRANGERS + index % 100), HALF_A_HEAD if index % 2 else b"", tally)
             for address in (world.proxy, world.hub_address) for index in range(IDLE_SOCKETS)]
    works += [_slow(world, number, device, tally) for number in range(SLOW_BODIES)]
    works += [_deaf(world, world.source(world.STRANGERS + 200), tally) for _ in range(DEAF_SOCKETS)]
    works += [_wrong_codes(world, requests, tally) for _ in range(WRONG_CODE_CALLS)]
    tasks = [asyncio.create_task(work) for work in works]
    while world.strangers.value:
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ---------------------------------------------------------------- the enrolled device

def _mutated(data):
    """A copy of `data` with some bytes changed, left out or put in."""
    data = bytearray(data)
    for _ in range(random.choice([1, 2, 4, 16])):
        place = random.randrange(max(1, len(data)))
        kind = random.randrange(3)
        if kind == 0 and data:
            data[place] = random.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 1:
            del data[place:place + random.randrange(1, 9)]
        else:
            data[place:place] = secrets.token_bytes(random.randrange(1, 9))
    return bytes(data)


class Junk:
    """Makes what an enrolled device may send at worst: nothing of it is what a hub can use."""

    def __init__(self, device):
        self.device = device
        self.bomb = zlib.compress(bytes(64 << 20), 9)
        self.heavy = secrets.token_bytes(BATCH_BYTES_MAX)

    def _sealed(self, body):
        return envelope(body, self.device.key.sign("synckit/batch/1", body))

    def _put_batch(self, sealed):
        self.device.signed("PUT", "/v1/batches/" + hashlib.sha256(sealed).hexdigest(), sealed)

    def noise(self):
        self._put_batch(secrets.token_bytes(random.choice([10, 1_000, 100_000])))

    def signed_noise(self):
        self._put_batch(self._sealed(secrets.token_bytes(random.choice([10, 1_000, 100_000]))))

    def mutated(self):
        good = self.device.batch(self.device.post_rows(3, "rác", "2024-04-01"))
        self._put_batch(_mutated(good))

    def bomb_batch(self):
        column = bytes_field(1, "words") + bytes_field(5, self.bomb) + number_field(6, 64 << 20)
        table = bytes_field(1, "post") + number_field(2, 1 << 31) + bytes_field(6, column)
        self._put_batch(self._sealed(
            number_field(1, 1) + bytes_field(2, self.device.id) + bytes_field(3, self.device.scope)
            + number_field(4, 1) + bytes_field(7, put_varint(1)) + bytes_field(8, table)))

    def heavy_batch(self):
        self._put_batch(self.heavy)

    def page(self):
        self.device.signed("PUT", "/v1/pages", secrets.token_bytes(1 << 20))

    def cursor(self):
        self.device.signed("GET", "/v1/feed?cursor=" + secrets.token_urlsafe(random.choice([8, 200, 4_000])))

    def bundle(self):
        """The first pieces of a bundle that never ends."""
        name = secrets.token_hex(32)
        for piece in range(8):
            self.device.signed("PUT", f"/v1/bundles/{name}?size={16 << 20}", secrets.token_bytes(PIECE_BYTES),
                               {"upload-offset": str(piece * PIECE_BYTES)})

    def blobs(self):
        """Questions about photos that nobody named, and a piece of one."""
        self.device.signed("POST", "/v1/blobs", secrets.token_bytes(32 * 1_000))
        self.device.signed("PUT", f"/v1/blobs/{secrets.token_hex(32)}?size=1000000", secrets.token_bytes(PIECE_BYTES), {"upload-offset": "0"})

    def packets(self):
        """Packets with the unit's proof and nothing readable inside."""
        packets = b""
        for _ in range(20):
            key, (enclosed, sealed) = random.choice(self.device.drop_keys), (secrets.token_bytes(32), secrets.token_bytes(PACKET_BYTES))
            proved = b"synckit/packet/1\0" + key.encode() + b"\0" + self.device.scope.encode() + b"\0" + enclosed + sealed
            packets += bytes_field(1, bytes_field(1, key) + bytes_field(2, enclosed) + bytes_field(3, sealed)
                                   + bytes_field(4, hmac.digest(self.device.unit_key, proved, "sha256")))
        self.device.call("PUT", f"/v1/drop/{self.device.scope}", packets)

    KINDS = [noise, signed_noise, mutated, bomb_batch, heavy_batch, page, cursor, bundle, blobs, packets]


def _send_junk(world, device, tally):
    junk = Junk(device)
    while world.strangers.value:
        kind = random.choice(Junk.KINDS)
        try:
            kind(junk)
            tally.add(f"junk, {kind.__name__}: taken")
        except Refused as refusal:
            tally.add(f"junk, {kind.__name__}: {refusal}")
        except (OSError, http.client.HTTPException) as error:
            tally.add(f"junk, {kind.__name__}: {type(error).__name__}")


def _flood(world, device, tally):
    """Valid batches, as large and as fast as the hub takes them."""
    sealed = None
    while world.strangers.value:
        sealed = sealed or device.batch(device.post_rows(FLOOD_ROWS, FLOOD_WORDS, "2024-04-01"))
        try:
            state = device.receipt_state(device.signed("PUT", "/v1/batches/" + hashlib.sha256(sealed).hexdigest(), sealed)[0])
            tally.add(f"flood: batches of {FLOOD_ROWS} rows taken, state {state}")
            device.sent(sealed)
            sealed = None
        except Refused as refusal:
            tally.add(f"flood: {refusal}")
            time.sleep(0.2)
        except (OSError, http.client.HTTPException) as error:
            tally.add(f"flood: {type(error).__name__}")


def run(world, codes, results):
    """The process of all strangers: at work while `world.strangers` is set. Sends what became of what they tried."""
    # The work of many machines elsewhere is not to count as the hub's.
    os.nice(5)
    devices = [Client(world.proxy, world.source(world.STRANGERS + 210 + index), timeout=15) for index in range(len(codes))]
    for device, code in zip(devices, codes):
        device.enrol(code)
    junk, flood, slow = devices
    results.send("enrolled")
    tally = Tally()
    while not world.over.value:
        if not world.strangers.value:
            time.sleep(0.1)
            continue
        threads = [threading.Thread(target=work, args=(world, device, tally)) for work, device in ((_send_junk, junk), (_flood, flood))]
        for thread in threads:
            thread.start()
        asyncio.run(_holders(world, slow, tally))
        for thread in threads:
            thread.join()
    results.send(tally.counts)
