#!/usr/bin/env python3
"""start.py new WEB CRAWL DIR STARTS | start.py known WEB CRAWL DIR KNOWN: see start.sh."""
import json, signal, statistics as st, subprocess, sys, time, urllib.request

what, url, crawl, out, n = sys.argv[1:5] + [int(sys.argv[5])]


def web(order):
    with urllib.request.urlopen(f"{url}/-/{order}", timeout=30) as r:
        return json.loads(r.read() or b"{}")


def command(to, *more):
    return [crawl, "--seed", url + "/", "--rate", "unlimited", "--host-concurrency", "64", "--concurrency", "64", "-q", "-o", f"{out}/{to}", *more]


def start(to, *more, until=None, kill=None):
    """(seconds to the first request, to the first page, in all): to its end, or to a signal after `until` pages"""
    web("reset")
    t0 = time.time()
    p = subprocess.Popen(command(to, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while until and web("stats")["pages"] < until and p.poll() is None:
        time.sleep(0.02)
    if until:
        p.send_signal(kill)
    p.wait()
    s = web("stats")
    if not s["first_us"]:
        sys.exit(f"start.py: no request came from {' '.join(command(to, *more))} (exit code {p.returncode})")
    return s["first_us"] / 1e6 - t0, s["first_page_us"] / 1e6 - t0, time.time() - t0


if what == "new":
    t = [start(f"new-{i}") for i in range(n)]
    print("| a new crawl of 2 pages | median | least | most |\n|---|--:|--:|--:|")
    for i, name in enumerate(("to the first request, ms", "to the first page's request, ms", "to the end, ms")):
        v = [x[i] * 1e3 for x in t]
        print(f"| {name} | {st.median(v):.1f} | {min(v):.1f} | {max(v):.1f} |")
else:
    hubs = -(-n // 20000)
    limit = "--no-files", "--max-pages", str(hubs + 1)
    made = start("known", *limit)[2]
    urls = int(subprocess.run([crawl, "query", "-o", f"{out}/known", "-f", "csv", "SELECT count(*) FROM urls"], capture_output=True, text=True).stdout.split()[-1])
    limit = "--no-files", "--max-pages", str(hubs + 1 + n)
    print(f"\n| a crawl that goes on, {urls:,} known URLs (made in {made:.1f} s, {urls / made:,.0f} a second) | to the first request, ms | to the first page's, ms |\n|---|--:|--:|")
    for name, kill in (("after the end by a limit", signal.SIGKILL), ("after kill -9", signal.SIGKILL), ("after kill -9, again", signal.SIGTERM), ("after SIGTERM", signal.SIGKILL)):
        a, b, _ = start("known", *limit, until=500, kill=kill)
        print(f"| {name} | {a * 1e3:.0f} | {b * 1e3:.0f} |")
