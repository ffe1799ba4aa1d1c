#!/usr/bin/env python3
"""Sends hostile requests to `fovea serve` and good ones in between; the good ones must not notice.

usage: hostile_requests.py PROGRAM [--requests 1000] [--seed 1] [--small-net] [--sanitized] [--corpus FOLDER]...

Hostile are: heads and bodies that are cut off, too large or come a byte every two seconds; requests in a heap, header
floods, broken chunks, strange paths, hosts and methods, clients that leave or never read, and every file of the corpus
of malformed images as a body. Checked:
  - good requests get the right answer, in about the time that they take among as many well-behaved clients (TIME_FACTOR,
    SLOWEST_FACTOR);
  - every hostile request gets as many answers as it should, each with a status that it deserves, whole, with the security
    headers, and with a message where it is an error;
  - resident memory, read idle after each tenth of the requests (each thousand of 10,000), grows by less than 20 MB
    after the first; file descriptors are as many as before; SIGTERM ends the server with 0.
--small-net: a net of ten classes with random weights instead of the one that ships. --sanitized: the program is built
with ASan, whose allocator keeps freed memory, so its size is not judged; leaks show in the exit code.
The last line is `N passed, N failed`.
"""
import argparse
import array
import json
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENTS = 12        # hostile at a time
SLOW_CLIENTS = 24   # of them sending a byte every two seconds
MAX_UPLOAD = 20 << 20
HEAD_LIMIT = 64 << 10
MOST_GROWTH = 20e6  # bytes
TIME_FACTOR = 2     # the slowest 5 % of the good requests may take this times the same among well-behaved clients
SLOWEST_FACTOR = 20  # and the slowest of all this times it: both decoders may have a photo of a second
PATIENCE = 60       # seconds for any answer


# --- a client ---------------------------------------------------------------------------------------------------------

def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


class Ended(Exception):
    """The connection ended before an answer."""


class Reader:
    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def more(self):
        try:
            block = self.connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            block = b""
        if not block:
            raise Ended
        self.buffer += block

    def answer(self):
        """(status, headers, body) of the next answer that is not 100."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status == 100:
            return self.answer()
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        size = int(headers["content-length"])
        while len(self.buffer) < size:
            self.more()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return status, headers, body


def request(method, path, body=b"", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def send(connection, data):
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before it was all sent: the answer says why


# --- hostile requests: each a function (port, random, corpus) -> (the answers it got, for each that it should get the
#     statuses that are right) -----------------------------------------------------------------------------------------

NONE = [], []  # nobody waits for an answer


def exchange(port, data, answers=1, shut=False):
    """Sends bytes and reads up to so many answers."""
    got = []
    with connect(port) as c:
        send(c, data)
        if shut:
            c.shutdown(socket.SHUT_WR)
        reader = Reader(c)
        try:
            while len(got) < answers:
                got.append(reader.answer())
        except Ended:
            pass
    return got


def leave(connection, rng):
    """Half of the time with a reset."""
    if rng.random() < 0.5:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def cut_off(port, rng, corpus):
    data = request("POST", "/api/classify", corpus.photo(rng))
    c = connect(port)
    send(c, data[:rng.randrange(len(data))])
    time.sleep(rng.choice([0, 0, 0.05]))
    leave(c, rng)
    return NONE


def cut_off_politely(port, rng, corpus):
    data = request("POST", "/api/classify", corpus.photo(rng))
    return exchange(port, data[:rng.randrange(len(data))], shut=True), []


def leaves_while_waiting(port, rng, corpus):
    c = connect(port)
    send(c, request("POST", "/api/classify", corpus.photo(rng)))
    time.sleep(rng.choice([0, 0.002, 0.01]))
    leave(c, rng)
    return NONE


def oversized(port, rng, corpus):
    size = rng.choice([MAX_UPLOAD + 1, 10**9, 2**63, 2**64 - 1, 10**40])
    head = f"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()
    return exchange(port, head + bytes(rng.choice([0, 1000, 100_000]))), [{413} if size < 2**64 else {400}]


def oversized_in_chunks(port, rng, corpus):
    head = b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    if rng.random() < 0.9:
        return exchange(port, head + b"%x\r\n" % rng.choice([MAX_UPLOAD + 1, 2**40, 2**64 - 1]) + bytes(1000)), [{413}]
    block = b"%x\r\n" % (1 << 20) + bytes(1 << 20) + b"\r\n"
    return exchange(port, head + 21 * block), [{413}]


def header_flood(port, rng, corpus):
    kind = rng.randrange(4)
    if kind == 0:
        lines = "".join(f"X{i}: {i}\r\n" for i in range(rng.choice([100, 20_000])))
    elif kind == 1:
        lines = "X: " + "x" * rng.choice([60_000, 70_000, 1_000_000]) + "\r\n"
    elif kind == 2:
        lines = "Cookie: a\r\n" * rng.choice([1000, 10_000])
    else:
        lines = "x" * 70_000 + ": y\r\n"
    head = ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n").encode()
    return exchange(port, head), [{200} if len(head) <= HEAD_LIMIT else {431}]


def chunk_tricks(port, rng, corpus):
    head = b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    good = [b"5;a=\"b\"\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: 5\r\n\r\n",
            b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n", b"00000000000000000005\r\nhello\r\n0\r\n\r\n",
            b"1;e=f\r\nx\r\n" * 3000 + b"0\r\n\r\n", b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"]
    bad = [b"zz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n",
           b"5;=b\r\nhello\r\n0\r\n\r\n", b"0\r\n" + b"Content-Length: 5\r\n" * 3 + b"\r\n", b"\r\n\r\n",
           b" 5\r\nhello\r\n0\r\n\r\n"]
    long = [b"5;" + b"x" * 70_000 + b"\r\nhello\r\n", b"0\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"]
    body, statuses = rng.choice([(body, {status}) for bodies, status in ((good, 422), (bad, 400), (long, 431)) for body in bodies])
    extra = rng.choice([b"", b"", b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n"])
    if extra:
        statuses = {400}
    data = head + extra + b"\r\n" + body
    if rng.random() < 0.3:  # in pieces
        with connect(port) as c:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data[:300]:
                send(c, bytes([byte]))
            leave(c, rng)
        return NONE
    return exchange(port, data), [statuses]


def path_tricks(port, rng, corpus):
    method, body = rng.choice(["GET", "POST", "HEADS"]), rng.choice([b"", b"x" * 100])
    nowhere = ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5cboot.ini", "//etc/passwd", "/page.js/..", "/%00",
               "/" + "a/" * 20_000, "/%", "/%zz", "/\xe9"]
    malformed = ["*", "\\", "/?x=%", "/?x=%4", "/api/models?\x7f", "/api/classify?name=" + "%f" * 10_000]
    page = ["/?" + "&" * 30_000, "/?" + "a=b&" * 10_000]
    photo = ["/api/classify?top=" + "9" * 1000, "/api/classify?name=" + "%ff" * 10_000, "/api/classify?explain=../../x"]
    model = ["/api/classify?model=" + "m" * 30_000]
    is_photo = method == "POST"
    path, status = rng.choice([(path, status) for paths, status in (
        (nowhere, 404), (malformed, 400), (page, 200 if method == "GET" else 405), (photo, 400 if is_photo else 405),
        (model, 404 if is_photo else 405), (["http://evil.example/"], 403)) for path in paths])
    return exchange(port, request(method, path, body)), [{status}]


def strange_requests(port, rng, corpus):
    malformed = [b"\n", rng.randbytes(2000) + b"\r\n\r\n", b"GET / HTTP/1.1\nHost: localhost\n\n",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 1000 + b"\r\n\r\n", b"\r\n" * 5000, b"GET /\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(500) + b"\r\n\r\n",
                 b"GET  /  HTTP/1.1\r\n\r\n",
                 b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", request("GET", "*"),
                 request("GET", "/", headers=["Origin: http://localhost", "Origin: http://evil.example"]),
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\nTransfer-Encoding: gzip\r\n\r\n"]
    refused = [(b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", {400, 505}), (request("TRACE", "/"), {405}),
               (request("OPTIONS", "*"), {405}), (request("A" * 60_000, "/"), {405}),
               (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", {403}),
               (request("GET", "/", headers=["Upgrade: websocket", "Connection: upgrade"]), {200}),
               (request("GET", "/", headers=["Origin: http://evil.example"]), {403}),
               (request("GET", "/", headers=["Connection: " + "a," * 9000]), {200}),
               (request("POST", "/api/classify", b"--x\r\n", ["Content-Type: multipart/form-data; boundary=x"]), {415}),
               (request("POST", "/healthz", bytes(100_000)), {405}),
               (request("PUT", "/api/classify", b"x", ["Expect: 200-ok"]), {417})]
    data, statuses = rng.choice([(data, {400}) for data in malformed] + refused)
    if rng.random() < 0.1:  # the beginning of a head, and nobody who would read an answer
        return exchange(port, rng.choice([b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: "]), shut=True), []
    return exchange(port, data), [statuses]


def pipelined(port, rng, corpus):
    """A heap of requests; some of the answers are read."""
    photo = corpus.photo(rng)
    heap = [(request("GET", "/healthz"), 200), (request("GET", "/nowhere"), 404), (request("POST", "/api/classify", photo), 200),
            (request("POST", "/api/classify", b"no photo"), 422), (request("GET", "/"), 200)]
    chosen = rng.choices(heap, k=rng.randrange(2, 20))
    expected = [{status} for _, status in chosen[:rng.randrange(len(chosen) + 1)]]
    return exchange(port, b"".join(data for data, _ in chosen), answers=len(expected)), expected


def never_reads(port, rng, corpus):
    """The page a thousand times; not one byte of it is read."""
    with connect(port) as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.settimeout(1)
        try:
            c.sendall(request("GET", "/page.js") * 1000)
        except (TimeoutError, ConnectionError):
            pass
        time.sleep(0.2)
        leave(c, rng)
    return NONE


def corpus_file(port, rng, corpus):
    explain = rng.random() < 0.02
    path = "/api/classify?explain=gradcam" if explain else "/api/classify"
    got = exchange(port, request("POST", path, corpus.next_file().read_bytes()))
    return got, [{200, 422, 503} if explain else {200, 422}]


def slow(port, rng, corpus):
    """A byte every two seconds."""
    data = rng.choice([request("GET", "/healthz"), request("POST", "/api/classify", corpus.photo(rng))])
    at = rng.choice([0, data.find(b"\r\n\r\n") + 4])  # within the head, or from the body on
    expected = [{200} if at == len(data) else {408}]
    with connect(port) as c:
        send(c, data[:at])
        c.settimeout(2)
        reader = Reader(c)
        start = time.monotonic()
        while time.monotonic() - start < PATIENCE:
            send(c, data[at:at + 1])
            at += 1
            try:
                return [reader.answer()], expected
            except TimeoutError:
                continue
            except Ended:
                return [], expected
    raise AssertionError(f"a slow client was served for {PATIENCE} s")


KINDS = {corpus_file: 30, cut_off: 8, cut_off_politely: 5, leaves_while_waiting: 8, oversized: 6, oversized_in_chunks: 4,
         header_flood: 8, chunk_tricks: 10, path_tricks: 8, strange_requests: 8, pipelined: 5, never_reads: 1, slow: 2}


# --- what is sent ------------------------------------------------------------------------------------------------------

class Corpus:
    def __init__(self, folders):
        self.files = sorted(p for f in folders for p in pathlib.Path(f).rglob("*")
                            if p.is_file() and p.suffix not in (".json", ".md"))
        self.photos = {p.name: p.read_bytes() for p in sorted((ROOT / "examples/photos").iterdir()) if p.suffix != ".md"}
        self.lock, self.at = threading.Lock(), 0

    def next_file(self):
        with self.lock:
            self.at += 1
            return self.files[(self.at - 1) % len(self.files)]

    def photo(self, rng):
        return self.photos[rng.choice(sorted(self.photos))]


def write_small_net(path):
    """ResNet-20 for ten classes with random weights, as safetensors."""
    rng = random.Random(20)
    shapes = {"conv1.weight": (16, 3, 3, 3), "bn1": 16, "linear.weight": (10, 64), "linear.bias": (10,)}
    for stage, width in enumerate((16, 32, 64), 1):
        for block in range(3):
            first = width // 2 if block == 0 and stage > 1 else width
            name = f"layer{stage}.{block}"
            shapes |= {f"{name}.conv1.weight": (width, first, 3, 3), f"{name}.bn1": width,
                       f"{name}.conv2.weight": (width, width, 3, 3), f"{name}.bn2": width}
    tensors = {}
    for name, shape in shapes.items():
        if isinstance(shape, int):
            tensors |= {f"{name}.{part}": (shape,) for part in ("weight", "bias", "running_mean", "running_var")}
        else:
            tensors[name] = shape
    header, data = {}, array.array("f")
    for name, shape in tensors.items():
        count = 1
        for size in shape:
            count *= size
        begin = 4 * len(data)
        data.extend(1.0 if name.endswith("running_var") else rng.uniform(-0.2, 0.2) for _ in range(count))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, 4 * len(data)]}
    header["__metadata__"] = {
        "fovea.format": "1", "fovea.model": '{"name":"resnet20","options":{"num_classes":"10"}}',
        "fovea.preprocess": '{"resize":32,"crop":32,"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25],"interpolation":"bilinear"}'}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data.tobytes())


# --- the server --------------------------------------------------------------------------------------------------------

class Server:
    def __init__(self, program, arguments, log):
        self.log = log
        self.process = subprocess.Popen([program, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE,
                                        stderr=open(log, "wb"), text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if not found:
            sys.exit(f"no address in '{line}'; stderr: {log.read_text(errors='replace')}")
        self.port = int(found[1])
        while self.get("/readyz")[0] != 200:
            time.sleep(0.02)

    def get(self, path):
        return exchange(self.port, request("GET", path))[0]

    def wait_until_idle(self):
        """Nothing queued, and two seconds for memory to be given back and connections to end."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.get("/metrics")[2].decode()
            number = {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) (\S+)$", text, re.M)}
            if number["fovea_queue_length"] == 0 and number["fovea_connections"] == 1:
                time.sleep(2)
                return
            time.sleep(0.1)
        raise AssertionError(f"not idle after {PATIENCE} s: {number}")

    def resident(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


# --- good requests -----------------------------------------------------------------------------------------------------

def top_of(body):
    return [(entry["class"], entry["probability"]) for entry in json.loads(body)["images"][0]["top"]]


def same_answer(a, b):
    return len(a) == len(b) and all(x[0] == y[0] and abs(x[1] - y[1]) <= 1e-5 for x, y in zip(a, b))


class GoodClient(threading.Thread):
    """Photo after photo on one connection; remembers how long each took and what was wrong."""

    def __init__(self, port, corpus, expected, seed):
        super().__init__(daemon=True)
        self.port, self.corpus, self.expected, self.rng = port, corpus, expected, random.Random(seed)
        self.seconds, self.wrong, self.ends = [], [], threading.Event()

    def run(self):
        while not self.ends.is_set():
            try:
                with connect(self.port) as c:
                    reader = Reader(c)
                    while not self.ends.is_set():
                        self.ask(c, reader)
            except (Ended, OSError) as e:
                self.wrong.append(f"the connection ended: {e!r}")

    def ask(self, connection, reader):
        name = self.rng.choice(sorted(self.corpus.photos))
        start = time.monotonic()
        connection.sendall(request("POST", "/api/classify", self.corpus.photos[name]))
        status, _, body = reader.answer()
        self.seconds.append(time.monotonic() - start)
        if status != 200 or not same_answer(top_of(body), self.expected[name]):
            self.wrong.append(f"{name}: {status} {body[:200]!r}")

    def finish(self):
        self.ends.set()
        self.join()
        return sorted(self.seconds)


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def describe(values):
    return (f"{len(values)} good requests: median {1e3 * percentile(values, 0.5):.0f} ms, "
            f"95 % within {1e3 * percentile(values, 0.95):.0f}, slowest {1e3 * values[-1]:.0f}")


def usual_times(server, corpus, expected):
    """What is usual on this machine now: one good client alone, and among as many that behave."""
    alone = GoodClient(server.port, corpus, expected, 1)
    alone.start()
    time.sleep(3)
    times = alone.finish()
    print(f"  alone: {describe(times)}", flush=True)
    crowd = [GoodClient(server.port, corpus, expected, i) for i in range(CLIENTS)]
    for client in crowd:
        client.start()
    time.sleep(5)
    times = sorted(t for client in crowd for t in client.finish())
    print(f"  among {CLIENTS} that behave: {describe(times)}", flush=True)
    return times, [w for client in [alone, *crowd] for w in client.wrong]


# --- the attack --------------------------------------------------------------------------------------------------------

def judge(answers, expected):
    statuses = [status for status, _, _ in answers]
    if len(answers) != len(expected) or any(status not in right for status, right in zip(statuses, expected)):
        raise AssertionError(f"answered with {statuses}, right is {expected}")
    for status, headers, body in answers:
        if headers.get("x-content-type-options") != "nosniff":
            raise AssertionError(f"an answer {status} without security headers")
        if status >= 400 and not json.loads(body)["error"]["message"]:
            raise AssertionError(f"an answer {status} without a message")


def attack(port, corpus, kinds, seed, counts, problems):
    """Works off a shared list of (number, kind)."""
    while True:
        try:
            number, kind = kinds.pop()
        except IndexError:
            return
        try:
            answers, expected = kind(port, random.Random(seed * 1_000_003 + number), corpus)
            judge(answers, expected)
            for status, _, _ in answers:
                counts[status] = counts.get(status, 0) + 1
        except AssertionError as e:
            problems.append(f"{kind.__name__} {number}: {e}")
        except (OSError, ValueError, KeyError) as e:
            problems.append(f"{kind.__name__} {number}: {e!r}")


def run_round(server, corpus, chosen, seed, counts, problems):
    """The hostile requests of one round, slow ones on threads of their own."""
    fast = [(n, k) for n, k in chosen if k is not slow][::-1]
    slow_ones = [(n, k) for n, k in chosen if k is slow]
    work = [(fast, CLIENTS), (slow_ones, min(SLOW_CLIENTS, len(slow_ones)))]
    threads = [threading.Thread(target=attack, args=(server.port, corpus, kinds, seed, counts, problems), daemon=True)
               for kinds, count in work for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FOVEA_SEED", "1")))
    parser.add_argument("--small-net", action="store_true")
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--corpus", action="append", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--body-seconds", default="30", help="of the server")
    options = parser.parse_args()
    shared = pathlib.Path(os.environ.get("FOVEA_SHARED") or ROOT.parent / "shared") / "data/edge-images"
    corpus = Corpus(options.corpus or [f for f in (ROOT / "tests/data/edge-images", shared) if f.exists()])
    results = []

    def check(what, good):
        print(f"  {'ok' if good else 'FAILED'}: {what}", flush=True)
        results.append(good)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        arguments = ["--body-seconds", options.body_seconds]
        if options.small_net:
            write_small_net(folder / "small.safetensors")
            arguments += ["--weights", str(folder / "small.safetensors")]
        server = Server(options.program, arguments, folder / "log")
        expected = {name: top_of(exchange(server.port, request("POST", "/api/classify", photo))[0][2])
                    for name, photo in corpus.photos.items()}
        usual, wrong = usual_times(server, corpus, expected)
        check(f"{len(usual)} good requests among each other, {len(wrong)} wrong", not wrong)
        server.wait_until_idle()
        descriptors = server.descriptors()

        rng = random.Random(options.seed)
        chosen = list(enumerate(rng.choices(list(KINDS), weights=list(KINDS.values()), k=options.requests)))
        counts, problems, resident, good = {}, [], [], []
        size = -(-len(chosen) // options.rounds)
        for begin in range(0, len(chosen), size):
            client = GoodClient(server.port, corpus, expected, options.seed + begin)
            client.start()
            run_round(server, corpus, chosen[begin:begin + size], options.seed, counts, problems)
            good += client.finish()
            wrong += client.wrong
            server.wait_until_idle()
            resident.append(server.resident())
            print(f"  {min(begin + size, len(chosen))} hostile requests: {resident[-1] / 1e6:.1f} MB, "
                  f"{server.descriptors()} descriptors, {len(problems)} problems", flush=True)
        good.sort()
        print(f"  among {CLIENTS} + {SLOW_CLIENTS} hostile ones: {describe(good)}")
        print(f"  answers to the hostile: {', '.join(f'{n} x {s}' for s, n in sorted(counts.items()))}")
        print(f"  {min(corpus.at, len(corpus.files))} of {len(corpus.files)} files of the corpus were sent")

        for problem in problems[:20] + wrong[:20]:
            print(f"  FAILED {problem}")
        check(f"{options.requests} hostile requests, {len(problems)} answered badly", not problems)
        check(f"{len(good)} good requests meanwhile, {len(wrong)} wrong", not wrong)
        after, wrong = usual_times(server, corpus, expected)  # other work on the machine may have come or gone meanwhile
        check(f"{len(after)} good requests among each other, {len(wrong)} wrong", not wrong)
        limit = TIME_FACTOR * max(percentile(usual, 0.95), percentile(after, 0.95))
        check(f"95 % of them within {1e3 * percentile(good, 0.95):.0f} ms, {1e3 * limit:.0f} allowed",
              percentile(good, 0.95) <= limit)
        longest = SLOWEST_FACTOR * limit / TIME_FACTOR
        check(f"the slowest took {1e3 * good[-1]:.0f} ms, {1e3 * longest:.0f} allowed", good[-1] <= longest)
        server.wait_until_idle()
        check(f"{server.descriptors()} file descriptors, {descriptors} before", server.descriptors() == descriptors)
        growth = max(resident[1:], default=resident[0]) - resident[0]
        if not options.sanitized:
            check(f"memory grew by {growth / 1e6:.1f} MB after the first round", growth < MOST_GROWTH)
        code = server.stop()
        check(f"SIGTERM ends it with {code}", code == 0)
        if code != 0:
            print((folder / "log").read_text(errors="replace")[-6000:])
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
