#!/usr/bin/env bash
# Makes the Python environment of these scripts in $REAL_DIR/venv and prints its interpreter's path.
# Packages: python3-venv; from PyPI: lxml, html5lib, ada-url (walk.py).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
real=${REAL_DIR:-$here/_real}
mkdir -p "$real"
if ! "$real/venv/bin/python" -c 'import lxml, html5lib, ada_url' 2>/dev/null; then
  python3 -m venv "$real/venv"
  "$real/venv/bin/pip" --quiet install 'lxml>=6.1' 'html5lib>=1.1' 'ada-url>=1.25' >&2
fi
echo "$(cd "$real" && pwd)/venv/bin/python"
