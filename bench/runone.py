#!/usr/bin/env python3
"""Run one crawler once and print one JSON line of figures.

usage: runone.py --name N --out DIR [--timeout S] [--corpus C] [--samples FILE]
                 (--log NGINX_ACCESS_LOG --nginx-pid-file F [--reach FILE] | --web URL) -- COMMAND...

The command runs in a session of its own. CPU is the rusage of all reaped children (the whole tree), peak memory the
larger of the tree's sampled sum (20 Hz) and the kernel's ru_maxrss of its largest process, "written" what the tree made
the file system write (ru_oublock). What was fetched is the server's word: the lines that nginx's log gained meanwhile,
or the statistics of bench/web. --samples notes memory, bytes written and pages served twice a second.
"""
import argparse, json, os, resource, signal, subprocess, threading, time, urllib.request
import logstats

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
NCPU = os.cpu_count()


def children():
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open(f"/proc/{d}/stat") as f:
                    kids.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(d))
            except OSError:
                pass
    return kids


def tree(root):
    kids, todo, all_ = children(), [root], []
    while todo:
        p = todo.pop()
        all_.append(p)
        todo += kids.get(p, [])
    return all_


def rss_of(pids):
    n = 0
    for p in pids:
        try:
            with open(f"/proc/{p}/statm") as f:
                n += int(f.read().split()[1]) * PAGE
        except OSError:
            pass
    return n


def written_of(pids):
    n = 0
    for p in pids:
        try:
            with open(f"/proc/{p}/io") as f:
                n += next(int(l.split()[1]) for l in f if l.startswith("write_bytes"))
        except (OSError, StopIteration):
            pass
    return n


def cpu_of(pids):
    t = 0
    for p in pids:
        try:
            with open(f"/proc/{p}/stat") as f:
                v = f.read().rsplit(")", 1)[1].split()
            t += int(v[11]) + int(v[12])
        except OSError:
            pass
    return t / TICK


def busy_steal():
    """(busy, stolen) CPU seconds of the whole machine so far"""
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:]]
    return (v[0] + v[1] + v[2] + v[5] + v[6]) / TICK, v[7] / TICK


def weight(pid="self"):
    """Weight for our session: see README.md, autogroup."""
    if os.environ.get("BENCH_AUTOGROUP", "-15"):
        try:
            with open(f"/proc/{pid}/autogroup", "w") as f:
                f.write(os.environ.get("BENCH_AUTOGROUP", "-15"))
        except OSError:
            pass


def wait_for_quiet():
    """until less than 15% of the cores was used by anybody for 2 s, or BENCH_WAIT is over"""
    waited = 0
    while waited < float(os.environ.get("BENCH_WAIT", "20")):
        b = sum(busy_steal())
        time.sleep(2)
        waited += 2
        if sum(busy_steal()) - b < 0.15 * 2 * NCPU:
            break


def web(url):
    with urllib.request.urlopen(url, timeout=5) as r:
        return json.loads(r.read() or b"{}")


def du(path):
    n = b = db = 0
    for d, _, fs in os.walk(path):
        for f in fs:
            try:
                s = os.lstat(os.path.join(d, f)).st_size
            except OSError:
                continue
            n, b = n + 1, b + s
            db += s if ".db" in f else 0
    return n, b, db


def main():
    a = argparse.ArgumentParser()
    for f in "name", "out", "log", "nginx-pid-file", "reach", "web", "samples":
        a.add_argument("--" + f)
    a.add_argument("--corpus", default="")
    a.add_argument("--timeout", type=float, default=900)
    a.add_argument("cmd", nargs=argparse.REMAINDER)
    o = a.parse_args()
    cmd = o.cmd[1:] if o.cmd[:1] == ["--"] else o.cmd
    os.makedirs(o.out, exist_ok=True)
    servers = []
    if o.nginx_pid_file:
        master = int(open(o.nginx_pid_file).read())
        servers = children().get(master, [])
        weight(master)
    if o.web:
        servers = [web(o.web + "/-/stats")["pid"]]
    wait_for_quiet()
    start = os.path.getsize(o.log) if o.log else 0
    if o.web:
        web(o.web + "/-/reset")
    n0, (b0, st0), me0 = cpu_of(servers), busy_steal(), sum(os.times()[:2])
    err = open(o.out.rstrip("/") + ".stderr", "wb")
    w0, t0 = time.time(), time.monotonic()
    p = subprocess.Popen(cmd, stdout=err, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=weight)
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            peak[0] = max(peak[0], rss_of(tree(p.pid)))

    def sample():
        with open(o.samples, "w", buffering=1) as f:
            while not done.wait(0.5):
                pids = tree(p.pid)
                f.write(json.dumps(dict(t=round(time.monotonic() - t0, 2), rss=rss_of(pids), written=written_of(pids),
                                        cpu=cpu_of(pids), pages=web(o.web + "/-/stats")["pages"])) + "\n")
    threads = [threading.Thread(target=f, daemon=True) for f in [watch] + [sample] * bool(o.samples)]
    for t in threads:
        t.start()

    def give_up(*_):  # its session is its own, so Ctrl-C does not reach it
        os.killpg(p.pid, signal.SIGKILL)
        os._exit(130)
    signal.signal(signal.SIGINT, give_up)
    signal.signal(signal.SIGTERM, give_up)
    # Not wait(timeout): it looks in steps of up to 50 ms, and calls a run that much longer.
    timed_out = threading.Event()

    def end():
        timed_out.set()
        os.killpg(p.pid, signal.SIGTERM)
        if not done.wait(10):
            os.killpg(p.pid, signal.SIGKILL)
    cap = threading.Timer(o.timeout, end)
    cap.daemon = True
    cap.start()
    p.wait()
    cap.cancel()
    wall = time.monotonic() - t0
    done.set()
    for t in threads:
        t.join()
    ru = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, n1, (b1, st1) = ru.ru_utime + ru.ru_stime, cpu_of(servers), busy_steal()
    other = max(0.0, (b1 - b0) - cpu - (n1 - n0) - (sum(os.times()[:2]) - me0))
    r = dict(name=o.name, corpus=o.corpus, rc=p.returncode, timed_out=timed_out.is_set(), wall=round(wall, 3), cpu=round(cpu, 3),
             user=round(ru.ru_utime, 3), sys=round(ru.ru_stime, 3), rss_mb=round(max(peak[0], ru.ru_maxrss * 1024) / 1e6, 1),
             written_mb=round(ru.ru_oublock * 512 / 1e6, 1), server_cpu=round(n1 - n0, 3),
             other_share=round((other + st1 - st0) / (NCPU * wall), 3))
    if o.log:
        time.sleep(0.6)  # nginx flushes its log every 200 ms
        reach = set(open(o.reach).read().split("\n")) - {""} if o.reach else None
        r.update(logstats.stats(o.log, start, reach))
    if o.web:
        s = web(o.web + "/-/stats")
        r.update((k, s[k]) for k in ("requests", "pages", "dup_html", "connections", "inflight_seen"))
        r.update(non200={"404": s["not_found"]}, first_to_last=(s["last_us"] - s["first_us"]) / 1e6, to_first=s["first_us"] / 1e6 - w0, web=s)
    n, size, db = du(o.out)
    r.update(out_files=n, out_mb=round(size / 1e6, 1), db_mb=round(db / 1e6, 3), us_page=round(cpu * 1e6 / r["pages"], 1) if r.get("pages") else 0)
    print(json.dumps(r))


main()
