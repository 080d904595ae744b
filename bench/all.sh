#!/usr/bin/env bash
# Everything, as Markdown on standard output. Its figures are in results/, what was written in out/ (remove that later).
#   -s   the short form, some three minutes: crawl and spider on mid, three rounds, and each scenario small
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
short=""
while getopts s f; do case $f in s) short=1 ;; *) exit 2 ;; esac; done
[ -x "$CRAWL" ] || die "no $CRAWL: run setup.sh, or set CRAWL"
"$HERE/corpora.sh" >&2

part() { # part TITLE SCRIPT OPTIONS...: one that fails does not end the others
  printf '\n## %s\n\n' "$1"; shift
  echo "$*" >&2
  "$HERE/$1" "${@:2}" || { echo; echo "**$* failed.**"; failed=1; }
}
failed=0
echo "# crawl, measured"
echo
echo "$("$CRAWL" --version), $(date -u +%Y-%m-%d), $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r), $(findmnt -no FSTYPE -T "$BENCH_DIR")"
if [ -n "$short" ]; then
  part "Compared: mid" compare.sh -c mid -n 3 crawl spider
  part "Waiting: 1,000 pages, each 100 ms late, 100 connections" latency.sh -n 1
  part "Few and slow" slow.sh -n 1
  part "Growth" grow.sh 10000
  part "The first request" start.sh -n 10 -k 200000
  part "Many hosts at a pace" hosts.sh -t 10
  part "Bad hosts" bad.sh -n 1 -t 10
  part "A long queue" queue.sh -n 1 -t 10 10000:1000 100000:10000
  part "Webs without an end" traps.sh -a 1000
  part "TLS" tls.sh -n 1
  part "Encodings" encodings.sh -n 1
  part "Limits" limits.sh -s -n 1
else
  peers="crawl spider scrapy scrapy-fast"
  for p in wget wget2 httrack; do command -v $p > /dev/null && peers="$peers $p"; done
  [ ! -d "$BENCH_DIR/node/node_modules" ] || peers="$peers crawlee"
  part "Compared: mid" compare.sh -c mid -n 5 $peers
  part "Compared: big" compare.sh -c big -n 3 crawl spider
  part "Compared: heavy" compare.sh -c heavy -n 3 crawl spider scrapy-fast
  part "Waiting: 1,000 pages, each 100 ms late, 100 connections" latency.sh -n 5
  part "Few and slow" slow.sh -n 3
  part "Growth" grow.sh 10000 100000 1000000
  part "The first request" start.sh
  part "Many hosts at a pace, through a proxy" hosts.sh
  part "Many hosts at a pace, directly" hosts.sh -d
  part "Bad hosts" bad.sh
  part "A long queue" queue.sh
  part "Webs without an end" traps.sh
  part "TLS" tls.sh -n 5
  part "Encodings" encodings.sh -n 5
  part "Limits" limits.sh -n 3
fi
exit $failed
