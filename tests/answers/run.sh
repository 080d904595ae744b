#!/usr/bin/env bash
# Plants faults in a manual, crawls it, and holds each report to what verify.py works out from the files.
# usage: run.sh DIR [HTML_DIR]     (default: Python's manual, of python3-doc). $CRAWL names another binary.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { sed -n 's/^# //p' "$0"; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd) html=${2:-$(ls -d /usr/share/doc/python3.*/html | head -1)} port=${PORT:-21301}
crawl=${CRAWL:-$here/../../target/release/crawl}
[ ! -e "$dir/site" ] || { echo "$dir/site is there already" >&2; exit 2; }
"$dir/venv/bin/python" -c 'import lxml, networkx, scipy' 2> /dev/null || {
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" --quiet install 'lxml>=6.1' 'networkx>=3.6' scipy >&2
}
base=https://127.0.0.1:$port
python3 "$here/plant.py" "$html" "$dir/site" "$base" "http://127.0.0.1:$((port + 1))"
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2> /dev/null
cat "$dir/cert.pem" "$dir/key.pem" > "$dir/both.pem"
python3 "$here/serve.py" "$dir/site" "$port" "$dir/both.pem" & server=$!
trap 'kill $server' EXIT
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
"$crawl" --seed "$base/" -o "$dir/out" --insecure --rate unlimited --host-concurrency 16 --retries 0 --ignore-traps -q || true
"$crawl" rank -o "$dir/out"
"$dir/venv/bin/python" "$here/verify.py" "$dir/site" "$base" "$dir/out/crawl.db"
