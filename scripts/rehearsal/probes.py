"""Signed clients without a poor link, whose calls are timed: each greets the hub, sends a small batch and fetches the feed."""

import hashlib
import http.client
import time

from client import MERGED, Client, Refused
from devices import DAY
from links import call_kind

PROBES = 4
PAUSE_SECONDS = 0.05


class Probe:
    """One honest client. Keeps what took how long, by part and kind, and which posts the hub said it merged."""

    def __init__(self, world, number, code):
        self.world, self.client = world, Client(world.proxy, world.source(number))
        self.client.enrol(code)
        self.took, self.refused, self.broken, self.posts = {}, {}, [], []
        self.sealed = self.row = None

    def _timed(self, method, target, body=b"", headers=None):
        part, begun = self.world.part.value, time.monotonic()
        answer = self.client.call(method, target, body, headers)[0]
        self.took.setdefault((part, call_kind(f"{method} {target}".encode())), []).append((time.monotonic() - begun) * 1000)
        return answer

    def _turn(self):
        client = self.client
        self._timed("GET", "/v1/hub")
        if self.sealed is None:
            self.row = client.post_rows(1, "Loa phường đã phát.", DAY)
            self.sealed = client.batch(self.row)
        target = "/v1/batches/" + hashlib.sha256(self.sealed).hexdigest()
        if client.receipt_state(self._timed("PUT", target, self.sealed, client.authorization("PUT", target, self.sealed))) != MERGED:
            raise ValueError("the hub did not merge a post")
        client.sent(self.sealed)
        self.posts += [key for key, _ in self.row]
        self.sealed = None
        while True:
            target = client.feed_target()
            if client.take_page(self._timed("GET", target, b"", client.authorization("GET", target))):
                return

    def live(self):
        while not self.world.devices_end.value or self.sealed is not None:
            try:
                self._turn()
            except Refused as refusal:
                self.refused[str(refusal)] = self.refused.get(str(refusal), 0) + 1
                time.sleep(0.5)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.broken.append(f"{type(error).__name__}: {error}")
                time.sleep(0.5)
            time.sleep(PAUSE_SECONDS)


def run(world, number, code, results):
    """The process of one probe."""
    probe = Probe(world, number, code)
    results.send("enrolled")
    probe.live()
    results.send({"took": probe.took, "refused": probe.refused, "broken": probe.broken, "posts": probe.posts})
