#!/usr/bin/env python3
"""growth.py RESULTS.jsonl SAMPLES_PREFIX: one row a size. The slope of memory is a least-squares line through the
samples of the second half of the pages; the halves' speeds are of the same samples."""
import json, sys


def slope(points):
    n = len(points)
    if n < 3:
        return None
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    d = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / d if d else None


print("| pages | wall s | pages/s | first half | second half | CPU µs a page | server's | peak MB | slope, MB per 10,000 pages | DB bytes a page | bytes written a page | dups |")
print("|" + "--:|" * 12)
for line in open(sys.argv[1]):
    r = json.loads(line)
    n = r["pages"]
    s = [dict(t=0, pages=0, rss=0)] + [json.loads(l) for l in open(f"{sys.argv[2]}-{r['name']}.samples")]
    end = max(s, key=lambda x: (x["pages"], -x["t"]))
    mid = min(s, key=lambda x: abs(x["pages"] - n / 2))
    speed = lambda a, b: f"{(b['pages'] - a['pages']) / (b['t'] - a['t']):,.0f}" if b["t"] > a["t"] else "–"
    k = slope([(x["pages"] / 1e4, x["rss"] / 1e6) for x in s if n / 2 <= x["pages"] < n])
    print(f"| {n:,} | {r['wall']:.1f} | {n / r['wall']:,.0f} | {speed(s[0], mid)} | {speed(mid, end)} | {r['us_page']:.0f} | "
          f"{r['server_cpu'] * 1e6 / n:.0f} | {r['rss_mb']:.0f} | {'–' if k is None else f'{k:.2f}'} | {r['db_mb'] * 1e6 / n:,.0f} | "
          f"{r['written_mb'] * 1e6 / n:,.0f} | {r['dup_html']} |")
