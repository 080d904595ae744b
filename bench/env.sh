# Settings and functions of all scripts here; sourced, not run.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${BENCH_DIR:=$HERE/_bench}"                    # everything that is built, laid out and measured
: "${BENCH_PORT:=8100}"                           # ports from here to 20 above it, on 127.0.0.1
: "${CRAWL:=$HERE/../target/release/crawl}"       # the program that is measured
: "${DOCROOT:=/usr/share/doc}"                    # where Debian's documentation packages are
mkdir -p "$BENCH_DIR"/{bin,build,out,results,reach}
BENCH_DIR=$(cd "$BENCH_DIR" && pwd)
CRAWL=$(realpath -m "$CRAWL")
PY=$BENCH_DIR/venv/bin/python; [ -x "$PY" ] || PY=python3
export HERE BENCH_DIR BENCH_PORT CRAWL DOCROOT PY
ulimit -n "$(ulimit -Hn)" 2> /dev/null || true    # servers with a thousand connections

die() { echo "$(basename "$0"): $*" >&2; exit 1; }
port_of() { case $1 in mid) echo $((BENCH_PORT + 1)) ;; big) echo $((BENCH_PORT + 2)) ;; heavy) echo $((BENCH_PORT + 3)) ;; *) die "no corpus $1" ;; esac; }
url_of() { echo "http://127.0.0.1:$(port_of "$1")/"; }

# fresh NAME: a new directory for the outputs of one script. Nothing is deleted meanwhile: for a minute or more after a
# delete ext4 creates files up to five times slower (it avoids inodes that were freed lately), which swamps the rest.
fresh() { local d; d=$BENCH_DIR/out/$1-$(date +%Y%m%d-%H%M%S)-$$; mkdir -p "$d"; echo "$d"; }

# weighted COMMAND...: becomes the command, with weight against whatever else the machine does (see README.md, autogroup).
weighted() { exec setsid bash -c '[ -z "$BENCH_AUTOGROUP" ] || echo "$BENCH_AUTOGROUP" 2> /dev/null > /proc/self/autogroup; exec "$@"' _ "$@"; }
: "${BENCH_AUTOGROUP=-15}"; export BENCH_AUTOGROUP

# serve MODE ARGS...: bench/web on its port until the script ends or serves something else.
WEB_PORT=$((BENCH_PORT + 10)) WEB=http://127.0.0.1:$((BENCH_PORT + 10)) web_pid="" nginx_dir=""
serve() {
  local mode=$1 i; shift
  unserve
  [ -x "$BENCH_DIR/bin/web" ] || die "no $BENCH_DIR/bin/web: run setup.sh"
  (weighted "$BENCH_DIR/bin/web" "$mode" "$WEB_PORT" "$@") > "$BENCH_DIR/out/web.json" & web_pid=$!
  for i in {1..50}; do
    kill -0 "$web_pid" 2> /dev/null || die "web $mode $WEB_PORT $*: did not start"
    curl -sf -o /dev/null "$WEB/-/stats" && return
    sleep 0.1
  done
  die "web $mode $WEB_PORT $*: does not answer"
}
unserve() {
  local pid
  [ -z "$web_pid" ] || { kill "$web_pid" 2> /dev/null && wait "$web_pid" 2> /dev/null; } || true
  if [ -n "$nginx_dir" ] && pid=$(cat "$nginx_dir/nginx.pid" 2> /dev/null); then
    kill "$pid" 2> /dev/null || true
    while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
  fi
  web_pid="" nginx_dir=""
}
trap unserve EXIT
trap 'exit 130' INT TERM

# nginx_conf DIR SERVERS: a configuration of our own; access logs have `log_format b` and lie below DIR/logs.
nginx_conf() {
  local files; files=$(ulimit -n); [ "$files" != unlimited ] || files=65536
  mkdir -p "$1/logs" "$1/tmp"
  cat > "$1/nginx.conf" << CONF
worker_processes 1;
pid $1/nginx.pid;
error_log $1/logs/error.log warn;
$([ "$(id -u)" = 0 ] && echo "user $(id -un);")
events { worker_connections 4096; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  sendfile on; tcp_nopush on; tcp_nodelay on; gzip off; charset off; server_tokens off; absolute_redirect off;
  index index.html;
  keepalive_timeout 600s; keepalive_requests 100000000;
  # below the limit of open files: it ran out of descriptors on big once, and answered 500
  open_file_cache max=$((files / 2 > 50000 ? 50000 : files / 2)) inactive=600s; open_file_cache_valid 600s;
  client_body_temp_path $1/tmp/body; proxy_temp_path $1/tmp/proxy;
  fastcgi_temp_path $1/tmp/fastcgi; uwsgi_temp_path $1/tmp/uwsgi; scgi_temp_path $1/tmp/scgi;
  log_format b '\$msec\t\$request_time\t\$connection\t\$connections_active\t\$status\t\$sent_http_content_type\t\$body_bytes_sent\t\$request_method\t\$request_uri\t\$http_user_agent\t\$server_protocol';
$2
}
CONF
}
# nginx_serve DIR SERVERS: an nginx of our own until the script ends.
nginx_serve() {
  unserve
  nginx_conf "$1" "$2"
  nginx -p "$1" -c "$1/nginx.conf" -e "$1/logs/error.log"
  nginx_dir=$1
  until [ -s "$1/nginx.pid" ]; do sleep 0.05; done
}
