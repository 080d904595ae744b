#!/usr/bin/env python3
"""Every report of a crawl of a planted site, worked out from the site's files alone, beside what the views say.

    verify.py SITE_DIR BASE_URL CRAWL_DB        (lxml, networkx)

Reads the files as a crawler would ask for them, without HTTP and without the crawler's code: pages by lxml, URLs by
urllib, ranks by networkx. Prints a row a report; ends with 1 if any row of any report differs.
"""

import collections
import json
import os
import re
import sqlite3
import sys
import urllib.parse
import xml.etree.ElementTree as xml

import lxml.html
import networkx

site, base, database = sys.argv[1:4]
root = os.path.join(site, "files")
answers = json.load(open(os.path.join(site, "answers.json")))
MAX_REDIRECTS, WAY = 10, ("a", "area", "frame", "iframe", "refresh")
FOLLOWED = WAY + ("canonical", "alternate", "next", "prev")
TYPES = {".html": "text/html", ".xml": "application/xml", ".txt": "text/plain", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml"}
Link = collections.namedtuple("Link", "target kind rel anchor hreflang header", defaults=[False])


def fold(text):
    return re.sub(r"[\t\n\f\r ]+", " ", text or "").strip(" ") or None


def cut(text, limit=256):
    return text and text.encode()[:limit].decode(errors="ignore")


def resolve(page, reference):
    reference = reference.strip()
    if reference.startswith("#"):
        return None
    url = urllib.parse.urldefrag(urllib.parse.urljoin(page, reference))[0]
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    # As the URL Standard escapes what stands in a path.
    path = urllib.parse.quote(parts.path or "/", safe="%/!$&'()*+,;=:@[]|^\\~")
    return parts._replace(path=path).geturl()


class Page:
    """What is read of one body and its headers."""

    def __init__(self, url, data, kind, headers):
        self.url, self.data, self.type, self.links = url, data, kind, []
        self.title = self.description = self.canonical = None
        says = headers.get("X-Robots-Tag", "")
        words = [] if ":" in says else re.split(r"[,\s]+", says.lower())
        for target, parameters in re.findall(r"<([^>]*)>([^,]*)", headers.get("Link", "")):
            told = re.findall(r';\s*(\w+)="?([^";]*)"?', parameters)
            rel = dict(told)["rel"]
            for code in [value for name, value in told if name == "hreflang"] or [None]:
                self.add(target, rel, rel, None, code, True)
        if kind == "text/html":
            words += self.html()
        canonicals = [link.target for link in self.links if link.kind == "canonical"]
        in_page = canonicals[len(re.findall("rel=\"canonical", headers.get("Link", ""))):]
        self.canonical = (in_page or canonicals or [None])[0]
        self.noindex, self.nofollow = ("none" in words or name in words for name in ("noindex", "nofollow"))

    def add(self, reference, kind, rel=None, anchor=None, hreflang=None, header=False):
        target = resolve(self.url, reference)
        if target is not None:
            self.links.append(Link(target, kind, rel, anchor, fold(hreflang), header))

    def html(self):
        tree = lxml.html.document_fromstring(self.data, parser=lxml.html.HTMLParser(encoding="utf-8"))
        words = []
        for element in tree.iter():
            if not isinstance(element.tag, str):
                continue
            tag, get = element.tag, element.get
            for url in re.findall(r"url\(([^)]*)\)", get("style", "")):
                self.add(url.strip("'\""), "css")
            if tag == "title" and self.title is None:
                self.title = fold(element.text)
            elif tag == "meta" and get("name", "").lower() == "description" and self.description is None:
                self.description = fold(get("content"))
            elif tag == "meta" and get("name", "").lower() == "robots":
                words += re.split(r"[,\s]+", get("content", "").lower())
            elif tag == "a" and "href" in element.attrib:
                images = [fold(image.get("alt")) for image in element.iter("img") if fold(image.get("alt"))]
                anchor = fold(element.text_content()) or (images or [None])[0]
                self.add(get("href"), "a", fold(get("rel", "").lower()), cut(anchor))
            elif tag == "link" and fold(get("rel")) and get("href", "").strip():
                rel = get("rel").lower().split()
                kinds = [kind for kind in ("canonical", "stylesheet", "icon", "next", "prev", "alternate") if kind in rel]
                kind = (kinds or ["link"])[0]
                self.add(get("href"), kind, " ".join(rel), None, get("hreflang") if kind == "alternate" else None)
            elif tag in ("img", "script", "iframe", "video", "source"):
                kind = {"video": "media", "source": "media"}.get(tag, tag)
                for attribute in ("src", "poster"):
                    if get(attribute, "").strip():
                        self.add(get(attribute), kind, anchor=cut(fold(get("alt"))))
                for part in filter(None, (part.split() for part in get("srcset", "").split(","))):
                    self.add(part[0], "img", anchor=cut(fold(get("alt"))))
            elif tag == "form" and "action" in element.attrib:
                self.add(get("action"), "form", fold(get("rel", "").lower()))
        return words


Answer = collections.namedtuple("Answer", "status error redirect page")


def ask(url):
    path = url[len(base):]
    path = "/index.html" if path == "/" else path
    own = answers.get(path, {})
    if own.get("close"):
        return Answer(None, "reset", None, None)
    file, status, headers = os.path.join(root, path[1:].split("?")[0]), own.get("status"), own.get("headers", {})
    if status is None:
        if not os.path.isfile(file):
            return Answer(404, None, None, None)
        kind = TYPES.get(os.path.splitext(file)[1], "application/octet-stream")
        return Answer(200, None, None, Page(url, open(file, "rb").read(), kind, headers))
    if status in (301, 302, 303, 307, 308):
        if "Location" not in headers:
            return Answer(status, "bad_redirect", None, None)
        return Answer(status, None, resolve(url, headers["Location"]), None)
    return Answer(status, None, None, None)


NS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def sitemaps():
    """(of each sitemap its problem, the entries in the order in which they are met, their versions)"""
    problems, entries, versions, queue = {}, [], [], []
    for line in open(os.path.join(root, "robots.txt")):
        if line.startswith("Sitemap:"):
            queue.append(line.split(None, 1)[1].strip())
    for url in queue:
        answer = ask(url)
        if answer.status != 200:
            problems[url] = "broken"
            continue
        tree = xml.fromstring(answer.page.data)
        locs = [(entry.findtext(NS + "loc"), entry.findtext(NS + "lastmod")) for entry in tree]
        if tree.tag == NS + "sitemapindex":
            queue += [loc for loc, _ in locs]
            continue
        good = [(loc, when) for loc, when in locs if loc and resolve(url, loc)]
        entries += [(url, loc, when) for loc, when in good]
        for entry in tree:
            for link in entry.iter("{http://www.w3.org/1999/xhtml}link"):
                versions.append((url, entry.findtext(NS + "loc"), link.get("hreflang"), resolve(url, link.get("href"))))
        if tree.tag != NS + "urlset":
            problems[url] = "no sitemap"
        elif len(good) < len(locs):
            problems[url] = "entries that are no URLs"
        elif not locs:
            problems[url] = "empty"
    return problems, entries, versions


def decide(url):
    if not url.startswith(base + "/"):
        return "excluded"
    return "disallowed" if url[len(base):].startswith("/private/") else "admitted"


def crawl(entries):
    """Breadth first: the best (depth, redirects) of each URL, and what was answered. A better route is followed anew."""
    best, got, queue = {}, {}, collections.deque()

    def reach(url, depth, redirects):
        if decide(url) == "admitted" and redirects <= MAX_REDIRECTS and not all(
                depth >= d or redirects >= r and depth >= d for d, r in [best.get(url, (1 << 30, 1 << 30))]):
            best[url] = (depth, redirects)
            queue.append(url)

    reach(base + "/", 0, 0)
    for url in [url for _, url, _ in entries] + [target for *_, target in versions]:
        reach(url, 1, 0)
    while queue:
        url = queue.popleft()
        depth, redirects = best[url]
        answer = got[url] = got.get(url) or ask(url)
        if answer.redirect:
            reach(answer.redirect, depth, redirects + 1)
        if answer.page and not answer.page.nofollow:
            for link in answer.page.links:
                if link.kind in FOLLOWED and "nofollow" not in (link.rel or "").split():
                    reach(link.target, depth + 1, 0)
    return best, got


bad_sitemaps, entries, versions = sitemaps()
best, got = crawl(entries)
pages = {url: answer.page for url, answer in got.items() if answer.page}
every = [(url, link) for url, page in pages.items() for link in page.links]
listed = {url for _, url, _ in entries}


def circle_ends():
    """The hop that closes each circle, by the route with fewest redirects."""
    ends = set()
    for url, answer in got.items():
        seen, at = [], url
        while at in got and got[at].redirect and at not in seen:
            seen.append(at)
            at = got[at].redirect
        if at in seen:
            ring = seen[seen.index(at):]
            # Entered at the one that has the best route; the last before it closes the circle.
            first = min(ring, key=lambda u: best[u])
            ends.add(ring[ring.index(first) - 1])
    return ends


for url in circle_ends():
    got[url] = got[url]._replace(error="redirect_loop")


def way(url):
    """The URLs to which redirects lead from one, and whether they come back."""
    route = [url]
    while len(route) <= 20 and route[-1] in got and got[route[-1]].redirect:
        route.append(got[route[-1]].redirect)
        if route[-1] in route[:-1]:
            return route, True
    return route, False


def indexable():
    return {url: page for url, page in pages.items()
            if page.type == "text/html" and not page.noindex and page.canonical in (None, url)}


reports = {}


def report(name, columns, rows):
    reports[name] = columns, rows


def linking(url):
    return len({source for source, link in every if link.target == url and source != url})


def broken_links():
    for source, link in every:
        at, hops = link.target, 0
        while at in got and got[at].error is None and got[at].redirect and hops < 20:
            at, hops = got[at].redirect, hops + 1
        end = got.get(at)
        if end and (end.error or (end.status or 0) >= 400):
            anchor = None if link.kind == "alternate" else link.anchor
            yield (source, link.target, anchor, link.kind, got[link.target].status, end.error if hops == 0 else None,
                   at, end.status, end.error, hops)


report("broken_links", "from_url, to_url, anchor, kind, status, error, final_url, final_status, final_error, hops", list(broken_links()))


def chains():
    for url, answer in got.items():
        if answer.redirect:
            route, circle = way(url)
            end = got.get(route[-1])
            if circle:
                problem = "loop"
            elif end and (end.error or end.status >= 400):
                problem = "ends in an error"
            elif end:
                problem = None
            else:
                problem = {"excluded": "leaves the scope", "disallowed": "forbidden by robots.txt"}.get(decide(route[-1]), "too many hops")
            yield (url, len(route) - 1, json.dumps(route, separators=(",", ":")), route[-1], end and end.status, problem, linking(url))


report("redirect_chains", "url, hops, route, final_url, final_status, problem, links", list(chains()))


def duplicates():
    groups = collections.defaultdict(list)
    for url, page in pages.items():
        groups[page.data].append(url)
    return [(len(urls), url, len(data)) for data, urls in groups.items() if len(urls) > 1 for url in urls]


report("duplicates", "copies, url, bytes", duplicates())


def lengths(column, least, most):
    texts = {url: getattr(page, column) for url, page in indexable().items()}
    copies = collections.Counter(texts.values())
    for url, text in texts.items():
        if text is None:
            yield url, None, 0, "missing", 1
            continue
        for holds, problem in ((copies[text] > 1, "duplicate"), (len(text) > most, "too long"), (len(text) < least, "too short")):
            if holds:
                yield url, text, len(text), problem, copies[text]


report("versions", "url, run, title, bytes, current", [(url, 1, cut(page.title), len(page.data), 1) for url, page in pages.items()])
report("titles", "url, title, length, problem, copies", list(lengths("title", 30, 60)))
report("descriptions", "url, description, length, problem, copies", list(lengths("description", 70, 160)))


def canonicals():
    for url, page in pages.items():
        several = len({link.target for link in page.links if link.kind == "canonical"}) > 1
        if page.canonical is None or page.canonical == url and not several:
            continue
        end = got.get(page.canonical)
        target = end and end.page
        problem = ("several" if several else "not crawled" if end is None else "broken" if end.error or end.status >= 400 else
                   "redirects" if end.redirect else "noindex" if target.noindex else
                   "chain" if target.canonical not in (None, page.canonical) else "to another page")
        yield url, page.canonical, problem, end and end.status


report("canonicals", "url, canonical, problem, canonical_status", list(canonicals()))
report("noindexed", "url, noindex, nofollow, in_sitemap, links", [
    (url, int(page.noindex), int(page.nofollow), int(url in listed), linking(url))
    for url, page in pages.items() if page.noindex or page.nofollow])

CODES = {"en", "de", "fr", "pt-br", "zh-hans", "sr-latn-rs", "es-419", "x-default", "haw", "nl", "de-at", "fr-ca", "en-gb"}   # of those that are planted


def hreflang():
    said = {(url, link.hreflang, link.target, "header" if link.header else "page", None)
            for url, link in every if link.kind == "alternate" and link.hreflang}
    said |= {(url, language, target, "sitemap", sitemap) for sitemap, url, language, target in versions}
    named = {(url, target) for url, _, target, *_ in said}
    by_language = collections.defaultdict(set)
    for url, language, target, *_ in said:
        by_language[url, language.lower()].add(target)
    for url, language, target, *place in said:
        end = got.get(target)
        page = end and end.page
        problem = ("unknown code" if language.lower() not in CODES else
                   "two for one language" if len(by_language[url, language.lower()]) > 1 else
                   "not crawled" if end is None else
                   "target not ok" if not page or page.noindex or page.canonical not in (None, target) else
                   "no return link" if (target, url) not in named else None)
        if problem:
            yield url, language, target, problem, end and end.status, *place
    order = {url: number for number, url in enumerate(read)}
    for url in {url for url, *_ in said}:
        if (url, url) not in named:
            places = [place for of, _, _, *place in said if of == url]
            first = min(places, key=lambda place: (["page", "header", "sitemap"].index(place[0]), order.get(place[1], 0)))
            yield url, None, None, "no self reference", None, *first


read = list(dict.fromkeys(sitemap for sitemap, *_ in entries))
report("hreflang", "from_url, language, to_url, problem, to_status, source, sitemap", list(hreflang()))
report("sitemap_alternates", "sitemap, url, language, to_url, to_status", [
    (*row, got[row[3]].status if row[3] in got else None) for row in versions])
PARTS = ("frame", "iframe", "img", "script", "stylesheet", "css", "media", "icon", "form")
report("mixed_content", "from_url, to_url, kind", [
    (url, link.target, link.kind) for url, link in every
    if url.startswith("https:") and link.target.startswith("http:") and link.kind in PARTS])

led_to = {link.target for url, link in every if link.kind in WAY and link.target != url} | {a.redirect for a in got.values()} | {base + "/"}
first = {}
for sitemap, url, when in entries:
    first.setdefault(url, (sitemap, when))
report("orphans", "url, sitemap, lastmod, status", [
    (url, *place, got[url].status if url in got else None) for url, place in first.items() if url not in led_to and decide(url) != "excluded"])
report("unlisted", "url, title, depth", [(url, page.title, best[url][0]) for url, page in indexable().items() if url not in listed])


def sitemap_problems():
    yield from ((url, None, problem) for url, problem in bad_sitemaps.items())
    met = set()
    for sitemap, url, _ in entries:
        end = got.get(url)
        page = end and end.page
        problem = ({"excluded": "out of scope", "disallowed": "forbidden by robots.txt"}[decide(url)] if end is None else
                   "broken" if end.error or end.status >= 400 else "redirects" if end.redirect else
                   "noindex" if page.noindex else "canonical to another page" if page.canonical not in (None, url) else
                   "named twice" if url in met else None)
        met.add(url)
        if problem:
            yield sitemap, url, problem


report("sitemap_problems", "sitemap, url, problem", list(sitemap_problems()))
forbidden = {}
for url, depth in [(link.target, best[source][0] + 1) for source, link in every
                   if not pages[source].nofollow and link.kind in FOLLOWED and "nofollow" not in (link.rel or "").split()] + [
                  (url, 1) for url in listed | {target for *_, target in versions}] + [(answer.redirect, best[url][0]) for url, answer in got.items() if answer.redirect]:
    if decide(url) == "disallowed":
        forbidden[url] = min(depth, forbidden.get(url, depth))


def depths():
    sums = collections.defaultdict(lambda: [0] * 6)
    for url, answer in got.items():
        row = sums[best[url][0]]
        row[0] += 1
        row[3 if answer.error or answer.status >= 400 else 2 if answer.redirect else 1] += 1
        row[5] += len(answer.page.data) if answer.page else 0
    for url, depth in forbidden.items():
        sums[depth][0] += 1
        sums[depth][4] += 1
    return [(depth, *row) for depth, row in sums.items()]


report("depths", "depth, urls, ok, redirects, failed, forbidden, bytes", depths())
classes = collections.Counter(answer.error or f"http_{answer.status}" for answer in got.values() if answer.error or answer.status >= 400)
classes["robots_disallowed"] = len(forbidden)
report("error_classes", "class, urls", list(classes.items()))


def content_types():
    sizes = collections.defaultdict(list)
    for page in pages.values():
        sizes[page.type].append(len(page.data))
    return [(kind, len(all), sum(all), sum(all) // len(all), max(all)) for kind, all in sizes.items()]


report("content_types", "content_type, urls, bytes, mean_bytes, max_bytes", content_types())
report("inlinks", "url, inlinks, linking_pages, outlinks", [])
connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)


def ranks():
    """By networkx; the database's must be within a ten-millionth of a page's average."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(got)
    links, linking_pages, out = collections.Counter(), collections.defaultdict(set), collections.Counter()
    for url, answer in got.items():
        if answer.redirect in got and answer.redirect != url:
            graph.add_edge(url, answer.redirect)
        for link in answer.page.links if answer.page else ():
            if link.kind in ("a", "area"):
                links[link.target] += 1
                linking_pages[link.target].add(url)
                out[url] += 1
                if link.target in got and link.target != url and not answer.page.nofollow and "nofollow" not in (link.rel or "").split():
                    graph.add_edge(url, link.target)
    ranks = networkx.pagerank(graph, alpha=0.85, tol=1e-13, max_iter=1000)
    rows = {url: (links[url], len(linking_pages[url]), out[url]) for url in set(got) | set(links)}
    reports["inlinks"] = reports["inlinks"][0], [(url, *row) for url, row in rows.items()]
    found = dict(connection.execute("SELECT url, pagerank FROM ranks WHERE pagerank IS NOT NULL"))
    far = [url for url in set(found) | set(ranks) if abs(found.get(url, 9) - ranks.get(url, 9)) > 1e-7 / len(ranks)]
    return len(ranks), far


failed = False
print("| report | rows | only in the files | only in the database |\n|---|---:|---:|---:|")
number, far = ranks()
for name, (columns, rows) in reports.items():
    view = {"inlinks": "ranks"}.get(name, name)
    there = collections.Counter(connection.execute(f"SELECT {columns} FROM {view}"))
    wanted = collections.Counter(rows)
    missing, extra = wanted - there, there - wanted
    print(f"| {name} | {sum(wanted.values())} | {sum(missing.values())} | {sum(extra.values())} |")
    for sign, some in (("-", missing), ("+", extra)):
        for row in sorted(some, key=repr)[:8]:
            print("   ", sign, row, file=sys.stderr)
    failed |= bool(missing or extra) or not wanted
print(f"| ranks (networkx {networkx.__version__}) | {number} | {len(far)} | {len(far)} |")
for url in far[:8]:
    print("    rank", url, file=sys.stderr)
sys.exit(failed or bool(far))
