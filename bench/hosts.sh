#!/usr/bin/env bash
# Many hosts, each at a pace: the share that is used of what the pace permits, and whether it is kept, by the server's log.
# usage: hosts.sh [-d] [-h hosts] [-r requests_a_second_and_host] [-t seconds] [-l least_ms,most_ms] [-c concurrency] [-- OPTIONS OF crawl]
#        (default: 1000, 1, 120, 50,500, 1024)
#   -d   direct: each host is an address of 127.0.0.0/8. Else each is a name, and all are asked through one HTTP proxy.
# Each answer is late by a time that is drawn for its URL. robots.txt counts as a request; each host has 100,000 pages.
# law.py says what counts as broken; the script then ends with exit code 1.
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
hosts=1000 rate=1 seconds=120 late=50,500 conc=1024 direct="" form="by proxy"
while getopts dh:r:t:l:c: f; do case $f in d) direct=1 form=direct ;; h) hosts=$OPTARG ;; r) rate=$OPTARG ;; t) seconds=$OPTARG ;; l) late=$OPTARG ;; c) conc=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
set=$(fresh hosts) res=$BENCH_DIR/results/$(basename "$set").jsonl
if [ -n "$direct" ]; then
  for i in $(seq 0 $((hosts - 1))); do echo "http://127.1.$((i / 250)).$((i % 250 + 1)):$WEB_PORT/"; done > "$set/seeds"
else
  seq -f 'http://h%.0f.example/' 0 $((hosts - 1)) > "$set/seeds"
  set -- --proxy "$WEB" --allow-private "$@"   # no name is looked up
fi
serve hosts 100000 "${late%,*}" "${late#*,}"
one "$res" crawl "$set/1" $((seconds + 60)) --web "$WEB" -- "$CRAWL" --input-file "$set/seeds" --rate "$rate/s" --host-concurrency 2 \
  --concurrency "$conc" --time-limit "${seconds}s" -q -o "$set/1/crawl" "$@"
curl -sf "$WEB/-/log" > "$set/log"
kept=0; law=$("$PY" "$HERE/law.py" "$set/log" "$rate" -s "$seconds" -g "$hosts") || kept=1
"$PY" - "$res" "$law" "$rate" "$late" "$form" "$hosts" << 'P'
import json, sys
r, w, (rate, late, form, hosts) = [json.loads(l) for l in open(sys.argv[1])][-1], json.loads(sys.argv[2]), sys.argv[3:]
print("| hosts | form | pace | late, ms | seconds | requests | permitted | share | of the least host | gap ms: least | but for each host's first | median | before its token, most ms | in flight a host, most | hosts where broken: gap, bucket, cap | connections | CPU µs a request | peak MB |")
print("|--:|---" + "|--:" * 16 + "|")
print(f"| {w['hosts']:,}{'' if w['hosts'] == int(hosts) else ' of ' + hosts} | {form} | {rate}/s | {late} | {w['span']:.1f} | {w['requests']:,} | {w['permitted']:,} | {100 * w['share']:.1f}% | {100 * w['share_least']:.1f}% | {w['gap_least_ms']} | {w['gap_least_later_ms']} | "
      f"{w['gap_median_ms']} | {w['early_most_ms']} | {w['most_in_flight']} | {w['broken_gap']}, {w['broken_bucket']}, {w['broken_cap']} | {r['connections']:,} | {r['cpu'] * 1e6 / w['requests']:.0f} | {r['rss_mb']:.0f} |")
if r["rc"] != 11:
    print(f"\nThe crawl ended with exit code {r['rc']}, not by the time limit.")
if r["other_share"] > 0.05:
    print(f"\nOthers used {100 * r['other_share']:.0f}% of the machine meanwhile.")
P
exit $kept
