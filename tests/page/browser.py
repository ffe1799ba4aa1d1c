"""A Chromium without a window that looks at the page, and the server that it talks to."""
import base64
import http.server
import json
import pathlib
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

WAIT_S = 20  # the longest that anything here may take on a busy machine of two cores


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=WAIT_S):
    """The first true value of condition(); an AssertionError that names what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.03)


class Server:
    """`fovea serve` on a free port of this machine."""

    def __init__(self, program, *arguments):
        self.command = [str(program), "serve", *map(str, arguments)]
        self.port = free_port()
        self.child = None
        self.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.child = subprocess.Popen(self.command + ["--port", str(self.port)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.ready, "fovea serve is ready")

    def ready(self):
        if self.child.poll() is not None:
            raise AssertionError(f"fovea serve ended with {self.child.returncode}")
        try:
            with urllib.request.urlopen(self.origin + "/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self):
        """Asks it to end and returns its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                return "still running after 10 s"
        return self.child.returncode


class Between:
    """Stands between browser and server. It has no place for the first `refusals` photos (503, Retry-After: 1), answers
    as a server that is `loading` its model, and holds back what is asked of paths with a certain part."""

    def __init__(self, server, refusals=0, loading=False):
        self.refusals = refusals
        self.loading = loading
        self.held = None
        self.open = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.command == "POST" and outer.refusals > 0:
                    outer.refusals -= 1
                    return self.refuse("busy", "the queue is full")
                if outer.loading and self.path.startswith(("/api/", "/readyz")):
                    return self.refuse("loading", "the model is being loaded")
                if outer.held and outer.held in self.path:
                    outer.open.wait(WAIT_S)
                self.pass_on_now(body)

            def refuse(self, code, message):
                answer = json.dumps({"error": {"code": code, "message": message}}).encode()
                self.reply(503, {"Content-Type": "application/json", "Retry-After": "1"}, answer)

            def pass_on_now(self, body):
                request = urllib.request.Request(server.origin + self.path, method=self.command, data=body or None)
                try:
                    answer = urllib.request.urlopen(request)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    self.reply(answer.status, {"Content-Type": answer.headers["Content-Type"]}, answer.read())

            do_GET = do_POST = pass_on

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

        class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the browser gave the request up

        self.listener = Threads(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.listener.server_port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def hold(self, part):
        self.open.clear()
        self.held = part

    def release(self):
        self.held = None
        self.open.set()

    def stop(self):
        self.release()
        self.listener.shutdown()
        self.listener.server_close()


# What the page shouldn't do is seen from its first moment on: how far its parts jump without being asked to.
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts.push(e.value);
}).observe({type: 'layout-shift', buffered: true});
// What follows an input closely is no shift to the browser; the height of a card shall not change even so.
window.heights = {};
new MutationObserver(() => {
  for (const card of document.querySelectorAll('.card'))
    (window.heights[card.querySelector('.name').textContent] ??= new Set()).add(card.offsetHeight);
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
"""

READ_CARDS = """
return [...document.querySelectorAll('.card')].map((card) => ({
  name: card.querySelector('.name').textContent, state: card.dataset.state,
  sentence: card.querySelector('.state').textContent, facts: card.querySelector('.facts').textContent,
  alt: card.querySelector('img').alt, shown: card.querySelector('img').naturalWidth > 0,
  shows: card.querySelector('img').src, heat: !card.querySelector('canvas').hidden,
  top: [...card.querySelectorAll('.row')].map((row) => [row.querySelector('.class').textContent,
    parseFloat(row.querySelector('.percent').textContent), parseFloat(row.querySelector('.bar').style.width)]),
}));
"""


class Browser:
    def __init__(self, camera):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream",
                     "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}",
                     "--host-resolver-rules=MAP fovea.test 127.0.0.1", "--force-color-profile=srgb"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(WAIT_S)
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH_SHIFTS)
        self.cdp("Emulation.setFocusEmulationEnabled", enabled=True)  # without a window there is no focus else
        self.log = []  # events of the network since the page was opened
        self.size(1280, 900)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, url):
        # about:blank first: what the page before may still do belongs to its own test.
        self.driver.get("about:blank")
        self.messages()
        self.events()
        self.log = []
        self.driver.get(url)

    def size(self, width, height, scale=1):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).textContent", selector)

    def shown(self, selector):
        return self.one(selector).is_displayed()

    def choose(self, *paths):
        self.one("#files").send_keys("\n".join(str(path) for path in paths))

    def drop(self, *paths):
        """A real drag of files from outside onto the middle of the page."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.cdp("Input.dispatchDragEvent", type=kind, x=200, y=300, data=data)

    def wait(self, milliseconds):
        """For what must not happen."""
        self.driver.execute_async_script("setTimeout(arguments[1], arguments[0])", milliseconds)

    def cards(self):
        return self.js(READ_CARDS)

    def card(self, name, state="done"):
        """The card of that name, once it is in that state."""
        found = wait_for(lambda: [c for c in self.cards() if c["name"] == name and c["state"] == state],
                         f"the card of {name} is {state}")
        return found[0]

    def messages(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def events(self):
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"].startswith("Network."):
                self.log.append((message["method"][8:], message["params"]))
        return self.log

    def requests(self, path=""):
        """(method, URL, headers) of each request since open() whose URL has `path` in it."""
        sent = [p["request"] for method, p in self.events() if method == "requestWillBeSent"]
        return [(r["method"], r["url"], r["headers"]) for r in sent if path in r["url"]]

    def most_in_flight(self, path):
        """How many requests to `path` were under way at the same time, at most."""
        open_now, most = set(), 0
        for method, p in self.events():
            if method == "requestWillBeSent" and path in p["request"]["url"]:
                open_now.add(p["requestId"])
                most = max(most, len(open_now))
            elif method in ("loadingFinished", "loadingFailed"):
                open_now.discard(p["requestId"])
        return most

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.cdp("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.driver.quit()


def find_axe(folder):
    """axe.min.js out of a PyPI package, fetched once into `folder`; None where it cannot be had."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        wanted = pathlib.Path(__file__).with_name("axe.txt")
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check",
                        "--require-hashes", "--timeout", "10", "--retries", "1", "-r", str(wanted), "-d", str(folder)],
                       stdin=subprocess.DEVNULL, capture_output=True)
        wheels = list(folder.glob("*.whl"))
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if re.search(r"(^|/)axe\.min\.js$", name):
                    return archive.read(name).decode()
    return None
