#!/usr/bin/env bash
# How long do the answers take on a database of 100,000 real pages? Three hosts of manuals, with faults planted, and each
# view and subcommand asked in turn.
# usage: answers.sh [-d DIR] [-n ROUNDS] [make|time|all]        (default: all)
#   -d   where the database is, or is to be (default: BENCH_DIR/answers; 4 GB)
#   -n   rounds of each question; the median counts (default: 5)
# `make` needs corpora.sh to have laid out `big`. `time` asks what is there.
set -euo pipefail
. "$(dirname "$0")/env.sh"
dir=$BENCH_DIR/answers rounds=5
while getopts d:n: f; do case $f in d) dir=$OPTARG ;; n) rounds=$OPTARG ;; *) exit 2 ;; esac; done; shift $((OPTIND - 1))
what=${1:-all} port=$((BENCH_PORT + 14)) C=$BENCH_DIR/corpora

# Manuals of two releases on two hosts (every title and so every page differs), and a mirror of a part, byte for byte.
# Of a hundred pages one has moved, some twice, some in a circle; some are gone, or fail; some say noindex, or canonical.
# A corpus' page that has moved is asked for with `?at=N`, so that relative links on it still lead where they led.
servers() {
  cat << CONF
  split_clients "\${uri}1" \$place { 1% moved; 0.3% twice; 0.1% circle; 0.1% away; 0.5% gone; 0.1% failing; * ""; }
  split_clients "\${uri}2" \$says { 0.5% noindex; 0.3% "noindex, nofollow"; * ""; }
  split_clients "\${uri}3" \$names { 60% itself; 0.5% "</index.html>; rel=canonical"; 0.2% "</gone.html>; rel=canonical"; * ""; }
  map \$names \$points { itself "<\$uri>; rel=canonical"; default \$names; }
  map "\$place:\$arg_at" \$to {
    "moved:" "\$uri?at=1"; "twice:" "\$uri?at=1"; "twice:1" "\$uri?at=2"; "circle:" "\$uri?at=1"; "circle:1" "\$uri";
    "away:" "http://elsewhere.example\$uri"; default "";
  }
CONF
  local name
  for name in com net org; do
    cat << CONF
  server {
    listen 127.0.0.1:$port$([ $name = com ] && echo " backlog=4096"); server_name docs.example.$name;
    root $(if [ $name = org ]; then echo "$C/mid"; else echo "$C/big"; fi);
    access_log off;
    $([ $name = net ] && echo "sub_filter '</title>' ' (edition 2)</title>'; sub_filter_once on;")
    location = / { root $dir/site/$name; try_files /index.html =404; }
    location = /robots.txt { root $dir/site/$name; }
    location /sitemap { root $dir/site/$name; }
    location ~ \.html\$ {
      if (\$to) { return 301 \$to; }
      if (\$place = gone) { return 404; }
      if (\$place = failing) { return 500; }
      add_header X-Robots-Tag \$says; add_header Link \$points;
    }
  }
CONF
  done
}
site() { # the front page of a host, its robots.txt and its sitemaps: without every twentieth page, with some that are gone
  local name=$1 d=$dir/site/$1 root=$2 base=http://docs.example.$1:$port other
  mkdir -p "$d"
  { sed 's|</ul>.*||' "$root/index.html"
    for other in com net org; do echo "<li><a href=\"http://docs.example.$other:$port/\">docs.example.$other</a></li>"; done
    echo "</ul></body></html>"; } > "$d/index.html"
  (cd "$root" && find . -name '*.html' | LC_ALL=C sort | sed 's|^\./||' |
    awk -v base="$base" 'NR % 20 { print base "/" $0 } NR % 500 == 0 { print base "/left/" $0 }') > "$d/urls"
  split -l 10000 -d --additional-suffix .txt "$d/urls" "$d/part-"
  { echo "User-agent: *"; echo "Disallow: /rust/src/"; } > "$d/robots.txt"
  local part n=0
  for part in "$d"/part-*.txt; do
    n=$((n + 1))
    { echo '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
      sed 's|&|\&amp;|g; s|.*|<url><loc>&</loc><lastmod>2026-01-31</lastmod></url>|' "$part"
      echo '</urlset>'; } > "$d/sitemap-$n.xml"
    echo "Sitemap: $base/sitemap-$n.xml" >> "$d/robots.txt"
    rm "$part"
  done
}
make() {
  [ -e "$C/big/index.html" ] || die "no $C/big: run corpora.sh"
  [ -x "$CRAWL" ] || die "no $CRAWL: cargo build --release"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  [ ! -e "$dir/crawl-out" ] || die "$dir/crawl-out is there already"
  site com "$C/big"; site net "$C/big"; site org "$C/mid"
  nginx_serve "$dir/nginx" "$(servers)"
  local name seeds=()
  for name in com net org; do
    seeds+=(--seed "http://docs.example.$name:$port/" --resolve "docs.example.$name:$port:127.0.0.1")
  done
  "$CRAWL" "${seeds[@]}" -o "$dir/crawl-out" --allow-private --rate unlimited --host-concurrency 16 --retries 0 \
    --ignore-traps --progress never
  unserve
}
# ask NAME COMMAND...: a row of the table: medians of wall and CPU, the most memory, lines of the answer.
ask() {
  local name=$1 n lines; shift
  : > "$dir/times"
  for n in $(seq "$rounds"); do
    lines=$(/usr/bin/time -a -o "$dir/times" -f '%e %U %S %M' "$@" 2> /dev/null | wc -l)
  done
  awk -v name="$name" -v lines="$lines" '
    function median(a, n,  i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t } return a[int((n + 1) / 2)] }
    NF == 4 { n++; wall[n] = $1; cpu[n] = $2 + $3; if ($4 > most) most = $4 }
    END { printf "| %s | %s | %.2f | %.2f | %.0f |\n", name, lines, median(wall, n), median(cpu, n), most / 1024 }' "$dir/times"
}
times() {
  local out=$dir/crawl-out view
  [ -e "$out/crawl.db" ] || die "no $out: answers.sh make"
  [ -x "$CRAWL" ] || die "no $CRAWL: cargo build --release"
  "$CRAWL" query -o "$out" -f csv "SELECT count(*) AS pages, sum(bytes) AS bytes, (SELECT count(*) FROM link) AS links, (SELECT count(*) FROM url) AS urls FROM pages"
  echo "| question | lines | wall s | CPU s | peak MB |"; echo "|---|--:|--:|--:|--:|"
  ask rank "$CRAWL" rank -o "$out"
  for view in $("$CRAWL" query -o "$out" -f csv "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name" | tail -n +2); do
    [ "$view" != links ] || { ask "links, the first 1,000" "$CRAWL" query -o "$out" -f csv "SELECT * FROM links LIMIT 1000"; continue; }
    ask "$view" "$CRAWL" query -o "$out" -f csv "SELECT * FROM $view"
  done
}
case $what in
  make) make ;;
  time) times ;;
  all) [ -e "$dir/crawl-out" ] || make; times ;;
  *) die "make, time or all, not $what" ;;
esac
