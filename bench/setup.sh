#!/usr/bin/env bash
# Everything that is needed, on a Debian 12 machine: packages, the crawler itself, its peers, the programs here, the corpora.
# Run it as root, or with sudo at hand. It can be run again; what is there stays.
#   -p   do not ask for packages
set -euo pipefail
. "$(dirname "$0")/env.sh"
root=$([ "$(id -u)" = 0 ] || echo sudo)
if [ "${1:-}" != -p ]; then
  $root apt-get update -qq
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    build-essential pkg-config libssl-dev cmake clang python3-venv nginx curl openssl brotli zstd sqlite3 wget wget2 httrack \
    python3-doc postgresql-doc-15 openjdk-17-doc openjdk-17-jre-headless rust-doc sqlite3-doc git-doc cmake-doc python-django-doc \
    erlang-doc > /dev/null
  # The package brings a running nginx on port 80, which we do not need.
  $root systemctl disable --now nginx > /dev/null 2>&1 || true
fi
command -v cargo > /dev/null || die "no cargo: install Rust, the version in ../Cargo.toml or newer (Debian's is too old)"

[ -x "$BENCH_DIR/venv/bin/python" ] || python3 -m venv "$BENCH_DIR/venv"
"$BENCH_DIR/venv/bin/pip" install -q scrapy==2.19.0 uvloop==0.23.0 lxml

echo "crawl" >&2
[ -x "$CRAWL" ] || (cd "$HERE/.." && cargo build --release -q)
build() { # build NAME FOLDER PROGRAM: each is a workspace of its own
  echo "$1" >&2
  (cd "$HERE/$2" && CARGO_TARGET_DIR=$BENCH_DIR/build/$1/target cargo build --release -q)
  cp -f "$BENCH_DIR/build/$1/target/release/$3" "$BENCH_DIR/bin/"
}
build web web web
build limits limits limits
build spider peers/spider spiderbench

if command -v npm > /dev/null; then
  mkdir -p "$BENCH_DIR/node"; cp "$HERE/peers/crawlee_bench.mjs" "$BENCH_DIR/node/"
  (cd "$BENCH_DIR/node" && { [ -f package.json ] || npm init -y > /dev/null; } &&
    npm install --no-audit --no-fund --silent @crawlee/cheerio@3.18.1 @crawlee/memory-storage@3.18.1 better-sqlite3 > /dev/null 2>&1) ||
    echo "Crawlee could not be installed; it is left out." >&2
else
  echo "There is no npm: Crawlee is left out." >&2
fi
# Debian 12 has no package of Colly. A program of one's own can take part by PEER_colly='cmd {url} {out} {conc}'.
echo "Debian 12 has no package of Colly: it is left out." >&2
"$HERE/corpora.sh"
