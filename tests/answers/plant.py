#!/usr/bin/env python3
"""A site made of a package's HTML files, with faults planted that the reports have to find.

    plant.py HTML_DIR SITE_DIR BASE_URL INSECURE_BASE_URL

Writes SITE_DIR/files (what is served) and SITE_DIR/answers.json (paths that are answered otherwise: status, headers,
`close` for a connection that ends without an answer). Which page has which fault is drawn, always alike.
"""

import json
import os
import random
import re
import shutil
import sys

source, site, base, insecure = sys.argv[1:5]
root = os.path.join(site, "files")
draw = random.Random(7)
answers = {}
shutil.copytree(source, root, symlinks=False, ignore=lambda d, names: [n for n in names if n in ("_sources", "_static")])
pages = sorted(os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs if f.endswith(".html"))
front = "index.html"
others = [page for page in pages if page != front]
heads, bodies = {}, {}          # what is put before </head> and </body>, by page


def pick(number):
    return draw.sample(others, number)


def head(page, html):
    heads.setdefault(page, []).append(html)


def body(page, html):
    bodies.setdefault(page, []).append(html)


def write(path, html):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(html)


def page_of(title, text, extra=""):
    return f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title>{extra}</head><body>{text}</body></html>"


def link(page, path, text="planted", more=""):
    body(page, f'<a href="{path}"{more}>{text} <b>link</b></a>')


def answer(path, status, **headers):
    answers[path] = {"status": status, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


# Broken links: to nothing, to errors of several kinds, to a connection that ends.
for number in range(40):
    for page in pick(draw.randint(1, 4)):
        link(page, f"/gone/{number}.html", f"gone {number}")
for status in (403, 410, 451, 500, 503):
    answer(f"/answers/{status}", status)
    for page in pick(3):
        link(page, f"/answers/{status}", more=draw.choice(["", ' rel="nofollow"']))
answers["/closes"] = {"close": True}
for page in pick(5):
    link(page, "/closes")
link(pick(1)[0], "/gone/image.html")
body(pick(1)[0], '<img src="/gone/not-asked-for.png" alt="x"><iframe src="/gone/frame.html"></iframe>')

# Redirects: of one to five hops; loops; to errors, out of scope, to what is forbidden, nowhere, and too many.
for number in range(30):
    hops, end = draw.randint(1, 5), draw.choice(others)
    end = draw.choice([f"/{end}", f"{base}/{end}", f"/gone/{number}.html", "/closes"] if number % 3 == 0 else [f"/{end}"])
    for hop in range(hops):
        to = f"/moved/{number}/{hop + 1}" if hop + 1 < hops else end
        answer(f"/moved/{number}/{hop}", draw.choice([301, 302, 303, 307, 308]), Location=to)
    for page in pick(draw.randint(1, 3)):
        link(page, f"/moved/{number}/{draw.randrange(hops) if number % 5 == 0 else 0}", f"moved {number}")
for length in (1, 2, 3, 5):
    for hop in range(length):
        answer(f"/circle/{length}/{hop}", 302, Location=f"/circle/{length}/{(hop + 1) % length}")
    answer(f"/to-circle/{length}", 301, Location=f"/circle/{length}/0")
    for page in pick(2):
        link(page, f"/to-circle/{length}")
for hop in range(14):
    answer(f"/far/{hop}", 301, Location=f"/far/{hop + 1}" if hop < 13 else "/" + others[0])
link(pick(1)[0], "/far/0")
for name, to in (("elsewhere", "http://elsewhere.example/x"), ("forbidden", "/private/x.html")):
    answer(f"/leads/{name}", 301, Location=to)
    link(pick(1)[0], f"/leads/{name}")
answers["/leads/nowhere"] = {"status": 302, "headers": {}}
link(pick(1)[0], "/leads/nowhere")
link(pick(1)[0], "/private/y.html")

# Copies, byte for byte and linked.
for number, page in enumerate(pick(12)):
    for copy in range(draw.randint(1, 3)):
        path = os.path.join(os.path.dirname(page), f"copy-{number}-{copy}.html")
        heads.setdefault(path, heads.setdefault(page, []))
        bodies.setdefault(path, bodies.setdefault(page, []))
        shutil.copy(os.path.join(root, page), os.path.join(root, path))
        pages.append(path)
        link(pick(1)[0], f"/{path}", "copy")

# Titles and descriptions: none, an empty one, shared, of exactly and of more than so many characters.
titles = {}
for number, page in enumerate(pick(60)):
    titles[page] = [None, "", "shared title of the pages that are planted", "é" * 60, "é" * 61, "short", "x" * 29, "x" * 30,
                    "two   words\n folded", "shared & short"][number % 10]
for number, page in enumerate(pick(80)):
    head(page, ['<meta name="description" content="">', '<meta name="Description" content=" shared ">',
                f'<meta name="description" content="{"ü" * 160}">', f'<meta name=description content="{"ü" * 161}">',
                f'<meta name=description content="{number:03} {"d" * 65}">', f'<meta name=description content="{number:03} {"d" * 66}">',
                ][number % 6])

# Canonicals: itself, others that are there, broken, redirecting, noindex, chained, out of scope, several.
quiet = pick(20)
for page in quiet[:12]:
    head(page, draw.choice(['<meta name="robots" content="noindex">', '<meta name=ROBOTS content="NoIndex, follow">',
                            '<meta name=robots content=none>', '<meta name=robots content="nofollow">']))
for page in quiet[12:]:
    answers["/" + page] = {"headers": {"X-Robots-Tag": draw.choice(["noindex", "noindex, nofollow", "nofollow", "otherbot: noindex"])}}
chained = pick(6)
for page in chained:
    head(page, f'<link rel=canonical href="/{draw.choice(others)}">')
for number, page in enumerate(pick(60)):
    to = [page, draw.choice(others), f"gone/{number}.html", "moved/1/0", quiet[number % 20], chained[number % 6],
          "//elsewhere.example/c", "private/z.html", "closes", "circle/2/0"][number % 10]
    to = to if to.startswith("//") else "/" + to
    if number % 4 == 3:
        answers.setdefault("/" + page, {}).setdefault("headers", {})["Link"] = f'<{to}>; rel="canonical"'
    else:
        head(page, f'<link rel="canonical" href="{to}">')
    if number % 7 == 0:
        head(page, f'<link rel="canonical" href="/{draw.choice(others)}">')

# Languages: sound clusters, and what can be wrong with them.
languages = ["en", "de", "fr", "pt-BR", "zh-Hans", "sr-Latn-RS", "es-419", "x-default", "haw", "en_US", "en-UK", "jp", "deu", "de-", "zh-Hant-XX"]
versions = {}                   # what sitemaps name, by the path of the entry
for cluster in range(40):
    named = draw.sample(languages, draw.randint(2, 5))
    group = pick(len(named))
    for own in range(len(group)):
        links = [(code, "/" + page) for code, page in zip(named, group)]
        fault = draw.choice(["", "", "return", "self", "two", "broken", "moved", "noindex", "away", "twice", "several", "several", "only"])
        if fault == "return":
            links = links[:own] + links[own + 1:][:1]
        elif fault == "self":
            del links[own]
        elif fault == "two":
            links.append((named[0].upper(), "/" + draw.choice(others)))
        elif fault == "twice":
            links.append(links[0])
        elif fault == "only":
            links.append(("haw", f"/named/{cluster}-{own}.html"))
        elif fault not in ("", "several"):
            to = {"broken": "/gone/1.html", "moved": "/moved/2/0", "noindex": "/" + quiet[0], "away": "//elsewhere.example/l"}[fault]
            links.append(("nl", to))
        # In headers (those that lead to one page as one link), in a sitemap, in the page itself; and in two of these.
        where = draw.choice(["page", "page", "header", "header", "map", "map", "page map", "header map", "page header", "split"])
        parts = {"split": [("page", links[::2]), ("map", links[1::2])]}.get(where) or [(one, links) for one in where.split()]
        for place, links in parts:
            if place == "map":
                versions.setdefault("/" + group[own], []).extend(links)
                continue
            if place == "page":
                for code, to in links:
                    head(group[own], f'<link rel="alternate" hreflang=" {code} " href="{to}">')
                continue
            codes = {}
            for code, to in links:
                codes.setdefault(to, []).append(code)
            if fault == "several" and links:
                codes[links[0][1]] += [draw.choice(["de-AT", "fr-CA", "jp", links[0][0], "pt-BR"]), draw.choice(["en-GB", "x-default"])]
            value = ", ".join(f'<{to}>; rel="alternate"' + "".join(f'; hreflang="{code}"' for code in all) for to, all in codes.items())
            headers = answers.setdefault("/" + group[own], {}).setdefault("headers", {})
            headers["Link"] = ", ".join(filter(None, [headers.get("Link"), value]))
head(pick(1)[0], '<link rel="alternate" type="application/rss+xml" href="/gone/feed.xml">')

# Parts by http on a site of https.
for number, page in enumerate(pick(24)):
    url = f"{insecure}/part-{number}"
    body(page, [f'<img src="{url}.png">', f'<script src="{url}.js"></script>', f'<iframe src="{url}.html"></iframe>',
                f'<form action="{url}"></form>', f'<video poster="{url}.jpg" src="{url}.mp4"></video>', f'<a href="{url}.html">a link</a>',
                f'<img src="/x.png" srcset="{url}.png 2x">', f'<p style="background: url({url}.gif)">'][number % 8])

# What only sitemaps name: pages with a link to themselves, to each other, of noindex; and entries that should not be there.
orphans = []
for number in range(30):
    path = f"left/{number}.html"
    text = f'<a href="/{path}">itself</a><a href="/{front}">front</a>'
    text += f'<a href="/left/{number - 1}.html">before</a>' if number % 5 == 4 else ""
    write(path, page_of(f"An orphan, the one of number {number} of them", text, "<meta name=robots content=noindex>" if number % 6 == 5 else ""))
    pages.append(path)
    orphans.append(path)
named = [page for page in others if draw.random() < 0.9]
draw.shuffle(named)
parts = [named[:200], named[200:]]
parts[0] += orphans[:20] + ["gone/3.html", "gone/only-here.html", "moved/3/0", "private/w.html", "answers/410", quiet[1], chained[0]]
parts[1] += orphans[20:] + named[:5] + ["left/0.html", "moved/only-here"]
answer("/moved/only-here", 301, Location="/left/redirected-to.html")
write("left/redirected-to.html", page_of("Only a redirect and a sitemap lead to this page", "x"))
parts[1] += ["left/redirected-to.html"]
# Pages that nothing but an annotation leads to; most return it, by a sitemap.
for cluster in range(40):
    for own in range(5):
        path = f"named/{cluster}-{own}.html"
        write(path, page_of("A page that is only named as a version of another", f'<a href="/{front}">front</a>'))
        orphans.append(path)
# Versions of what is not there, is only in a sitemap, or is forbidden: an entry counts whatever has become of it.
for path, fault in (("/gone/only-here.html", "de"), ("/left/0.html", "en"), ("/moved/3/0", "fr"), ("/private/w.html", "haw"), ("/left/1.html", "en_US")):
    versions[path] = [(fault, path), ("en-GB", "/left/0.html"), ("fr-CA", f"/left/{draw.randrange(1, 9)}.html")]
# An entry for each that has none; some stand in both sitemaps with half of their versions in each.
for path in sorted(versions):
    there = [place for place, part in enumerate(parts) if path[1:] in part]
    if not there:
        parts[draw.randrange(2)].append(path[1:])
halves = {path: draw.random() < 0.2 for path in sorted(versions)}


def alternates(url, half):
    """What one sitemap says of a URL's versions: all, or one half and the other."""
    path = url[len(base):]
    all = versions.get(path, [])
    all = all[half::2] if halves.get(path) and half is not None else all
    links = "".join(f'<xhtml:link rel="alternate" hreflang="{code}" href="{to if to.startswith("//") else base + to}"/>' for code, to in all)
    return links.replace('href="//', 'href="http://')


def sitemap(urls, more="", half=None):
    entries = "".join(f"<url><loc>{url}</loc><lastmod>2026-01-{number % 28 + 1:02}</lastmod>{alternates(url, half)}</url>" for number, url in enumerate(urls))
    namespaces = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {namespaces}>{entries}{more}</urlset>'


maps = ["sitemaps/0.xml", "sitemaps/1.xml"]
for path, both in halves.items():
    for part in parts if both else ():
        part += [] if path[1:] in part else [path[1:]]
for half, (name, part) in enumerate(zip(maps, parts)):
    more = f'<url><loc>http://elsewhere.example/{name}</loc><xhtml:link rel="alternate" hreflang="en" href="{base}/left/2.html"/></url>'
    write(name, sitemap([f"{base}/{path}" for path in part], more, half))
write("sitemaps/empty.xml", sitemap([]))
write("sitemaps/none.xml", "<html><body>no sitemap</body></html>")
write("sitemaps/refused.xml", sitemap([f"{base}/{others[0]}"], "<url><loc>mailto:x@y.example</loc></url>"))
inner = "".join(f"<sitemap><loc>{base}/{name}</loc></sitemap>" for name in maps + ["sitemaps/gone.xml"])
write("sitemaps/index.xml", f'<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</sitemapindex>')
write("robots.txt", "User-agent: *\nDisallow: /private/\n" + "".join(
    f"Sitemap: {base}/sitemaps/{name}.xml\n" for name in ("index", "empty", "none", "refused")))

for page in sorted(set(pages) - set(orphans)):
    path = os.path.join(root, page)
    html = open(path, encoding="utf-8").read()
    origin = page
    if origin in titles:
        title = titles[origin]
        html = re.sub(r"<title>.*?</title>", "" if title is None else f"<title>{title}</title>".replace(" & ", " &amp; "), html, count=1, flags=re.S)
    html = html.replace("</head>", "".join(heads.get(page, [])) + "</head>", 1)
    html = html.replace("</body>", "".join(bodies.get(page, [])) + "</body>", 1)
    with open(path, "w", encoding="utf-8") as out:
        out.write(html)
with open(os.path.join(site, "answers.json"), "w") as out:
    json.dump(answers, out, indent=1, sort_keys=True)
print(f"{len(pages)} pages, {len(answers)} answers of their own")
