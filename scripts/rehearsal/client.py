"""A device's part of docs/protocol.md in a few lines of plain Python: it enrols, signs its calls, seals posts and reads the feed.

What decodes and verifies comes from the stranger that the protocol's own tests run (Tests/SyncKitTests/Protocol/stranger.py).
"""

import base64
import hashlib
import http.client
import pathlib
import secrets
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "SyncKitTests" / "Protocol"))
from stranger import BASE, L, P, ed_add, fields, one, put_varint, replica, text  # noqa: E402

MERGED = 1


# ---------------------------------------------------------------- Ed25519, the signing half (RFC 8032)

def _powers():
    """Multiples of the base point: for each of 64 hexadecimal digits of a scalar, its 16 values."""
    table, point = [], BASE
    for _ in range(64):
        row = [(0, 1, 1, 0)]
        for _ in range(15):
            row.append(ed_add(row[-1], point))
        table.append(row)
        point = ed_add(row[-1], point)
    return table


POWERS = _powers()


def _times_base(scalar):
    result = (0, 1, 1, 0)
    for row in POWERS:
        result = ed_add(result, row[scalar & 15])
        scalar >>= 4
    return result


def _encoded(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class SigningKey:
    def __init__(self):
        digest = hashlib.sha512(secrets.token_bytes(32)).digest()
        self._scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self._prefix = digest[32:]
        self.public = _encoded(_times_base(self._scalar))

    def sign(self, label, data):
        message = label.encode() + b"\0" + data
        nonce = int.from_bytes(hashlib.sha512(self._prefix + message).digest(), "little") % L
        point = _encoded(_times_base(nonce))
        challenge = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((nonce + challenge * self._scalar) % L).to_bytes(32, "little")


# ---------------------------------------------------------------- protobuf and cells

def number_field(number, value):
    return put_varint(number << 3) + put_varint(value) if value else b""


def bytes_field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return put_varint(number << 3 | 2) + put_varint(len(value)) + value if value else b""


def envelope(body, signature):
    return b"\x0a" + put_varint(len(body)) + body + b"\x12\x40" + signature


def _zigzag(value):
    return value << 1 if value >= 0 else (-value << 1) - 1


def _cell(value):
    """One cell in the encoding MIXED: here a text."""
    data = value.encode()
    return b"\x03" + put_varint(len(data)) + data


def _integers(values):
    return number_field(2, 1) + bytes_field(5, b"".join(put_varint(_zigzag(each)) for each in values))


class Refused(Exception):
    """An answer of another status than 200."""

    def __init__(self, status, body):
        self.status = status
        try:
            self.code = text(fields(body), 1)
        except Exception:
            self.code = ""
        super().__init__(f"{status} {self.code}")


class Client:
    """One signed device. Calls go over one connection that is kept, from a network address of its own."""

    def __init__(self, address, source, timeout=60):
        self.key = SigningKey()
        self.id = replica(self.key.public)
        self.address, self.source, self.timeout = address, source, timeout
        self.scope, self.unit_key, self.drop_keys = "", b"", []
        self.cursor, self.number, self.previous, self.last_stamp = b"", 0, b"", 0
        self.hub_time, self.hub_time_at = 0, 0.0
        self.connection = None

    # ------------------------------------------------------------ calls

    def call(self, method, target, body=b"", headers=None):
        """Returns the answer's body and headers; raises `Refused`, `OSError` or `http.client.HTTPException`."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout, source_address=(self.source, 0))
        stated = {"Content-Type": "application/vnd.synckit", **(headers or {})}
        try:
            self.connection.request(method, target, body=body if method != "GET" else None, headers=stated)
            answer = self.connection.getresponse()
            data = answer.read()
        except Exception:
            self.close()
            raise
        if answer.will_close:
            self.close()
        if answer.status != 200:
            raise Refused(answer.status, data)
        return data, {name.lower(): value for name, value in answer.getheaders()}

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def authorization(self, method, target, body=b""):
        time_ms = self.hub_now()
        digest = "-" if target.startswith("/v1/batches/") else hashlib.sha256(body).hexdigest()
        signature = self.key.sign("synckit/request/1", f"{method}\n{target}\n{time_ms}\n{digest}\n".encode())
        headers = {"Authorization": f"SyncKit {self.id.hex()} {time_ms} {base64.b64encode(signature).decode()}"}
        if body:
            headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        return headers

    def signed(self, method, target, body=b"", headers=None):
        return self.call(method, target, body, {**self.authorization(method, target, body), **(headers or {})})

    # ------------------------------------------------------------ the conversation

    def enrolment(self, code, label="probe"):
        proof = self.key.sign("synckit/enrol/1", code.encode())
        return bytes_field(1, code) + bytes_field(2, self.key.public) + bytes_field(3, label) + bytes_field(4, proof)

    def enrol(self, code):
        answer = fields(self.call("POST", "/v1/enroll", self.enrolment(code))[0])
        certificate = fields(fields(one(answer, 1, b""))[1][0])
        self.scope, self.unit_key = text(certificate, 3), one(answer, 3, b"")
        self.greet()

    def greet(self):
        info = fields(fields(self.call("GET", "/v1/hub")[0])[1][0])
        self.hub_time, self.hub_time_at = one(info, 4, 0), time.monotonic()
        self.drop_keys = [text(fields(each), 1) for each in info.get(10, []) + info.get(16, [])]

    def hub_now(self):
        return self.hub_time + int((time.monotonic() - self.hub_time_at) * 1000)

    def post_rows(self, count, words, day):
        """Rows of the table of posts, each with a key of its own."""
        return [(secrets.token_hex(16), {"unit": self.scope, "campaign": "bac-giang-2024", "day": day, "words": words, "device": "probe"})
                for _ in range(count)]

    def batch(self, rows, table="post"):
        """Seals `rows`, a unit each, as the next batch of the chain; `sent` moves on to it once it was received."""
        stamps = []
        for _ in rows:
            stamp = max(self.last_stamp + 1, self.hub_now() << 16)
            stamps.append(stamp - self.last_stamp if stamps else stamp)
            self.last_stamp = stamp
        columns = b""
        for name in rows[0][1]:
            cells = b"".join(_cell(values[name]) for _, values in rows)
            columns += bytes_field(6, bytes_field(1, name) + bytes_field(5, cells) + number_field(9, 1))
        keys = bytes_field(5, b"".join(_cell(key) for key, _ in rows))
        changes = (bytes_field(1, table) + number_field(2, len(rows)) + bytes_field(3, _integers(range(len(rows))))
                   + bytes_field(4, _integers([1] * len(rows))) + bytes_field(5, keys) + columns)
        body = (number_field(1, 1) + bytes_field(2, self.id) + bytes_field(3, self.scope) + number_field(4, self.number + 1)
                + bytes_field(5, self.previous) + bytes_field(6, self.cursor)
                + bytes_field(7, b"".join(put_varint(each) for each in stamps)) + bytes_field(8, changes))
        return envelope(body, self.key.sign("synckit/batch/1", body))

    def sent(self, sealed):
        self.number, self.previous = self.number + 1, hashlib.sha256(sealed).digest()

    @staticmethod
    def receipt_state(answer):
        return one(fields(fields(answer)[1][0]), 8, 0)

    def feed_target(self):
        return "/v1/feed?cursor=" + base64.urlsafe_b64encode(self.cursor).decode().rstrip("=")

    def take_page(self, answer):
        """Moves the cursor past a page; returns whether it was the last."""
        page = fields(fields(answer)[1][0])
        self.cursor = one(page, 10, b"")
        return one(page, 11, 0) == 1
