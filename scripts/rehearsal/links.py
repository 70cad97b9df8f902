"""Poor links: a TCP relay for each device that lets 1 to 4 KB a second through each way and takes 600 ms for a round trip.

It also measures what the device's call took beyond the link: from the last byte that the link handed to the proxy to the first byte of the answer.
"""

import asyncio
import socket
import time

ROUND_TRIP_SECONDS = 0.6
BYTES_PER_SECOND = (1_000, 4_000)
# Bytes that travel as one piece, and that a sender may have on the way before it has to wait.
PIECE_BYTES = 256
BUFFER_BYTES = 4_096


class Direction:
    """One way of one device's link: all its connections share the rate."""

    def __init__(self, bytes_per_second):
        self.bytes_per_second = bytes_per_second
        self.free_at = 0.0

    def arrival(self, size):
        """Takes a place on the link for `size` bytes; returns when they arrive at the other end."""
        self.free_at = max(time.monotonic(), self.free_at) + size / self.bytes_per_second
        return self.free_at + ROUND_TRIP_SECONDS / 2


class Exchange:
    """The turns of one connection: what was handed to the proxy last, and what the answer to it took, if it was a good one."""

    def __init__(self, note):
        self._note, self._kind, self._asked_at = note, "", None

    def asked(self, data):
        if self._asked_at is None:
            self._kind = call_kind(data)
        self._asked_at = time.monotonic()

    def answered(self, data):
        if self._asked_at is not None and data.startswith(b"HTTP/1.1 200"):
            self._note(self._kind, (time.monotonic() - self._asked_at) * 1000)
        self._asked_at = None


def call_kind(head):
    """What kind of call begins with `head`, such as `PUT batches`."""
    method, target = (head.split(b" ", 2) + [b"", b""])[:2]
    parts = target.split(b"?")[0].decode(errors="replace").split("/")
    return f"{method.decode(errors='replace')} {parts[2]}" if parts[1:2] == ["v1"] and len(parts) > 2 else "?"


class Link:
    """One device's way to the proxy."""

    def __init__(self, world, number, bytes_per_second, note):
        self.world, self.source, self.note = world, world.source(number), note
        self.up, self.down = Direction(bytes_per_second), Direction(bytes_per_second)

    async def listen(self):
        # Small buffers: a sender feels the rate, as behind a modem.
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        return await asyncio.start_server(self._relay, sock=listener, limit=PIECE_BYTES)

    async def _relay(self, reader, writer):
        if not self.world.links_good.value:
            # A connection takes a round trip before its first byte goes out.
            await asyncio.sleep(ROUND_TRIP_SECONDS)
        try:
            far_reader, far_writer = await asyncio.open_connection(
                *self.world.proxy, local_addr=(self.source, 0), limit=PIECE_BYTES)
        except OSError:
            writer.close()
            return
        exchange = Exchange(self.note)
        await asyncio.gather(
            self._carry(reader, far_writer, self.up, exchange.asked, None),
            self._carry(far_reader, writer, self.down, None, exchange.answered))
        for each in (writer, far_writer):
            each.close()

    async def _carry(self, reader, writer, direction, delivered, received):
        """Hands pieces on in their order, each when it arrives; ends the other side when this one ends."""
        on_the_way = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(on_the_way, writer, delivered))
        try:
            while data := await reader.read(PIECE_BYTES):
                if received:
                    received(data)
                on_the_way.put_nowait((direction.arrival(len(data)), data))
                # The next piece is taken once this one has left, so that what is on the way is bounded by rate and delay.
                await self._until(direction.free_at)
        except OSError:
            pass
        on_the_way.put_nowait(None)
        await delivering

    async def _deliver(self, on_the_way, writer, delivered):
        is_broken = False
        while (piece := await on_the_way.get()) is not None:
            at, data = piece
            await self._until(at)
            try:
                if not is_broken:
                    writer.write(data)
                    await writer.drain()
            except OSError:
                is_broken = True
            if delivered:
                delivered(data)
        try:
            if not is_broken and writer.can_write_eof():
                writer.write_eof()
        except OSError:
            pass

    async def _until(self, moment):
        if not self.world.links_good.value:
            await asyncio.sleep(max(0.0, moment - time.monotonic()))


def run(world, rates, results):
    """The process of all links, one for each of `rates`. Sends the ports it listens on; in the end what calls took, by part and kind."""
    took = {}

    def note(kind, milliseconds):
        took.setdefault((world.part.value, kind), []).append(milliseconds)

    async def serve():
        servers = [await Link(world, number, rate, note).listen() for number, rate in enumerate(rates, start=1)]
        results.send([server.sockets[0].getsockname()[1] for server in servers])
        while not world.over.value:
            await asyncio.sleep(0.2)

    asyncio.run(serve())
    results.send(took)
