#!/usr/bin/env bash
# Compares crawlers on one corpus: in turn, several rounds, each run into a directory of its own.
# usage: compare.sh [-c mid|big|heavy] [-n rounds] [-j concurrency] [-t timeout_s] [-b base] [-o results.jsonl] NAME[=COMMAND]...
#   NAME       one of peers.sh (crawl spider scrapy scrapy-fast wget wget2 httrack crawlee)
#   NAME=CMD   any other command; {url} {out} {conc} are filled in: 'old=/path/to/crawl --seed {url} -q -o {out}/crawl'
# One JSON line a run goes to results/, the table (medians; ratios against the base, default spider) to standard output.
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
corpus=mid rounds=5 conc=64 cap=900 base=spider res=""
while getopts c:n:j:t:b:o: f; do case $f in
  c) corpus=$OPTARG ;; n) rounds=$OPTARG ;; j) conc=$OPTARG ;; t) cap=$OPTARG ;; b) base=$OPTARG ;; o) res=$OPTARG ;; *) exit 2 ;;
esac; done; shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
url=$(url_of "$corpus") reach=$BENCH_DIR/reach/$corpus.txt files=$BENCH_DIR/corpora/$corpus set=$(fresh "compare-$corpus")
res=${res:-$BENCH_DIR/results/$(basename "$set").jsonl}
curl -sf -o /dev/null "$url" || die "$url does not answer: run corpora.sh"
[ -s "$reach" ] || "$PY" "$HERE/reach.py" "$files" "$reach" > "$BENCH_DIR/reach/$corpus.json"
for spec in "$@"; do cmd_of "$spec" "$url" out "$conc" > /dev/null; done
find "$files" -name '*.htm*' -exec cat {} + > /dev/null # the same warm page cache for all
for r in $(seq "$rounds"); do for spec in "$@"; do
  name=${spec%%=*} out=$set/${spec%%=*}-$r
  one "$res" "$name" "$out" "$(cap_of "$name" "$cap")" --corpus "$corpus" --reach "$reach" \
    --log "$BENCH_DIR/nginx/logs/$corpus.log" --nginx-pid-file "$BENCH_DIR/nginx/nginx.pid" -- $(cmd_of "$spec" "$url" "$out" "$conc")
done; done
"$PY" "$HERE/table.py" -b "$base" "$res"
echo "figures: $res; outputs: $set (remove them when no further run follows soon)" >&2
