#!/usr/bin/env python3
"""Whether two crawls of one site found the same.

    same.py ONE/crawl.db OTHER/crawl.db [--show N]

Compares the sets of (url, status, title) of `pages` and of (from_url, position, kind, to_url) of `links`,
and asks SQLite for the integrity of both files. Exit code 1 if anything differs or is broken.
"""

import argparse
import sqlite3
import sys

SETS = {
    "pages": "SELECT url, status, title FROM {0}.pages WHERE status IS NOT NULL",
    "links": "SELECT from_url, position, kind, to_url FROM {0}.links",
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("one")
    arguments.add_argument("other")
    arguments.add_argument("--show", type=int, default=20)
    given = arguments.parse_args()
    faults = 0
    for path in given.one, given.other:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        integrity = [row[0] for row in database.execute("PRAGMA integrity_check")]
        foreign = database.execute("PRAGMA foreign_key_check").fetchall()
        faults += (integrity != ["ok"]) + len(foreign)
        print(f"{path}: integrity {integrity[:3]}, {len(foreign)} broken foreign keys {foreign[:3]}")
    both = sqlite3.connect(":memory:", uri=True)
    both.execute("ATTACH ? AS one", (f"file:{given.one}?mode=ro",))
    both.execute("ATTACH ? AS other", (f"file:{given.other}?mode=ro",))
    for name, query in SETS.items():
        counts = [both.execute(f"SELECT count(*) FROM ({query.format(side)})").fetchone()[0] for side in ("one", "other")]
        print(f"{name}: {counts[0]} and {counts[1]}")
        faults += counts[0] != counts[1]
        for side, against in ("one", "other"), ("other", "one"):
            rows = both.execute(f"{query.format(side)} EXCEPT {query.format(against)}").fetchall()
            faults += len(rows)
            for row in rows[: given.show]:
                print(f"  only in {side}: {row}")
            if len(rows) > given.show:
                print(f"  ... and {len(rows) - given.show} more only in {side}")
    print(f"{faults} differences")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
