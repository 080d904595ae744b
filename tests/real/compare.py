#!/usr/bin/env python3
"""Holds a crawl to the independent walk of the same files, row by row.

    compare.py CRAWL.db WALK.sqlite ACCESS_LOG [--agent TEXT] [--ignore-kind KIND]... [--show N]

* every URL of the walk has a row of the same status in the view `pages`, and no other URL has one
  (rows without a status, that is URLs that were not asked for, are left out);
* title and content type are the same (of answers of 200; the rest only where `pages` has them);
* the view `links` has the same links of each page, by kind and target, in the same order;
* nginx's log has no request twice by this crawl's agent (robots.txt apart), and one for each page.

URLs are compared with their escapes normalised (RFC 3986 6.2.2), as the crawler tells them apart.
Exit code 1 if anything differs. Needs nothing but Python's standard library.
"""

import argparse
import collections
import re
import sqlite3
import sys

ESCAPE = re.compile("%([0-9A-Fa-f]{2})")


def key(url):
    def mend(match):
        char = chr(int(match[1], 16))
        return char if char.isascii() and (char.isalnum() or char in "-._~") else match[0].upper()
    return ESCAPE.sub(mend, url) if url and "%" in url else url


class Differences:
    """Counts the differences of each class and keeps the first of them to show."""

    def __init__(self, show):
        self.show, self.counts, self.first = show, collections.Counter(), collections.defaultdict(list)

    def add(self, kind, *what):
        self.counts[kind] += 1
        if len(self.first[kind]) < self.show:
            self.first[kind].append("  ".join(map(str, what)))

    def print(self):
        for kind, count in self.counts.items():
            print(f"\n{kind}: {count}")
            for line in self.first[kind]:
                print(f"  {line}")
            if count > self.show:
                print(f"  ... and {count - self.show} more")
        print(f"\n{sum(self.counts.values())} differences")


def media_type(value):
    return (value or "").split(";")[0].strip().lower()


def open_read_only(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def compare_pages(crawl, walk, differences):
    query = "SELECT url, status, title, content_type FROM pages WHERE status IS NOT NULL"
    ours = {}
    for url, *row in crawl.execute(query):
        if key(url) in ours:
            differences.add("page twice in the crawl", url)
        ours[key(url)] = row
    theirs = {key(url): row for url, *row in walk.execute("SELECT url, status, title, content_type FROM page")}
    print(f"pages: {len(ours)} crawled, {len(theirs)} walked")
    for url in sorted(theirs.keys() - ours.keys()):
        differences.add("page missing in the crawl", url, theirs[url])
    for url in sorted(ours.keys() - theirs.keys()):
        differences.add("page only in the crawl", url, ours[url])
    for url in sorted(ours.keys() & theirs.keys()):
        (status, title, kind), (wanted_status, wanted_title, wanted_kind) = ours[url], theirs[url]
        if status != wanted_status:
            differences.add("status", url, f"crawl {status}, walk {wanted_status}")
        if wanted_status == 200 and (title or "") != (wanted_title or ""):
            differences.add("title", url, f"crawl {title!r}, walk {wanted_title!r}")
        if media_type(kind) != wanted_kind and (wanted_status == 200 or kind):
            differences.add("content type", url, f"crawl {kind}, walk {wanted_kind}")
    return theirs


def links_of(database, query, ignored):
    """(page, its links in order), by page; a page's rows come together, since the query sorts by page."""
    page, links = None, []
    for source, kind, target in database.execute(query):
        if source != page:
            if page is not None:
                yield page, links
            page, links = source, []
        if kind not in ignored:
            links.append((kind, key(target)))
    if page is not None:
        yield page, links


def compare_links(crawl, walk, ignored, differences):
    """Both sides in step, in the order of the pages' keys, so that only two pages' links are in memory."""
    for database in crawl, walk:
        database.create_function("url_key", 1, key, deterministic=True)
    sides = [links_of(crawl, "SELECT url_key(from_url) AS page, kind, to_url FROM links ORDER BY page, position", ignored),
             links_of(walk, "SELECT url_key(page_url) AS page, kind, target_url FROM link ORDER BY page, position", ignored)]
    counts, (ours, theirs) = [0, 0], (next(side, None) for side in sides)
    while ours or theirs:
        page = min(side[0] for side in (ours, theirs) if side)
        rows = [side[1] if side and side[0] == page else [] for side in (ours, theirs)]
        counts = [count + len(links) for count, links in zip(counts, rows)]
        if rows[0] != rows[1]:
            have, want = map(collections.Counter, rows)
            for link, count in (want - have).items():
                differences.add(f"link missing in the crawl ({link[0]})", page, "->", link[1], f"x{count}")
            for link, count in (have - want).items():
                differences.add(f"link only in the crawl ({link[0]})", page, "->", link[1], f"x{count}")
            if have == want:
                at = next(at for at, (one, other) in enumerate(zip(*rows)) if one != other)
                differences.add("order of links", page, f"from link {at}: crawl {rows[0][at]}, walk {rows[1][at]}")
        ours = next(sides[0], None) if ours and ours[0] == page else ours
        theirs = next(sides[1], None) if theirs and theirs[0] == page else theirs
    print(f"links: {counts[0]} crawled, {counts[1]} walked")


def compare_requests(log, agent, pages, differences):
    targets, agents = collections.Counter(), collections.Counter()
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _, _, _, _, target, who = line.rstrip("\n").split("\t")
            if agent in who:
                targets[target] += 1
                agents[who] += 1
    print(f"requests: {sum(targets.values())} of {len(targets)} paths, by {dict(agents)}")
    for target, count in targets.items():
        if count > 1 and target != "/robots.txt":
            differences.add("asked for more than once", target, f"x{count}")
    asked = {key(target) for target in targets} - {"/robots.txt"}
    wanted = {re.sub("^[a-z]+://[^/]*", "", url) for url in pages}
    for target in sorted(wanted - asked):
        differences.add("in the walk, never asked for", target)
    for target in sorted(asked - wanted):
        differences.add("asked for, not in the walk", target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("crawl", metavar="CRAWL.db")
    arguments.add_argument("walk", metavar="WALK.sqlite")
    arguments.add_argument("log", metavar="ACCESS_LOG")
    arguments.add_argument("--agent", default="", help="count only requests whose user agent contains this")
    arguments.add_argument("--ignore-kind", action="append", default=[], help="leave links of this kind out")
    arguments.add_argument("--show", type=int, default=20, help="differences of each class to print")
    given = arguments.parse_args()
    crawl, walk, differences = open_read_only(given.crawl), open_read_only(given.walk), Differences(given.show)
    pages = compare_pages(crawl, walk, differences)
    compare_links(crawl, walk, given.ignore_kind, differences)
    compare_requests(given.log, given.agent, pages, differences)
    differences.print()
    sys.exit(1 if differences.counts else 0)


if __name__ == "__main__":
    main()
