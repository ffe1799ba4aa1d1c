"""What people do while an answer is on its way: another model, another class, the photo removed, the camera stopped."""
import json
import shutil

import photos
from browser import Between, Server, wait_for
from case import PHOTOS, PageTest


class Meanwhile(PageTest):
    def behind(self, *arguments, **options):
        """Opens the page of a server of its own behind a Between, which it returns."""
        server = self.server
        if arguments:
            server = Server(self.program, *arguments)
            self.addCleanup(server.stop)
        between = Between(server, **options)
        self.addCleanup(between.stop)
        self.open(between.origin)
        return between

    def sent(self, path, count=1):
        wait_for(lambda: len(self.browser.requests(path)) >= count, f"{count} requests to {path}")

    def test_the_answer_of_the_model_before_never_stands_under_another(self):
        weights = photos.ROOT / "models/efficientnet-lite0.safetensors"
        shutil.copyfile(weights, self.folder / "second.safetensors")
        between = self.behind("--weights", weights, self.folder / "second.safetensors")
        self.allow_clipboard(between.origin)
        between.hold("model=efficientnet-lite0")
        self.browser.choose(PHOTOS / "coffee.png")
        self.sent("model=efficientnet-lite0")
        self.browser.js("const m = document.querySelector('#model'); m.value = 'second'; m.dispatchEvent(new Event('change'))")
        self.browser.card("coffee.png")
        between.release()
        self.browser.wait(500)
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertIn("second.safetensors", json.loads(self.copied(".copy"))["model"]["weights"])
        canceled = [event for method, event in self.browser.events() if method == "loadingFailed" and event["canceled"]]
        self.assertEqual(len(canceled), 1)

    def test_a_photo_that_is_removed_meanwhile_is_gone_with_its_request(self):
        between = self.behind()
        between.hold("/api/classify")
        self.browser.choose(PHOTOS / "coffee.png")
        self.sent("/api/classify")
        self.browser.one(".remove").click()
        wait_for(lambda: any(method == "loadingFailed" and event["canceled"] for method, event in self.browser.events()),
                 "the request is given up")
        self.assertEqual(self.browser.cards(), [])

    def test_a_photo_that_is_removed_while_it_opens_leaves_nothing_behind(self):
        self.browser.js("""
            window.made = new Set();
            const {createObjectURL, revokeObjectURL} = URL;
            URL.createObjectURL = (blob) => { const url = createObjectURL.call(URL, blob); made.add(url); return url; };
            URL.revokeObjectURL = (url) => { made.delete(url); revokeObjectURL.call(URL, url); };
            const {decode} = HTMLImageElement.prototype;
            const gate = new Promise((resolve) => { window.go = resolve; });
            HTMLImageElement.prototype.decode = async function () { await gate; return decode.call(this); };""")
        self.browser.choose(PHOTOS / "coffee.png")
        wait_for(lambda: self.browser.js("return made.size") == 1, "the photo is opened")
        self.browser.one(".remove").click()
        self.browser.js("go()")
        wait_for(lambda: self.browser.js("return made.size") == 0, "its address is given back")
        self.assertEqual(self.browser.requests("/api/classify"), [])

    def test_a_heat_map_is_not_shown_under_another_class(self):
        between = self.behind()
        self.browser.choose(PHOTOS / "chelsea.png")
        top = self.browser.card("chelsea.png")["top"]
        self.browser.one(".heat").click()
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
        between.hold("explain=")
        rows = self.browser.driver.find_elements("css selector", ".row")
        rows[4].click()
        self.sent("explain=", 2)
        self.assertFalse(self.browser.cards()[0]["heat"])
        rows[3].click()
        self.sent("explain=", 3)
        between.release()
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map of the fourth")
        self.assertEqual(self.browser.text("#announcer"), f"The heat map shows what speaks for {top[3][0]}.")

    def test_the_last_of_three_removed_ends_the_count(self):
        between = self.behind()
        between.hold("name=flower.jpg")
        self.browser.choose(PHOTOS / "coffee.png", PHOTOS / "china.jpg", PHOTOS / "flower.jpg")
        self.browser.card("coffee.png"), self.browser.card("china.jpg")
        self.sent("name=flower.jpg")
        self.assertEqual(self.browser.text("#progress-text"), "2 of 3")
        self.browser.driver.find_elements("css selector", ".remove")[2].click()
        self.assertEqual(self.browser.text("#announcer"), "All 2 photos are done.")
        self.assertEqual(self.browser.text("#progress-text"), "2 photos")
        between.hold("name=rocket.jpg")
        self.browser.choose(PHOTOS / "rocket.jpg")
        self.sent("name=rocket.jpg")
        self.assertEqual(self.browser.text("#progress-text"), "0 of 1")
        between.release()
        self.browser.card("rocket.jpg")
        self.assertRegex(self.browser.text("#announcer"), r"^rocket\.jpg: ")

    def test_a_server_that_dies_with_photos_on_their_way_answers_them_when_it_is_back(self):
        own = Server(self.program)
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.provoked = [r"net::ERR_", r"/(readyz|api/\w+).* 503 "]
        paths = sorted(PHOTOS.glob("*.[pj][np]g"))
        self.browser.choose(*paths)
        self.sent("/api/classify", 2)
        own.child.kill()
        own.child.wait()
        wait_for(lambda: self.browser.shown("#banner"), "the banner")
        own.start()
        for path in paths:
            self.browser.card(path.name)

    def test_a_camera_that_is_started_again_is_not_stopped_by_the_run_before(self):
        own = Server(self.program)
        self.addCleanup(own.stop)
        self.open(own.origin)
        self.provoked = [r"net::ERR_", r"/(readyz|api/\w+).* 503 "]
        self.browser.one("#camera").click()
        wait_for(lambda: self.browser.js("return document.querySelectorAll('#live .row').length"), "the camera's answer")
        self.assertEqual(own.stop(), 0)
        wait_for(lambda: self.browser.shown("#banner"), "the banner")
        self.browser.one("#stop-camera").click()
        self.browser.one("#camera").click()
        wait_for(lambda: self.browser.shown("#stop-camera"), "the camera again")
        own.start()
        before = len(self.browser.requests("name=camera.jpg"))
        self.sent("name=camera.jpg", before + 3)
        self.assertTrue(self.browser.shown("#stop-camera"))
        self.assertNotIn("stopped", self.browser.text("#banner-text"))

    def test_a_camera_stopped_with_a_frame_on_its_way_says_nothing_more(self):
        between = self.behind()
        between.hold("name=camera.jpg")
        self.browser.one("#camera").click()
        self.sent("name=camera.jpg")
        self.browser.one("#stop-camera").click()
        between.release()
        self.browser.wait(300)
        self.assertEqual(self.browser.js("return document.querySelectorAll('#live .row').length"), 0)
        self.assertFalse(self.browser.shown("#banner"))

    def test_a_camera_stopped_before_its_first_picture_is_quiet_and_keeps_none(self):
        self.browser.js("""
            window.keep = null;
            new MutationObserver(() => {
              if (window.keep !== null || document.querySelector('#live').hidden) return;
              window.keep = document.querySelector('#keep-frame').disabled;
              document.querySelector('#stop-camera').click();
            }).observe(document.querySelector('#live'), {attributes: true});""")
        self.browser.one("#camera").click()
        self.assertTrue(wait_for(lambda: self.browser.js("return window.keep !== null && [window.keep]"), "the camera")[0])
        self.browser.wait(300)
        self.assertTrue(self.browser.shown("#camera"))
        self.assertFalse(self.browser.shown("#banner"))

    def test_a_server_that_loads_its_model_is_waited_for_and_said(self):
        between = Between(self.server, loading=True)
        self.addCleanup(between.stop)
        self.provoked = [r"/(readyz|api/models).* 503 "]
        self.origins.append(between.origin)
        self.browser.open(between.origin + "/")
        wait_for(lambda: self.browser.text("#banner-text") == "The server is still loading its model.", "it is said")
        self.browser.choose(PHOTOS / "coffee.png")
        self.assertEqual(self.browser.cards()[0]["sentence"], "Waiting for the server")
        between.loading = False
        self.browser.one("#banner-button").click()
        self.assertEqual(self.browser.card("coffee.png")["top"][0][0], "espresso")
        self.assertEqual(len(self.browser.requests("/api/models")), 2)

    def test_a_file_that_changes_after_it_was_chosen_is_what_it_was_or_said_to_be_changed(self):
        path = self.folder / "changing.png"
        shutil.copyfile(PHOTOS / "coffee.png", path)
        self.browser.choose(path)
        self.browser.card("changing.png")
        shutil.copyfile(PHOTOS / "chelsea.png", path)
        self.browser.one(".heat").click()
        wait_for(lambda: self.browser.cards()[0]["heat"], "the heat map")
        between = Between(self.server, loading=True)
        self.addCleanup(between.stop)
        self.provoked = [r"/(readyz|api/models).* 503 "]
        self.origins.append(between.origin)
        self.browser.open(between.origin + "/")
        self.browser.choose(path)
        path.write_bytes((PHOTOS / "coffee.png").read_bytes() + b"\n")
        between.loading = False
        self.assertEqual(self.browser.card("changing.png", "failed")["sentence"],
                         "changing.png could not be read. It may have changed or gone since it was chosen; please choose it again.")
        self.assertEqual(self.browser.requests("/api/classify"), [])
