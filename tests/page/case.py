"""What the tests of the page have in common."""
import json
import pathlib
import re
import subprocess
import unittest

import photos
from browser import wait_for

PHOTOS = photos.PHOTOS


class PageTest(unittest.TestCase):
    """Opens the page before each test. After it: no message on the console but the browser's own line for each failure
    that the test provoked (self.provoked: patterns), and no request to anybody else."""

    # What all tests share, set by run.py: the program's path, a folder for files, the browser, a server.
    program = folder = browser = server = None

    def setUp(self):
        self.provoked = []
        self.origins = [self.server.origin]
        self.browser.size(1280, 900)
        self.browser.dark(False)
        self.open(self.server.origin)

    def open(self, origin):
        self.origins.append(origin)
        self.browser.open(origin + "/")
        wait_for(lambda: self.browser.js("return document.querySelectorAll('#classes li').length > 0"), "the page has its model")

    def tearDown(self):
        strangers = [url for _, url, _ in self.browser.requests()
                     if not url.startswith(tuple(origin + "/" for origin in self.origins) + ("data:", "blob:", "about:"))]
        self.assertEqual(strangers, [], "requests to another origin")
        messages = [m for m in self.browser.messages() if not any(re.search(p, m) for p in self.provoked)]
        self.assertEqual(messages, [], "messages on the console")

    def assert_same_answer(self, card, expected):
        """Names and order alike, percentages to the digit that is shown, bars as long as they say."""
        wanted = [(p["name"], round(100 * p["probability"], 1)) for p in expected["top"]]
        self.assertEqual([row[0] for row in card["top"]], [name for name, _ in wanted])
        for (name, percent, bar), (_, right) in zip(card["top"], wanted):
            self.assertAlmostEqual(percent, right, delta=0.11, msg=name)
            self.assertAlmostEqual(bar, percent, delta=0.051, msg=name)

    def classify(self, *paths):
        """What `fovea classify` says of these files: {file name: its entry}."""
        done = subprocess.run([self.program, "classify", *map(str, paths), "--json"], capture_output=True, text=True, check=True)
        return {pathlib.Path(image["path"]).name: image for image in json.loads(done.stdout)["images"]}

    def allow_clipboard(self, origin=None):
        self.browser.cdp("Browser.grantPermissions", origin=origin or self.server.origin,
                         permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])

    def copied(self, button):
        """What that button puts onto the clipboard."""
        self.browser.js("document.querySelector('#announcer').textContent = ''")
        self.browser.one(button).click()
        wait_for(lambda: "Copied" in self.browser.text("#announcer"), "copied")
        return self.browser.driver.execute_async_script(
            "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))")
