#!/usr/bin/env python3
"""Near-duplicates beside a computation of their own: near.py make FOLDER PAGES | near.py compare FOLDER crawl.db

`make` writes 2,000 pages into FOLDER: texts of real pages below PAGES (by html.parser), and copies of some of them in
which a part of the words is replaced. `compare` takes a crawl of that folder after `crawl index`: all pairs by the
Jaccard index of their three-word runs, from the files alone, beside the pairs of near_duplicates.
"""

import collections
import html
import html.parser
import itertools
import pathlib
import random
import re
import sqlite3
import sys

REAL, COPIES = 1700, 300
PARTS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]


class Words(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.skip, self.out = 0, []

    def handle_starttag(self, tag, attrs):
        self.skip += tag in ("script", "style", "head", "nav")

    def handle_endtag(self, tag):
        self.skip -= tag in ("script", "style", "head", "nav") and self.skip > 0

    def handle_data(self, data):
        if not self.skip:
            self.out += re.findall(r"[a-z0-9]+", data.lower())


def words_of(path):
    parser = Words()
    parser.feed(path.read_text(errors="replace"))
    return parser.out


def make(folder, pages):
    rng = random.Random(7)
    folder.mkdir(parents=True)
    files = sorted(pages.rglob("*.html"))
    rng.shuffle(files)
    texts = []
    for file in files:
        words = words_of(file)
        if 60 <= len(words) <= 5000:
            texts.append(words)
        if len(texts) == REAL:
            break
    copies = []
    for number in range(COPIES):
        words = list(rng.choice(texts))
        part = PARTS[number % len(PARTS)]
        for _ in range(max(1, round(part * len(words)))):
            words[rng.randrange(len(words))] = f"other{rng.randrange(10**6)}"
        copies.append(words)
    for number, words in enumerate(texts + copies):
        body = html.escape(" ".join(words))
        (folder / f"{number}.html").write_text(f"<title>{number}</title><main><p>{body}</main>")
    links = "".join(f"<a href={number}.html>{number}</a> " for number in range(len(texts + copies)))
    (folder / "index.html").write_text(f"<title>index</title>{links}")


def jaccard_pairs(folder, least):
    sets, of = {}, collections.defaultdict(list)
    for path in folder.glob("[0-9]*.html"):
        words = words_of(path)
        number = int(path.stem)
        sets[number] = {tuple(words[at : at + 3]) for at in range(len(words) - 2)}
        for shingle in sets[number]:
            of[shingle].append(number)
    common = collections.Counter()
    for numbers in of.values():
        if len(numbers) <= 200:
            for one, other in itertools.combinations(sorted(numbers), 2):
                common[one, other] += 1
    pairs = {}
    for (one, other), both in common.items():
        value = both / (len(sets[one]) + len(sets[other]) - both)
        if value >= least:
            pairs[one, other] = value
    return pairs


def compare(folder, database):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    number = lambda url: int(url.rsplit("/", 1)[1].removesuffix(".html"))
    clusters = collections.defaultdict(list)
    for cluster, url in connection.execute("SELECT cluster, url FROM near_duplicates"):
        clusters[cluster].append(number(url))
    said = {pair for of in clusters.values() for pair in itertools.combinations(sorted(of), 2)}
    pairs = jaccard_pairs(folder, 0.3)
    print(f"{len(clusters)} clusters, {len(said)} pairs")
    print("| Jaccard index | pairs | in one cluster |")
    print("|---|--:|--:|")
    bands = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.01]
    for low, high in zip(bands, bands[1:]):
        of = [pair for pair, value in pairs.items() if low <= value < high]
        print(f"| {low} to {min(high, 1)} | {len(of)} | {sum(pair in said for pair in of)} |")
    far = [pair for pair in said if pair not in pairs]
    print(f"pairs in one cluster below 0.3: {len(far)} {sorted(far)[:5]}")


if __name__ == "__main__":
    task, folder, other = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    make(folder, other) if task == "make" else compare(folder, other)
