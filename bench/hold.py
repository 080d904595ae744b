#!/usr/bin/env python3
"""hold.py CRAWL.DB -- COMMAND...: for how long, at the longest, a reader keeps the log of a database from being copied back.

Plays the crawl that writes meanwhile: a row of a table of its own twenty times a second, and after each a look how much
of the log can be copied back. What is told is the longest time from a row to its being copied. Takes the output's lock as a crawl does, so that readers behave as beside one. For a
database that nothing else writes; its table `held` is dropped at the end.
"""
import fcntl, os, sqlite3, subprocess, sys, time

database, command = sys.argv[1], sys.argv[sys.argv.index("--") + 1:]
lock = open(os.path.join(os.path.dirname(database), "crawl.lock"), "r+")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
writer = sqlite3.connect(database, isolation_level=None, timeout=0)
writer.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; DROP TABLE IF EXISTS held; CREATE TABLE held (x)")
begun = time.monotonic()
reader = subprocess.Popen(command, stdout=subprocess.DEVNULL)
longest, waiting = 0.0, []  # rows that are not copied back yet: the log's length with them, and when
while reader.poll() is None:
    writer.execute("INSERT INTO held VALUES (1)")
    now = time.monotonic()
    _, length, copied = writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    waiting = [row for row in waiting + [(length, now)] if row[0] > copied]
    longest = max([longest] + [now - since for _, since in waiting])
    time.sleep(0.05)
took = time.monotonic() - begun
writer.execute("DROP TABLE held")
print(f"{longest:.1f} s held of {took:.1f} s, exit code {reader.returncode}: {' '.join(command)[-120:]}")
