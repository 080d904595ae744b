#!/usr/bin/env python3
"""Opens every page of a mirror in headless Chromium from file://, and says what it could not load.

    python3 tests/real/browse.py MIRROR [--pages N] [--shots FOLDER URL=FILE...]

No page may ask the network for anything (but what its own scripts ask for), nor for a file that is not there, and no
image may be broken. With --shots it
takes pictures of some pages beside those of the server that they are from. Needs `pip install playwright` and Debian's
chromium; every request beyond file:// and 127.0.0.1 is refused here, so nothing leaves the machine.
"""
import argparse, collections, pathlib, random, sys
from urllib.parse import unquote, urlsplit
from playwright.sync_api import sync_playwright

BROKEN = """() => [...document.images].filter(i => i.complete && !i.naturalWidth && (i.currentSrc || i.src)
  && !(i.loading == 'lazy')).map(i => i.currentSrc || i.src)"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mirror")
    parser.add_argument("--pages", type=int, default=10**9)
    parser.add_argument("--shots")
    parser.add_argument("pairs", nargs="*")
    options = parser.parse_intermixed_args()
    root = pathlib.Path(options.mirror).resolve()
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in (".html", ".htm", ".xhtml", ".svg"))
    if len(files) > options.pages:
        files = random.Random(7).sample(files, options.pages)
    wrong, asked = collections.Counter(), collections.Counter()
    examples = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1000, "height": 800})
        page = context.new_page()
        here = None

        def note(kind, what):
            wrong[kind] += 1
            examples.setdefault(kind, []).append((str(here), what))

        def see(route):
            request = route.request
            url = urlsplit(request.url)
            asked[url.scheme] += 1
            if url.scheme in ("http", "https") and not with_server:
                # What a page's script asks for by itself is in none of its attributes.
                note("by a script" if request.resource_type in ("fetch", "xhr") else "network", request.url)
                return route.abort()
            if url.hostname not in (None, "", "127.0.0.1"):
                return route.abort()
            if url.scheme == "file" and not pathlib.Path(unquote(url.path)).exists():
                note("no such file", request.url)
            if url.scheme == "file" and not pathlib.Path(unquote(url.path)).resolve().is_relative_to(root):
                note("outside", request.url)
            route.continue_()

        with_server = False
        page.route("**/*", see)
        # What is still loading when the next page is opened is given up, and what was refused here is noted already.
        page.on("requestfailed", lambda request: "ABORTED" not in request.failure and request.url.startswith("file:")
                and note("failed", f"{request.url} {request.failure}"))
        page.on("console", lambda message: message.type == "error" and "ERR_FAILED" not in message.text
                and note("console", message.text))
        for file in files:
            here = file.relative_to(root)
            try:
                page.goto(file.as_uri(), wait_until="load", timeout=20000)
                for url in page.evaluate(BROKEN):
                    note("broken image", url)
            except Exception as error:
                note("page", str(error).splitlines()[0])
        with_server = True
        for number, pair in enumerate(options.pairs):
            url, name = pair.split("=", 1)
            for kind, at in (("server", url), ("mirror", (root / name).as_uri())):
                page.goto(at, wait_until="load")
                page.screenshot(path=f"{options.shots}/{number}-{kind}.png")
        browser.close()
    print(f"{len(files)} pages, requests {dict(asked)}, wrong {dict(wrong)}")
    for kind, some in examples.items():
        for page_of, what in some[:8]:
            print(f"  {kind}: {page_of}: {what}")
    wrong.pop("by a script", None)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
