"""Photos come in, answers come out."""
import base64
import json
import re
import shutil

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import photos
from browser import Server, wait_for
from case import PHOTOS, PageTest


class WaysIn(PageTest):
    def test_a_chosen_photo_gets_the_answer_of_the_command_line(self):
        self.browser.choose(PHOTOS / "chelsea.png")
        card = self.browser.card("chelsea.png")
        self.assert_same_answer(card, self.classify(PHOTOS / "chelsea.png")["chelsea.png"])
        self.assertEqual(len(card["top"]), 5)
        self.assertIn("451\u00a0×\u00a0300", card["facts"])
        self.assertRegex(card["facts"], r"network\u00a0[\d.]+\u202fms")
        self.assertEqual(card["alt"], f"chelsea.png: probably {card['top'][0][0]}")

    def test_a_dropped_photo_gets_the_answer_of_the_command_line(self):
        self.browser.drop(PHOTOS / "chelsea.png")
        self.assert_same_answer(self.browser.card("chelsea.png"), self.classify(PHOTOS / "chelsea.png")["chelsea.png"])

    def test_a_copied_file_pasted_gets_the_answer_of_the_command_line(self):
        self.browser.js("""
            const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], 'chelsea.png', {type: 'image/png'}));
            document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
            """, base64.b64encode((PHOTOS / "chelsea.png").read_bytes()).decode())
        self.assert_same_answer(self.browser.card("chelsea.png"), self.classify(PHOTOS / "chelsea.png")["chelsea.png"])

    def test_a_picture_on_the_clipboard_is_pasted_by_keyboard(self):
        self.allow_clipboard()
        failed = self.browser.driver.execute_async_script("""
            const [encoded, done] = arguments;
            const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
            navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})])
              .then(() => done(''), (error) => done(String(error)));
            """, base64.b64encode((PHOTOS / "coffee.png").read_bytes()).decode())
        self.assertEqual(failed, "")
        ActionChains(self.browser.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
        # The clipboard holds pixels and no file: the name is the browser's.
        self.assertEqual(self.browser.card("image.png")["top"][0][0], "espresso")

    def test_ten_photos_at_once_become_a_grid_with_an_answer_each(self):
        paths = [PHOTOS / name for name in sorted(p.name for p in PHOTOS.glob('*.[pj][np]g'))]
        for copy in ("again.png", "and again.png"):
            paths.append(self.folder / copy)
            shutil.copyfile(PHOTOS / "coffee.png", paths[-1])
        self.assertEqual(len(paths), 10)
        self.browser.choose(*paths)
        cards = wait_for(lambda: (c := self.browser.cards()) and len(c) == 10 and all(x["state"] == "done" for x in c) and c,
                         "ten answers", 60)
        expected = self.classify(*paths)
        self.assertEqual([card["name"] for card in cards], [path.name for path in paths])
        for card in cards:
            self.assert_same_answer(card, expected[card["name"]])
        self.assertEqual(self.browser.text("#progress-text"), "10 photos")
        self.assertEqual(self.browser.text("#announcer").strip(), "All 10 photos are done.")
        self.assertGreater(self.browser.js("return new Set([...document.querySelectorAll('.card')].map((c) => c.offsetLeft)).size"), 1)
        self.assertIn(self.browser.most_in_flight("/api/classify"), (1, 2, 3, 4))

    def test_a_dropped_folder_brings_its_photos_in_the_order_of_their_names(self):
        folder = self.folder / "holiday"
        (folder / "2 lake").mkdir(parents=True)
        (folder / ".hidden").mkdir()
        for name in ("2 lake/10.png", "2 lake/9.png", "1.png", ".hidden/no.png", ".no.png"):
            shutil.copyfile(PHOTOS / "coffee.png", folder / name)
        (folder / "diary.txt").write_text("Rain.\n")
        self.browser.drop(folder, PHOTOS / "china.jpg")
        wait_for(lambda: len(self.browser.cards()) == 4, "four cards")
        self.assertEqual([card["name"] for card in self.browser.cards()], ["1.png", "9.png", "10.png", "china.jpg"])
        self.assertEqual(self.browser.text("#banner-text"), "Left out as no photos: 1 file.")
        for name in ("1.png", "9.png", "10.png", "china.jpg"):
            self.browser.card(name)
        (folder / "none").mkdir()
        self.browser.drop(folder / "none")
        wait_for(lambda: self.browser.text("#banner-text") == "There is no photo in this folder.", "an empty folder is said to be one")

    def test_a_picture_dragged_from_its_own_card_is_no_second_photo(self):
        self.browser.choose(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        ActionChains(self.browser.driver).drag_and_drop(self.browser.one(".card img"), self.browser.one("#start-title")).perform()
        self.browser.wait(300)
        self.assertEqual(len(self.browser.cards()), 1)

    def test_a_photo_that_comes_in_is_brought_into_sight(self):
        self.browser.size(400, 900)
        self.browser.choose(*(PHOTOS / name for name in ("chelsea.png", "china.jpg", "flower.jpg")))
        self.browser.card("flower.jpg")
        self.browser.js("scrollTo(0, document.body.scrollHeight)")
        self.browser.drop(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        top, height = self.browser.js("const r = document.querySelector('.card').getBoundingClientRect(); return [r.top, innerHeight]")
        self.assertTrue(0 <= top < height, top)

    def test_the_camera_answers_live_one_frame_at_a_time_and_stops(self):
        self.browser.one("#camera").click()
        first = lambda: self.browser.js("return document.querySelector('#live .row .class')?.textContent")  # noqa: E731
        wait_for(lambda: first() == "espresso", "the camera sees the coffee")
        wait_for(lambda: first() in ("tiger cat", "tabby", "Egyptian cat"), "the camera sees the cat")
        wait_for(lambda: self.browser.text("#announcer").split(",")[0] in ("tiger cat", "tabby", "Egyptian cat"), "it is read out")
        self.assertRegex(self.browser.text("#live-rate"), r"^[\d.]+ frames a second$")
        self.assertGreater(float(self.browser.text("#live-rate").split()[0]), 0.5)
        self.browser.one("#keep-frame").click()
        wait_for(lambda: self.browser.text("#keep-frame") == "Kept below", "it is said where it is kept")
        self.assertEqual(len(self.browser.card("camera-1.jpg")["top"]), 5)
        wait_for(lambda: len(self.browser.requests("name=camera.jpg")) > 5, "frame after frame")
        self.browser.one(".remove").click()
        self.assertEqual(self.browser.js("return document.activeElement.id"), "stop-camera")
        self.assertEqual(self.browser.most_in_flight("name=camera.jpg"), 1)
        self.browser.one("#stop-camera").click()
        self.assertTrue(self.browser.js("return document.querySelector('#live video').srcObject === null"))
        self.assertTrue(self.browser.shown("#choose"))
        after = len(self.browser.requests("name=camera.jpg"))
        self.browser.driver.execute_async_script("setTimeout(arguments[0], 500)")
        self.assertEqual(len(self.browser.requests("name=camera.jpg")), after)


class Answers(PageTest):
    def heat_pixels(self):
        """(red, green, blue, alpha) sums of the heat map: none where it is clear."""
        return self.browser.js("""
            const canvas = document.querySelector('.card canvas');
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const sums = [0, 0, 0, 0];
            for (let i = 0; i < pixels.length; ++i) sums[i % 4] += pixels[i];
            return [canvas.width, canvas.height, ...sums];""")

    def test_the_heat_map_lies_over_the_photo_for_any_of_the_five(self):
        self.browser.choose(PHOTOS / "chelsea.png")
        self.browser.card("chelsea.png")
        self.browser.one(".heat").click()
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
        width, height, *best = self.heat_pixels()
        self.assertAlmostEqual(width / height, 451 / 300, delta=0.01)
        self.assertLessEqual(max(width, height), 512)
        self.assertGreater(best[3], 0)
        self.assertEqual(self.browser.js("return document.querySelector('.row[aria-pressed=true] .class').textContent"),
                         self.browser.cards()[0]["top"][0][0])
        # Weaker at the slider's will.
        self.browser.js("const s = document.querySelector('.strength'); s.value = 25; s.dispatchEvent(new Event('input'))")
        self.assertEqual(self.browser.js("return getComputedStyle(document.querySelector('.card canvas')).opacity"), "0.25")
        # Another class has other reasons.
        self.browser.driver.find_elements("css selector", ".row")[4].click()
        wait_for(lambda: self.heat_pixels()[2:] != best, "the heat map of the fifth class")
        self.assertTrue(self.browser.one(".heat").is_selected())
        self.assertEqual(self.browser.text("#announcer"), f"The heat map shows what speaks for {self.browser.cards()[0]['top'][4][0]}.")
        self.browser.one(".heat").click()
        self.assertFalse(self.browser.cards()[0]["heat"])
        asked = [url for _, url, _ in self.browser.requests("explain=")]
        self.assertEqual(len(asked), 2)
        self.assertTrue(all("explain=gradcam&class=" in url for url in asked), asked)

    def test_a_heat_map_that_takes_long_is_given_up_by_its_switch(self):
        own = Server(self.program)
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.browser.choose(PHOTOS / "chelsea.png")
        self.browser.card("chelsea.png")
        self.browser.one("#method").send_keys("integrated gradients")
        self.browser.one(".heat").click()
        wait_for(lambda: re.match(r"Looking for the reasons, \d+\u202fs", self.browser.cards()[0]["sentence"]), "the time is shown")
        self.browser.one(".heat").click()
        wait_for(lambda: any(method == "loadingFailed" and event["canceled"] for method, event in self.browser.events()),
                 "the request is given up")
        self.assertFalse(self.browser.cards()[0]["heat"])
        self.assertEqual(self.browser.cards()[0]["sentence"], "")

    def test_an_answer_is_copied_as_the_json_of_the_command_line(self):
        self.allow_clipboard()
        self.browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg")
        self.browser.card("coffee.png"), self.browser.card("china.jpg")
        expected = self.classify(PHOTOS / "coffee.png", PHOTOS / "china.jpg")
        self.assert_same_document(self.copied(".copy"), {"coffee.png": expected["coffee.png"]})
        self.assert_same_document(self.copied("#copy-all"), expected)

    def assert_same_document(self, text, expected):
        document = json.loads(text)
        self.assertEqual(document["schema"], "fovea.classify/1")
        self.assertEqual([image["path"] for image in document["images"]], list(expected))
        for image in document["images"]:
            for got, want in zip(image["top"], expected[image["path"]]["top"], strict=True):
                self.assertEqual((got["name"], got["class"]), (want["name"], want["class"]))
                self.assertAlmostEqual(got["probability"], want["probability"], delta=1e-5)

    def test_the_model_card_says_what_the_network_is_and_finds_its_classes(self):
        self.browser.one("#model-button").click()
        facts = self.browser.text("#model-facts")
        for part in ("efficientnet", "9.4\u202fMB", "Apache-2.0", "256 pixels", "224 × 224", "Grad-CAM"):
            self.assertIn(part, facts)
        self.assertEqual(self.browser.text("#class-count"), "1,000 of 1,000")
        self.browser.one("#class-search").send_keys("tiger cat")
        self.assertEqual(self.browser.js("return [...document.querySelectorAll('#classes li')].map((li) => li.textContent)"), ["tiger cat"])
        self.browser.one("#class-search").send_keys(" with wings")
        self.assertEqual(self.browser.text("#class-count"), "No class of that name")

    def test_another_model_answers_anew_for_the_photos_that_are_there(self):
        weights = photos.ROOT / "models/efficientnet-lite0.safetensors"
        shutil.copyfile(weights, self.folder / "second.safetensors")
        own = Server(self.program, "--weights", weights, self.folder / "second.safetensors")
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.browser.choose(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        self.browser.one("#model-button").click()
        self.assertTrue(self.browser.shown("#model-choice"))
        self.browser.one("#model").send_keys("second")
        self.browser.js("document.querySelector('#model-dialog').close()")
        self.assertEqual(self.browser.text("#model-name"), "second")
        wait_for(lambda: len(self.browser.requests("model=second")) == 1, "the photo is sent to the other model")
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")

    def test_photos_are_removed_one_by_one_and_all_at_once(self):
        self.browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg", PHOTOS / "flower.jpg")
        self.browser.card("flower.jpg")
        self.browser.one(".remove").click()
        self.assertEqual([card["name"] for card in self.browser.cards()], ["china.jpg", "flower.jpg"])
        self.assertEqual(self.browser.js("return document.activeElement.getAttribute('aria-label')"), "Remove china.jpg")
        self.browser.one("#clear").click()
        self.assertEqual(self.browser.cards(), [])
        self.assertFalse(self.browser.shown("#answers"))
