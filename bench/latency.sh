#!/usr/bin/env bash
# Waiting for others: 1,000 pages, each answer 100 ms late, 100 connections. Ideal: robots.txt, index, ten rounds = 1.2 s.
# usage: latency.sh [-n rounds] [-j concurrency] [NAME[=COMMAND]...]        (default: crawl spider)
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=3 conc=100 pages=1000 delay=100
while getopts n:j: f; do case $f in n) rounds=$OPTARG ;; j) conc=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- crawl spider
set=$(fresh latency) res=$BENCH_DIR/results/$(basename "$set").jsonl
serve latency $pages $delay
for r in $(seq "$rounds"); do for spec in "$@"; do
  name=${spec%%=*} out=$set/${spec%%=*}-$r
  one "$res" "$name" "$out" "$(cap_of "$name" 150)" --web "$WEB" -- $(cmd_of "$spec" "$WEB/" "$out" "$conc")
done; done
ideal=$(awk "BEGIN { print (2 + int(($pages + $conc - 1) / $conc)) * $delay / 1000 }")
"$PY" "$HERE/table.py" -i "$ideal" -c wall,ideal,us_page,rss,pages,dups,connections,inflight "$res"
