#!/usr/bin/env python3
"""soak_watch.py PID OUTPUT PROGRESS [SECONDS]: a sample of a crawl every so many seconds (5), as CSV, until it ends.

PROGRESS is what the crawl writes with --progress json. Memory, files and threads are the kernel's word; tasks are not
to be seen from outside: one that is never taken up again holds memory, and most hold a file.
"""
import json, os, sys, time

TICK = os.sysconf("SC_CLK_TCK")
COLUMNS = "seconds,pages,requests,queued,in_flight,hosts,bottleneck,rss_kb,pss_kb,peak_kb,files,threads,log_bytes,db_bytes,cpu_s".split(",")


def fields(path, wanted):
    with open(path) as f:
        lines = [line.split() for line in f]
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[0].rstrip(":") in wanted}


def size(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def last_line(path):
    """what the crawl said last, whole"""
    with open(path, "rb") as f:
        f.seek(max(0, size(path) - 65536))
        lines = [line for line in f.read().split(b"\n")[:-1] if line.startswith(b"{")]
    return json.loads(lines[-1]) if lines else {}


def sample(pid, output, progress, begun):
    status = fields(f"/proc/{pid}/status", ("VmRSS", "VmHWM", "Threads"))
    pss = fields(f"/proc/{pid}/smaps_rollup", ("Pss",))
    stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    said = last_line(progress)
    row = {name: said.get(name, 0) for name in ("pages", "requests", "queued", "in_flight", "hosts", "bottleneck")}
    row.update(seconds=f"{time.monotonic() - begun:.2f}", rss_kb=status["VmRSS"], pss_kb=pss["Pss"], peak_kb=status["VmHWM"],
               files=len(os.listdir(f"/proc/{pid}/fd")), threads=status["Threads"], log_bytes=size(f"{output}/crawl.db-wal"),
               db_bytes=size(f"{output}/crawl.db"), cpu_s=(int(stat[11]) + int(stat[12])) / TICK)
    return row


def main():
    pid, output, progress = sys.argv[1:4]
    every = float(sys.argv[4]) if len(sys.argv) > 4 else 5.0
    begun = time.monotonic()
    print(",".join(COLUMNS), flush=True)
    while True:
        try:
            row = sample(pid, output, progress, begun)
        except (OSError, KeyError):  # it has ended, and is a zombie at the most
            return
        print(",".join(str(row[name]) for name in COLUMNS), flush=True)
        time.sleep(every)


main()
