#!/usr/bin/env python3
"""Makes first inputs for the targets of the cases in fixtures/conformance: fuzz/corpus/TARGET/."""

import base64
import hashlib
import json
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent
CASES = TOP / "fixtures" / "conformance"
MOST = 16_384


def cases(name):
    return json.loads((CASES / name).read_text())


def plain(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode()


def keep(target, *parts):
    data = b"\n".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    if len(data) <= MOST:
        folder = TOP / "fuzz" / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def path_of(url):
    rest = url.split("://", 1)[-1]
    return "/" + rest.partition("/")[2]


for case in cases("robots.json"):
    keep("robots", path_of(case["url"]), case["robots"].replace(case["agent"], "crawl"))
for case in cases("robots_delay.json"):
    keep("robots", "/", case["robots"].replace(case["agent"], "crawl"))
for file in sorted((CASES / "robots_real").iterdir()):
    keep("robots", "/search?q=a", file.read_bytes())

HTML = "text/html; charset=utf-8"
for case in cases("title_entities.json")[::7]:
    keep("html", HTML, case["html"])
for case in cases("html_base_refresh.json"):
    keep("html", HTML, plain(case["html"]))
for case in cases("links.json"):
    keep("html", "", base64.b64decode(case["body_b64"]))
    keep("fields", "a", "attr:href", "", base64.b64decode(case["body_b64"]))
for file in sorted((TOP / "fixtures" / "site").rglob("*.html")):
    keep("html", HTML, file.read_bytes())
    keep("main_text", HTML, file.read_bytes())
    keep("fields", "main > h1", "text", "%d.%m.%Y", file.read_bytes())

for case in cases("html_encoding.json"):
    keep("charset", case["content_type"] or "", base64.b64decode(case["body_b64"]))
for file in sorted((CASES / "charset_detect").iterdir()):
    keep("charset", "", file.read_bytes())

for case in cases("sitemap_docs.json"):
    keep("sitemap", case["content_type"] or "", base64.b64decode(case["body_b64"]))

for case in cases("url_parse.json"):
    keep("url", case["base"] or case["input"], case["input"])
    keep("scope", case["input"], case["base"] or case["input"], "", "", "sid")
for case in cases("url_resolve.json"):
    keep("url", case["base"], case["input"])
for case in cases("url_normalize.json"):
    keep("url", case["input"], case["normalized"])

for case in cases("compressed/index.json"):
    coding = {"gz": "gzip", "br": "br"}.get(case["file"].rpartition(".")[2], "deflate")
    for name in (coding, "gzip", "zstd", "br", "deflate"):
        keep("decode", name, (CASES / "compressed" / case["file"]).read_bytes())
keep("config", (TOP / "crawl.toml").read_bytes())
keep("css", (TOP / "fixtures" / "site" / "style.css").read_bytes())
