#!/usr/bin/env bash
# A crawl that is killed again and again must end as one that never was.
#   kill.sh [-c CORPUS] [-k KILLS] [-s SEED] [-- OPTIONS OF CRAWL]
# Crawls CORPUS (python; see serve.sh list) once unbroken, then once with KILLS (20) `kill -9` at random
# moments spread over that duration, each followed by the same command; compares pages, links, database
# and files (same.py, files.py), and tells how many requests each kill cost. Exit code 1 on a difference.
# $CRAWL: the binary (target/release/crawl). $REAL_DIR: see serve.sh. SEED: the moments, to have them again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export REAL_DIR=${REAL_DIR:-$here/_real}
crawl=$(realpath "${CRAWL:-$here/../../target/release/crawl}")
corpus=python kills=20 seed=$RANDOM
while getopts c:k:s: option; do
  case $option in c) corpus=$OPTARG ;; k) kills=$OPTARG ;; s) seed=$OPTARG ;; *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- --rate unlimited --concurrency 16 --host-concurrency 16

read -r _ url _ log < <("$here/serve.sh" | grep "^$corpus ") || { echo "no corpus $corpus" >&2; exit 2; }
mkdir -p "$REAL_DIR/kill"
work=$(mktemp -d "$REAL_DIR/kill/$corpus.XXXXXX")
now() { date +%s.%N; }
lines() { wc -l < "$log"; }
settle() { sleep 0.3; } # nginx logs a request that was cut off when it notices
attempt() { "$crawl" --seed "$url" -o "$work/$1" --progress never "${@:2}" >> "$work/$1.out" 2>&1; }

before=$(lines)
begun=$(now)
attempt whole "$@" || { echo "the unbroken crawl failed:" >&2; tail "$work/whole.out" >&2; exit 1; }
whole=$(awk "BEGIN { print $(now) - $begun }")
settle
echo "$corpus: unbroken in $whole s, $(($(lines) - before)) requests; output in $work; -s $seed"

# The slices between KILLS moments in (0, 0.9 x duration): a start costs time too, so less is done in each.
mapfile -t slices < <(awk -v n="$kills" -v whole="$whole" -v seed="$seed" \
  'BEGIN { srand(seed); for (i = 0; i < n; i++) print rand() * whole * 0.9 }' | sort -g | awk '{ print $1 - last; last = $1 }')

marks=("$(lines)") # the length of the log before each attempt, and after the last
done_kills=0 ended=
for slice in "${slices[@]}"; do
  "$crawl" --seed "$url" -o "$work/broken" --progress never "$@" >> "$work/broken.out" 2>&1 &
  pid=$!
  sleep "$slice"
  if kill -9 "$pid" 2>/dev/null; then
    code=0; wait "$pid" 2>/dev/null || code=$?
  else
    code=0; wait "$pid" || code=$?
  fi
  settle
  marks+=("$(lines)")
  # An attempt may end before its kill; its exit code says so. Another start would be another run.
  if [ "$code" != 137 ]; then
    [ "$code" = 0 ] || { echo "attempt $((done_kills + 1)) failed with $code:" >&2; tail "$work/broken.out" >&2; exit 1; }
    ended=yes
    break
  fi
  done_kills=$((done_kills + 1))
done
if [ -z "$ended" ]; then
  attempt broken "$@" || { echo "the last attempt failed:" >&2; tail "$work/broken.out" >&2; exit 1; }
  settle
  marks+=("$(lines)")
fi

echo "killed $done_kills times${ended:+ (it ended before the next)}"
echo "attempt  seconds  requests  asked before  robots.txt"
for ((i = 1; i < ${#marks[@]}; i++)); do
  awk -F '\t' -v from="${marks[0]}" -v this="${marks[i - 1]}" -v to="${marks[i]}" -v i="$i" -v s="${slices[i - 1]:-to its end}" '
    NR > to { exit }
    NR > this { total++; if ($5 == "/robots.txt") robots++; else if ($5 in seen) again++ }
    NR > from { seen[$5] = 1 }
    END { printf "%7d  %7.7s  %8d  %12d  %10d\n", i, s, total, again, robots }' "$log"
done

failed=0
python3 "$here/same.py" "$work/whole/crawl.db" "$work/broken/crawl.db" || failed=1
for name in whole broken; do python3 "$here/files.py" "$work/$name" || failed=1; done
[ "$failed" = 0 ] && [ "${KEEP:-}" = "" ] && rm -r "$work"
exit $failed
