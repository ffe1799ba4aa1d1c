"""Who can use the page: by keyboard, by ear, on a phone, with little contrast in the eyes."""
import os
import re
import shutil

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import audit
import photos
from browser import Server, find_axe, wait_for
from case import PHOTOS, PageTest


class Everybody(PageTest):
    def test_the_page_works_by_keyboard_alone(self):
        active = lambda: self.browser.js("const a = document.activeElement; return a.id || a.className || a.tagName")  # noqa: E731
        press = lambda *keys: ActionChains(self.browser.driver).send_keys(*keys).perform()  # noqa: E731
        seen = []
        for _ in range(3):
            press(Keys.TAB)
            seen.append(active())
            self.assertEqual(self.browser.js("const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.outlineWidth"),
                             "solid3px", seen)
        self.assertEqual(seen, ["model-button", "choose", "camera"])
        self.browser.one("#model-button").send_keys(Keys.ENTER)
        self.assertTrue(self.browser.shown("#model-dialog"))
        press(Keys.ESCAPE)
        self.assertFalse(self.browser.shown("#model-dialog"))
        self.assertEqual(active(), "model-button")
        self.browser.choose(PHOTOS / "chelsea.png")
        self.browser.card("chelsea.png")
        self.browser.js("document.querySelector('#clear').focus()")
        reached = []
        for _ in range(9):
            press(Keys.TAB)
            reached.append(active().split()[0])
        self.assertEqual(reached, ["icon"] + 5 * ["row"] + ["heat", "copy", "answered"])  # strength wakes with the heat map
        self.browser.one(".heat").send_keys(Keys.SPACE)
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
        press(Keys.TAB)
        self.assertEqual(active(), "strength")
        press(Keys.ARROW_LEFT)
        self.assertEqual(self.browser.js("return getComputedStyle(document.querySelector('.card canvas')).opacity"), "0.69")

    def test_answers_and_failures_are_read_out(self):
        self.browser.choose(PHOTOS / "coffee.png")
        card = self.browser.card("coffee.png")
        self.assertRegex(self.browser.text("#announcer"), rf"^coffee\.png: espresso, {card['top'][0][1]}\u202f%\.$")
        self.assertEqual(self.browser.one("#announcer").get_attribute("aria-live"), "polite")
        (self.folder / "notes.jpg").write_text("Buy milk.\n")
        (self.folder / "empty.jpg").write_bytes(b"")
        self.browser.choose(self.folder / "notes.jpg")
        self.browser.card("notes.jpg", "failed")
        self.assertEqual(self.browser.text("#announcer"), "notes.jpg is text, not a photo. Nothing was sent.")
        # Of many, those before do not count, and the reasons are told.
        self.browser.choose(PHOTOS / "china.jpg", self.folder / "empty.jpg")
        self.browser.card("china.jpg"), self.browser.card("empty.jpg", "failed")
        self.assertEqual(self.browser.text("#announcer"), "All 2 photos are done, 1 failed. empty.jpg is empty.")
        self.assertEqual(self.browser.text("#progress-text"), "4 photos, 2 failed")

    def test_a_card_says_of_which_photo_it_is(self):
        self.browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg")
        self.browser.card("china.jpg")
        self.assertEqual([name for role, name in audit.tree(self.browser) if role == "article"], ["coffee.png", "china.jpg"])

    def test_text_of_twice_the_size_is_neither_cut_nor_wider_than_a_phone(self):
        self.browser.size(390, 800)
        self.browser.js("document.documentElement.style.fontSize = '200%'")
        self.browser.choose(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 390)
        self.assertEqual(self.browser.js("""
            const edge = document.querySelector('.card .body').getBoundingClientRect().right;
            return [...document.querySelectorAll('.row')].filter((row) => row.scrollHeight > row.clientHeight
              || row.querySelector('.percent').getBoundingClientRect().right > edge).length"""), 0)
        self.assertGreater(self.browser.js("return document.querySelector('.row').offsetHeight"), 60)

    def test_the_row_of_the_heat_map_is_marked_in_forced_colours_too(self):
        self.browser.choose(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        self.browser.one(".heat").click()
        self.browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
        self.assertEqual(self.browser.js("return [...document.querySelectorAll('.row')].map((r) => getComputedStyle(r).borderTopWidth)"),
                         ["2px"] + 4 * ["0px"])

    def test_a_model_of_a_long_name_fits_a_phone(self):
        name = "efficientnet_lite0_of_the_holidays_by_the_lake_2024_11_fp16x"
        weights = self.folder / f"{name}.safetensors"
        shutil.copyfile(photos.ROOT / "models/efficientnet-lite0.safetensors", weights)
        shutil.copyfile(weights, self.folder / "other.safetensors")
        own = Server(self.program, "--weights", weights, self.folder / "other.safetensors")
        self.addCleanup(own.stop)
        self.browser.size(360, 740)
        self.open(own.origin)
        self.assertEqual(self.browser.text("#model-name"), name)
        self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 360)
        self.browser.one("#model-button").click()
        self.assertEqual(audit.cut_off(self.browser), [])
        # One thing scrolls, and its way out stays.
        dialog = "document.querySelector('#model-dialog')"
        self.assertLessEqual(self.browser.js(f"return {dialog}.scrollWidth - {dialog}.clientWidth"), 0)
        self.assertEqual(self.browser.js("const c = document.querySelector('#classes'); return c.scrollHeight - c.clientHeight"), 0)
        self.browser.js(f"{dialog}.scrollTo(0, 3000)")
        self.assertTrue(self.browser.js("""
            const {left, top, width, height} = document.querySelector('.dialog-head button').getBoundingClientRect();
            return document.elementFromPoint(left + width / 2, top + height / 2).closest('.dialog-head') !== null"""))

    def scenes(self):
        """The page in each of its states, by name; after each the caller looks."""
        yield "start"
        (self.folder / "notes.jpg").write_text("Buy milk.\n")
        self.browser.choose(PHOTOS / "chelsea.png", self.folder / "notes.jpg")
        self.browser.card("chelsea.png"), self.browser.card("notes.jpg", "failed")
        self.browser.one(".heat").click()
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
        yield "answers"
        self.browser.one("#camera").click()
        wait_for(lambda: self.browser.js("return document.querySelectorAll('#live .row').length === 5"), "the camera's answer")
        yield "camera"
        self.browser.one("#stop-camera").click()
        self.browser.one("#model-button").click()
        yield "model"
        self.browser.js("document.querySelector('#model-dialog').close()")
        self.browser.js("document.querySelector('#key-dialog').showModal()")
        yield "key"
        self.browser.js("document.querySelector('#key-dialog').close()")
        self.browser.js("document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: new DataTransfer(), bubbles: true}))")
        yield "banner"

    def test_every_control_has_a_name_and_every_text_is_readable_light_and_dark(self):
        looked = 0
        for scene in self.scenes():
            for dark in (False, True):
                self.browser.dark(dark)
                with self.subTest(scene=scene, dark=dark):
                    self.assertEqual(audit.nameless(self.browser), [])
                    self.assertEqual(audit.pale(self.browser), [])
                    looked += 1
        self.assertEqual(looked, 12)
        self.assertEqual(audit.landmarks(self.browser), ["banner", "contentinfo", "main"])
        self.assertEqual(self.browser.js("return [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).length"), 1)

    def test_axe_finds_nothing_light_and_dark(self):
        axe = find_axe(photos.ROOT / "build/axe")
        if axe is None:
            with open(os.environ.get("FOVEA_SKIP_LOG", os.devnull), "a") as log:
                log.write("page axe | axe\n")
            self.skipTest("axe.min.js is not to be had")
        self.browser.js(axe + "\nwindow.axe = axe;")
        for scene in self.scenes():
            for dark in (False, True):
                self.browser.dark(dark)
                with self.subTest(scene=scene, dark=dark):
                    self.assertEqual(audit.by_axe(self.browser), [])

    def test_nothing_is_wider_than_a_phone_of_360_pixels(self):
        self.browser.size(360, 740)
        for scene in self.scenes():
            with self.subTest(scene=scene):
                self.assertLessEqual(self.browser.js("return document.documentElement.scrollWidth"), 360)
                self.assertEqual(audit.small_targets(self.browser), [])
                self.assertEqual(audit.cut_off(self.browser), [])

    def test_nothing_jumps(self):
        total = lambda: self.browser.js("return window.shifts.reduce((a, b) => a + b, 0)")  # noqa: E731
        for width in (360, 1280):
            self.browser.size(width, 900)
            self.open(self.server.origin)
            self.browser.choose(*(PHOTOS / name for name in ("chelsea.png", "coffee.png", "china.jpg")))
            self.browser.card("china.jpg")
            self.browser.one(".heat").click()
            wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
            self.assertLess(total(), 0.005)
            heights = self.browser.js("return Object.values(window.heights).map((h) => [...h])")
            self.assertEqual([len(h) for h in heights], [1, 1, 1], heights)
        self.browser.driver.execute_async_script("setTimeout(arguments[0], 600)")  # no input any more
        self.browser.js("document.querySelector('main').style.paddingTop = '100px'")
        wait_for(lambda: total() > 0.005, "the watch sees what does jump")

    def test_what_is_sent_and_kept_stands_on_the_page(self):
        text = re.sub(r"\s+", " ", self.browser.text("#privacy"))
        self.assertIn(f"the program on this computer (127.0.0.1:{self.server.port}) and nowhere else", text)
        self.assertIn("writes none to a disk or a log", text)
