#!/usr/bin/env bash
# The index of texts and questions to it: bench/search.sh OUTPUT [TEXTS]
# OUTPUT is a crawl with files that nobody writes; its index is made anew. TEXTS (2000) pages are printed by crawl cat
# and put into a bare FTS5 table by a loop, for its rate beside that of crawl index. CRAWL names the program.
set -euo pipefail
cd "$(dirname "$0")"
exec python3 search.py "${CRAWL:-../target/release/crawl}" "$1" "${2:-2000}"
