#!/usr/bin/python3
"""Drives the real page in Chromium: what people do with it, what goes wrong, and who can use it.

usage: run.py PROGRAM [--screenshots] [NAME...]

PROGRAM is the built `fovea`. --screenshots makes the pictures of docs/pictures/ instead. The last line is
`N passed, N failed`. Wants python3-selenium, chromium and chromium-driver (Debian's), and axe.min.js where PyPI is in reach.
"""
import pathlib
import sys
import tempfile
import unittest

import photos
import pictures
from browser import Browser, Server
from case import PageTest


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
    arguments = sys.argv[1:]
    screenshots = "--screenshots" in arguments
    arguments = [a for a in arguments if a != "--screenshots"]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    PageTest.program = str(pathlib.Path(arguments.pop(0)).resolve())
    with tempfile.TemporaryDirectory() as name:
        PageTest.folder = folder = pathlib.Path(name)
        photos.write_camera(folder / "camera.y4m")
        PageTest.browser, server = Browser(folder / "camera.y4m"), None
        try:
            PageTest.server = server = Server(PageTest.program)
            if screenshots:
                pictures.make(PageTest.browser, server, photos.ROOT / "docs/pictures")
                return 0
            loader = unittest.TestLoader()
            if arguments:
                loader.testNamePatterns = [f"*{a.replace(' ', '_')}*" for a in arguments]
            runner = unittest.TextTestRunner(sys.stdout, resultclass=Result, verbosity=0)
            result = runner.run(loader.discover(str(pathlib.Path(__file__).parent), "*_test.py"))
        finally:
            PageTest.browser.close()
            code = server.stop() if server else 1
    if code != 0:
        print(f"  FAILED: the server ended with {code}")
    if result.testsRun == 0:
        print(f"  FAILED: no test is named like {' or '.join(arguments)}")
    failed = len(result.bad) + (code != 0) + (result.testsRun == 0)
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
