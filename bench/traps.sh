#!/usr/bin/env bash
# Webs without an end: does a crawl end by itself, and with all real pages? And an archive of near-equal pages: does it lose none?
# usage: traps.sh [-m max_pages] [-a archive_pages] [SITE...] [-- OPTIONS OF crawl]
#        (default: 5000; 5000; calendar shop facets archive items)
# `items` is an archive of a tenth as many pages with ten items each. The archives' limit is three times what they have.
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
max=5000 archive=5000
while getopts m:a: f; do case $f in m) max=$OPTARG ;; a) archive=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
sites=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do sites+=("$1"); shift; done
[ $# = 0 ] || shift
[ ${#sites[@]} -gt 0 ] || sites=(calendar shop facets archive items)
set=$(fresh traps) res=$BENCH_DIR/results/$(basename "$set").jsonl
for site in "${sites[@]}"; do
  limit=$max
  case $site in
    archive) serve archive "$archive"; limit=$((archive * 3)) ;;
    items) serve archive $((archive / 10)) 10; limit=$((archive * 11 / 10 * 3)) ;;
    *) serve "$site" ;;
  esac
  one "$res" "$site" "$set/$site" 600 --web "$WEB" -- "$CRAWL" --seed "$WEB/" --rate unlimited --max-pages "$limit" --no-files -q -o "$set/$site/crawl" "$@"
done
"$PY" - "$res" << 'P'
import json, sys
how = {0: "by itself", 11: "cut by --max-pages"}
print("| site | requests | real pages | of | all | others | again | ended | seconds |\n|---|--:|--:|--:|---|--:|--:|---|--:|")
for r in map(json.loads, open(sys.argv[1])):
    w = r["web"]
    print(f"| {r['name']} | {w['requests']:,} | {w['pages']:,} | {w['real']:,} | {'yes' if w['pages'] == w['real'] else '**no**'} | {w['more']:,} | {w['dup_html']:,} | {how.get(r['rc'], 'exit code ' + str(r['rc']))} | {r['wall']:.1f} |")
P
