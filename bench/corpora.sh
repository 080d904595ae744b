#!/usr/bin/env bash
# Lays the corpora out from Debian's documentation packages and serves them by a private nginx on 127.0.0.1.
#   corpora.sh          lay out what is missing, start (or reload) nginx
#   corpora.sh stop     end nginx
set -euo pipefail
. "$(dirname "$0")/env.sh"
C=$BENCH_DIR/corpora N=$BENCH_DIR/nginx
running() { [ -f "$N/nginx.pid" ] && kill -0 "$(cat "$N/nginx.pid")" 2> /dev/null; }
[ "${1:-}" != stop ] || { running && kill -QUIT "$(cat "$N/nginx.pid")"; exit; }
mkdir -p "$C"

put() { # put CORPUS NAME SOURCE: copies, with links resolved and Debian's packed pages unpacked
  local d=$C/$1/$2
  [ ! -e "$d" ] || return 0
  [ -d "$3" ] || { echo "no $3: install its package, or go without" >&2; return 0; }
  mkdir -p "$C/$1"; rm -rf "$d.part"
  cp -rL --no-preserve=ownership,mode "$3" "$d.part" 2> /dev/null || true # a few links lead to packages that are not there
  find "$d.part" -name '*.html.gz' -exec gunzip -f {} +
  mv "$d.part" "$d"
}
entry() { # entry CORPUS PAGE...: the page all of it is reached from
  local c=$1 l; shift
  { echo "<!DOCTYPE html><html><head><meta charset=utf-8><title>Corpus $c</title></head><body><h1>Corpus $c</h1><ul>"
    for l in "$@"; do if [ -e "$C/$c/$l" ]; then echo "<li><a href=\"$l\">$l</a></li>"; fi; done
    echo "</ul></body></html>"; } > "$C/$c/index.html"
}
mids() { # what mid is made of, below corpus $1
  put "$1" python "$DOCROOT/python3.11/html"; put "$1" postgresql "$DOCROOT/postgresql-doc-15/html"
  put "$1" sqlite "$DOCROOT/sqlite3"; put "$1" django "$DOCROOT/python-django-doc/html"
  put "$1" cmake "$DOCROOT/cmake-data/html"; put "$1" git "$DOCROOT/git-doc"
}
MID="python/index.html postgresql/index.html sqlite/index.html django/index.html cmake/index.html git/index.html git/git.html"
mids mid; entry mid $MID
mids big; put big java "$DOCROOT/openjdk-17-jre-headless/api"; put big rust "$DOCROOT/rust-doc/html"
entry big $MID java/index.html java/allclasses-index.html rust/index.html rust/std/index.html rust/core/index.html rust/alloc/index.html
put heavy erlang "$DOCROOT/erlang-doc"; entry heavy erlang/doc/index.html

nginx_conf "$N" "$(for c in mid big heavy; do
  echo "  server { listen 127.0.0.1:$(port_of $c) backlog=4096; root $C/$c; access_log $N/logs/$c.log b buffer=64k flush=200ms; }"
done)"
if running; then kill -HUP "$(cat "$N/nginx.pid")"; else nginx -p "$N" -c "$N/nginx.conf" -e "$N/logs/error.log"; fi
for c in mid big heavy; do
  echo "$c $(url_of $c) $(find "$C/$c" -name '*.htm*' | wc -l) HTML files, $(du -sh "$C/$c" | cut -f 1)"
done
