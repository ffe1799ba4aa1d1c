"""What goes wrong: files that are no photos, and a server that is busy, gone or locked."""
import base64

from selenium.webdriver.common.keys import Keys

import photos
from browser import Between, Server, wait_for
from case import PHOTOS, PageTest


class Files(PageTest):
    def test_a_text_that_is_named_jpg_is_said_to_be_text_and_not_sent(self):
        path = self.folder / "notes.jpg"
        path.write_text("Buy milk.\n" * 100)
        self.browser.choose(path)
        self.assertEqual(self.browser.card("notes.jpg", "failed")["sentence"], "notes.jpg is text, not a photo. Nothing was sent.")
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def test_a_webp_is_sent_as_a_png(self):
        path = self.folder / "coffee.webp"
        path.write_bytes(self.as_webp(PHOTOS / "coffee.png"))
        self.assertEqual(path.read_bytes()[8:12], b"WEBP")
        self.browser.choose(path)
        card = self.browser.card("coffee.webp")
        self.assertEqual(card["top"][0][0], "espresso")
        self.assertIn("600\u00a0×\u00a0400", card["facts"])
        (_, _, headers), = self.browser.requests("/api/classify")
        self.assertEqual(headers["Content-Type"], "image/png")

    def as_webp(self, path):
        encoded = self.browser.driver.execute_async_script("""
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
            (self.folder / name).write_bytes(content)
            self.browser.choose(self.folder / name)
            self.assertEqual(self.browser.card(name, "failed")["sentence"],
                             f"{name} is {format_name}, which neither this browser nor the server can read. "
                             "Saved as JPEG or PNG it will do.")
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def test_a_picture_that_only_the_server_reads_is_answered_without_being_shown(self):
        width, height, rows = photos.read_png(PHOTOS / "coffee.png")
        (self.folder / "coffee.ppm").write_bytes(f"P6\n{width} {height}\n255\n".encode() + b"".join(rows))
        self.browser.choose(self.folder / "coffee.ppm")
        card = self.browser.card("coffee.ppm")
        self.assert_same_answer(card, self.classify(PHOTOS / "coffee.png")["coffee.png"])
        self.assertFalse(card["shown"])

    def test_a_bomb_of_900_megapixels_is_neither_opened_here_nor_there(self):
        self.provoked = [r"/api/classify.* 422 "]
        photos.write_png(self.folder / "bomb.png", 30000, 30000, depth=1, kind=0)
        self.browser.choose(self.folder / "bomb.png")
        card = self.browser.card("bomb.png", "failed")
        self.assertRegex(card["sentence"], r"(?i)pixel")
        self.assertFalse(card["shown"])
        self.assertEqual(self.browser.text(".no-picture"), "900 megapixels, not shown")
        self.browser.choose(PHOTOS / "coffee.png")  # and nobody is hurt
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")

    def test_an_upload_of_30_mb_is_refused_before_it_is_sent_and_a_smaller_copy_offered(self):
        path = self.folder / "huge.png"
        photos.write_png(path, 3200, 3200, level=0)
        self.assertGreater(path.stat().st_size, 30e6)
        self.browser.choose(path)
        card = self.browser.card("huge.png", "failed")
        self.assertRegex(card["sentence"], r"^huge.png has 30\.7\u202fMB; this server takes at most 2[01]\.\d\u202fMB\. Nothing was sent\.$")
        self.assertEqual(self.browser.requests("/api/classify"), [])
        self.browser.one(".shrink").click()
        self.assertEqual(len(self.browser.card("huge.png")["top"]), 5)


class TheServer(PageTest):
    def test_a_server_that_is_gone_is_said_and_its_return_noticed(self):
        own = Server(self.program)
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.assertEqual(own.stop(), 0)
        self.provoked = [r"net::ERR_CONNECTION_(REFUSED|RESET|CLOSED)|net::ERR_EMPTY_RESPONSE", r"/(readyz|api/\w+).* 503 "]
        self.browser.choose(PHOTOS / "coffee.png")
        wait_for(lambda: self.browser.shown("#banner"), "the banner")
        self.assertEqual(self.browser.text("#banner-text"), "The server does not answer. Trying again until it does.")
        self.assertEqual(self.browser.cards()[0]["sentence"], "Waiting for the server")
        own.start()
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")

    def test_a_server_without_a_place_is_asked_again_when_it_said(self):
        between = Between(self.server, refusals=2)
        self.addCleanup(between.stop)
        self.open(between.origin)
        self.provoked = [r"/api/classify.* 503 "]
        self.browser.choose(PHOTOS / "coffee.png")
        wait_for(lambda: self.browser.cards()[0]["sentence"] == "The server is busy; next try in 1\u202fs", "the wait is said")
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertEqual(between.refusals, 0)

    def test_a_key_is_asked_for_once_and_kept_in_memory(self):
        key = self.folder / "key"
        key.write_text("open-sesame-7d1f\n")
        own = Server(self.program, "--api-key-file", key)
        self.addCleanup(own.stop)
        self.provoked = [r"/api/models.* 401 "]
        self.origins.append(own.origin)
        self.browser.open(own.origin + "/")
        wait_for(lambda: self.browser.shown("#key-dialog"), "the question for the key")
        self.assertEqual(self.browser.js("return document.activeElement.id"), "key")
        self.browser.one("#key").send_keys("wrong", Keys.ENTER)
        wait_for(lambda: "not the right key" in self.browser.text("#key-text") and self.browser.shown("#key-dialog"), "a wrong key is said")
        self.browser.one("#key").send_keys("open-sesame-7d1f", Keys.ENTER)
        wait_for(lambda: self.browser.text("#class-count") == "1,000 of 1,000", "the model card")
        self.browser.choose(PHOTOS / "coffee.png")
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertFalse(self.browser.shown("#key-dialog"))
        self.assertEqual(self.browser.js("return [localStorage.length, sessionStorage.length, document.cookie]"), [0, 0, ""])

    def test_outside_a_secure_context_the_camera_says_why_it_is_off(self):
        own = Server(self.program, "--allow-host", "fovea.test")
        self.addCleanup(own.stop)
        self.open(f"http://fovea.test:{own.port}")
        self.assertFalse(self.browser.js("return isSecureContext"))
        self.assertEqual(self.browser.one("#camera").get_attribute("aria-disabled"), "true")
        self.assertRegex(self.browser.text("#camera-note"), "^The camera is off: browsers give it only to pages on https or on this computer")
        self.assertEqual(self.browser.one("#camera").get_attribute("aria-describedby"), "camera-note")
        # Nor is there a clipboard interface: copying has another way.
        self.browser.choose(PHOTOS / "coffee.png")
        self.browser.card("coffee.png")
        self.browser.one(".copy").click()
        wait_for(lambda: self.browser.text(".copy") == "Copied", "copied all the same")
