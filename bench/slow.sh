#!/usr/bin/env bash
# Few and slow answers. Five pages of 3 s each behind an index that comes at once: ideal 3 s, all five together.
# Then 100 pages one after the other, each answer 50 ms late: crawl with one connection against a bare loop that keeps
# one connection and stores nothing. What is above 1 is what a crawl loses between two requests.
# Last 1,000 pages of 10 ms: the bare loop, at some 100 requests a second, against crawl with 100 connections.
# usage: slow.sh [-n rounds]
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=3
while getopts n: f; do case $f in n) rounds=$OPTARG ;; *) exit 2 ;; esac; done
set=$(fresh slow) res=$BENCH_DIR/results/$(basename "$set")
serve slow 5 3000
for r in $(seq "$rounds"); do for n in crawl spider; do
  one "$res-five.jsonl" $n "$set/five-$n-$r" 60 --web "$WEB" -- $(cmd_of $n "$WEB/" "$set/five-$n-$r" 16)
done; done
serve latency 100 50
for r in $(seq "$rounds"); do
  one "$res-serial.jsonl" "bare loop" "$set/loop-$r" 60 --web "$WEB" -- "$PY" "$HERE/serial.py" "$WEB" 100
  one "$res-serial.jsonl" crawl "$set/serial-$r" 60 --web "$WEB" -- $(cmd_of crawl "$WEB/" "$set/serial-$r" 1)
done
serve latency 1000 10
for r in $(seq "$rounds"); do
  one "$res-many.jsonl" "bare loop" "$set/many-loop-$r" 60 --web "$WEB" -- "$PY" "$HERE/serial.py" "$WEB" 1000
  one "$res-many.jsonl" crawl "$set/many-$r" 60 --web "$WEB" -- $(cmd_of crawl "$WEB/" "$set/many-$r" 100)
done
echo "Five pages of 3 s:"; echo
"$PY" "$HERE/table.py" -i 3 -c wall,ideal,pages,inflight "$res-five.jsonl"
echo; echo "One after the other, 100 pages of 50 ms (x ideal is of 102 answers):"; echo
"$PY" "$HERE/table.py" -b "bare loop" -i 5.1 -c wall,ideal,pages,connections,x_wall "$res-serial.jsonl"
echo; echo "One after the other against 100 at once, 1,000 pages of 10 ms:"; echo
"$PY" "$HERE/table.py" -b "bare loop" -c wall,per_s,pages,connections,x_wall "$res-many.jsonl"
