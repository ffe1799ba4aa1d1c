"""The pictures of docs/pictures/, as README shows them. Made by: scripts/check_page --screenshots (fonts: whatever is here)."""
import photos
from browser import wait_for

LARGEST = 300_000  # bytes of a picture


def answer(browser, names, heat=None):
    browser.choose(*(photos.PHOTOS / name for name in names))
    for name in names:
        browser.card(name)
    if heat is not None:
        browser.driver.find_elements("css selector", ".heat")[heat].click()
        wait_for(lambda: browser.cards()[heat]["heat"], "the heat map")
    browser.js("document.activeElement.blur(); scrollTo(0, 0)")


def make(browser, server, folder):
    folder.mkdir(parents=True, exist_ok=True)
    browser.cdp("Emulation.setScrollbarsHidden", hidden=True)

    def take(name, width, height, dark, photo_names, heat=None, scale=1):
        browser.size(width, height, scale)
        browser.dark(dark)
        browser.open(server.origin + "/")
        browser.js("document.documentElement.style.scrollbarGutter = 'auto'")  # there are no scroll bars
        wait_for(lambda: browser.js("return document.querySelectorAll('#classes li').length > 0"), "the page has its model")
        answer(browser, photo_names)  # the first answers of a server take longer
        browser.js("document.querySelector('#clear').click()")
        answer(browser, photo_names, heat)
        browser.driver.execute_async_script("setTimeout(arguments[0], 600)")  # until bars and cards have arrived
        path = folder / f"{name}.png"
        browser.picture(path)
        print(f"  {path}: {path.stat().st_size:,} bytes")
        if path.stat().st_size > LARGEST:
            raise SystemExit(f"{path} is larger than {LARGEST:,} bytes")

    take("desktop", 880, 720, False, ["chelsea.png"], heat=0)
    take("phone", 360, 990, False, ["coffee.png"])
    take("dark", 1080, 775, True, ["rocket.jpg", "flower.jpg", "grace_hopper.jpg"], scale=0.9)
