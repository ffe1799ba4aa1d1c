"""What goes wrong: files that are no photos, and a server that is busy, gone or locked."""
import base64
import random
import struct

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

    def as_webp(self, path, scale=1, clear=0):
        """A WebP of that PNG, larger by `scale`, with `clear` pixels in a square at the corner transparent."""
        encoded = self.browser.driver.execute_async_script("""
            const [png, scale, clear, done] = arguments;
            const image = new Image();
            image.src = `data:image/png;base64,${png}`;
            image.decode().then(() => {
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [scale * image.naturalWidth, scale * image.naturalHeight];
              canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
              canvas.getContext('2d').clearRect(0, 0, clear, clear);
              done(canvas.toDataURL('image/webp', 0.95));
            });""", base64.b64encode(path.read_bytes()).decode(), scale, clear)
        return base64.b64decode(encoded.split(",")[1])

    def colour(self, name):
        """Red, green, blue and alpha of the first pixel of the picture on the card of that name."""
        return self.browser.js("""
            const card = [...document.querySelectorAll('.card')].find((c) => c.querySelector('.name').textContent === arguments[0]);
            const context = document.createElement('canvas').getContext('2d');
            context.drawImage(card.querySelector('img'), 0, 0);
            return [...context.getImageData(0, 0, 1, 1).data];""", name)

    def test_of_an_animation_the_first_frame_is_sent_and_shown(self):
        red, blue = (200, 40, 40), (40, 40, 200)
        photos.write_gif(self.folder / "a.gif", 60, 40, [red, blue])
        frames = []
        for number, colour in enumerate((red, blue)):
            photos.write_png(self.folder / f"{number}.png", 60, 40, colour=colour)
            frames.append(self.as_webp(self.folder / f"{number}.png"))
        (self.folder / "b.webp").write_bytes(photos.animated_webp(frames, 60, 40))
        (self.folder / "c.avif").write_bytes(photos.AVIF)
        moving = "Most probable in its first frame"
        for name, size, sentence in (("a.gif", "60\u00a0×\u00a040", moving), ("b.webp", "60\u00a0×\u00a040", moving),
                                     ("c.avif", "16\u00a0×\u00a016", "")):
            with self.subTest(name):
                self.browser.choose(self.folder / name)
                card = self.browser.card(name)
                self.assertEqual(card["sentence"], sentence)
                self.assertIn(size, card["facts"])
                self.assertEqual(self.browser.requests(f"name={name}")[0][2]["Content-Type"], "image/png")
                wait_for(lambda: self.browser.cards()[0]["shown"], "the picture")
                self.browser.wait(500)  # two frames and a half
                for got, want in zip(self.colour(name), red):
                    self.assertAlmostEqual(got, want, delta=4)

    def test_a_text_that_begins_like_a_picture_is_text_all_the_same(self):
        for text in ("BMW service invoice, 2024\n", "P3 is the priority of 2024\n", "P7 100 100 of them\n", "P5 2 parts\n"):
            path = self.folder / f"{text[:2]}.jpg"
            path.write_text(text)
            self.browser.choose(path)
            self.assertEqual(self.browser.card(path.name, "failed")["sentence"], f"{path.name} is text, not a photo. Nothing was sent.")
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def test_a_bmp_of_the_oldest_kind_and_a_ppm_with_a_comment_are_pictures(self):
        pixels = bytes((40, 40, 200)) * 16 * 16
        (self.folder / "old.bmp").write_bytes(b"BM" + struct.pack("<IIIIHHHH", 26 + len(pixels), 0, 26, 12, 16, 16, 1, 24) + pixels)
        (self.folder / "new.ppm").write_bytes(b"P6#by hand\n16 16\n255\n" + pixels)
        self.browser.choose(self.folder / "old.bmp", self.folder / "new.ppm")
        for name in ("old.bmp", "new.ppm"):
            self.assertIn("16\u00a0×\u00a016", self.browser.card(name)["facts"])

    def test_a_webp_and_an_avif_of_900_megapixels_are_not_opened(self):
        side = struct.pack("<I", 29999)[:3]
        (self.folder / "bomb.webp").write_bytes(b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + side + side + bytes(8))
        size = [struct.pack(">4sIII", b"ispe", 0, n, n) for n in (16, 30000)]
        (self.folder / "bomb.avif").write_bytes(photos.AVIF.replace(*size))
        for name in ("bomb.webp", "bomb.avif"):
            self.browser.choose(self.folder / name)
            self.assertEqual(self.browser.card(name, "failed")["sentence"], f"{name} has 900 megapixels, more than this page opens.")
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def own_server(self, *arguments):
        own = Server(self.program, *arguments)
        self.addCleanup(own.stop)
        self.open(own.origin)

    def test_a_smaller_copy_is_as_small_as_the_server_wants_it(self):
        self.own_server("--max-upload", "200K")
        noise = random.Random(1).randbytes
        photos.write_png(self.folder / "noise.png", 700, 700, row=lambda: noise(3 * 700))
        self.browser.choose(self.folder / "noise.png")
        self.assertRegex(self.browser.card("noise.png", "failed")["sentence"],
                         r"^noise\.png is 1\.[45]\u202fMB; this server takes at most 200\u202fkB\. Nothing was sent\.$")
        self.browser.one(".shrink").click()
        self.assertIn("700\u00a0×\u00a0700", self.browser.card("noise.png")["facts"])
        self.assertFalse(self.browser.shown(".shrink"))
        self.own_server("--max-upload", "1K")
        self.browser.choose(self.folder / "noise.png")
        self.browser.card("noise.png", "failed")
        self.browser.one(".shrink").click()
        wait_for(lambda: self.browser.cards()[0]["sentence"] == "Even a small copy of noise.png is more than this server takes.",
                 "there is no end to it")
        self.assertFalse(self.browser.shown(".shrink"))
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def test_what_is_converted_is_sent_as_jpeg_where_a_png_is_too_large(self):
        (self.folder / "large.webp").write_bytes(self.as_webp(PHOTOS / "coffee.png", scale=4))
        (self.folder / "clear.webp").write_bytes(self.as_webp(PHOTOS / "coffee.png", scale=4, clear=900))
        self.own_server("--max-upload", "1M")
        self.browser.choose(self.folder / "large.webp")
        card = self.browser.card("large.webp")
        self.assertIn("2400\u00a0×\u00a01600", card["facts"])
        self.assertEqual(card["top"][0][0], "espresso")
        self.assertEqual([headers["Content-Type"] for _, _, headers in self.browser.requests("/api/classify")], ["image/jpeg"])
        # Without its transparency it would be another picture: that is asked.
        self.browser.choose(self.folder / "clear.webp")
        self.assertRegex(self.browser.card("clear.webp", "failed")["sentence"],
                         r"^clear\.webp is [\d.]+\u202fMB as PNG; this server takes at most 1\u202fMB\. Nothing was sent\.$")
        self.browser.one(".shrink").click()
        self.browser.card("clear.webp")

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
        # Nor is there anything to lay a heat map over.
        self.assertFalse(self.browser.one(".heat").is_enabled())
        self.assertEqual(self.browser.js("return document.querySelectorAll('button.row').length"), 0)

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
        self.assertEqual(card["sentence"], "huge.png is 29.4\u202fMB; this server takes at most 20\u202fMB. Nothing was sent.")
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
        self.assertEqual(self.browser.one("#key-dialog").get_attribute("aria-describedby"), "key-text")
        # No header can hold the second: it is not even sent.
        for wrong, asked in (("wrong", 2), ("schlüssel\u2011€", 2)):
            self.browser.js("document.querySelector('#key-text').textContent = ''")
            self.browser.one("#key").send_keys(wrong, Keys.ENTER)
            wait_for(lambda: "not the right key" in self.browser.text("#key-text") and self.browser.shown("#key-dialog"), "a wrong key is said")
            self.assertEqual(len(self.browser.requests("/api/models")), asked)
        self.browser.one("#key").send_keys(" open-sesame-7d1f ", Keys.ENTER)
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
        self.assertEqual(self.browser.js("return document.activeElement.className"), "copy")
