#!/usr/bin/env python3
"""What a crawl of a site must find, found without HTTP and without the crawler's code.

    walk.py CORPUS_DIR BASE_URL OUT.sqlite [--parser lxml|html5lib] [--jobs N] [--max-links N]

Starts at BASE_URL + "/" and follows what `crawl` follows by default within that host, reading the
files that nginx would send. Writes the tables `page` (url, status, title, content_type: a row for each
URL that is fetched, redirects and errors included) and `link` (page_url, position, target_url, kind:
every http(s) link of every page, in the order of its tags). Its own parts:

* tags: lxml's parser target over libxml2 >= 2.14 (an HTML5 tokenizer), or html5lib, which is the
  reference and ten times slower. Both are read by tag, not by tree, so that a tree builder's copies
  of a misnested <a> do not count twice;
* URLs: ada-url (WHATWG), fragment and user information dropped; escapes compared as RFC 3986 6.2.2;
* charset: byte order mark, <meta> in the first 1024 bytes, UTF-8 if it is that, windows-1252;
* robots.txt: the `*` group of the site's own, longest match (RFC 9309).

What is a link, and of which kind, says the table URL_ATTRIBUTES and what follows it. None are: bare
fragments ("#..."), schemes other than http(s), URLs over 4096 bytes, empty `src`, `<link>` without rel.
"""

import argparse
import collections
import functools
import json
import multiprocessing
import os
import re
import sqlite3
import sys
import time
import urllib.parse

import ada_url
import html5lib
import html5lib._inputstream
from lxml import etree

FOLLOWED = {"a", "area", "frame", "iframe", "refresh", "canonical", "alternate", "next", "prev"}
PARSED = {"text/html", "application/xhtml+xml"}
MAX_URL, MAX_TITLE = 4096, 1024
ASCII_SPACE = "\t\n\f\r "
SPACE_RUN = re.compile(f"[{ASCII_SPACE}]+")


# ---------------------------------------------------------------- tags

class Tags:
    """A parser target: keeps ("start", name, attributes), ("end", name) and ("text", text)."""

    def __init__(self):
        self.events = []

    def start(self, name, attributes):
        self.events.append(("start", name.lower(), {k.lower(): v or "" for k, v in attributes.items()}))

    def end(self, name):
        self.events.append(("end", name.lower(), None))

    def data(self, text):
        self.events.append(("text", text, None))

    def close(self):
        return self.events


def tags_by_lxml(text):
    parser = etree.HTMLParser(target=Tags(), encoding="utf-8", huge_tree=True)
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, AssertionError):  # a document without any tag
        return []


def recorded(iterate):
    """html5lib's tokenizer, which keeps what it hands to the tree builder (and runs in the states that one sets)."""
    names = html5lib.constants.tokenTypes

    def tokens(self):
        for token in iterate(self):
            if token["type"] == names["StartTag"]:
                self.parser.tags.start(token["name"], token["data"])
            elif token["type"] == names["EndTag"]:
                self.parser.tags.end(token["name"])
            elif token["type"] in (names["Characters"], names["SpaceCharacters"]):
                self.parser.tags.data(token["data"])
            yield token
    return tokens


Tokenizer = html5lib.html5parser._tokenizer.HTMLTokenizer
Tokenizer.__iter__ = recorded(Tokenizer.__iter__)


def tags_by_html5lib(text):
    parser = html5lib.HTMLParser()
    parser.tags = Tags()
    parser.parse(text)
    return parser.tags.events


TAGS_BY = {"lxml": tags_by_lxml, "html5lib": tags_by_html5lib}


def decode(data):
    stream = html5lib._inputstream.HTMLBinaryInputStream(data, useChardet=False)
    encoding, certainty = stream.charEncoding
    if certainty != "certain" and stream.detectEncodingMeta() is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return encoding.codec_info.decode(data, "replace")[0].removeprefix("\ufeff")


# ---------------------------------------------------------------- links

def fold(text):
    return SPACE_RUN.sub(" ", text).strip(" ")


def cut(text, limit):
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def canonical(reference, base):
    """The URL as it is asked for, or None if it is none that can be crawled."""
    try:
        url = ada_url.URL(reference.strip(ASCII_SPACE), base=base)
        if url.protocol not in ("http:", "https:"):
            return None
        url.hash, url.username, url.password = "", "", ""
    except ValueError:
        return None
    # Setting an empty hash leaves no "#" behind; that is the reason to set it rather than to cut.
    return url.href if len(url.href.encode()) <= MAX_URL else None


ESCAPE = re.compile("%([0-9A-Fa-f]{2})")


def key(url):
    """What makes two URLs one: the case of escapes, and escapes of what needs none."""
    def mend(match):
        char = chr(int(match[1], 16))
        return char if char.isascii() and (char.isalnum() or char in "-._~") else match[0].upper()
    return ESCAPE.sub(mend, url) if "%" in url else url


def srcset(value):
    """The URLs of a srcset (HTML: split at white space; a comma ends a candidate)."""
    found, rest = [], value
    while rest := rest.lstrip(ASCII_SPACE + ","):
        url = re.match(f"[^{ASCII_SPACE}]+", rest)[0]
        rest = rest[len(url):]
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            rest = re.sub(r"^(?:\([^)]*\)|[^,(])*", "", rest)
        found.append(url)
    return found


def refresh(content):
    """The URL of a <meta http-equiv=refresh>, or None."""
    match = re.match(rf"[{ASCII_SPACE}]*(?:\d+|(?=\.))[\d.]*(?:[{ASCII_SPACE}]*[;,]|[{ASCII_SPACE}])[{ASCII_SPACE}]*(.*)",
                     content, re.S)
    if not match:
        return None
    rest = re.sub(rf"^url[{ASCII_SPACE}]*=[{ASCII_SPACE}]*", "", match[1], flags=re.I)
    if rest[:1] in ("'", '"'):
        rest = rest[1:].split(rest[0])[0]
    return rest or None


CSS_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.I)


def css(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return [next(group for group in match.groups() if group is not None) for match in CSS_URL.finditer(text)]


def link_element(rel):
    """The kind of a <link> by the words of its rel; the first of these that is there."""
    icons = {"icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "fluid-icon"}
    for kind, names in (("canonical", {"canonical"}), ("stylesheet", {"stylesheet"}), ("icon", icons),
                        ("next", {"next"}), ("prev", {"prev", "previous"}), ("alternate", {"alternate"})):
        if names & set(rel):
            return kind
    return "link"


# Attributes that hold one URL, by element: (attribute, kind, whether an empty one means the page itself).
URL_ATTRIBUTES = {
    "a": [("href", "a", True)], "area": [("href", "area", True)], "form": [("action", "form", True)],
    "frame": [("src", "frame", False)], "iframe": [("src", "iframe", False)], "script": [("src", "script", False)],
    "img": [("src", "img", False)], "image": [("src", "img", False)], "object": [("data", "media", False)],
    "audio": [("src", "media", False)], "embed": [("src", "media", False)], "source": [("src", "media", False)],
    "track": [("src", "media", False)], "video": [("src", "media", False), ("poster", "media", False)],
    "button": [("formaction", "form", False)],
    **{name: [("background", "img", False)] for name in ("body", "table", "thead", "tbody", "tfoot", "tr", "td", "th")},
}
SVG_LINKS = {"a": "a", "image": "img", "use": "img", "feimage": "img", "script": "script"}
SRCSETS = {"img": "srcset", "image": "srcset", "source": "srcset", "link": "imagesrcset"}


def references(name, attributes, in_svg):
    """(kind, reference) of one tag, in the order in which they are recorded."""
    get = attributes.get
    if "style" in attributes:
        yield from (("css", url) for url in css(get("style")))
    if in_svg:
        href = get("href") if "href" in attributes else get("xlink:href", "")
        if name in SVG_LINKS and href.strip():
            yield SVG_LINKS[name], href
        return
    relations = get("rel", "").lower().split()
    if name == "link" and not relations:
        return
    if name == "link" and get("href", "").strip():
        yield link_element(relations), get("href")
    elif name == "input" and get("type", "").lower() == "image" and get("src", "").strip():
        yield "img", get("src")
    elif name == "meta" and get("http-equiv", "").strip().lower() == "refresh" and refresh(get("content", "")):
        yield "refresh", refresh(get("content"))
    for attribute, kind, may_be_empty in URL_ATTRIBUTES.get(name, ()):
        if attribute in attributes and (may_be_empty or get(attribute).strip()):
            yield kind, get(attribute)
    for url in srcset(get(SRCSETS.get(name), "")):
        yield "img", url


def read_page(text, url, tags_by, max_links):
    """The title and the links [(kind, target, to be followed)] of a page."""
    title, base, nofollow, found = None, None, False, []
    inside, svg, gathered = None, 0, []
    for event, name, attributes in tags_by(text):
        if event == "text":
            if inside:
                gathered.append(name)
        elif event == "end":
            svg -= name == "svg" and svg > 0
            if name == inside:
                if inside == "title":
                    title = "".join(gathered)
                else:
                    found.extend(("css", reference, False) for reference in css("".join(gathered)))
                inside = None
        else:
            svg += name == "svg"
            if name == "style" or name == "title" and title is None and not svg:
                inside, gathered = name, []
            if name == "base" and base is None and "href" in attributes:
                base = attributes["href"]
            if name == "meta" and attributes.get("name", "").strip().lower() in ("robots", "crawl"):
                words = {word.strip() for word in attributes.get("content", "").lower().split(",")}
                nofollow |= bool(words & {"nofollow", "none"})
            hint = "nofollow" in attributes.get("rel", "").lower().split()
            found.extend((kind, reference, hint) for kind, reference in references(name, attributes, svg > 0)
                         if not reference.lstrip(ASCII_SPACE).startswith("#"))
    if inside == "title":
        title = "".join(gathered)
    try:
        base = ada_url.URL(base.strip(ASCII_SPACE), base=url).href if base is not None else url
        if base.startswith(("data:", "javascript:")):
            base = url
    except ValueError:
        base = url
    links = []
    for kind, reference, hint in found:
        target = canonical(reference, base)
        if target is not None and len(links) < max_links:
            links.append((kind, target, kind in FOLLOWED and not hint and not nofollow))
    return cut(fold(title), MAX_TITLE) if title is not None else None, links


# ---------------------------------------------------------------- nginx

Answer = collections.namedtuple("Answer", "status content_type file location", defaults=(None, None))


def mime_types(path="/etc/nginx/mime.types"):
    words = re.findall(r"[^\s;{}]+|;", re.sub(r"#.*", "", open(path).read()))
    types, entry = {}, []
    for word in words[1:]:
        if word == ";":
            types.update({extension: entry[0] for extension in entry[1:]})
            entry = []
        else:
            entry.append(word)
    return types


class Nginx:
    """What the server of serve.sh answers to a URL of its own."""

    def __init__(self, root):
        self.root, self.types = os.path.abspath(root), mime_types()

    def answer(self, url):
        parts = urllib.parse.urlsplit(url)
        if re.search("%(?![0-9A-Fa-f]{2})|%00", parts.path):
            return Answer(400, "text/html")
        path = re.sub("/+", "/", urllib.parse.unquote_to_bytes(parts.path).decode("utf-8", "surrogateescape"))
        file = self.root + path
        try:
            if path.endswith("/"):
                if not os.path.isfile(file + "index.html"):
                    return Answer(403 if os.path.isdir(file) else 404, "text/html")
                file += "index.html"
            elif os.path.isdir(file):
                location = urllib.parse.quote(path) + "/" + (f"?{parts.query}" if parts.query else "")
                return Answer(301, "text/html", location=location)
            elif not os.path.isfile(file):
                return Answer(404, "text/html")
        except (OSError, ValueError):
            return Answer(404, "text/html")
        name = os.path.basename(file)
        extension = name.rsplit(".", 1)[1].lower() if "." in name else ""
        return Answer(200, self.types.get(extension, "application/octet-stream"), file)


def robots(text):
    """Whether path and query may be asked for, by the groups for `*` (and for `crawl`, if there are any)."""
    groups, agents, in_rules = collections.defaultdict(list), [], False
    for line in text.splitlines():
        field, _, value = (part.strip() for part in line.split("#")[0].partition(":"))
        field = field.lower()
        if field == "user-agent":
            agents = [value.lower()] if in_rules else [*agents, value.lower()]
            in_rules = False
        elif field in ("allow", "disallow"):
            in_rules = True
            for agent in agents if value else ():
                groups[agent].append((value, field == "allow"))
    rules = groups["crawl"] if "crawl" in groups else groups["*"]
    compiled = []
    for value, allow in rules:
        pattern = ".*".join(map(re.escape, value.removesuffix("$").split("*"))) + ("$" if value.endswith("$") else "")
        compiled.append((len(value), allow, re.compile(pattern)))

    def allowed(target):
        return max(((length, allow) for length, allow, rule in compiled if rule.match(target)), default=(0, True))[1]
    return allowed


# ---------------------------------------------------------------- the walk

def fetch(nginx, parser, max_links, url):
    answer = nginx.answer(url)
    title, links = None, []
    if answer.status == 200 and answer.content_type in PARSED:
        with open(answer.file, "rb") as file:
            title, links = read_page(decode(file.read()), url, TAGS_BY[parser], max_links)
    return url, answer, title, links


def walk(root, base, database, parser, jobs, max_links):
    """Breadth first, a depth at a time; the files of a depth are read by `jobs` processes."""
    host = ada_url.URL(base).host
    nginx = Nginx(root)
    text = nginx.answer(ada_url.URL("/robots.txt", base=base).href)
    allowed = robots(open(text.file, encoding="utf-8", errors="replace").read() if text.status == 200 else "")
    start = canonical("/", base)
    seen, wave, ids = {key(start)}, [start], {}

    def number(url):
        if url not in ids:
            ids[url] = len(ids) + 1
            database.execute("INSERT INTO url VALUES (?, ?)", (ids[url], url))
        return ids[url]

    def admit(url, found):
        if ada_url.URL(url).host != host or key(url) in seen:
            return
        seen.add(key(url))
        if allowed(url.split(host, 1)[1]):
            found.append(url)

    with multiprocessing.Pool(jobs) as pool:
        while wave:
            found = []
            read = functools.partial(fetch, nginx, parser, max_links)
            for url, answer, title, links in pool.imap(read, wave, chunksize=4):
                page = number(url)
                database.execute("INSERT INTO page VALUES (?, ?, ?, ?)", (url, answer.status, title, answer.content_type))
                database.executemany("INSERT INTO link_by_id VALUES (?, ?, ?, ?)",
                                     [(page, at, number(target), kind) for at, (kind, target, _) in enumerate(links)])
                if answer.location:
                    admit(canonical(answer.location, url), found)
                for _, target, follow in links:
                    if follow:
                        admit(target, found)
            wave = found


SCHEMA = """
CREATE TABLE page (url TEXT PRIMARY KEY, status INTEGER NOT NULL, title TEXT, content_type TEXT) WITHOUT ROWID;
CREATE TABLE url (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE link_by_id (page INTEGER, position INTEGER, target INTEGER, kind TEXT, PRIMARY KEY (page, position)) WITHOUT ROWID;
CREATE VIEW link AS SELECT p.text AS page_url, position, t.text AS target_url, kind
    FROM link_by_id JOIN url p ON p.id = page JOIN url t ON t.id = target;
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("corpus_dir")
    arguments.add_argument("base_url")
    arguments.add_argument("out")
    arguments.add_argument("--parser", choices=TAGS_BY, default="lxml")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments.add_argument("--max-links", type=int, default=20000)
    given = arguments.parse_args()
    if given.parser == "lxml" and etree.LIBXML_VERSION < (2, 14):
        sys.exit(f"libxml2 {etree.LIBXML_VERSION} has no HTML5 tokenizer: install lxml from PyPI, or --parser html5lib")
    if os.path.exists(given.out):
        os.unlink(given.out)
    begun = time.monotonic()
    database = sqlite3.connect(given.out)
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
    walk(given.corpus_dir, given.base_url, database, given.parser, given.jobs, given.max_links)
    database.commit()
    rows = lambda query: database.execute(query).fetchall()
    print(json.dumps({
        "seconds": round(time.monotonic() - begun, 1),
        "pages": sum(count for _, count in rows("SELECT status, count(*) FROM page GROUP BY 1")),
        "by_status": dict(rows("SELECT status, count(*) FROM page GROUP BY 1")),
        "by_type": dict(rows("SELECT content_type, count(*) FROM page WHERE status = 200 GROUP BY 1 ORDER BY 2 DESC")),
        "links": rows("SELECT count(*) FROM link_by_id")[0][0],
        "by_kind": dict(rows("SELECT kind, count(*) FROM link_by_id GROUP BY 1 ORDER BY 2 DESC")),
        "most_links": rows("SELECT max(position) + 1 FROM link_by_id")[0][0],
    }, indent=1))


if __name__ == "__main__":
    main()
