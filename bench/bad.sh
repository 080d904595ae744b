#!/usr/bin/env bash
# Do others lose by bad hosts? Good hosts at a pace, alone, and then with five that are bad: one refuses connections, one does not
# even answer who wants to connect, one takes requests and never answers, one drips a byte a second, one answers 10 s late.
# usage: bad.sh [-n rounds] [-h good_hosts] [-r requests_a_second_and_host] [-t seconds] [-c concurrency] [-- OPTIONS OF crawl]
#        (default: 2, 100, 5, 30, 64)
# A good host's answer is 20 to 100 ms late. What they lose is their requests beside those of the run without, by the server's log.
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=2 hosts=100 rate=5 seconds=30 conc=64
while getopts n:h:r:t:c: f; do case $f in n) rounds=$OPTARG ;; h) hosts=$OPTARG ;; r) rate=$OPTARG ;; t) seconds=$OPTARG ;; c) conc=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
set=$(fresh bad) res=$BENCH_DIR/results/$(basename "$set").jsonl
deaf=$((WEB_PORT + 1)) # see bench/web
for i in $(seq 0 $((hosts - 1))); do echo "http://127.1.$((i / 250)).$((i % 250 + 1)):$WEB_PORT/"; done > "$set/without"
{ # the bad ones first
  for i in 1 2 3; do echo "http://127.2.0.$i:$WEB_PORT/"; done
  for i in 4 9; do echo "http://127.2.0.$i:$deaf/"; done
  cat "$set/without"
} > "$set/with"
serve hosts 100000 20 100
for r in $(seq "$rounds"); do for bad in without with; do
  one "$res" "$bad" "$set/$bad-$r" $((seconds + 60)) --web "$WEB" -- "$CRAWL" --input-file "$set/$bad" --rate "$rate/s" \
    --concurrency "$conc" --time-limit "${seconds}s" --no-files -q -o "$set/$bad-$r/crawl" "$@"
  curl -sf "$WEB/-/log" > "$set/$bad-$r.log"
done; done
"$PY" - "$set" "$rounds" "$seconds" "$rate" << 'P'
import collections, statistics as st, sys
folder, rounds, seconds, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])


def requests(run):
    return collections.Counter(line.split(":")[0] for line in open(f"{folder}/{run}.log"))


print("| round | good hosts | pace | permitted a host | requests: without | with | by host, with / without: mean | least | of the bad: mute | dripping | 10 s late |\n" + "|--:" * 11 + "|")
for r in range(1, rounds + 1):
    a, b = requests(f"without-{r}"), requests(f"with-{r}")
    good = [host for host in a if host.startswith("127.1.")]
    ratios = [b[host] / a[host] for host in good]
    print(f"| {r} | {len(good)} | {rate:g}/s | {1 + int(rate * seconds)} | {sum(a[h] for h in good):,} | {sum(b[h] for h in good):,} | {st.mean(ratios):.3f} | {min(ratios):.3f} | " +
          " | ".join(str(b[f"127.2.0.{i}"]) for i in (1, 2, 3)) + " |")
P
