"""Makes one packet with a browser's own cryptography: HPKE base mode, X25519 HKDF-SHA256, AES-256-GCM.

Usage: packet.py PUBLIC_KEY INFO PLAIN, each in hexadecimal digits.
Prints a JSON object with `encapsulated` and `ciphertext` in hexadecimal digits.
"""

import http.server
import json
import sys
import threading

from playwright.sync_api import sync_playwright

SEAL = """async ([publicKey, info, plain]) => {
  const text = (s) => new TextEncoder().encode(s);
  const unhex = (s) => Uint8Array.from(s.match(/../g) || [], (b) => parseInt(b, 16));
  const hex = (a) => Array.from(a, (b) => b.toString(16).padStart(2, "0")).join("");
  const join = (...parts) => { const all = parts.flatMap((p) => Array.from(p)); return Uint8Array.from(all); };
  const two = (n) => Uint8Array.of(n >> 8, n & 255);
  const hmac = async (key, data) => {
    const k = await crypto.subtle.importKey("raw", key, {name: "HMAC", hash: "SHA-256"}, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", k, data));
  };
  const none = new Uint8Array(0);
  const extract = (suite, salt, label, ikm) =>
    hmac(salt.length ? salt : new Uint8Array(32), join(text("HPKE-v1"), suite, text(label), ikm));
  const expand = async (suite, key, label, data, length) =>  // one block is enough: 32 bytes
    (await hmac(key, join(two(length), text("HPKE-v1"), suite, text(label), data, Uint8Array.of(1)))).slice(0, length);
  const kem = join(text("KEM"), two(0x20)), hpke = join(text("HPKE"), two(0x20), two(1), two(2));
  const recipient = await crypto.subtle.importKey("raw", unhex(publicKey), {name: "X25519"}, true, []);
  const own = await crypto.subtle.generateKey({name: "X25519"}, true, ["deriveBits"]);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  const dh = new Uint8Array(await crypto.subtle.deriveBits({name: "X25519", public: recipient}, own.privateKey, 256));
  const shared = await expand(kem, await extract(kem, none, "eae_prk", dh), "shared_secret", join(enc, unhex(publicKey)), 32);
  const context = join(Uint8Array.of(0), await extract(hpke, none, "psk_id_hash", none), await extract(hpke, none, "info_hash", unhex(info)));
  const secret = await extract(hpke, shared, "secret", none);
  const key = await crypto.subtle.importKey("raw", await expand(hpke, secret, "key", context, 32), "AES-GCM", false, ["encrypt"]);
  const iv = await expand(hpke, secret, "base_nonce", context, 12);
  const sealed = await crypto.subtle.encrypt({name: "AES-GCM", iv}, key, unhex(plain));
  return {encapsulated: hex(enc), ciphertext: hex(new Uint8Array(sealed))};
}"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    print(json.dumps(page.evaluate(SEAL, sys.argv[1:4])))
    browser.close()
