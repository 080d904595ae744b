#!/usr/bin/env python3
"""Two versions of a real documentation site, and what `crawl diff` says of them.

    diff.py FOLDER OUTPUT [EACH]      CRAWL names the binary [target/release/crawl]

FOLDER's HTML files are the first version. The second is made of it by edits that are drawn by chance (a fixed seed):
EACH (30) pages are removed, renamed, redirected, made, retitled, and so on. Both are served from 127.0.0.1, one after
the other, and crawled. What is expected of each URL is then worked out from the bytes of the two versions alone, by
Python's own HTML parser, and held to the answer: any difference is printed, and the exit code is 1.
"""

import html.parser
import http.server
import json
import os
import random
import re
import subprocess
import sys
import threading
import urllib.parse
from collections import Counter
from pathlib import Path

LINKS = {"a": "href", "area": "href", "img": "src", "script": "src", "iframe": "src", "form": "action"}


class Read(html.parser.HTMLParser):
    """Title, description, canonical, robots, language, links, and the words of the main matter."""

    def __init__(self, url, body):
        super().__init__(convert_charrefs=True)
        self.url, self.title, self.description, self.canonical = url, None, None, None
        self.robots, self.lang, self.links, self.data = None, None, set(), []
        self.in_title, self.depth, self.main = False, 0, None
        self.feed(body.decode("utf-8"))
        self.close()
        self.words = "".join(self.data).split()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "html":
            self.lang = attrs.get("lang")
        if tag == "title" and self.title is None:
            self.in_title, self.title = True, ""
        if tag == "meta" and (attrs.get("name") or "").lower() == "description":
            self.description = attrs.get("content")
        if tag == "meta" and (attrs.get("name") or "").lower() == "robots":
            self.robots = attrs.get("content")
        if tag == "link" and attrs.get("href"):
            if "canonical" in (attrs.get("rel") or "").split() and self.canonical is None:
                self.canonical = attrs["href"]
            self.link("link " + (attrs.get("rel") or ""), attrs["href"])
        if tag in LINKS and attrs.get(LINKS[tag]) is not None:
            self.link(tag, attrs[LINKS[tag]])
        if tag == "div":
            self.depth += 1
            if attrs.get("role") == "main":
                self.main = self.depth

    def handle_endtag(self, tag):
        if tag == "title":
            self.in_title = False
        if tag == "div":
            if self.main == self.depth:
                self.main = None
            self.depth -= 1

    def handle_data(self, data):
        if self.in_title:
            self.title += data
        if self.main is not None:
            self.data.append(data)

    def link(self, kind, href):
        target = urllib.parse.urldefrag(urllib.parse.urljoin(self.url, href.strip()))[0]
        if target.startswith(("http://", "https://")):
            self.links.add((kind, target))


def tidy(text):
    return " ".join(text.split()) if text is not None else None


def versions(folder, each):
    """The two versions: path to (status, location, body)."""
    draw = random.Random(7)
    first = {}
    for file in sorted(folder.rglob("*.html")):
        body = file.read_bytes()
        if b'role="main"' in body:
            first["/" + file.relative_to(folder).as_posix()] = (200, None, body)
    names = [name for name in sorted(first) if name.count("/") > 1]
    draw.shuffle(names)
    groups = {}
    for word in ("gone rename redirect title text words foot comment drop link canonical noindex describe lang".split()):
        groups[word], names = names[:each], names[each:]
    second = dict(first)

    def edit(word, change):
        for name in groups[word]:
            body = first[name][2].decode()
            new = change(name, body)
            assert new != body, (word, name)
            second[name] = (200, None, new.encode())

    def unlinked(name, body):
        """The text of the first link in the main matter stays, the link does not."""
        before, mark, after = body.partition('role="main"')
        link = r'<a class="reference [^>]*>(.*?)</a>'
        return before + mark + re.sub(link, r"\1", after, count=1, flags=re.S) + "<!-- unlinked -->"

    def head(what):
        return lambda name, body: body.replace("</head>", what.replace("NAME", name) + "</head>", 1)

    for name in groups["gone"]:
        del second[name]
    for word in ("rename", "redirect"):
        for name in groups[word]:
            new = name.replace(".html", ".moved.html")
            second[new] = first[name]
            if word == "redirect":
                second[name] = (301, new, b"")
            else:
                del second[name]
    for number in range(each):
        name = f"/made/{number}.html"
        text = f"Page {number} was made for the second version, and says so in words of its own: {draw.random()}."
        body = f"<!DOCTYPE html><html lang=en><head><title>Made {number}</title></head><body><div role=\"main\"><p>{text}</p></div></body></html>"
        second[name] = (200, None, body.encode())
    edit("title", lambda name, body: re.sub(r"<title>.*?</title>", f"<title>Other name of {name}</title>", body, count=1, flags=re.S))
    main = r'(<div[^>]*role="main"[^>]*>)'
    edit("text", lambda name, body: re.sub(main, r"\1<p>A paragraph that was not there before.</p>", body, count=1))
    edit("words", lambda name, body: body.replace("</h1>", " (second edition)</h1>", 1))
    edit("foot", lambda name, body: body.replace("</body>", "<footer>Built in another year</footer></body>", 1))
    edit("comment", lambda name, body: body.replace("<body", "<!-- build 4711 -->\n<body", 1))
    edit("drop", unlinked)
    edit("link", lambda name, body: re.sub(main, r'\1<p><a href="/made/1.html">Made</a> and <a href="https://elsewhere.example/">else</a>.</p>', body, count=1))
    edit("canonical", lambda name, body: re.sub(r'<link rel="canonical"[^>]*>', "", body) .replace("</head>", '<link rel="canonical" href="/made/2.html"></head>', 1))
    edit("noindex", head('<meta name="robots" content="noindex">'))
    edit("describe", lambda name, body: re.sub(r'<meta[^>]*name="description"[^>]*>', "", body).replace("</head>", '<meta name="description" content="Said otherwise."></head>', 1))
    edit("lang", lambda name, body: re.sub(r"<html([^>]*?) ?lang=\"?\w+\"?", r'<html\1', body, count=1).replace("<html", '<html lang="de"', 1))
    for site in (first, second):
        listed = "".join(f'<li><a href="{name}">{name}</a></li>' for name in sorted(site))
        site["/"] = (200, None, f"<html><head><title>All</title></head><body><div role=\"main\"><ul>{listed}</ul></div></body></html>".encode())
    return first, second


def expected(home, first, second):
    """What is to be said of each path, from the files alone."""
    said = {}
    new_paths = set(second) - set(first)
    by_bytes = {}
    for path in sorted(new_paths):
        by_bytes.setdefault(second[path][2], path)
    taken = set()
    for path in sorted(set(first) | set(second)):
        a, b = first.get(path), second.get(path)
        if a is None:
            continue
        if b is None or b[0] == 301:
            to = by_bytes.get(a[2]) if b is None else b[1]
            if to:
                taken.add(to)
            said[path] = f"moved {to}" if to else "gone"
            continue
        x, y = Read(home + path, a[2]), Read(home + path, b[2])
        what = []
        for word, one, other in [
            ("title", tidy(x.title), tidy(y.title)),
            ("description", tidy(x.description), tidy(y.description)),
            ("canonical", x.canonical, y.canonical),
            ("directives", x.robots, y.robots),
            ("language", x.lang, y.lang),
            ("text", x.words, y.words),
            ("links", x.links, y.links),
        ]:
            if one != other:
                what.append(word)
        said[path] = "changed " + " ".join(what) if what else "unchanged"
    for path in new_paths - taken:
        said[path] = "new"
    return said


def main():
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    each = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    here = Path(__file__).resolve().parent
    crawl = os.environ.get("CRAWL", str(here / "../../target/release/crawl"))
    first, second = versions(folder, each)
    site = {"now": first}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, location, body = site["now"].get(urllib.parse.unquote(self.path), (404, None, b"not here"))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_address[1]}"
    for version in (first, second):
        site["now"] = version
        command = [crawl, "--seed", home + "/", "--rate", "unlimited", "-q", "-o", str(output)]
        subprocess.run(command, check=True, timeout=600)
    server.shutdown()

    kinds = "new,gone,moved,changed,failed,disallowed,unasked,unchanged"
    command = [crawl, "diff", "-o", str(output), "--format", "json", "--only", kinds]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600).stdout)
    found = {}
    for entry in answer["entries"]:
        words = [entry["kind"]]
        if "to" in entry:
            words.append(entry["to"].removeprefix(home))
        words += [change["what"] for change in entry["changes"]]
        found[entry["url"].removeprefix(home)] = " ".join(words)
    wanted = expected(home, first, second)
    # What was linked in both versions and never there is of no concern.
    broken = {path for path in found if path not in wanted}
    wrong = [(path, wanted[path], found.get(path)) for path in sorted(wanted) if wanted[path] != found.get(path)]
    print("expected", dict(sorted(Counter(" ".join(what.split()[:1] if what.startswith("moved") else what.split()) for what in wanted.values()).items())))
    print("counts  ", answer["counts"])
    print("besides ", Counter(found[path] for path in broken))
    for path, want, got in wrong[:20]:
        print(f"WRONG {path}: expected {want!r}, said {got!r}")
    print(f"{len(wanted)} URLs, {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


main()
