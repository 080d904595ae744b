#!/usr/bin/env bash
# How long until the first request: of a new crawl, and of one that goes on with many known URLs.
# usage: start.sh [-n starts] [-k known]        (default: 20 starts, 1,000,000 known URLs)
# The known URLs are made by a crawl of hubs with 20,000 links each that a limit ends after the last hub.
set -euo pipefail
. "$(dirname "$0")/env.sh"
starts=20 known=1000000
while getopts n:k: f; do case $f in n) starts=$OPTARG ;; k) known=$OPTARG ;; *) exit 2 ;; esac; done
set=$(fresh start)
serve latency 1 0
"$PY" "$HERE/start.py" new "$WEB" "$CRAWL" "$set" "$starts"
serve known "$known"
"$PY" "$HERE/start.py" known "$WEB" "$CRAWL" "$set" "$known"
