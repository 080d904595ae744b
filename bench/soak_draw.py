"""The curves of a soak as an SVG, each figure over the pages done; the fitted line over its second half."""

PANELS = [  # column, scale, title with its unit
    ("rss_kb", 1 / 1024, "resident memory, MiB"),
    ("us_page", 1, "CPU a page, µs"),
    ("files", 1, "open files"),
    ("speed", 1, "pages a second"),
    ("log_bytes", 1 / 2**20, "length of the log (WAL), MiB"),
    ("queued", 1e-3, "URLs waiting, thousands"),
]
WIDE, HIGH, LEFT, TOP, GAP = 380, 150, 56, 44, 74
STYLE = ("text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600}.g{stroke:#e4e4e4}.a{stroke:#999}"
         ".c{fill:none;stroke:#2563a8;stroke-width:1.3}.f{stroke:#d1495b;stroke-width:2;stroke-dasharray:6 4}")


def ticks(most):
    """round numbers from 0 to at least `most`"""
    step = 10.0 ** len(str(int(most))) / 100
    while most / step > 5:
        step *= 2.5 if str(step).lstrip("0.")[:1] == "2" else 2
    return [i * step for i in range(int(most / step) + 2)]


def number(value):
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def panel(x0, y0, title, points, line, most, last):
    ys = ticks(max(y for _, y in points) * 1.02)
    x = lambda pages: x0 + pages / most * WIDE
    y = lambda value: y0 + HIGH - value / ys[-1] * HIGH
    yield f'<text class="t" x="{x0}" y="{y0 - 10}">{title}</text>'
    for tick in ys:
        yield f'<line class="g" x1="{x0}" x2="{x0 + WIDE}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        yield f'<text x="{x0 - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{number(tick)}</text>'
    for tick in [t for t in ticks(most / 1e3) if t <= most / 1e3]:
        at = x(tick * 1e3)
        yield f'<line class="a" x1="{at:.1f}" x2="{at:.1f}" y1="{y0 + HIGH}" y2="{y0 + HIGH + 4}"/>'
        yield f'<text x="{at:.1f}" y="{y0 + HIGH + 17}" text-anchor="middle">{number(tick)}</text>'
    yield f'<line class="a" x1="{x0}" x2="{x0 + WIDE}" y1="{y0 + HIGH}" y2="{y0 + HIGH}"/>'
    path = " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in points)
    yield f'<polyline class="c" points="{path}"/>'
    if line:
        k, b = line
        ends = [(px, k * px / 1e5 + b) for px in (most / 2, last)]
        yield '<line class="f" ' + " ".join(f'x{i}="{x(px):.1f}" y{i}="{y(py):.1f}"' for i, (px, py) in enumerate(ends, 1)) + "/>"


def draw(path, rows, lines, most, last):
    wide = 2 * (LEFT + WIDE) + 40
    high = TOP + (len(PANELS) + 1) // 2 * (HIGH + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">',
           f"<style>{STYLE}</style>", f'<rect width="{wide}" height="{high}" fill="#fff"/>']
    for i, (name, scale, title) in enumerate(PANELS):
        # At the end, with a few slow hosts left, a page has the CPU of seconds.
        shown = [row for row in rows if name != "us_page" or row["pages"] <= last]
        points = [(row["pages"], row[name] * scale) for row in shown if row.get(name) is not None]
        line = lines.get(name) if name not in ("queued", "log_bytes") else None
        x0, y0 = LEFT + i % 2 * (WIDE + LEFT + 10), TOP + i // 2 * (HIGH + GAP)
        out += panel(x0, y0, title, points, line, most, last)
        out.append(f'<text x="{x0 + WIDE}" y="{y0 + HIGH + 34}" text-anchor="end">pages done, thousands</text>')
    open(path, "w").write("\n".join(out) + "\n</svg>\n")
