#!/usr/bin/python3
"""Drives the real page in Chromium: what people do with it, what goes wrong, and who can use it.

usage: page_test.py PROGRAM [--screenshots] [NAME...]

PROGRAM is the built `fovea`. --screenshots makes the pictures of docs/pictures/ instead. The last line is
`N passed, N failed`. Wants python3-selenium, chromium and chromium-driver (Debian's), and axe.min.js where PyPI is in reach.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import audit
import photos
from browser import Between, Browser, Server, find_axe, wait_for

PHOTOS = photos.PHOTOS
TEN = ["astronaut.png", "camera.png", "chelsea.png", "china.jpg", "coffee.png", "flower.jpg", "grace_hopper.jpg", "rocket.jpg"]

# Set by main(): the program, a folder for files, the browser, the server that most tests share.
program = folder = browser = server = None


def classify(*paths):
    """What `fovea classify` says of these files: {file name: its entry}."""
    done = subprocess.run([program, "classify", *map(str, paths), "--json"], capture_output=True, text=True, check=True)
    return {pathlib.Path(image["path"]).name: image for image in json.loads(done.stdout)["images"]}


class PageTest(unittest.TestCase):
    """Opens the page before each test. After it: no message on the console but the browser's own line for each failure
    that the test provoked (self.provoked: patterns), and no request to anybody else."""

    def setUp(self):
        self.provoked = []
        self.origins = [server.origin]
        browser.size(1280, 900)
        browser.dark(False)
        self.open(server.origin)

    def open(self, origin):
        self.origins.append(origin)
        browser.open(origin + "/")
        wait_for(lambda: browser.js("return document.querySelectorAll('#classes li').length > 0"), "the page has its model")

    def tearDown(self):
        strangers = [url for _, url, _ in browser.requests()
                     if not url.startswith(tuple(origin + "/" for origin in self.origins) + ("data:", "blob:", "about:"))]
        self.assertEqual(strangers, [], "requests to another origin")
        messages = [m for m in browser.messages() if not any(re.search(p, m) for p in self.provoked)]
        self.assertEqual(messages, [], "messages on the console")

    def assert_same_answer(self, card, expected):
        """Names and order alike, percentages to the digit that is shown, bars as long as they say."""
        wanted = [(p["name"], round(100 * p["probability"], 1)) for p in expected["top"]]
        self.assertEqual([row[0] for row in card["top"]], [name for name, _ in wanted])
        for (name, percent, bar), (_, right) in zip(card["top"], wanted):
            self.assertAlmostEqual(percent, right, delta=0.11, msg=name)
            self.assertAlmostEqual(bar, percent, delta=0.051, msg=name)


class WaysIn(PageTest):
    def test_a_chosen_photo_gets_the_answer_of_the_command_line(self):
        browser.choose(PHOTOS / "chelsea.png")
        card = browser.card("chelsea.png")
        self.assert_same_answer(card, classify(PHOTOS / "chelsea.png")["chelsea.png"])
        self.assertEqual(len(card["top"]), 5)
        self.assertIn("451\u00a0×\u00a0300", card["facts"])
        self.assertRegex(card["facts"], r"network\u00a0[\d.]+\u202fms")
        self.assertEqual(card["alt"], f"chelsea.png: probably {card['top'][0][0]}")

    def test_a_dropped_photo_gets_the_answer_of_the_command_line(self):
        browser.drop(PHOTOS / "chelsea.png")
        self.assert_same_answer(browser.card("chelsea.png"), classify(PHOTOS / "chelsea.png")["chelsea.png"])

    def test_a_copied_file_pasted_gets_the_answer_of_the_command_line(self):
        browser.js("""
            const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], 'chelsea.png', {type: 'image/png'}));
            document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
            """, base64.b64encode((PHOTOS / "chelsea.png").read_bytes()).decode())
        self.assert_same_answer(browser.card("chelsea.png"), classify(PHOTOS / "chelsea.png")["chelsea.png"])

    def test_a_picture_on_the_clipboard_is_pasted_by_keyboard(self):
        allow_clipboard()
        failed = browser.driver.execute_async_script("""
            const [encoded, done] = arguments;
            const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
            navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})])
              .then(() => done(''), (error) => done(String(error)));
            """, base64.b64encode((PHOTOS / "coffee.png").read_bytes()).decode())
        self.assertEqual(failed, "")
        ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
        # The clipboard holds pixels and no file: the name is the browser's.
        self.assertEqual(browser.card("image.png")["top"][0][0], "espresso")

    def test_ten_photos_at_once_become_a_grid_with_an_answer_each(self):
        paths = [PHOTOS / name for name in TEN]
        for copy in ("again.png", "and again.png"):
            paths.append(folder / copy)
            shutil.copyfile(PHOTOS / "coffee.png", paths[-1])
        self.assertEqual(len(paths), 10)
        browser.choose(*paths)
        cards = wait_for(lambda: (c := browser.cards()) and len(c) == 10 and all(x["state"] == "done" for x in c) and c,
                         "ten answers", 60)
        expected = classify(*paths)
        self.assertEqual([card["name"] for card in cards], [path.name for path in paths])
        for card in cards:
            self.assert_same_answer(card, expected[card["name"]])
        self.assertEqual(browser.text("#progress-text"), "10 photos")
        self.assertEqual(browser.text("#announcer").strip(), "All 10 photos are done.")
        self.assertGreater(browser.js("return new Set([...document.querySelectorAll('.card')].map((c) => c.offsetLeft)).size"), 1)
        self.assertLessEqual(browser.most_in_flight("/api/classify"), 4)

    def test_the_camera_answers_live_one_frame_at_a_time_and_stops(self):
        browser.one("#camera").click()
        first = lambda: browser.js("return document.querySelector('#live .row .class')?.textContent")  # noqa: E731
        wait_for(lambda: first() == "espresso", "the camera sees the coffee")
        wait_for(lambda: first() in ("tiger cat", "tabby", "Egyptian cat"), "the camera sees the cat")
        wait_for(lambda: browser.text("#announcer").split(",")[0] in ("tiger cat", "tabby", "Egyptian cat"), "it is read out")
        self.assertRegex(browser.text("#live-rate"), r"^[\d.]+ frames a second$")
        self.assertGreater(float(browser.text("#live-rate").split()[0]), 0.5)
        browser.one("#keep-frame").click()
        self.assertEqual(len(browser.card("camera-1.jpg")["top"]), 5)
        frames = [url for _, url, _ in browser.requests("name=camera.jpg")]
        self.assertGreater(len(frames), 5)
        self.assertEqual(browser.most_in_flight("name=camera.jpg"), 1)
        browser.one("#stop-camera").click()
        self.assertTrue(browser.js("return document.querySelector('#live video').srcObject === null"))
        self.assertTrue(browser.shown("#choose"))
        after = len(browser.requests("name=camera.jpg"))
        browser.driver.execute_async_script("setTimeout(arguments[0], 500)")
        self.assertEqual(len(browser.requests("name=camera.jpg")), after)


class Answers(PageTest):
    def heat_pixels(self):
        """(red, green, blue, alpha) sums of the heat map: none where it is clear."""
        return browser.js("""
            const canvas = document.querySelector('.card canvas');
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const sums = [0, 0, 0, 0];
            for (let i = 0; i < pixels.length; ++i) sums[i % 4] += pixels[i];
            return [canvas.width, canvas.height, ...sums];""")

    def test_the_heat_map_lies_over_the_photo_for_any_of_the_five(self):
        browser.choose(PHOTOS / "chelsea.png")
        browser.card("chelsea.png")
        browser.one(".heat").click()
        wait_for(lambda: browser.cards()[0]["heat"], "the heat map")
        width, height, *best = self.heat_pixels()
        self.assertAlmostEqual(width / height, 451 / 300, delta=0.01)
        self.assertLessEqual(max(width, height), 512)
        self.assertGreater(best[3], 0)
        self.assertEqual(browser.js("return document.querySelector('.row[aria-pressed=true] .class').textContent"),
                         browser.cards()[0]["top"][0][0])
        # Weaker at the slider's will.
        browser.js("const s = document.querySelector('.strength'); s.value = 25; s.dispatchEvent(new Event('input'))")
        self.assertEqual(browser.js("return getComputedStyle(document.querySelector('.card canvas')).opacity"), "0.25")
        # Another class has other reasons.
        browser.driver.find_elements("css selector", ".row")[4].click()
        wait_for(lambda: self.heat_pixels()[2:] != best, "the heat map of the fifth class")
        self.assertTrue(browser.one(".heat").is_selected())
        browser.one(".heat").click()
        self.assertFalse(browser.cards()[0]["heat"])
        asked = [url for _, url, _ in browser.requests("explain=")]
        self.assertEqual(len(asked), 2)
        self.assertTrue(all("explain=gradcam&class=" in url for url in asked), asked)

    def test_an_answer_is_copied_as_the_json_of_the_command_line(self):
        allow_clipboard()
        browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg")
        browser.card("coffee.png"), browser.card("china.jpg")
        expected = classify(PHOTOS / "coffee.png", PHOTOS / "china.jpg")
        browser.one(".copy").click()
        self.assert_same_document(read_clipboard(), {"coffee.png": expected["coffee.png"]})
        browser.one("#copy-all").click()
        self.assert_same_document(read_clipboard(), expected)

    def assert_same_document(self, text, expected):
        document = json.loads(text)
        self.assertEqual(document["schema"], "fovea.classify/1")
        self.assertEqual([image["path"] for image in document["images"]], list(expected))
        for image in document["images"]:
            for got, want in zip(image["top"], expected[image["path"]]["top"], strict=True):
                self.assertEqual((got["name"], got["class"]), (want["name"], want["class"]))
                self.assertAlmostEqual(got["probability"], want["probability"], delta=1e-5)

    def test_the_model_card_says_what_the_network_is_and_finds_its_classes(self):
        browser.one("#model-button").click()
        facts = browser.text("#model-facts")
        for part in ("efficientnet", "9.4\u202fMB", "Apache-2.0", "256 pixels", "224 × 224", "Grad-CAM"):
            self.assertIn(part, facts)
        self.assertEqual(browser.text("#class-count"), "1,000 of 1,000")
        browser.one("#class-search").send_keys("tiger cat")
        self.assertEqual(browser.js("return [...document.querySelectorAll('#classes li')].map((li) => li.textContent)"), ["tiger cat"])

    def test_photos_are_removed_one_by_one_and_all_at_once(self):
        browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg", PHOTOS / "flower.jpg")
        browser.card("flower.jpg")
        browser.one(".remove").click()
        self.assertEqual([card["name"] for card in browser.cards()], ["china.jpg", "flower.jpg"])
        self.assertEqual(browser.js("return document.activeElement.getAttribute('aria-label')"), "Remove china.jpg")
        browser.one("#clear").click()
        self.assertEqual(browser.cards(), [])
        self.assertFalse(browser.shown("#answers"))


class Files(PageTest):
    def test_a_text_that_is_named_jpg_is_said_to_be_text_and_not_sent(self):
        path = folder / "notes.jpg"
        path.write_text("Buy milk.\n" * 100)
        browser.choose(path)
        self.assertEqual(browser.card("notes.jpg", "failed")["sentence"], "notes.jpg is text, not a photo. Nothing was sent.")
        self.assertEqual(browser.requests("/api/classify"), [])

    def test_a_webp_is_sent_as_a_png(self):
        path = folder / "coffee.webp"
        path.write_bytes(self.as_webp(PHOTOS / "coffee.png"))
        self.assertEqual(path.read_bytes()[8:12], b"WEBP")
        browser.choose(path)
        card = browser.card("coffee.webp")
        self.assertEqual(card["top"][0][0], "espresso")
        self.assertIn("600\u00a0×\u00a0400", card["facts"])
        (_, _, headers), = browser.requests("/api/classify")
        self.assertEqual(headers["Content-Type"], "image/png")

    def as_webp(self, path):
        encoded = browser.driver.execute_async_script("""
            const [png, done] = arguments;
            const image = new Image();
            image.src = `data:image/png;base64,${png}`;
            image.decode().then(() => {
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
              canvas.getContext('2d').drawImage(image, 0, 0);
              done(canvas.toDataURL('image/webp', 0.95));
            });""", base64.b64encode(path.read_bytes()).decode())
        return base64.b64decode(encoded.split(",")[1])

    def test_a_format_that_nobody_here_reads_is_named(self):
        heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)
        jxl = b"\xff\x0a" + bytes(range(200))
        for name, content, format_name in (("cat.heic", heic, "HEIC"), ("cat.jxl", jxl, "JPEG XL")):
            (folder / name).write_bytes(content)
            browser.choose(folder / name)
            self.assertEqual(browser.card(name, "failed")["sentence"],
                             f"{name} is {format_name}, which neither this browser nor the server can read. "
                             "Saved as JPEG or PNG it will do.")
        self.assertEqual(browser.requests("/api/classify"), [])

    def test_a_picture_that_only_the_server_reads_is_answered_without_being_shown(self):
        width, height, rows = photos.read_png(PHOTOS / "coffee.png")
        (folder / "coffee.ppm").write_bytes(f"P6\n{width} {height}\n255\n".encode() + b"".join(rows))
        browser.choose(folder / "coffee.ppm")
        card = browser.card("coffee.ppm")
        self.assert_same_answer(card, classify(PHOTOS / "coffee.png")["coffee.png"])
        self.assertFalse(card["shown"])

    def test_a_bomb_of_900_megapixels_is_neither_opened_here_nor_there(self):
        self.provoked = [r"/api/classify.* 422 "]
        photos.write_png(folder / "bomb.png", 30000, 30000, depth=1, kind=0)
        browser.choose(folder / "bomb.png")
        card = browser.card("bomb.png", "failed")
        self.assertRegex(card["sentence"], r"(?i)pixel")
        self.assertFalse(card["shown"])
        self.assertEqual(browser.text(".no-picture"), "900 megapixels, not shown")
        browser.choose(PHOTOS / "coffee.png")  # and nobody is hurt
        self.assertEqual(browser.card("coffee.png")["top"][0][0], "espresso")

    def test_an_upload_of_30_mb_is_refused_before_it_is_sent_and_a_smaller_copy_offered(self):
        path = folder / "huge.png"
        photos.write_png(path, 3200, 3200, level=0)
        self.assertGreater(path.stat().st_size, 30e6)
        browser.choose(path)
        card = browser.card("huge.png", "failed")
        self.assertRegex(card["sentence"], r"^huge.png has 30\.7\u202fMB; this server takes at most 2[01]\.\d\u202fMB\. Nothing was sent\.$")
        self.assertEqual(browser.requests("/api/classify"), [])
        browser.one(".shrink").click()
        self.assertEqual(len(browser.card("huge.png")["top"]), 5)


class TheServer(PageTest):
    def test_a_server_that_is_gone_is_said_and_its_return_noticed(self):
        own = Server(program)
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.assertEqual(own.stop(), 0)
        self.provoked = [r"net::ERR_CONNECTION_(REFUSED|RESET|CLOSED)|net::ERR_EMPTY_RESPONSE", r"/(readyz|api/\w+).* 503 "]
        browser.choose(PHOTOS / "coffee.png")
        wait_for(lambda: browser.shown("#banner"), "the banner")
        self.assertEqual(browser.text("#banner-text"), "The server does not answer. Trying again until it does.")
        self.assertEqual(browser.cards()[0]["sentence"], "Waiting for the server")
        own.start()
        self.assertEqual(browser.card("coffee.png")["top"][0][0], "espresso")

    def test_a_server_without_a_place_is_asked_again_when_it_said(self):
        between = Between(server, refusals=2)
        self.addCleanup(between.stop)
        self.open(between.origin)
        self.provoked = [r"/api/classify.* 503 "]
        browser.choose(PHOTOS / "coffee.png")
        wait_for(lambda: browser.cards()[0]["sentence"] == "The server is busy; next try in 1\u202fs", "the wait is said")
        self.assertEqual(browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertEqual(between.refusals, 0)

    def test_a_key_is_asked_for_once_and_kept_in_memory(self):
        key = folder / "key"
        key.write_text("open-sesame-7d1f\n")
        own = Server(program, "--api-key-file", key)
        self.addCleanup(own.stop)
        self.provoked = [r"/api/models.* 401 "]
        self.origins.append(own.origin)
        browser.open(own.origin + "/")
        wait_for(lambda: browser.shown("#key-dialog"), "the question for the key")
        self.assertEqual(browser.js("return document.activeElement.id"), "key")
        browser.one("#key").send_keys("wrong", Keys.ENTER)
        wait_for(lambda: "not the right key" in browser.text("#key-text") and browser.shown("#key-dialog"), "a wrong key is said")
        browser.one("#key").send_keys("open-sesame-7d1f", Keys.ENTER)
        wait_for(lambda: browser.text("#class-count") == "1,000 of 1,000", "the model card")
        browser.choose(PHOTOS / "coffee.png")
        self.assertEqual(browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertFalse(browser.shown("#key-dialog"))
        self.assertEqual(browser.js("return [localStorage.length, sessionStorage.length, document.cookie]"), [0, 0, ""])

    def test_outside_a_secure_context_the_camera_says_why_it_is_off(self):
        own = Server(program, "--allow-host", "fovea.test")
        self.addCleanup(own.stop)
        self.open(f"http://fovea.test:{own.port}")
        self.assertFalse(browser.js("return isSecureContext"))
        self.assertEqual(browser.one("#camera").get_attribute("aria-disabled"), "true")
        self.assertRegex(browser.text("#camera-note"), "^The camera is off: browsers give it only to pages on https or on this computer")
        self.assertEqual(browser.one("#camera").get_attribute("aria-describedby"), "camera-note")
        # Nor is there a clipboard interface: copying has another way.
        browser.choose(PHOTOS / "coffee.png")
        browser.card("coffee.png")
        browser.one(".copy").click()
        wait_for(lambda: browser.text(".copy") == "Copied", "copied all the same")


class Everybody(PageTest):
    def test_the_page_works_by_keyboard_alone(self):
        active = lambda: browser.js("const a = document.activeElement; return a.id || a.className || a.tagName")  # noqa: E731
        press = lambda *keys: ActionChains(browser.driver).send_keys(*keys).perform()  # noqa: E731
        seen = []
        for _ in range(3):
            press(Keys.TAB)
            seen.append(active())
            self.assertNotEqual(browser.js("return getComputedStyle(document.activeElement).outlineStyle"), "none", seen)
        self.assertEqual(seen, ["model-button", "choose", "camera"])
        browser.one("#model-button").send_keys(Keys.ENTER)
        self.assertTrue(browser.shown("#model-dialog"))
        press(Keys.ESCAPE)
        self.assertFalse(browser.shown("#model-dialog"))
        self.assertEqual(active(), "model-button")
        browser.choose(PHOTOS / "chelsea.png")
        browser.card("chelsea.png")
        browser.js("document.querySelector('#clear').focus()")
        reached = []
        for _ in range(9):
            press(Keys.TAB)
            reached.append(active().split()[0])
        self.assertEqual(reached, ["icon"] + 5 * ["row"] + ["heat", "copy", "answered"])  # strength wakes with the heat map
        browser.one(".heat").send_keys(Keys.SPACE)
        wait_for(lambda: browser.cards()[0]["heat"], "the heat map")
        press(Keys.TAB)
        self.assertEqual(active(), "strength")
        press(Keys.ARROW_LEFT)
        self.assertEqual(browser.js("return getComputedStyle(document.querySelector('.card canvas')).opacity"), "0.69")

    def test_answers_and_failures_are_read_out(self):
        browser.choose(PHOTOS / "coffee.png")
        card = browser.card("coffee.png")
        self.assertRegex(browser.text("#announcer"), rf"^coffee\.png: espresso, {card['top'][0][1]}\u202f%\.$")
        self.assertEqual(browser.one("#announcer").get_attribute("aria-live"), "polite")

    def scenes(self):
        """The page in each of its states, by name; after each the caller looks."""
        yield "start"
        (folder / "notes.jpg").write_text("Buy milk.\n")
        browser.choose(PHOTOS / "chelsea.png", folder / "notes.jpg")
        browser.card("chelsea.png"), browser.card("notes.jpg", "failed")
        browser.one(".heat").click()
        wait_for(lambda: browser.cards()[0]["heat"], "the heat map")
        yield "answers"
        browser.one("#camera").click()
        wait_for(lambda: browser.js("return document.querySelectorAll('#live .row').length === 5"), "the camera's answer")
        yield "camera"
        browser.one("#stop-camera").click()
        browser.one("#model-button").click()
        yield "model"
        browser.js("document.querySelector('#model-dialog').close()")
        browser.js("document.querySelector('#key-dialog').showModal()")
        yield "key"
        browser.js("document.querySelector('#key-dialog').close()")
        browser.js("document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: new DataTransfer(), bubbles: true}))")
        yield "banner"

    def test_every_control_has_a_name_and_every_text_is_readable_light_and_dark(self):
        looked = 0
        for scene in self.scenes():
            for dark in (False, True):
                browser.dark(dark)
                with self.subTest(scene=scene, dark=dark):
                    self.assertEqual(audit.nameless(browser), [])
                    self.assertEqual(audit.pale(browser), [])
                    looked += 1
        self.assertEqual(looked, 12)
        self.assertEqual(audit.landmarks(browser), ["banner", "contentinfo", "main"])
        self.assertEqual(browser.js("return [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).length"), 1)

    def test_axe_finds_nothing_light_and_dark(self):
        axe = find_axe(photos.ROOT / "build/axe")
        if axe is None:
            with open(os.environ.get("FOVEA_SKIP_LOG", os.devnull), "a") as log:
                log.write("page axe | axe\n")
            self.skipTest("axe.min.js is not to be had")
        browser.js(axe + "\nwindow.axe = axe;")
        for scene in self.scenes():
            for dark in (False, True):
                browser.dark(dark)
                with self.subTest(scene=scene, dark=dark):
                    self.assertEqual(audit.by_axe(browser), [])

    def test_nothing_is_wider_than_a_phone_of_360_pixels(self):
        browser.size(360, 740)
        for scene in self.scenes():
            with self.subTest(scene=scene):
                self.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), 360)
                self.assertEqual(audit.small_targets(browser), [])
                self.assertEqual(audit.cut_off(browser), [])

    def test_nothing_jumps(self):
        total = lambda: browser.js("return window.shifts.reduce((a, b) => a + b, 0)")  # noqa: E731
        for width in (360, 1280):
            browser.size(width, 900)
            self.open(server.origin)
            browser.choose(*(PHOTOS / name for name in ("chelsea.png", "coffee.png", "china.jpg")))
            browser.card("china.jpg")
            browser.one(".heat").click()
            wait_for(lambda: browser.cards()[0]["heat"], "the heat map")
            self.assertLess(total(), 0.005)
            heights = browser.js("return Object.values(window.heights).map((h) => [...h])")
            self.assertEqual([len(h) for h in heights], [1, 1, 1], heights)
        browser.driver.execute_async_script("setTimeout(arguments[0], 600)")  # no input any more
        browser.js("document.querySelector('main').style.paddingTop = '100px'")
        wait_for(lambda: total() > 0.005, "the watch sees what does jump")

    def test_what_is_sent_and_kept_stands_on_the_page(self):
        text = re.sub(r"\s+", " ", browser.text("#privacy"))
        self.assertIn(f"the program on this computer (127.0.0.1:{server.port}) and nowhere else", text)
        self.assertIn("writes none to a disk or a log", text)


def allow_clipboard():
    browser.cdp("Browser.grantPermissions", origin=server.origin, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])


def read_clipboard():
    wait_for(lambda: "Copied" in browser.text("#announcer"), "copied")
    return browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))")


class Result(unittest.TextTestResult):
    """A line a test; a test with sub-tests that failed counts once."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.passed = 0
        self.bad = set()

    def startTest(self, test):
        super(unittest.TextTestResult, self).startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        name = test.id().split(".")[-1].removeprefix("test_").replace("_", " ")
        skipped = any(test is other for other, _ in self.skipped)
        bad = any(getattr(other, "test_case", other) is test for other, _ in self.failures + self.errors)
        self.passed += not skipped and not bad
        if bad:
            self.bad.add(name)
        print(f"  {'skipped' if skipped else 'FAILED' if bad else 'ok'}: {name}", flush=True)


def main():
    global program, folder, browser, server
    arguments = sys.argv[1:]
    screenshots = "--screenshots" in arguments
    arguments = [a for a in arguments if a != "--screenshots"]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    program = str(pathlib.Path(arguments.pop(0)).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        photos.write_camera(folder / "camera.y4m")
        log = folder / "server.log"
        browser, server = Browser(folder / "camera.y4m"), None
        try:
            server = Server(program, log=log)
            if screenshots:
                import pictures
                pictures.make(browser, server, photos.ROOT / "docs/pictures")
                return 0
            loader = unittest.TestLoader()
            if arguments:
                loader.testNamePatterns = [f"*{a.replace(' ', '_')}*" for a in arguments]
            runner = unittest.TextTestRunner(sys.stdout, resultclass=Result, verbosity=0)
            result = runner.run(loader.loadTestsFromModule(sys.modules[__name__]))
        finally:
            browser.close()
            code = server.stop() if server else 1
    if code != 0:
        print(f"  FAILED: the server ended with {code}")
    failed = len(result.bad) + (code != 0)
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
