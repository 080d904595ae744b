#!/usr/bin/env bash
# Runs a target, or all of them, for so many seconds each: fuzz/run.sh TARGET|all SECONDS [libFuzzer's options]
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 seconds=$2
shift 2

if [ "$target" = all ]; then
  for file in fuzz/fuzz_targets/*.rs; do
    fuzz/run.sh "$(basename "$file" .rs)" "$seconds" "$@" || true
  done
  exit
fi

case $target in
  html | fields | charset | main_text) dict=html ;;
  sitemap) dict=xml ;;
  url | scope) dict=url ;;
  config) dict=config ;;
  headers | cookies) dict=headers ;;
  robots | css) dict=$target ;;
  *) dict= ;;
esac
mkdir -p "fuzz/corpus/$target"
log=fuzz/artifacts/$target.log
mkdir -p fuzz/artifacts
status=0
cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fixtures/fuzz/$target" -- \
  -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
  ${dict:+-dict=fuzz/dict/$dict.dict} "$@" > "$log" 2>&1 || status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
echo "$target: ${runs:-0} executions, $(ls "fuzz/corpus/$target" | wc -l) inputs in the corpus, exit $status, $log"
exit $status
