#!/usr/bin/env bash
# Many hosts, each at a pace: the share that is used of what the pace permits, and whether it is kept.
# usage: hosts.sh [-h hosts] [-r requests_a_second_and_host] [-t seconds] [-- OPTIONS OF crawl]   (default: 1000, 1, 30)
# Each host is an address of 127.0.0.0/8; each answers at once and has 100,000 pages. robots.txt counts as a request.
# The gap is that of two arrivals at the server: what delays the former (a connection being made, a busy machine) shortens it.
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
hosts=1000 rate=1 seconds=30
while getopts h:r:t: f; do case $f in h) hosts=$OPTARG ;; r) rate=$OPTARG ;; t) seconds=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
set=$(fresh hosts) res=$BENCH_DIR/results/$(basename "$set").jsonl
for i in $(seq 0 $((hosts - 1))); do echo "http://127.1.$((i / 250)).$((i % 250 + 1)):$WEB_PORT/"; done > "$set/seeds"
serve hosts 100000
one "$res" crawl "$set/1" $((seconds + 60)) --web "$WEB" -- "$CRAWL" --input-file "$set/seeds" --rate "$rate/s" --host-concurrency 2 \
  --concurrency 256 --time-limit "${seconds}s" -q -o "$set/1/crawl" "$@"
"$PY" - "$res" "$hosts" "$rate" "$seconds" << 'P'
import json, sys
r = [json.loads(l) for l in open(sys.argv[1])][-1]
hosts, rate, seconds = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
w = r["web"]
# the first of each host goes at once, the others at their pace
span = max((w["last_us"] - w["first_us"]) / 1e6, seconds - 1)
permitted = hosts * (1 + int(rate * span))
print("| hosts | pace | seconds | requests | permitted | share | between a host's first and last: share, mean | least | requests a host: least, median, most | least gap ms | CPU µs a request | peak MB |")
print("|" + "--:|" * 12)
print(f"| {w['hosts']:,} | {rate:g}/s | {span:.1f} | {w['requests']:,} | {permitted:,} | {100 * w['requests'] / permitted:.1f}% | {100 * w['pace_mean'] / rate:.1f}% | {100 * w['pace_least'] / rate:.1f}% | "
      f"{w['host_least']}, {w['host_median']}, {w['host_most']} | {w['gap_ms']} | {r['cpu'] * 1e6 / w['requests']:.0f} | {r['rss_mb']:.0f} |")
P
