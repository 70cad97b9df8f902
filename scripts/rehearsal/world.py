"""The ground of a hard rehearsal: a disk that can fill, two network namespaces, the real hub and the real nginx."""

import ctypes
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMPAIGN = ROOT / "Examples" / "bac-giang-2024"
# Photos are taken while a hub's disk has 1 GiB free.
DISK_MIB = 1_280
# Fewer than the idle sockets and the devices need together, so that the hub has to choose.
HUB_FILES_MAX = 512
START_SECONDS_MAX = 30
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


def ends_with_us():
    """Has this process asked to stop when the one that started it ends, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def forked(target, *arguments):
    """Starts `target` in a process of its own; returns the process and the end of a pipe for what it sends."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe()
    process = context.Process(target=target, args=(*arguments, its), daemon=True)
    process.start()
    its.close()
    return process, mine


class Namespace:
    """Another network namespace, joined to this one by a pair of virtual Ethernet devices."""

    HUB_SIDE, DEVICE_SIDE, DEVICES = "10.209.255.1", "10.209.254.1", "10.209.0.0/17"

    def __init__(self):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        reading, writing = os.pipe()
        self._holder = os.fork()
        if self._holder == 0:
            # A namespace lives as long as a process in it.
            ends_with_us()
            done = ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET)
            os.write(writing, b"1" if done == 0 else b"0")
            signal.pause()
        if os.read(reading, 1) != b"1":
            raise OSError("no second network namespace")
        self._file = os.open(f"/proc/{self._holder}/ns/net", os.O_RDONLY)
        for command in (
            ["ip", "link", "add", "hub0", "type", "veth", "peer", "name", "dev0", "netns", str(self._holder)],
            ["ip", "addr", "add", f"{self.HUB_SIDE}/16", "dev", "hub0"],
            ["ip", "link", "set", "hub0", "up"],
        ):
            subprocess.run(command, check=True)
        # Every device has an address of its own there.
        inside = [["ip", "link", "set", "lo", "up"], ["ip", "addr", "add", f"{self.DEVICE_SIDE}/16", "dev", "dev0"],
                  ["ip", "link", "set", "dev0", "up"], ["ip", "route", "add", "local", self.DEVICES, "dev", "lo"]]
        for command in inside:
            subprocess.run(command, check=True, preexec_fn=self.enter)

    def enter(self):
        """Moves this process, and what it starts, to the devices' side."""
        if ctypes.CDLL(None, use_errno=True).setns(self._file, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def end(self):
        os.kill(self._holder, signal.SIGKILL)
        os.waitpid(self._holder, 0)


class World:
    """What all processes of a rehearsal share: where things are, and flags in shared memory."""

    # Numbers of network addresses: devices and probes below, strangers above.
    STRANGERS = 1_000

    def __init__(self, folder, tools, namespace):
        self.folder, self.namespace = folder, namespace
        self.field, self.hub_tool = str(tools / "field"), str(tools / "hub")
        # Nine in the morning of the survey's day, and on from there.
        self.clock = f"1711936800000,{int(time.time() * 1000)},1"
        self.host = Namespace.HUB_SIDE if namespace else "127.0.0.1"
        self.proxy = (self.host, free_port(self.host))
        self.hub_address = None
        self.pause_seconds, self.photo_side = 4.0, 40
        # The part that calls count for: "alone" or "beside" of a pair, or neither.
        self.part = multiprocessing.RawValue(ctypes.c_int, 0)
        self.links_good, self.strangers, self.devices_end, self.over = (multiprocessing.RawValue(ctypes.c_int, 0) for _ in range(4))
        self.enrolled = multiprocessing.RawValue(ctypes.c_int, 0)

    def source(self, number):
        """A network address for each device, probe and stranger."""
        net = "10.209" if self.namespace else "127.1"
        return f"{net}.{number // 250}.{number % 250 + 1}"

    def outside(self, target, *arguments):
        """Starts a process on the devices' side of the network."""
        def entered(*given):
            ends_with_us()
            if self.namespace:
                self.namespace.enter()
            target(*given)
        return forked(entered, self, *arguments)

    def hub_command(self, *arguments, dir):
        """Runs `hub` to its end; returns exit code, what it said, and its complaint."""
        ended = subprocess.run([self.hub_tool, *arguments, "--dir", str(dir), "--clock", self.clock, "--lang", "en"],
                               capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return ended.returncode, ended.stdout, ended.stderr


def free_port(host):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class Disk:
    """The file system of the hub's folder: small, in memory, and of this process's mount namespace only."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "disk"
        self.path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(self.path)], capture_output=True, text=True)
        self.can_fill = done.returncode == 0
        self.why_not = " ".join(done.stderr.split())

    def fill(self):
        """Takes every byte that is free."""
        with open(self.path / "filler", "wb") as file:
            for piece in (64 << 20, 1 << 20, 4096):
                try:
                    while True:
                        size = file.seek(0, os.SEEK_END)
                        os.posix_fallocate(file.fileno(), size, piece)
                except OSError:
                    pass

    def free(self):
        (self.path / "filler").unlink()


class Hub:
    """A `hub serve` process with the example campaign."""

    def __init__(self, world, disk):
        self.world, self.dir = world, disk.path / "hub"
        self.log = open(pathlib.Path(world.folder) / "hub.log", "wb")
        for arguments in (("init",), ("campaign", "load", str(CAMPAIGN))):
            code, _, complaint = world.hub_command(*arguments, dir=self.dir)
            if code != 0:
                raise SystemExit(f"hub {arguments[0]} failed: {complaint}")
        self.process, self.peak_kib = None, 0

    def codes(self, units):
        """One enrolment code for each of `units`, in their order."""
        code, said, complaint = self.world.hub_command("enroll", *sorted(set(units)), "--count", "3", "--json", dir=self.dir)
        if code != 0:
            raise SystemExit(f"hub enroll failed: {complaint}")
        made = {}
        for each in json.loads(said):
            made.setdefault(each["unit"], []).append(each["code"])
        return [made[unit].pop() for unit in units]

    def serve(self):
        def bound():
            ends_with_us()
            resource.setrlimit(resource.RLIMIT_NOFILE, (HUB_FILES_MAX, HUB_FILES_MAX))
        self.process = subprocess.Popen(
            [self.world.hub_tool, "serve", "--dir", str(self.dir), "--host", "0.0.0.0", "--port", "0", "--board-port", "0",
             "--clock", self.world.clock, "--lang", "en"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=bound)
        line = self.process.stdout.readline()
        if not line.startswith("hub: "):
            raise SystemExit(f"hub serve did not start; see {self.log.name}")
        self.world.hub_address = (self.world.host, int(line.rsplit(":", 1)[1]))

    def memory_kib(self):
        """Reads the memory in use now, and keeps the largest ever in use."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        figures = {name: int(value) for name, value in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status)}
        self.peak_kib = max(self.peak_kib, figures.get("VmHWM", 0))
        return figures.get("VmRSS", 0)

    def health(self):
        """What /health says, also where it says that all is not well."""
        call = http.client.HTTPConnection("127.0.0.1", self.world.hub_address[1], timeout=20)
        try:
            call.request("GET", "/health")
            return json.loads(call.getresponse().read())
        finally:
            call.close()

    def stop(self):
        """Asks it to stop; returns its exit code."""
        self.memory_kib()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "none after 60 s"


class Nginx:
    """Debian's nginx with Debian's configuration, and as its site the server of docs/operations.md, or one that only hands calls on."""

    BARE = "server {\n  listen 443 ssl;\n  location / {\n    proxy_pass http://127.0.0.1:8080;\n  }\n}"

    def __init__(self, world, is_bare):
        folder = pathlib.Path(world.folder) / "nginx"
        folder.mkdir()
        recipe = re.search(r"```nginx\n(.*?)\n```", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.S).group(1)
        site = self.BARE if is_bare else "\n".join(line for line in recipe.split("\n") if "ssl_certificate" not in line)
        site = site.replace("listen 443 ssl;", f"listen {world.proxy[0]}:{world.proxy[1]};")
        site = site.replace("127.0.0.1:8080", f"127.0.0.1:{world.hub_address[1]}")
        (folder / "site").write_text(site, encoding="utf-8")
        (folder / "nginx.conf").write_text(self._configuration(folder), encoding="utf-8")
        self._log = open(folder / "nginx.log", "wb")
        self.process = subprocess.Popen(
            [self.program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log, preexec_fn=ends_with_us)
        begun = time.monotonic()
        while True:
            try:
                return socket.create_connection(world.proxy, timeout=1).close()
            except OSError:
                if time.monotonic() - begun > START_SECONDS_MAX or self.process.poll() is not None:
                    raise SystemExit(f"nginx did not start; see {folder}") from None
                time.sleep(0.05)

    @staticmethod
    def program():
        return shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:" + os.environ.get("PATH", ""))

    @staticmethod
    def _configuration(folder):
        """/etc/nginx/nginx.conf as it is, but for places of files and the sites."""
        text = pathlib.Path("/etc/nginx/nginx.conf").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^\s*(pid|user|error_log|access_log|include /etc/nginx/(modules-enabled|conf\.d|sites-enabled))\b.*$", "", text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        head = f"pid {folder}/pid;\nerror_log {folder}/error.log;\n" + ("user root;\n" if os.geteuid() == 0 else "")
        return head + text.replace("http {", f"http {{\naccess_log {folder}/access.log;\n{places}\ninclude {folder}/site;\n", 1)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(10)
