#!/usr/bin/env python3
"""queue.py RESULTS.jsonl: the table of queue.sh; medians, each size beside the first one. The CPU is of start and end, too."""
import collections, json, statistics as st, sys

rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    r = json.loads(line)
    rows[tuple(r["name"].split())].append(r)
first = next(iter(rows))[0]


def rate(r):
    return r["requests"] / max(r["first_to_last"], 0.001)


def median(runs, figure):
    return st.median(map(figure, runs))


print("| URLs waiting | hosts | requests | page cache | a second | x the small one | CPU µs a request | peak MB | to the first request, ms | most | from the last answer to the exit, s | requests | of these robots.txt | connections | exit |")
print("|--:|--:|---|---|" + "--:|" * 11)
for (size, what, cache), runs in rows.items():
    urls, hosts = map(int, size.split(":"))
    base = rows[first, what, cache]
    cpu = lambda r: r["cpu"] * 1e6 / max(r["requests"], 1)
    beside = f"{median(runs, rate) / median(base, rate):.2f}" if size != first and base else ""
    to_first = [r["to_first"] * 1e3 if r["requests"] else float("inf") for r in runs]
    print(f"| {urls:,} | {hosts:,} | {what} | {cache} | {median(runs, rate):,.0f} | {beside} | {median(runs, cpu):,.0f} | {max(r['rss_mb'] for r in runs):,.0f} | {st.median(to_first):,.0f} | {max(to_first):,.0f} | {median(runs, lambda r: r['wall'] - r['to_first'] - r['first_to_last']):.1f} | "
          f"{median(runs, lambda r: r['requests']):,.0f} | {median(runs, lambda r: r['web']['robots']):,.0f} | {median(runs, lambda r: r['connections']):,.0f} | {', '.join(sorted({str(r['rc']) for r in runs}))} |")
others = max(r["other_share"] for runs in rows.values() for r in runs)
if others > 0.05:
    print(f"\nOthers used up to {100 * others:.0f}% of the machine meanwhile.")
