#!/usr/bin/env bash
# Does it stay as fast and as small when the site grows? A manual of N pages (28 KB, 75 links each), crawled to its end.
# usage: grow.sh [-f] [SIZE...]        (default: 10000 100000; 1000000 takes minutes and some GB)
#   -f   write the bodies to files, too (28 GB at a million)
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
files=--no-files
while getopts f f; do case $f in f) files="" ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- 10000 100000
set=$(fresh grow) res=$BENCH_DIR/results/$(basename "$set")
for n in "$@"; do
  serve grow "$n"
  one "$res.jsonl" "$n" "$set/$n" 7200 --web "$WEB" --samples "$res-$n.samples" -- \
    $(cmd_of crawl "$WEB/" "$set/$n" 64) $files --max-pages "$n"
done
"$PY" "$HERE/growth.py" "$res.jsonl" "$res"
