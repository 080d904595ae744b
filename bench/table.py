#!/usr/bin/env python3
"""table.py [-b BASE] [-i IDEAL_S] [-c COLUMNS] RESULTS.jsonl...: one Markdown row a crawler, medians of its runs; "±" is half of the
distance between the least and the greatest in percent of the median. Ratios against BASE (default spider), by corpus.
COLUMNS: names from the list below, with commas between."""
import argparse, collections, json, statistics as st

a = argparse.ArgumentParser()
a.add_argument("-b", default="spider")
a.add_argument("-i", type=float, help="the ideal wall, seconds")
a.add_argument("-c", default="wall,user,sys,us_page,rss,pages,covered,dups,written,x_cpu,x_wall")
a.add_argument("files", nargs="+")
o = a.parse_args()
rows = collections.defaultdict(list)
for f in o.files:
    for line in open(f):
        r = json.loads(line)
        # a crawler that had to be ended was done when its last answer had come
        r["done"] = r["first_to_last"] if r["timed_out"] else r["wall"]
        rows[r["corpus"], r["name"]].append(r)


def med(rs, key):
    return st.median(key(r) if callable(key) else r.get(key) or 0 for r in rs)


def num(key, digits, spread=False):
    def show(rs, _):
        m = med(rs, key)
        v = [r.get(key) or 0 for r in rs] if spread else [m]
        return f"{m:,.{digits}f}" + (f" ±{50 * (max(v) - min(v)) / m:.0f}%" if len(v) > 1 and m else "")
    return show


def ratio(key):
    return lambda rs, base: f"{med(rs, key) / med(base, key):.2f}" if base and med(base, key) else "–"


COLUMNS = {
    "wall": ("wall s", num("done", 2, True)),
    "ideal": (f"x ideal ({o.i:g} s)" if o.i else "x ideal", lambda rs, _: f"{med(rs, 'done') / o.i:.2f}"),
    "user": ("CPU user s", num("user", 2)),
    "sys": ("CPU sys s", num("sys", 2)),
    "us_page": ("CPU µs a page", num("us_page", 0, True)),
    "rss": ("peak MB", num("rss_mb", 0)),
    "pages": ("pages", num("pages", 0)),
    "covered": ("covered", lambda rs, _: f"{100 * med(rs, 'covered') / rs[0]['reachable']:.1f}%" if rs[0].get("reachable") else "–"),
    "dups": ("dups", num("dup_html", 0)),
    "written": ("MB written", num("written_mb", 0)),
    "requests": ("requests", num("requests", 0)),
    "connections": ("connections", num("connections", 0)),
    "protocol": ("protocol", lambda rs, _: " ".join(sorted({p for r in rs for p in r.get("protocols", {})}))),
    "served": ("MB served", num("served_mb", 1)),
    "inflight": ("most in flight", num("inflight_seen", 0)),
    "per_s": ("pages/s", num(lambda r: r["pages"] / r["done"], 0)),
    "server": ("server CPU s", num("server_cpu", 2)),
    "others": ("others' share", num("other_share", 2)),
    "x_cpu": (f"CPU a page: x {o.b}", ratio("us_page")),
    "x_wall": (f"wall a page: x {o.b}", ratio(lambda r: r["done"] / max(r["pages"], 1))),
}
columns = o.c.split(",")
several = len({c for c, _ in rows}) > 1
print("| " + "corpus | " * several + "crawler | n | " + " | ".join(COLUMNS[c][0] for c in columns) + " |")
print("|" + "---|" * several + "---|--:|" + "--:|" * len(columns))
notes = []
for (corpus, name), rs in sorted(rows.items(), key=lambda kv: (kv[0][0], med(kv[1], "us_page") or 1e9)):
    base = rows.get((corpus, o.b))
    print("| " + f"{corpus} | " * several + f"{name} | {len(rs)} | " + " | ".join(COLUMNS[c][1](rs, base) for c in columns) + " |")
    who = f"{corpus} {name}".strip()
    ends = collections.Counter("ended by us" if r["timed_out"] else f"exit code {r['rc']}" for r in rs if r["timed_out"] or r["rc"] not in (0, 11))
    notes += [f"{who}: {k}, {n} of {len(rs)} runs" for k, n in ends.items()]
    if not all(r.get("pages") for r in rs):
        notes.append(f"{who}: INVALID, fetched nothing (see its .stderr)")
    elif any(r.get("reachable") and r["covered"] < .95 * r["reachable"] for r in rs):
        notes.append(f"{who}: INVALID, covers less than 95%")
    if any(r["cpu"] < .05 and (r.get("pages") or 0) > 1000 for r in rs):
        notes.append(f"{who}: INVALID, its CPU was not counted")
    if any(k >= "500" for r in rs for k in r.get("non200", {})):
        notes.append(f"{who}: INVALID, the server answered 5xx")
    if any(len(r.get("agents", {})) > 1 for r in rs):
        notes.append(f"{who}: somebody else used the server: {rs[0]['agents']}")
    if med(rs, "other_share") > .05:
        notes.append(f"{who}: others had {100 * med(rs, 'other_share'):.0f}% of the cores")
if notes:
    print("\n" + "; ".join(notes) + ".")
