#!/usr/bin/env bash
# How large may the queue be? Crawls that go on with so many URLs waiting over so many hosts, beside small ones: requests a second,
# memory, time to the first request; with a cold page cache (needs root) and a warm one.
# usage: queue.sh [-n rounds] [-t seconds] [-k DIR] [SIZE...]
#        a SIZE is URLS:HOSTS; each is measured against the first one of the same line, so small ones come first
#        (default: 2 rounds of 20 s, in each the small ones five times; 10000:1000 1000000:100000, then 10000:100 10000000:1000)
#   -k   keep the databases there, and take them from there: ten million URLs take minutes to make. One that was made by an
#        older program is brought up to date in each copy, and the time to the first request then tells of that.
# A queue is made by the program itself: hubs of 20,000 links each are read, while every other host has to wait an hour.
# Then the same crawl goes on, a copy of it for each run, through a proxy that answers at once:
#   claims   --ignore-robots, and each answer is the last of its connection: each request costs the same, whatever its host
#   usual    robots.txt is asked for, connections are kept: what a new host costs is in it, and more so in the larger crawl
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=2 seconds=20 keep=""
while getopts n:t:k: f; do case $f in n) rounds=$OPTARG ;; t) seconds=$OPTARG ;; k) keep=$(realpath -m "$OPTARG") ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
if [ $# = 0 ]; then
  options=(-n "$rounds" -t "$seconds" ${keep:+-k "$keep"})
  "$0" "${options[@]}" 10000:1000 1000000:100000
  echo
  exec "$0" "${options[@]}" 10000:100 10000000:1000
fi
set=$(fresh queue) res=$BENCH_DIR/results/$(basename "$set").jsonl
queues=${keep:-$set/queues}
mkdir -p "$queues"
common=(--seed http://hub.example/ --scope any --proxy "$WEB" --allow-private --no-files -q)
cat > "$set/slow.toml" << 'C'
[politeness]
rate = "1/h"
[[host]]
match = "hub.example"
rate = "unlimited"
C

make_queue() { # make_queue URLS HOSTS DIR: the seed first; hosts that are met in a later start wait before their first request
  local hubs=$((($1 + 19999) / 20000)) pages t0=$SECONDS
  [ ! -e "$3.made" ] || return 0
  rm -rf "$3"
  serve queue "$1" "$2"
  for pages in 1 "$hubs"; do
    "$CRAWL" "${common[@]}" --config "$set/slow.toml" --max-pages "$pages" -o "$3" 2>> "$set/made.stderr" || [ $? = 11 ]
  done
  echo "$1 URLs over $2 hosts: made in $((SECONDS - t0)) s, $(du -m "$3/crawl.db" | cut -f 1) MB" >&2
  # What is in the log goes into the database: each run begins with the same.
  "$PY" -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA wal_checkpoint(TRUNCATE)")' "$3/crawl.db"
  touch "$3.made"
}
measure() { # measure NAME DIR OPTIONS...: a copy goes on
  local name=$1 from=$2 to; shift 2
  to=$(mktemp -d "$set/run-XXXXXX")
  cp -r --reflink=auto "$from" "$to/crawl"; sync -f "$to"
  case $name in
    *cold*) { sync; echo 3 > /proc/sys/vm/drop_caches; } 2> /dev/null || { echo "not root: cold is left out" >&2; return; } ;;
    *) cat "$to"/crawl/crawl.db* > /dev/null ;;
  esac
  one "$res" "$name" "$to" $((seconds + 120)) --web "$WEB" -- "$CRAWL" "${common[@]}" --rate unlimited --time-limit "${seconds}s" -o "$to/crawl" "$@"
  rm -r "$to/crawl"
}
for size in "$@"; do make_queue "${size%:*}" "${size#*:}" "$queues/$size"; done
for r in $(seq "$rounds"); do for size in "$@"; do
  often=1; [ "${size%:*}" -ge 100000 ] || often=5 # a second each: one alone says little
  serve queue "${size%:*}" "${size#*:}" 1
  for i in $(seq $often); do for cache in cold warm; do measure "$size claims $cache" "$queues/$size" --ignore-robots; done; done
  serve queue "${size%:*}" "${size#*:}"
  for i in $(seq $often); do measure "$size usual warm" "$queues/$size"; done
done; done
[ -n "$keep" ] || rm -r "$queues"
"$PY" "$HERE/queue.py" "$res"
