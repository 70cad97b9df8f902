#!/usr/bin/env python3
"""A client's decoder by somebody who read only docs/protocol.md. Standard library only.

    python3 stranger.py FOLDER

reads the samples in FOLDER, checks every hash, the chain, every signature (Ed25519 after RFC 8032) and the packet (HPKE
after RFC 9180), and prints what they say as JSON. It shares no code with SyncKit, so that the document is what is tested.
"""
import hashlib
import hmac
import json
import struct
import sys
import zlib


# ---------------------------------------------------------------- bytes

class Damaged(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Damaged(what)


def varint(data, at):
    value = shift = 0
    while True:
        need(at < len(data) and shift < 70, "varint")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            need(value < 1 << 64, "varint too large")
            return value, at


def unzigzag(value):
    return value >> 1 ^ -(value & 1)


def put_varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def fields(data):
    """A protobuf message as {number: [values]}; a value is an int or bytes."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            need(at + size <= len(data), "field")
            value, at = data[at:at + size], at + size
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            raise Damaged("wire type")
        found.setdefault(tag >> 3, []).append(value)
    return found


def one(message, number, default):
    return message.get(number, [default])[-1]


def text(message, number):
    return one(message, number, b"").decode("utf-8")


def packed(message, number):
    values = []
    for part in message.get(number, []):
        if isinstance(part, int):
            values.append(part)
            continue
        at = 0
        while at < len(part):
            value, at = varint(part, at)
            values.append(value)
    return values


# ---------------------------------------------------------------- Ed25519, X25519 (RFC 8032, RFC 7748)

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def ed_add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0])
    f = (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def ed_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = ed_add(result, point)
        point, scalar = ed_add(point, point), scalar >> 1
    return result


def ed_x(y, sign):
    need(y < P, "point")
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((x * x - xx) % P == 0 and not (x == 0 and sign), "point")
    return P - x if x & 1 != sign else x


def ed_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = ed_x(y, sign)
    return x, y, 1, x * y % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (ed_x(BASE_Y, 0), BASE_Y, 1, ed_x(BASE_Y, 0) * BASE_Y % P)


def ed_verifies(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    try:
        key, r = ed_point(public), ed_point(signature[:32])
    except Damaged:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    a, b = ed_times(s, BASE), ed_add(r, ed_times(k, key))
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


# ---------------------------------------------------------------- HPKE base mode (RFC 9180), ChaCha20-Poly1305 (RFC 8439)

def extract(salt, material):
    return hmac.new(salt or bytes(32), material, hashlib.sha256).digest()


def expand(key, info, size):
    out = block = b""
    count = 1
    while len(out) < size:
        block = hmac.new(key, block + info + bytes([count]), hashlib.sha256).digest()
        out, count = out + block, count + 1
    return out[:size]


def labeled_extract(suite, salt, label, material):
    return extract(salt, b"HPKE-v1" + suite + label + material)


def labeled_expand(suite, key, label, info, size):
    return expand(key, struct.pack(">H", size) + b"HPKE-v1" + suite + label + info, size)


def chacha_block(key, counter, nonce):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = start[:]

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & 0xffffffff
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> 32 - turn) & 0xffffffff

    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return struct.pack("<16I", *[a + b & 0xffffffff for a, b in zip(s, start)])


def chacha_open(key, nonce, sealed, data=b""):
    body, tag = sealed[:-16], sealed[-16:]
    one_time = chacha_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    s = int.from_bytes(one_time[16:32], "little")
    total = 0
    for part in (data + bytes(-len(data) % 16) + body + bytes(-len(body) % 16) + struct.pack("<QQ", len(data), len(body)),):
        for at in range(0, len(part), 16):
            total = (total + int.from_bytes(part[at:at + 16] + b"\x01", "little")) * r % (2 ** 130 - 5)
    need(hmac.compare_digest(((total + s) % 2 ** 128).to_bytes(16, "little"), tag), "ciphertext")
    out = b""
    for index, at in enumerate(range(0, len(body), 64)):
        stream = chacha_block(key, index + 1, nonce)
        out += bytes(a ^ b for a, b in zip(body[at:at + 64], stream))
    return out


def hpke_context(private, public, encapsulated, info):
    kem = b"KEM" + struct.pack(">H", 0x0020)
    shared = labeled_extract(kem, b"", b"eae_prk", x25519(private, encapsulated))
    shared = labeled_expand(kem, shared, b"shared_secret", encapsulated + public, 32)
    suite = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0003)
    context = b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, shared, b"secret", b"")
    return suite, secret, context


def hpke_open(private, public, encapsulated, info, sealed):
    suite, secret, context = hpke_context(private, public, encapsulated, info)
    key = labeled_expand(suite, secret, b"key", context, 32)
    nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
    return chacha_open(key, nonce, sealed)


def hpke_export(private, public, encapsulated, info, purpose, size):
    suite, secret, context = hpke_context(private, public, encapsulated, info)
    return labeled_expand(suite, labeled_expand(suite, secret, b"exp", context, 32), b"sec", purpose, size)


# ---------------------------------------------------------------- the protocol

def replica(public):
    return hashlib.sha256(public).digest()[:16]


def opened(data, label, public):
    """The body of a Signed, once form and signature are checked."""
    envelope = fields(data)
    need(set(envelope) == {1, 2} and all(len(v) == 1 for v in envelope.values()), "envelope")
    body, signature = envelope[1][0], envelope[2][0]
    again = b"\x0a" + put_varint(len(body)) + body + b"\x12" + put_varint(len(signature)) + signature
    need(again == data, "envelope not in its one form")
    need(ed_verifies(public, label + b"\x00" + body, signature), "signature")
    return fields(body)


def bits(data, count):
    need(len(data) == (count + 7) // 8, "bits")
    return [data[i // 8] >> i % 8 & 1 == 1 for i in range(count)]


def column(data, rows):
    c = fields(data)
    written = bits(one(c, 3, b""), rows) if 3 in c else [True] * rows
    nulls = bits(one(c, 4, b""), sum(written)) if 4 in c else [False] * sum(written)
    raw = one(c, 5, b"")
    if one(c, 6, 0):
        raw = zlib.decompress(raw)
        need(len(raw) == one(c, 6, 0), "inflated size")
    count, at, values = nulls.count(False), 0, []
    encoding = one(c, 2, 0)

    def blob(size):
        nonlocal at
        need(at + size <= len(raw), "cell")
        at += size
        return raw[at - size:at]

    def number():
        nonlocal at
        value, at = varint(raw, at)
        return value

    if encoding == 0:
        for _ in range(count):
            kind = blob(1)[0]
            need(1 <= kind <= 4, "kind")
            if kind == 1:
                values.append(["integer", str(unzigzag(number()))])
            elif kind == 2:
                values.append(["real", blob(8)[::-1].hex()])
            else:
                part = blob(number())
                values.append(["text", part.decode("utf-8")] if kind == 3 else ["blob", part.hex()])
    elif encoding in (1, 2):
        last = 0
        for _ in range(count):
            value = unzigzag(number())
            if encoding == 2:
                value = (last + value + 2 ** 63) % 2 ** 64 - 2 ** 63
            last = value
            values.append(["integer", str(value)])
    elif encoding == 3:
        values = [["real", blob(8)[::-1].hex()] for _ in range(count)]
    elif encoding in (4, 5):
        sizes = [number() for _ in range(count)]
        parts = [blob(size) for size in sizes]
        values = [["text", part.decode("utf-8")] if encoding == 4 else ["blob", part.hex()] for part in parts]
    elif encoding == 6:
        size = number() if count else 0
        values = [["blob", blob(size).hex()] for _ in range(count)]
    else:
        raise Damaged("encoding")
    need(at == len(raw), "bytes left over")
    values = iter(values)
    nulls = iter(nulls)
    return [(["null", ""] if next(nulls) else next(values)) if w else None for w in written]


def changes(tables, units):
    """For each unit its row changes."""
    found = [[] for _ in range(units)]
    for data in tables:
        t = fields(data)
        rows = one(t, 2, 0)
        unit, life, key = (column(one(t, n, b""), rows) for n in (3, 4, 5))
        columns = [(text(fields(c), 1), column(c, rows)) for c in t.get(6, [])]
        need(len({name for name, _ in columns}) == len(columns), "column twice")
        for row in range(rows):
            cells = [[name] + values[row] for name, values in columns if values[row] is not None]
            number = int(life[row][1])
            need(number > 0 and (number % 2 == 1 or not cells), "life")
            found[int(unit[row][1])].append({"table": text(t, 1), "key": key[row], "life": number, "cells": cells})
    return found


def stamp(value):
    return [value >> 16, value & 0xffff]


def batch(data, public):
    b = opened(data, b"synckit/batch/1", public)
    need(one(b, 1, 0) == 1, "format")
    need(one(b, 2, b"") == replica(public), "author")
    stamps, last = [], 0
    for step in packed(b, 7):
        last = (last + step) % 2 ** 64
        stamps.append(last)
    return {
        "hash": hashlib.sha256(data).hexdigest(), "replica": one(b, 2, b"").hex(), "scope": text(b, 3), "number": one(b, 4, 0),
        "previous": one(b, 5, b"").hex(), "cursor": one(b, 6, b"").hex(),
        "units": [{"stamp": stamp(s), "changes": c} for s, c in zip(stamps, changes(b.get(8, []), len(stamps)))],
    }


def receipt(data, hub):
    r = opened(data, b"synckit/receipt/1", hub)
    need(one(r, 1, b"") == replica(hub), "hub")
    return {
        "batch": one(r, 3, b"").hex(), "replica": one(r, 4, b"").hex(), "scope": text(r, 5), "number": one(r, 6, 0),
        "hubTimeMs": one(r, 7, 0), "state": one(r, 8, 0), "units": one(r, 9, 0), "changes": one(r, 10, 0), "heldChanges": one(r, 11, 0),
    }


def page(data, hub):
    p = opened(data, b"synckit/page/1", hub)
    need(one(p, 1, 0) == 1 and one(p, 2, b"") == replica(hub), "page")
    units = []
    for run in p.get(7, []):
        r, last = fields(run), 0
        for offset, step in enumerate(packed(r, 5)):
            last = (last + unzigzag(step)) % 2 ** 64
            units.append({
                "position": one(p, 6, 0) + len(units), "author": one(r, 1, b"").hex(), "batch": one(r, 2, b"").hex(),
                "number": one(r, 3, 0), "unit": one(r, 4, 0) + offset, "stamp": stamp(last)})
    for unit, change in zip(units, changes(p.get(8, []), len(units))):
        unit["changes"] = change
    return {
        "reader": one(p, 4, b"").hex(), "scope": text(p, 5), "units": units, "cursor": one(p, 10, b"").hex(),
        "head": one(p, 11, 0) == 1, "hubTimeMs": one(p, 12, 0)}


def packet(data, scope, unit_key, private, public):
    p = fields(data)
    context = b"synckit/packet/1\x00" + one(p, 1, b"") + b"\x00" + scope.encode()
    proof = hmac.new(unit_key, context + b"\x00" + one(p, 2, b"") + one(p, 3, b""), hashlib.sha256).digest()
    need(hmac.compare_digest(proof, one(p, 4, b"")), "packet's proof")
    plain = hpke_open(private, public, one(p, 2, b""), context, one(p, 3, b""))
    need(len(plain) in (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536), "size class")
    size = int.from_bytes(plain[:4], "little")
    need(not any(plain[4 + size:]), "padding")
    content = fields(plain[4:4 + size])
    names = [name.decode("utf-8") for name in content.get(2, [])]
    return {"table": text(content, 1), "cells": [[n] + v for n, v in zip(names, column(one(content, 3, b""), len(names)))]}


def bundle(data, hub, private, public):
    """The kinds and decrypted bodies of a bundle's sections, once it is seen to be whole."""
    need(data[:8] == bytes.fromhex("89534b420d0a1a01"), "bundle")
    at, heads, parcels, sections, ended = 8, [], {}, [], False
    while at < len(data):
        need(not ended, "something after the end")
        head = data[at:at + 57]
        need(head[:4] == b"SKBs" and hashlib.sha256(head[:53]).digest()[:4] == head[53:], "head")
        kind, tag, (index, size) = head[4], head[5:13], struct.unpack("<II", head[13:21])
        body = data[at + 57:at + 57 + size]
        need(len(body) == size and hashlib.sha256(body).digest() == head[21:53], "section")
        at += 57 + size
        if kind == 2:
            close = fields(body)
            need(one(close, 1, 0) == len(heads) and one(close, 2, b"") == hashlib.sha256(b"".join(heads)).digest(), "end")
            ended = True
            continue
        heads.append(head)
        if kind == 1:
            wire = fields(body)
            need(one(wire, 3, b"") == hub and one(wire, 5, b"") == hub and tag == hashlib.sha256(body).digest()[:8], "parcel")
            info = b"synckit/bundle/1\x00" + one(wire, 3, b"") + one(wire, 5, b"")
            key = hpke_export(private, public, one(wire, 6, b""), info, b"synckit/bundle/1", 32)
            parcels[tag] = key, hashlib.sha256(body).digest()
        else:
            key, parcel = parcels[tag]
            sections.append((kind, chacha_open(key, bytes(8) + struct.pack("<I", index), body, parcel + bytes([kind]))))
    need(ended, "no end")
    return sections


def main(folder):
    def sample(name):
        with open(f"{folder}/{name}.hex", encoding="ascii") as file:
            return bytes.fromhex("".join(file.read().split()))

    # Enrolment: whoever answers the first time is the hub; its key is in its own signed information.
    request, response = fields(sample("enrol-request")), fields(sample("enrol-response"))
    public = one(request, 2, b"")
    need(ed_verifies(public, b"synckit/enrol/1\x00" + one(request, 1, b""), one(request, 4, b"")), "proof")
    hub = one(fields(fields(one(response, 2, b""))[1][0]), 2, b"")
    info = opened(one(response, 2, b""), b"synckit/hub/1", hub)
    certificate = opened(one(response, 1, b""), b"synckit/certificate/1", hub)
    need(one(info, 1, b"") == replica(hub) and one(certificate, 2, b"") == public, "enrolment")
    unit_key = one(response, 3, b"")
    scope = text(certificate, 3)

    batches = [batch(sample(f"batch-{n}"), public) for n in (1, 2)]
    need([b["previous"] for b in batches] == ["", batches[0]["hash"]], "chain")
    receipts = [receipt(sample(f"receipt-{n}"), hub) for n in (1, 2)]
    need([r["batch"] for r in receipts] == [b["hash"] for b in batches], "receipts")
    # A signature says what it was made for.
    try:
        opened(sample("receipt-1"), b"synckit/batch/1", hub)
        raise AssertionError("a receipt's signature passed for a batch's")
    except Damaged:
        pass
    drop = fields(one(info, 10, b""))
    private = bytes(range(96, 128))
    need(x25519(private, bytes([9]) + bytes(31)) == one(drop, 2, b""), "drop key")
    secret = hmac.new(bytes(range(128, 160)), b"synckit/bundle-key/1", hashlib.sha256).digest()
    sections = bundle(sample("bundle"), replica(hub), secret, one(info, 13, b""))
    need([kind for kind, _ in sections] == [11, 10, 15, 16], "kinds of sections")
    need(opened(sections[0][1], b"synckit/certificate/1", hub) == certificate, "certificate in the bundle")
    need(one(opened(sections[1][1], b"synckit/device/1", public), 3, b"") == public, "state in the bundle")
    carried = fields(sections[3][1])
    print(json.dumps({
        "bundledBatch": batch(sections[2][1], public),
        "bundledPacket": packet(one(fields(one(carried, 2, b"")), 1, b""), text(carried, 1), unit_key, private, one(drop, 2, b"")),
        "device": replica(public).hex(), "hub": replica(hub).hex(), "writeScope": scope,
        "readScopes": [s.decode() for s in certificate[4]], "batches": batches, "receipts": receipts,
        "pages": [page(sample(name), hub) for name in ("page-author", "page-reader")],
        "packet": packet(sample("packet"), scope, unit_key, private, one(drop, 2, b"")),
    }, ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1])
