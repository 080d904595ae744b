#!/usr/bin/env bash
# The same pages over http, https with HTTP/1.1, and https with HTTP/2; nginx with a certificate of its own, on this machine.
# usage: tls.sh [-n rounds] [-c corpus]
set -euo pipefail
. "$(dirname "$0")/env.sh"; . "$HERE/peers.sh"
rounds=3 corpus=mid
while getopts n:c: f; do case $f in n) rounds=$OPTARG ;; c) corpus=$OPTARG ;; *) exit 2 ;; esac; done
set=$(fresh tls) res=$BENCH_DIR/results/$(basename "$set").jsonl reach=$BENCH_DIR/reach/$corpus.txt
root=$BENCH_DIR/corpora/$corpus N=$BENCH_DIR/nginx-tls
[ -s "$reach" ] || "$PY" "$HERE/reach.py" "$root" "$reach" > "$BENCH_DIR/reach/$corpus.json"
mkdir -p "$N"
[ -s "$N/key.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$N/key.pem" -out "$N/cert.pem" 2> /dev/null
server() { echo "  server { listen 127.0.0.1:$2$3; root $root; access_log $N/logs/$1.log b buffer=64k flush=200ms; }"; }
p1=$((BENCH_PORT + 11)) p2=$((BENCH_PORT + 12)) p3=$((BENCH_PORT + 13))
nginx_serve "$N" "  ssl_certificate $N/cert.pem; ssl_certificate_key $N/key.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;
$(server http $p1 ""; server https-1.1 $p2 " ssl"; server https-2 $p3 " ssl http2")"
find "$root" -name '*.htm*' -exec cat {} + > /dev/null
for r in $(seq "$rounds"); do for how in http:$p1 https-1.1:$p2 https-2:$p3; do
  name=${how%:*} url=${how%%[-:]*}://127.0.0.1:${how#*:}/ out=$set/${how%:*}-$r
  one "$res" "$name" "$out" 300 --reach "$reach" --log "$N/logs/$name.log" --nginx-pid-file "$N/nginx.pid" -- \
    $(cmd_of crawl "$url" "$out" 64) --insecure
done; done
"$PY" "$HERE/table.py" -b http -c wall,per_s,us_page,rss,pages,covered,dups,connections,protocol,server,x_cpu,x_wall "$res"
