#!/usr/bin/env python3
"""Whether each page's file is there and is what its row says.

    files.py CRAWL_DIR

Reads url, file and sha256 of the view `pages` of CRAWL_DIR/crawl.db; names missing and wrong files, and
files under pages/ that no row of the view names. Exit code 1 if any is missing or wrong; a file too many
is only told, since an older version of a page has one as well.
"""

import hashlib
import os
import sqlite3
import sys


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = sys.argv[1]
    database = sqlite3.connect(f"file:{root}/crawl.db?mode=ro", uri=True)
    rows = database.execute("SELECT url, file, lower(sha256) FROM pages WHERE file IS NOT NULL").fetchall()
    faults, named = [], set()
    for url, file, sha256 in rows:
        path = os.path.join(root, file)
        named.add(os.path.normpath(path))
        try:
            found = digest(path)
        except OSError as error:
            faults.append(f"missing  {url}  {error}")
            continue
        if found != sha256:
            faults.append(f"wrong  {url}  {file}: {found}, the row says {sha256}")
    there = {os.path.normpath(os.path.join(folder, file))
             for folder, _, files in os.walk(os.path.join(root, "pages")) for file in files}
    bare = database.execute("SELECT count(*) FROM pages WHERE status = 200 AND file IS NULL").fetchone()[0]
    print(f"{len(rows)} rows with a file, {len(named)} files; {bare} rows of status 200 without one; "
          f"{len(there - named)} files that no row names; {len(faults)} faults")
    for line in faults[:20] + sorted(f"unnamed  {path}" for path in there - named)[:5]:
        print(f"  {line}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
