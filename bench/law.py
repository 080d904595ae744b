#!/usr/bin/env python3
"""law.py LOG RATE [-b BURST] [-c CAP] [-s SECONDS] [-g HOSTS]: the server's log of requests by host (`GET /-/log` of web hosts)
against a pace. JSON with one figure a name; exit code 1 where a rule was broken.

Rules, for each host, by arrivals at the server (what delays one of two, such as a connection being made, moves them nearer):
  gap     with a burst of 1, two arrivals are 1/RATE apart, less 5% or 50 ms, whichever is more
  bucket  in no window are there more arrivals than BURST + RATE x (its length + 50 ms)
  cap     at most CAP are between arrival and the last byte of their answer
Broken are so many hosts. Permitted are, for each of HOSTS, a first request and RATE a second for what is left of SECONDS after the first request of all."""
import argparse, collections, json, statistics as st, sys

a = argparse.ArgumentParser()
a.add_argument("log")
a.add_argument("rate", type=float)
a.add_argument("-b", type=int, default=1)
a.add_argument("-c", type=int, default=2)
a.add_argument("-s", type=float, default=0)
a.add_argument("-g", type=int, default=0)
o = a.parse_args()

hosts, last = collections.defaultdict(list), 0
for line in open(o.log):
    host, begin, end, _ = line.rstrip("\n").split("\t")
    hosts[host].append((int(begin) / 1e6, int(end) / 1e6 or None))
    last = max(last, int(begin) / 1e6)
if not hosts:
    sys.exit("law.py: the log is empty")
first = min(h[0][0] for h in hosts.values())
interval = 1 / o.rate
allowed = interval - max(0.05 * interval, 0.05)
gaps, later, early, most, broken = [], [], 0.0, 0, {"gap": set(), "bucket": set(), "cap": set()}


def holds(rule, host, kept):
    if not kept:
        broken[rule].add(host)


for host, h in hosts.items():
    due = None  # of the bucket, as a time: GCRA
    for i, (begin, _) in enumerate(h):
        if i:
            gaps.append(begin - h[i - 1][0])
            later += gaps[-1:] * (i > 1)
            holds("gap", host, o.b > 1 or gaps[-1] >= allowed)
        if due is not None:
            before = due - (o.b - 1) * interval - begin
            early = max(early, before)
            holds("bucket", host, before <= 0.05)
        due = max(due or begin, begin) + interval
    # an answer that ends when the next request arrives is not in flight any more
    edges = sorted([(b, 1) for b, _ in h] + [(e, -1) for _, e in h if e] + [(last, -1) for _, e in h if not e])
    now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
        holds("cap", host, now <= o.c)
span = max(last - first, o.s - 1)
each = 1 + int(o.rate * span)
shares = [min(1, len(h) / each) for h in hosts.values()] + [0] * (o.g - len(hosts))
requests = sum(map(len, hosts.values()))
print(json.dumps(dict(
    hosts=len(hosts), requests=requests, span=round(span, 2), permitted=each * max(o.g, len(hosts)),
    share=round(st.mean(shares), 4), share_least=round(min(shares), 4),
    gap_least_ms=round(min(gaps, default=0) * 1e3, 1), gap_least_later_ms=round(min(later, default=0) * 1e3, 1), gap_median_ms=round(st.median(gaps or [0]) * 1e3, 1),
    early_most_ms=round(early * 1e3, 1), most_in_flight=most,
    **{f"broken_{rule}": len(by) for rule, by in broken.items()})))
sys.exit(any(broken.values()))
