#!/usr/bin/env bash
# The same pages plain, and packed as gzip, br and zstd: python's and postgresql's manuals, some 1,700 pages. They are packed
# beforehand, and served so whatever is asked for: what is measured is the crawler.
# usage: encodings.sh [-n rounds]
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=3
while getopts n: f; do case $f in n) rounds=$OPTARG ;; *) exit 2 ;; esac; done
set=$(fresh encodings) res=$BENCH_DIR/results/$(basename "$set").jsonl C=$BENCH_DIR/corpora N=$BENCH_DIR/nginx-enc
packed() { # packed NAME PACKER...: a copy whose pages are packed in place
  local d=$C/enc-$1 e=$1; shift
  [ ! -d "$d" ] || return 0
  rm -rf "$d.part"; mkdir -p "$d.part"; cp -r "$C/mid/python" "$C/mid/postgresql" "$d.part/"
  echo '<title>Encodings</title><a href="python/index.html">python</a> <a href="postgresql/index.html">postgresql</a>' > "$d.part/index.html"
  [ $# -eq 0 ] || find "$d.part" -name '*.html' -exec "$@" {} +
  [ $# -eq 0 ] || find "$d.part" -name "*.packed" -exec sh -c 'for f; do mv "$f" "${f%.packed}"; done' _ {} +
  mv "$d.part" "$d"
}
packed plain
packed gzip gzip -6 -S .packed
packed br brotli -q 5 -j -S .packed
packed zstd sh -c 'for f; do zstd -q -10 --rm "$f" -o "$f.packed"; done' _
server() { # server NAME PORT
  local h=""; [ "$1" = plain ] || h="add_header Content-Encoding $1;"
  echo "  server { listen 127.0.0.1:$2; root $C/enc-$1; access_log $N/logs/$1.log b buffer=64k flush=200ms; location ~ \.html\$ { $h } }"
}
p=$((BENCH_PORT + 14))
nginx_serve "$N" "$(server plain $p; server gzip $((p + 1)); server br $((p + 2)); server zstd $((p + 3)))"
reach=$BENCH_DIR/reach/enc.txt
[ -s "$reach" ] || "$PY" "$HERE/reach.py" "$C/enc-plain" "$reach" > "$BENCH_DIR/reach/enc.json"
for r in $(seq "$rounds"); do i=0; for name in plain gzip br zstd; do
  out=$set/$name-$r
  one "$res" "$name" "$out" 300 --reach "$reach" --log "$N/logs/$name.log" --nginx-pid-file "$N/nginx.pid" -- \
    $(cmd_of crawl "http://127.0.0.1:$((p + i))/" "$out" 64)
  i=$((i + 1))
done; done
"$PY" "$HERE/table.py" -b plain -c wall,per_s,us_page,rss,pages,covered,served,x_cpu,x_wall "$res"
