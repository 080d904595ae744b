#!/usr/bin/env bash
# A long life: a web of a million pages on 2,000 hosts, with a few percent of every fault (bench/web, `soak`), crawled to
# its end while others read. Do memory, files, threads and speed stay as they are, and does the log stay short?
# usage: soak.sh [-n pages] [-h hosts] [-c concurrency] [-f OUT.svg] [-- OPTIONS OF crawl]   (default: 1000000, 2000, 256)
#   -f   draw the curves there, too
# soak_watch.py takes the samples, soak_fit.py makes of them the table and the curves. It ends with exit code 1 if the
# crawl did not end by itself, if pages were missed, a kind of fault has no row, the accounts do not add up, or a slope
# is over 1 % of the mean for 100,000 pages. The outputs (some 10 GB at a million) stay in BENCH_DIR/out.
set -euo pipefail
. "$(dirname "$0")/env.sh"
pages=1000000 hosts=2000 conc=256 svg=""
while getopts n:h:c:f: f; do case $f in n) pages=$OPTARG ;; h) hosts=$OPTARG ;; c) conc=$OPTARG ;; f) svg=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
set=$(fresh soak) out=$set/crawl
seq -f 'http://h%.0f.example/' 0 $((hosts - 1)) > "$set/seeds"
serve soak "$pages" "$hosts"

# Not adaptive: a host whose faults have nothing to do with its load would be asked every 30 s, and the end take hours.
weighted "$CRAWL" --input-file "$set/seeds" --proxy "$WEB" --allow-private --rate unlimited --host-concurrency 4 --adaptive=false \
  --concurrency "$conc" --timeout 5s --read-timeout 2s --progress json -o "$out" "$@" > "$set/stdout" 2> "$set/stderr" & pid=$!
trap 'kill "$pid" 2> /dev/null || true; unserve' EXIT

# read_on NAME PAUSE ARGUMENTS...: asks again and again as long as the crawl goes on, and notes how long each answer takes.
read_on() {
  local name=$1 pause=$2 begin end; shift 2
  while kill -0 "$pid" 2> /dev/null; do
    begin=$(date +%s%N)
    "$CRAWL" "$@" > /dev/null 2>> "$set/readers.err" || echo "$name failed" >> "$set/readers.err"
    end=$(date +%s%N)
    echo "$name $(((end - begin) / 1000000))" >> "$set/readers"
    sleep "$pause"
  done
}
until [ -s "$out/crawl.db" ] || ! kill -0 "$pid"; do sleep 0.1; done
sleep 1
read_on status 10 status -o "$out" &
read_on statuses 60 query -o "$out" 'SELECT status, count(*) FROM pages GROUP BY status' &
read_on errors 60 query -o "$out" errors --format csv &
read_on why 10 why -o "$out" http://h1.example/ &
# Somebody who looks at an answer as long as the crawl goes on: it is longer than a pipe holds.
("$CRAWL" query -o "$out" 'SELECT * FROM links' | (head -c 100; while kill -0 "$pid" 2> /dev/null; do sleep 1; done) > /dev/null) 2>> "$set/readers.err" &

"$PY" "$HERE/soak_watch.py" "$pid" "$out" "$set/stderr" > "$set/samples.csv"
rc=0; wait "$pid" || rc=$?
curl -sf "$WEB/-/stats" > "$set/web.json"
"$PY" "$HERE/soak_fit.py" "$set" "$rc" ${svg:+"$svg"}
