#!/usr/bin/env python3
"""soak_fit.py FOLDER EXIT_CODE [OUT.svg]: what the samples and the database of a soak say, as Markdown; the curves.

Least-squares lines go through the samples of the second half of the pages, up to where the queue runs dry (half of
what it was on the way). A slope is in percent of the mean for 100,000 pages more.
"""
import csv, glob, json, os, sqlite3, statistics, sys
import soak_draw

LIMIT = 1.0  # percent of the mean for 100,000 pages
LOG_LIMIT = 256 << 20
# What the web does wrong, as the database must name it: a status or the class of an error.
FAULTS = "404 500 429 503 reset timeout truncated redirect_loop decode protocol".split()


def line_of(points):
    """(slope, value at 0, mean) of a least-squares line"""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    d = sum((x - mx) ** 2 for x, _ in points)
    k = sum((x - mx) * (y - my) for x, y in points) / d if d else 0.0
    return k, my - k * mx, my


def read(path):
    rows = list(csv.DictReader(open(path)))
    for row in rows:
        for name, value in row.items():
            if name != "bottleneck":
                row[name] = float(value or 0)
    rows = [row for row in rows if row["pages"] > 0]
    for before, row in zip(rows, rows[1:]):
        pages, seconds = row["pages"] - before["pages"], row["seconds"] - before["seconds"]
        row["speed"] = pages / seconds if seconds else 0.0
        row["us_page"] = (row["cpu_s"] - before["cpu_s"]) * 1e6 / pages if pages else None
    return rows[1:]


FIGURES = [
    ("rss_kb", 1 / 1024, "resident memory", "MiB", "{:.1f}", True),
    ("pss_kb", 1 / 1024, "its own share of it (PSS)", "MiB", "{:.1f}", True),
    ("files", 1, "open files", "", "{:.0f}", True),
    ("threads", 1, "threads", "", "{:.1f}", True),
    ("us_page", 1, "CPU a page", "µs", "{:.0f}", True),
    ("speed", 1, "pages a second", "", "{:.0f}", False),
    ("queued", 1, "URLs waiting", "", "{:.0f}", False),
]


def second_half(rows, most):
    half = [row for row in rows if most / 2 <= row["pages"]]
    usual = statistics.median(row["queued"] for row in rows if most / 4 <= row["pages"] <= most * 3 / 4)
    dry = next((i for i, row in enumerate(half) if row["queued"] < usual / 2), len(half))
    return half[:dry]


def fits(half):
    for name, scale, title, unit, form, counts in FIGURES:
        points = [(row["pages"] / 1e5, row[name] * scale) for row in half if row.get(name) is not None]
        if len(points) > 2:
            yield name, title, unit, form, counts, line_of(points)


def accounts(folder):
    """what the database says for itself"""
    db = sqlite3.connect(f"file:{folder}/crawl/crawl.db?mode=ro", uri=True)
    one = lambda sql: db.execute(sql).fetchone()[0]
    seen = {str(status) for (status,) in db.execute("SELECT DISTINCT status FROM fetch WHERE status IS NOT NULL")}
    errors = dict(db.execute("SELECT error, count(*) FROM requests WHERE error IS NOT NULL GROUP BY 1"))
    return dict(
        integrity=one("PRAGMA integrity_check"),
        foreign=len(db.execute("PRAGMA foreign_key_check").fetchall()),
        admitted=one("SELECT count(*) FROM visit WHERE decision = 0"),
        outcomes=one("SELECT count(*) FROM visit WHERE decision = 0 AND last_fetch IS NOT NULL"),
        waiting=one("SELECT count(*) FROM frontier"),
        undone=one("SELECT count(*) FROM frontier WHERE deferred IS NULL"),
        links=one("SELECT count(*) FROM link"),
        seen=seen | set(errors),
        errors=errors,
        twice=one("SELECT count(*) FROM (SELECT 1 FROM url GROUP BY text HAVING count(*) > 1)"),
        state=one("SELECT state FROM run ORDER BY id DESC LIMIT 1"),
    )


def readers(folder):
    took = {}
    for line in open(f"{folder}/readers"):
        name, ms = line.split()
        took.setdefault(name, []).append(int(ms))
    return took


def main():
    folder, code = sys.argv[1], int(sys.argv[2])
    rows = read(f"{folder}/samples.csv")
    web = json.load(open(f"{folder}/web.json"))
    most, wrong = max(row["pages"] for row in rows), []
    expect = lambda holds, what: holds or wrong.append(what)
    expect(code in (0, 4), f"exit code {code}")
    expect(web["pages"] == web["real"], f"{web['real'] - web['pages']} pages were never asked for")

    print(f"{web['pages']:,} of {web['real']:,} pages asked for, {web['requests']:,} requests, {rows[-1]['seconds']:,.0f} s, exit code {code}\n")
    print("| second half | mean | slope for 100,000 pages | of the mean |\n|---|--:|--:|--:|")
    lines, half = {}, second_half(rows, most)
    for name, title, unit, form, counts, (k, b, mean) in fits(half):
        lines[name] = (k, b)
        share = 100 * k / mean if mean else 0.0
        print(f"| {title} | {form.format(mean)} {unit} | {k:+.2f} | {share:+.2f} % |")
        expect(not counts or abs(share) <= LIMIT, f"{title}: {share:+.2f} %")
    log = max(row["log_bytes"] for row in rows)
    expect(log <= LOG_LIMIT, f"a log of {log / 2**20:.0f} MiB")
    print(f"\nPeak memory {max(row['peak_kb'] for row in rows) / 1024:.0f} MiB; longest log {log / 2**20:.0f} MiB; "
          f"most files {max(row['files'] for row in rows):.0f}, threads {max(row['threads'] for row in rows):.0f}; "
          f"database {rows[-1]['db_bytes'] / 2**30:.2f} GiB.")
    print("Readers beside it: " + "; ".join(f"{name} {len(ms)} times, {sorted(ms)[len(ms) // 2]} ms, at most {max(ms)} ms"
                                            for name, ms in sorted(readers(folder).items())) + ".")
    if glob.glob(f"{folder}/readers.err") and os.path.getsize(f"{folder}/readers.err"):
        wrong.append("a reader failed: " + open(f"{folder}/readers.err").read()[:500])
    told = accounts(folder)
    expect(told["integrity"] == "ok" and told["foreign"] == 0, "the database is not sound")
    expect(told["undone"] == 0, f"{told['undone']} URLs wait and are not deferred")
    expect(told["admitted"] == told["outcomes"] + told["waiting"], f"{told['admitted']} admitted, {told['outcomes']} outcomes, {told['waiting']} waiting")
    expect(told["twice"] == 0, "a URL stands there twice")
    for fault in FAULTS:
        expect(fault in told["seen"], f"no row of {fault}")
    print(f"{told['admitted']:,} URLs admitted = {told['outcomes']:,} outcomes + {told['waiting']:,} waiting (state: {told['state']}); {told['links']:,} links. "
          "Errors: " + ", ".join(f"{count:,} {name}" for name, count in sorted(told["errors"].items())) + ".")
    if len(sys.argv) > 3:
        soak_draw.draw(sys.argv[3], rows, lines, most, half[-1]["pages"] if half else most)
    for what in wrong:
        print(f"- **{what}**")
    sys.exit(1 if wrong else 0)


main()
