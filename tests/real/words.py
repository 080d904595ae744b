#!/usr/bin/env python3
"""crawl search beside a search through the files: words.py CRAWL OUTPUT ROOT BASE QUERY...

For each query (a word or a phrase) the pages that crawl finds, and those whose file says it: by html.parser, over all
text outside of scripts and styles, cut into words here, English ones by their stems (those of Python's own SQLite). What crawl finds and no file says is wrong. What a file says
and crawl does not find must stand in its furniture alone: how often that is, and whether it does, is told.
"""

import html.parser
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import unicodedata
import urllib.parse

SILENT = ("script", "style", "template", "noscript")
FURNITURE = ("nav", "aside", "footer", "form", "button", "dialog", "header")
VOID = ("br", "hr", "img", "input", "meta", "link", "base", "col", "wbr", "area", "source")


class Text(html.parser.HTMLParser):
    """All text, and what stands in no element that is named or classed as furniture, or is a list of links."""

    def __init__(self):
        super().__init__()
        self.open, self.all, self.own = [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        words = set(f"{attrs.get('class') or ''} {attrs.get('id') or ''} {attrs.get('role') or ''}".lower().split())
        names = {"sidebar", "sphinxsidebar", "related", "navigation", "navheader", "navfooter", "docnav", "footer", "toc", "headerlink",
                 "contentinfo", "search", "banner", "breadcrumbs", "linenodiv"}
        if tag not in VOID:
            self.open.append((tag, tag in SILENT, tag in FURNITURE or bool(words & names)))

    def handle_endtag(self, tag):
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == tag:
                del self.open[at:]
                return

    def handle_data(self, data):
        if any(silent for _, silent, _ in self.open):
            return
        self.all.append(data)
        in_link = any(tag == "a" for tag, _, _ in self.open)
        if not in_link and not any(furniture for _, _, furniture in self.open):
            self.own.append(data)


def joined(c):
    return unicodedata.east_asian_width(c) == "W" or "\u0e00" <= c <= "\u0eff"


def words(text):
    text = unicodedata.normalize("NFKD", text.lower())
    text = "".join(c for c in text if not "\u0300" <= c <= "\u036f")
    text = unicodedata.normalize("NFC", text)
    out = []
    for word in re.findall(r"[^\W_]+", text):
        out += re.findall(r"[\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3]+", word)
    return out


def stems(texts):
    """Each word by its stem: Porter's, of whatever is ASCII."""
    known = sorted({word for text in texts for word in text if word.isascii()})
    memory = sqlite3.connect(":memory:")
    memory.execute("CREATE VIRTUAL TABLE t USING fts5(word, tokenize='porter ascii')")
    memory.executemany("INSERT INTO t (rowid, word) VALUES (?, ?)", enumerate(known))
    memory.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, 'instance')")
    of = {known[number]: term for term, number in memory.execute("SELECT term, doc FROM v")}
    return [[of.get(word, word) for word in text] for text in texts]


def says(text, wanted):
    count = len(wanted)
    return any(text[at : at + count] == wanted for at in range(len(text) - count + 1))


def main(crawl, output, root, base, *queries):
    pages = {}
    listed = subprocess.run([crawl, "query", "-o", output, "-f", "jsonl",
                             "SELECT url FROM pages WHERE status = 200 AND content_type = 'text/html'"], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        url = json.loads(line)["url"]
        path = pathlib.Path(root) / urllib.parse.unquote(url.removeprefix(base).split("?")[0])
        path = path / "index.html" if path.is_dir() else path
        parser = Text()
        parser.feed(path.read_bytes().decode("utf-8", "replace"))
        pages[url] = words(" ".join(parser.all) if "--spaced" in sys.argv else "".join(parser.all)), words("".join(parser.own))
    stemmed = iter(stems([text for both in pages.values() for text in both] + [words(query) for query in queries]))
    pages = {url: (next(stemmed), next(stemmed)) for url in pages}
    print(f"{len(pages)} pages")
    print("| query | crawl | files | found, in no file | not found | of these outside of furniture and links |")
    print("|---|--:|--:|--:|--:|--:|")
    wrong = 0
    for query in queries:
        found = subprocess.run([crawl, "search", "-o", output, "-n", "100000", "-f", "jsonl", f'"{query}"'], capture_output=True, text=True, check=True)
        found = {json.loads(line)["url"] for line in found.stdout.splitlines()}
        wanted = next(stemmed)
        files = {url for url, (text, _) in pages.items() if says(text, wanted)}
        missed = files - found
        own = [url for url in missed if says(pages[url][1], wanted)]
        print(f"| {query} | {len(found)} | {len(files)} | {len(found - files)} | {len(missed)} | {len(own)} |")
        for url in sorted(found - files)[:3] + sorted(own)[:3]:
            print("   ", url)
        wrong += len(found - files) + len(own)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*[arg for arg in sys.argv[1:] if arg != "--spaced"]))
