#!/usr/bin/env python3
"""Figures from an nginx access log in the harness's format.
As a program: logstats.py LOG [START_OFFSET] [REACH_FILE]."""
import collections, json, sys


def canon(uri):
    """The page a request URI names: '/x/' and '/x/index.html' are one page."""
    u = uri.split("#", 1)[0]
    path, q, query = u.partition("?")
    if path.endswith("/index.html"):
        path = path[:-10]
    return path + q + query


def stats(log, start=0, reach=None):
    ok, status, conns, events = collections.Counter(), collections.Counter(), set(), []
    req = other = byts = 0
    uris, agents, protocols = collections.Counter(), collections.Counter(), collections.Counter()
    first = last = None
    with open(log, "rb") as f:
        f.seek(start)
        for line in f:
            v = line.decode("utf-8", "replace").rstrip("\n").split("\t")
            if len(v) < 10:
                continue
            end, dur, conn, st, ct, n, meth, uri = float(v[0]), float(v[1]), v[2], v[4], v[5], int(v[6]), v[7], v[8]
            req += 1
            status[st] += 1
            conns.add(conn)
            byts += n
            uris[meth + uri] += 1
            agents[v[9][:24]] += 1
            protocols[v[10] if len(v) > 10 else "-"] += 1
            events.append((end - dur, 1))
            events.append((end, -1))
            first = end - dur if first is None else min(first, end - dur)
            last = end if last is None else max(last, end)
            if st == "200" and meth == "GET":
                if ct.startswith("text/html"):
                    ok[uri] += 1
                else:
                    other += 1
    pages = {}
    for u, c in ok.items():
        pages[canon(u)] = pages.get(canon(u), 0) + c
    paths = {p.split("?", 1)[0] for p in pages}
    events.sort(key=lambda e: (e[0], e[1]))
    cur = mx = 0
    for _, d in events:
        cur += d
        mx = max(mx, cur)
    r = dict(requests=req, html200=sum(ok.values()), pages=len(paths), pages_with_query=len(pages),
             dup_html=sum(ok.values()) - len(pages), dup_requests=sum(c - 1 for c in uris.values()), other200=other,
             non200={k: v for k, v in status.items() if k != "200"}, served_mb=round(byts / 1e6, 1),
             connections=len(conns), inflight_seen=mx, agents=dict(agents.most_common(4)), protocols=dict(protocols),
             first_to_last=round(last - first, 3) if first is not None else 0)
    if reach is not None:
        rp = {canon(p).split("?", 1)[0] for p in reach}
        r.update(reachable=len(rp), covered=len(rp & paths), extra=len(paths - rp))
    return r


if __name__ == "__main__":
    reach = set(open(sys.argv[3]).read().split("\n")) - {""} if len(sys.argv) > 3 else None
    print(json.dumps(stats(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0, reach), indent=1))
