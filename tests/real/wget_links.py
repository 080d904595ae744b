#!/usr/bin/env python3
"""Holds a mirror to what `wget -m -k -E -p` has made of the same site: the same files, and in each page the same
references in the same order, resolved to the same files or URLs.

    python3 tests/real/wget_links.py MIRROR/HOST_PORT WGET/HOST:PORT
"""
import collections, pathlib, sys
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

NAMES = {"href", "src", "poster", "data", "background", "srcset", "action"}


class References(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        rel = dict(attributes).get("rel") or ""
        for name, value in attributes:
            if name in NAMES and value is not None and "canonical" not in rel:
                self.found.append((tag, name, value))


def targets(file, root):
    text = file.read_text(encoding="utf-8", errors="replace")
    for tag, name, value in References(text).found:
        for part in value.split(",") if name == "srcset" else [value]:
            yield tag, name, target(part.split()[0] if name == "srcset" else part.strip(), file, root)


def target(reference, file, root):
    if urlsplit(reference).scheme not in ("", "file"):
        return reference
    url, fragment = urldefrag(urljoin(file.as_uri(), reference))
    path = pathlib.Path(unquote(urlsplit(url).path))
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    # A page's own fragment may be told with its name, or without.
    return name.replace("?", "@") + ("#" + unquote(fragment) if fragment else "")


def main():
    mine, other = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    names = [{path.relative_to(root).as_posix().replace("?", "@"): path for path in root.rglob("*") if path.is_file()}
             for root in (mine, other)]
    print("files:", len(names[0]), len(names[1]), "only here:", sorted(set(names[0]) - set(names[1]))[:9],
          "only wget:", sorted(set(names[1]) - set(names[0]))[:9])
    count, differ = 0, collections.Counter()
    shown = 0
    for name in sorted(set(names[0]) & set(names[1])):
        if not name.endswith(".html"):
            if names[0][name].read_bytes() != names[1][name].read_bytes():
                differ["bytes of " + name.rsplit(".", 1)[-1]] += 1
                print("bytes:", name)
            continue
        pairs = [list(targets(names[side][name], (mine, other)[side])) for side in (0, 1)]
        if len(pairs[0]) != len(pairs[1]):
            differ["number of references"] += 1
            print("number:", name, len(pairs[0]), len(pairs[1]))
        for one, two in zip(*pairs):
            count += 1
            if one != two:
                differ[one[:2]] += 1
                shown += 1
                if shown < 12:
                    print("reference:", name, one, two)
    print(f"{count} references, different: {dict(differ)}")


main()
