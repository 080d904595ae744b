#!/usr/bin/env bash
# Lays out Debian's documentation packages as sites and serves them by a private nginx on 127.0.0.1.
#   serve.sh          lay out what is missing, start (or reload) nginx, print NAME URL ROOT LOG
#   serve.sh list     print NAME URL ROOT LOG only
#   serve.sh clear    empty the access logs
#   serve.sh stop     end nginx
# Packages: nginx python3-doc postgresql-doc-15 openjdk-17-doc rust-doc
# Everything goes below $REAL_DIR (default: _real beside this file; 1.1 GB).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
real=${REAL_DIR:-$here/_real}
mkdir -p "$real/sites" "$real/nginx/logs" "$real/nginx/tmp"
real=$(cd "$real" && pwd)
nginx=$real/nginx
doc=/usr/share/doc
names=(python postgresql javadoc rust)
declare -A port=([python]=8201 [postgresql]=8202 [javadoc]=8203 [rust]=8204)

running() { [ -f "$nginx/nginx.pid" ] && kill -0 "$(cat "$nginx/nginx.pid")" 2>/dev/null; }

list() {
  local name
  for name in "${names[@]}"; do
    [ -d "$real/sites/$name" ] || continue
    printf '%s http://127.0.0.1:%s/ %s %s\n' "$name" "${port[$name]}" "$real/sites/$name" "$nginx/logs/$name.log"
  done
}

# put NAME SOURCE...: copies files and folders, links resolved, and unpacks the pages Debian packed.
put() {
  local name=$1 to=$real/sites/$1
  shift
  [ -d "$to" ] && return
  [ -e "$1" ] || { echo "no $1: install its package, or go without $name" >&2; return; }
  rm -rf "$to.part"
  mkdir -p "$to.part"
  # Debian leaves a few links into packages that need not be there: they become 404s.
  cp -rL --no-preserve=ownership,mode "$@" "$to.part/" 2>/dev/null || true
  find "$to.part" -name '*.html.gz' -exec gunzip -f {} +
  mv "$to.part" "$to"
}

# entry NAME PAGE...: an entry page for a site that has none from which all of it can be reached.
entry() {
  local name=$1 page root=$real/sites/$1
  shift
  [ -d "$root" ] || return 0
  {
    echo "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>$name</title></head><body><ul>"
    for page in "$@"; do
      [ -e "$root/$page" ] && echo "<li><a href=\"$page\">$page</a></li>"
    done
    echo "</ul></body></html>"
  } > "$root/index.html"
}

lay_out() {
  put python "$doc"/python3.11/html/*
  put postgresql "$doc"/postgresql-doc-15/html/*
  put javadoc "$doc"/openjdk-17-jre-headless/{api,specs,resources,legal}
  entry javadoc api/index.html api/allclasses-index.html api/allpackages-index.html api/overview-tree.html \
    api/help-doc.html api/index-files/index-1.html specs/jvmti.html specs/jdwp/jdwp-protocol.html
  if [ ! -d "$real/sites/rust" ]; then
    put rust "$doc"/rust-doc/html/*
    # Its own entry leads to std, book and the rest, but not to the crates that only std's authors read.
    [ -d "$real/sites/rust" ] && mv "$real/sites/rust/index.html" "$real/sites/rust/welcome.html"
  fi
  entry rust welcome.html std/index.html core/index.html alloc/index.html proc_macro/index.html test/index.html \
    book/index.html reference/index.html rust-by-example/index.html nomicon/index.html cargo/index.html \
    rustc/index.html rustdoc/index.html edition-guide/index.html embedded-book/index.html \
    unstable-book/index.html error-index.html
}

configure() {
  local name
  cat > "$nginx/nginx.conf" << CONF
worker_processes 1;
pid $nginx/nginx.pid;
error_log $nginx/logs/error.log warn;
$([ "$(id -u)" = 0 ] && echo "user $(id -un);")
events { worker_connections 2048; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  sendfile on; tcp_nodelay on; gzip off; charset off; server_tokens off; absolute_redirect off;
  keepalive_timeout 60s; keepalive_requests 1000000;
  client_body_temp_path $nginx/tmp/body; proxy_temp_path $nginx/tmp/proxy;
  fastcgi_temp_path $nginx/tmp/fastcgi; uwsgi_temp_path $nginx/tmp/uwsgi; scgi_temp_path $nginx/tmp/scgi;
  # Six columns: time, status, content type, method, request target, user agent.
  log_format real '\$msec\t\$status\t\$sent_http_content_type\t\$request_method\t\$request_uri\t\$http_user_agent';
$(for name in "${names[@]}"; do
    [ -d "$real/sites/$name" ] || continue
    echo "  server { listen 127.0.0.1:${port[$name]} backlog=1024; root $real/sites/$name; index index.html; access_log $nginx/logs/$name.log real; }"
  done)
}
CONF
}

case ${1:-start} in
  start)
    lay_out
    configure
    if running; then
      kill -HUP "$(cat "$nginx/nginx.pid")"
    else
      command nginx -p "$nginx" -c "$nginx/nginx.conf" -e "$nginx/logs/error.log"
    fi
    list
    ;;
  list) list ;;
  clear)
    # nginx appends, so a log can be emptied under its hands.
    for log in "$nginx"/logs/*.log; do [ -e "$log" ] && : > "$log"; done
    ;;
  stop) if running; then kill -QUIT "$(cat "$nginx/nginx.pid")"; else echo "nginx does not run" >&2; fi ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
