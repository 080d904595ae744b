#!/usr/bin/env python3
"""Reads what `crawl export` has written by other programs' means, and compares it with the views, value for value.

    tests/real/export.py CRAWL OUTPUT [VIEW...]

CSV is read by Python's csv, JSON Lines by its json, Parquet by pyarrow, duckdb and pandas (pip install pyarrow duckdb
pandas), the graphs by networkx (pip install networkx). Nothing of the crawler's own reads its files here.
"""
import csv, gzip, io, json, os, re, sqlite3, subprocess, sys, tempfile

csv.field_size_limit(1 << 30)
VIEWS = ["pages", "links", "urls", "resources", "requests", "hosts", "runs", "redirects", "duplicates"]


def export(program, *words):
    subprocess.run([program, "export", *words], check=True, stdout=subprocess.DEVNULL)


def as_text(value):
    """What a value is in CSV."""
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def read_csv(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = next(rows)
        yield names
        yield from rows


def same(what, got, wanted):
    """Both are iterators: neither is held whole."""
    count = 0
    end = object()
    got, wanted = iter(got), iter(wanted)
    while True:
        one, other = next(got, end), next(wanted, end)
        if one is end and other is end:
            return count
        if one != other:
            sys.exit(f"{what}, row {count}:\n got    {one!r}\n wanted {other!r}")
        count += 1


def moments(row, names):
    """Parquet has moments as moments: back to the text of the views."""
    for value, name in zip(row, names):
        if hasattr(value, "strftime"):
            value = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
        yield value


def tables(program, output, views, folder):
    import duckdb, pyarrow.parquet as parquet

    database = sqlite3.connect(f"file:{output}/crawl.db?mode=ro", uri=True)
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    for view in views:
        cursor = database.execute(f"SELECT * FROM {view} LIMIT 0")
        names = [column[0] for column in cursor.description]
        rows = lambda: database.execute(f"SELECT * FROM {view}")
        done = []

        path = f"{folder}/{view}.csv.gz"
        export(program, "csv", view, "-o", output, "--to", path, "--raw", "--force")
        texts = ([as_text(value) for value in row] for row in rows())
        count = same(f"{view} csv", read_csv(path), iter([names, *texts]))
        done.append(f"csv {count - 1}")

        path = f"{folder}/{view}.jsonl"
        export(program, "jsonl", view, "-o", output, "--to", path, "--force")
        with open(path, encoding="utf-8") as file:
            count = same(f"{view} jsonl", map(json.loads, file), (dict(zip(names, row)) for row in rows()))
        done.append(f"jsonl {count}")

        path = f"{folder}/{view}.parquet"
        export(program, "parquet", view, "-o", output, "--to", path, "--force")
        file = parquet.ParquetFile(path)
        assert file.schema_arrow.names == names, file.schema_arrow
        groups = file.metadata.num_row_groups
        assert all(file.metadata.row_group(group).num_rows <= 65536 for group in range(groups))
        batches = (row.values() for batch in file.iter_batches() for row in batch.to_pylist())
        count = same(f"{view} pyarrow", (tuple(moments(row, names)) for row in batches), rows())
        # By duckdb as text, whatever its types are here: and the sums of what is a number.
        found = duck.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()
        same(f"{view} duckdb", (tuple(moments(row, names)) for row in found), rows())
        done.append(f"parquet {count} in {groups} row groups")
        kinds = ", ".join(f"{field.name}:{field.type}" for field in file.schema_arrow if str(field.type) != "string")
        print(f"{view}: {'; '.join(done)}; {kinds}", flush=True)
    frame = __import__("pandas").read_parquet(f"{folder}/{views[0]}.parquet")
    print("pandas:", views[0], frame.shape, sorted({str(kind) for kind in frame.dtypes}))


def main():
    program, output, *views = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        tables(program, output, views or VIEWS, folder)


if __name__ == "__main__":
    main()
