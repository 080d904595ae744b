"""See search.sh."""

import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import time

QUERIES = """json; python; the; return value; foreign key; regular expression; "regular expression" syntax; class method;
thread pool; connection timeout; conf*; create ind*; title:index; title:string heading:example; list OR tuple; java stream;
asynchronous iterator; "list comprehension"; unicode normalization; garbage collector; -deprecated warning; sort order;
binary search tree; environment variable; command line option; error handling; memory allocation; file descriptor; hash map;
date time format; signal handler; socket server; float precision; operator precedence; package import; debug symbols;
window function; trigger before insert; iterator adapter; lifetime parameter; xyzzyplugh""".replace("\n", " ").split("; ")
TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"


def timed(work):
    """Wall time, and CPU of children and of this process."""
    usage = lambda: sum(
        getattr(resource.getrusage(who), of)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        for of in ("ru_utime", "ru_stime")
    )
    begun, cpu = time.perf_counter(), usage()
    answer = work()
    return answer, time.perf_counter() - begun, usage() - cpu


def run(*args):
    return subprocess.run([str(arg) for arg in args], capture_output=True, text=True, check=True).stdout


def main(crawl, output, texts):
    crawl = os.path.abspath(crawl)
    database = os.path.join(output, "crawl.db")
    size = lambda: os.path.getsize(database)
    said, wall, cpu = timed(lambda: run(crawl, "index", "--rebuild", "-o", output))
    print(said.strip())
    print(f"crawl index --rebuild: {wall:.1f} s, {cpu:.1f} s of CPU")
    said, wall, cpu = timed(lambda: run(crawl, "index", "-o", output))
    print(f"crawl index with nothing to do but clusters: {wall:.2f} s, {cpu:.2f} s of CPU")
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    index = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'search_index%'").fetchone()[0]
    print(f"index: {index / 1e6:.1f} MB of {size() / 1e6:.1f} MB")

    urls = [url for (url,) in connection.execute(
        "SELECT u.text FROM reading n JOIN version c ON c.id = n.version JOIN url u ON u.id = c.url WHERE n.words > 0")]
    sample = random.Random(7).sample(urls, min(texts, len(urls)))
    rows = [(None, None, run(crawl, "cat", "--text", "-o", output, url)) for url in sample]
    length = sum(len(text.encode()) for _, _, text in rows)
    for hash_size in (1 << 20, 32 << 20):
        bare = sqlite3.connect(":memory:")
        bare.execute(f"""CREATE VIRTUAL TABLE t USING fts5(title, headings, body, content='', tokenize="{TOKENIZER}")""")
        bare.execute(f"INSERT INTO t (t, rank) VALUES ('hashsize', {hash_size})")
        def insert():
            for number, row in enumerate(rows):
                bare.execute("INSERT INTO t (rowid, title, headings, body) VALUES (?, ?, ?, ?)", (number + 1, *row))
            bare.commit()
        _, wall, cpu = timed(insert)
        print(f"bare FTS5 (SQLite {sqlite3.sqlite_version}, hashsize {hash_size >> 20} MiB): {length / cpu / (1 << 20):.1f} MiB/s of CPU,"
              f" {length / wall / (1 << 20):.1f} MiB/s, {len(rows)} texts, {length / (1 << 20):.1f} MiB")

    times = []
    for query in QUERIES:
        best = min(timed(lambda: run(crawl, "search", "-o", output, "--", query))[1:] for _ in range(3))
        times.append((*best, query))
    for name, of in (("wall", 0), ("CPU", 1)):
        values = sorted(row[of] * 1000 for row in times)
        print(f"search, whole process, {name}: p50 {statistics.median(values):.0f} ms, p95 {values[int(len(values) * 0.95)]:.0f} ms,"
              f" most {values[-1]:.0f} ms, of {len(values)} questions (best of three each)")
    for row in sorted(times, reverse=True)[:6]:
        print(f"  {row[0] * 1000:.0f} ms  {row[2]}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
