#!/usr/bin/env bash
# How fast `crawl export` is beside SQLite itself: seconds of user and system time, those on the clock of the CSV, and
# its MB/s by that clock.
#   bench/export.sh CRAWL OUTPUT [VIEW...]        three runs each, the least counts
# "evaluated": sqlite3 works out every column of every row and prints nothing but counts.
set -euo pipefail
crawl=$1 output=$2
shift 2
views=("${@:-pages}")
[ $# -gt 0 ] || views=(pages links urls requests)
db=$output/crawl.db
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# least COMMAND...: seconds of the quickest of three, by TIMEFORMAT's figures together.
least() {
  local best=999999 run
  for run in 1 2 3; do
    local spent
    spent=$( { TIMEFORMAT=${clock:-'%U %S'}; time "$@" > "$scratch/out" 2> /dev/null; } 2>&1 | awk '{ print $1 + $2 }')
    best=$(awk -v a="$best" -v b="$spent" 'BEGIN { print (b < a) ? b : a }')
  done
  echo "$best"
}

for view in "${views[@]}"; do
  columns=$(sqlite3 "$db" "SELECT group_concat('count(' || name || ')') FROM pragma_table_info('$view')")
  evaluated=$(least sqlite3 "$db" "SELECT $columns FROM $view")
  csv=$(least "$crawl" export csv "$view" -o "$output")
  wall=$(clock=%R least "$crawl" export csv "$view" -o "$output")
  bytes=$(stat -c %s "$scratch/out")
  sqlite=$(least sqlite3 -csv "$db" "SELECT * FROM $view")
  jsonl=$(least "$crawl" export jsonl "$view" -o "$output")
  parquet=$(least "$crawl" export parquet "$view" -o "$output")
  rows=$(sqlite3 "$db" "SELECT count(*) FROM $view")
  awk -v v="$view" -v r="$rows" -v b="$bytes" -v e="$evaluated" -v s="$sqlite" -v c="$csv" -v j="$jsonl" -v p="$parquet" -v w="$wall" \
    'BEGIN { printf "%s: %d rows, %.1f MB; evaluated %.2f s, sqlite3 -csv %.2f, csv %.2f, by the clock %.2f (%.0f MB/s), jsonl %.2f, parquet %.2f\n", v, r, b / 1e6, e, s, c, w, b / 1e6 / w, j, p }'
done
