#!/usr/bin/env python3
"""Power loss, by replay: what may be on a disk after it, and what `crawl` makes of that.

  power.py --binary PATH [--states N] [--runs N] [--seed N] [--seconds N] [--keep]

A crawl is recorded by strace: every call that changes a file, every call that syncs. It is checkpointed by
another process on the way, killed, and goes on to its end. Then, for random moments of it, directories are
built as a disk might hold them had the power gone at that moment: what was synced is there; of the rest any
part may be there, in any order, by pages; sizes without data, data without names (see MODES). In each:
the database must be sound, and everything up to the mark (`start.durable_to`) must be there with its files
whole, the mark being no earlier than was promised at that moment. In RUNS of them `crawl` is run to its end
against the same server, and the end must equal that of the unbroken crawl. Needs strace; standard library.
"""
import argparse, hashlib, http.server, os, random, re, shutil, signal, sqlite3, subprocess, sys, tempfile
import threading, time
from collections import Counter

PAGE = 4096
SECTOR = 512
CALLS = ("openat,openat2,creat,open,pwrite64,write,pwritev,writev,ftruncate,truncate,fallocate,fsync,fdatasync,syncfs,"
         "sync_file_range,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,mmap,link,linkat,symlink")


# The site.

def body(path, pages):
    """Status, headers and body of a path: a tree of pages of different sizes, redirects, what is missing."""
    if path == "/robots.txt":
        return 200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /private/\n"
    match = re.fullmatch(r"/(?:p/(\d+))?", path)
    number = int(match[1] or 0) if match else pages
    if number >= pages:
        to = re.fullmatch(r"/r/(\d+)", path)
        return (302, {"Location": f"/p/{to[1]}"}, b"") if to else (404, {"Content-Type": "text/html"}, b"<title>None</title>")
    links = [f"/p/{n}" for n in range(number * 3 + 1, number * 3 + 4)] + [f"/r/{number * 7 % pages}", f"/none/{number % 9}", f"/private/{number}"]
    rest = random.Random(number)
    length = 60_000 if number % 23 == 3 else 9_000 if number % 5 == 1 else 300
    text = " ".join(f"{rest.getrandbits(32):x}" for _ in range(length // 9))
    links = "".join(f"<a href='{link}'>to {link}</a>" for link in links)
    return 200, {"Content-Type": "text/html"}, f"<title>Page {number}</title>{links}<p>{text}".encode()


def serve(pages):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, headers, content = body(self.path, pages)
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # a client that is killed breaks off
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


# The record.

CHECKPOINT = "import sqlite3,sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(PASSIVE)').fetchall()"


def record(options, url, base, trace):
    """A crawl with two checkpoints by another process, a kill, and the same command again to its end."""
    crawl = command(options, url, ["--rate", "25/s"])
    script = f"""
        {crawl} & pid=$!
        sleep {options.seconds * 0.45}; {sys.executable} -c "{CHECKPOINT}" out/crawl.db
        sleep {options.seconds * 0.25}; {sys.executable} -c "{CHECKPOINT}" out/crawl.db
        sleep {options.seconds * 0.15}; kill -9 $pid; wait $pid
        {crawl}"""
    done = subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", "2000000", "-e", "signal=none", "-e", f"trace={CALLS}", "-o", trace, "sh", "-c", script],
        cwd=base, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"the recorded crawl failed ({done.returncode}):\n{done.stderr}")


def command(options, url, more):
    flags = ["--seed", url, "-o", "out", "--progress", "never", "--host-concurrency", "4", *more]
    return " ".join([options.binary, *flags])


def plain(text):
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


class Op:
    """A change: `done` is its place in the record, `safe` the place from which on it is on the disk."""
    __slots__ = ("kind", "done", "safe", "node", "a", "b", "c")

    def __init__(self, kind, done, node, a=None, b=None, c=None):
        self.kind, self.done, self.node, self.a, self.b, self.c = kind, done, node, a, b, c
        self.safe = float("inf")


class Record:
    """The calls of a trace below a directory, as changes of nodes (files and directories), and syncs."""

    def __init__(self, base, trace):
        self.base, self.now, self.nodes = base, 0, 1
        self.tree = {0: {}}  # directory: its names
        self.ops, self.syncs = [], []
        self.begun = {}  # a thread: the text of its unfinished call, and when it began
        with open(trace, errors="replace") as lines:
            for line in lines:
                self.line(line)
        for begin, end, scope in self.syncs:
            for op in self.ops:
                if op.done < begin and op.safe > end and (scope is None or scope == (op.kind in ("write", "size"), op.node)):
                    op.safe = end

    def line(self, line):
        pid, rest = line.rstrip("\n").split(" ", 1)
        rest = rest.lstrip()
        self.now += 1
        begin = self.now
        if rest.endswith("<unfinished ...>"):
            self.begun[pid] = (rest[:-len("<unfinished ...>")], begin)
            return
        if rest.startswith("<... "):
            head, begin = self.begun.pop(pid)
            rest = head + rest.split(" resumed>", 1)[1]
        if "(" not in rest or " = " not in rest:
            return
        name, rest = rest.split("(", 1)
        args, result = rest.rsplit(" = ", 1)
        args, result = args.rstrip().removesuffix(")"), result.strip()
        if result.startswith("-1 ") or result == "?":
            return
        handler = getattr(self, "on_" + name, None)
        if handler is None:
            raise SystemExit(f"a call that the model does not know: {name}")
        handler(args, result, begin)

    def find(self, path):
        """(directory's node, last name, node or None) of an absolute path, if it is below the base."""
        if path == self.base:
            return None, None, 0
        if not path.startswith(self.base + "/"):
            return None
        parts, node = path[len(self.base) + 1:].split("/"), 0
        for part in parts[:-1]:
            node = self.tree.get(node, {}).get(part)
            if node is None:
                return None
        return node, parts[-1], self.tree.get(node, {}).get(parts[-1])

    def path(self, args, count=1):
        """The paths of a call's arguments, absolute: of each quoted one, with the directory before it."""
        found = []
        for match in re.finditer(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"', args):
            where, text = match[1], plain(match[2]).decode(errors="replace")
            where = plain(where).decode() if where else self.base
            found.append(os.path.normpath(os.path.join(where, text)))
            if len(found) == count:
                break
        return found

    def of_fd(self, text):
        match = re.match(r"\d+<([^>]*)>", text)
        path = plain(match[1]).decode(errors="replace") if match else ""
        found = self.find(path)
        return found[2] if found else None

    def op(self, *parts):
        self.ops.append(Op(parts[0], self.now, *parts[1:]))

    def make(self, directory, name, is_directory=False):
        node, self.nodes = self.nodes, self.nodes + 1
        if is_directory:
            self.tree[node] = {}
        self.tree[directory][name] = node
        self.op("name", directory, name, node, is_directory)
        return node

    def on_openat(self, args, _result, _begin):
        found = self.find(self.path(args)[0])
        if found and found[0] is not None and found[2] is None and "O_CREAT" in args:
            self.make(found[0], found[1])
        elif found and found[2] is not None and "O_TRUNC" in args:
            self.op("size", found[2], 0)

    on_open = on_openat2 = on_openat

    def on_mkdir(self, args, _result, _begin):
        found = self.find(self.path(args)[0])
        if found and found[2] is None:
            self.make(found[0], found[1], True)

    on_mkdirat = on_mkdir

    def on_unlink(self, args, _result, _begin):
        found = self.find(self.path(args)[0])
        if found and found[2] is not None:
            del self.tree[found[0]][found[1]]
            self.op("gone", found[0], found[1])

    on_unlinkat = on_rmdir = on_unlink

    def on_rename(self, args, _result, _begin):
        old, new = (self.find(path) for path in self.path(args, 2))
        if old and new and old[2] is not None:
            del self.tree[old[0]][old[1]]
            self.tree[new[0]][new[1]] = old[2]
            # In both directories; what only one of them has synced may be in both, or in none.
            self.op("name", new[0], new[1], old[2], old[2] in self.tree)
            self.op("gone", old[0], old[1])

    on_renameat = on_renameat2 = on_rename

    def on_pwrite64(self, args, result, _begin):
        node = self.of_fd(args)
        if node is not None:
            data, offset = re.search(r'"([^"]*)", \d+, (\d+)$', args.strip()).groups()
            self.op("write", node, int(offset), plain(data)[:int(result)])

    def on_write(self, args, result, _begin):
        node = self.of_fd(args)
        if node is not None:
            # All of ours are written from their beginning on, by one or more calls; the lock's file anew.
            data = plain(re.search(r'"([^"]*)"', args)[1])[:int(result)]
            before = sum(len(op.b) for op in self.ops if op.kind == "write" and op.node == node) if not self.is_lock(node) else 0
            self.op("write", node, before, data)

    def on_writev(self, args, _result, _begin):
        if self.of_fd(args) is not None:
            raise SystemExit("a write that the model does not know")

    on_pwritev = on_writev

    def is_lock(self, node):
        return any(names.get("crawl.lock") == node for names in self.tree.values())

    def on_ftruncate(self, args, _result, _begin):
        node = self.of_fd(args)
        if node is not None:
            self.op("size", node, int(args.rsplit(", ", 1)[1]))

    def on_fallocate(self, args, _result, _begin):
        if self.of_fd(args) is not None and not args.split("<")[1].startswith(plain_hex("crawl.db-shm")):
            pass  # room, not content

    def on_fsync(self, args, _result, begin):
        node = self.of_fd(args)
        if node is not None:
            self.syncs.append((begin, self.now, (node not in self.tree, node)))

    on_fdatasync = on_fsync

    def on_syncfs(self, _args, _result, begin):
        self.syncs.append((begin, self.now, None))

    def on_mmap(self, args, _result, _begin):
        if "MAP_SHARED" in args and "PROT_WRITE" in args:
            match = re.search(r"\d+<([^>]*)>", args)
            path = plain(match[1]).decode(errors="replace") if match else ""
            if self.find(path) and not path.endswith("-shm"):
                raise SystemExit(f"{path} is written by mmap: the model does not see that")

    def on_sync_file_range(self, *_):
        pass  # promises nothing

    def name_of(self, node):
        for names in self.tree.values():
            for name, found in names.items():
                if found == node:
                    return name
        return ""


def plain_hex(text):
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


# What a disk may hold.

def pieces(op, size=PAGE):
    """A write, cut where pages begin."""
    at, end = op.a, op.a + len(op.b)
    while at < end:
        to = min(end, (at // size + 1) * size)
        yield at, op.b[at - op.a:to - op.a]
        at = to


MODES = ("nothing", "everything", "prefix", "pages", "few pages", "most pages", "sizes without data", "names without data",
         "data without names", "log without database", "database without log", "torn")


class Disk:
    """A state: of the changes until a moment those that were synced, and of the others some."""

    def __init__(self, record, names, moment, mode, chance):
        self.data, self.tree = {}, {0: {}}
        pending = [op for op in record.ops if op.done <= moment < op.safe]
        upto = pending[chance.randrange(len(pending))].done if pending else 0
        stopped = set()  # pages of which a later version is not on the disk
        for op in record.ops:
            if op.done > moment:
                break
            synced = op.safe <= moment
            if op.kind == "write":
                self.write(op, synced, mode, chance, names, upto, stopped)
            elif synced or self.keeps(op, mode, chance, upto):
                self.change(op)

    @staticmethod
    def keeps(op, mode, chance, upto):
        is_name = op.kind in ("name", "gone")
        return {
            "nothing": False, "everything": True, "prefix": op.done <= upto, "sizes without data": True,
            "names without data": is_name, "data without names": not is_name,
            "few pages": chance.random() < 0.2, "most pages": chance.random() < 0.9,
        }.get(mode, chance.random() < 0.5 or mode.endswith(("log", "database")))

    def change(self, op):
        if op.kind == "name":
            self.tree.setdefault(op.node, {})[op.a] = (op.b, op.c)
        elif op.kind == "gone":
            self.tree.setdefault(op.node, {}).pop(op.a, None)
        else:
            data = self.data.setdefault(op.node, bytearray())
            data[op.a:] = bytes(max(0, op.a - len(data)))

    def put(self, node, at, piece):
        data = self.data.setdefault(node, bytearray())
        data.extend(bytes(max(0, at + len(piece) - len(data))))
        data[at:at + len(piece)] = piece

    def write(self, op, synced, mode, chance, names, upto, stopped):
        if synced or mode == "everything" or (mode == "prefix" and op.done <= upto):
            return self.put(op.node, op.a, op.b)
        name = names.get(op.node, "")
        share = {"pages": 0.5, "few pages": 0.1, "most pages": 0.95, "torn": 0.7, "data without names": 1.0,
                 "log without database": float(name.endswith("-wal")), "database without log": float(name == "crawl.db")}.get(mode, 0.0)
        for at, piece in pieces(op):
            page = (op.node, at // PAGE)
            if page not in stopped and chance.random() < share:
                if mode == "torn" and chance.random() < 0.3:
                    sectors = [cut for cut in range(0, len(piece), SECTOR) if chance.random() < 0.5]
                    for cut in sectors:
                        self.put(op.node, at + cut, piece[cut:cut + SECTOR])
                else:
                    self.put(op.node, at, piece)
                continue
            stopped.add(page)  # a page is written as it is in memory: not a later change without this one
            if mode == "sizes without data":
                data = self.data.setdefault(op.node, bytearray())
                data.extend(bytes(max(0, at + len(piece) - len(data))))

    def build(self, directory, node=0):
        os.makedirs(directory, exist_ok=True)
        for name, (child, is_directory) in self.tree.get(node, {}).items():
            path = os.path.join(directory, name)
            if is_directory:
                self.build(path, child)
            elif not name.endswith("-shm"):
                with open(path, "wb") as file:
                    file.write(self.data.get(child, b""))


# What must hold.

FETCHES = """SELECT f.id, u.text, f.status, hex(v.digest), v.file FROM fetch f JOIN url u ON u.id = f.url
             LEFT JOIN version v ON v.id = f.version WHERE f.id <= ? ORDER BY f.id"""
END = {
    "pages": "SELECT url, status, error, title, depth, sha256, file, redirect_to FROM pages ORDER BY url",
    "links": "SELECT from_url, position, to_url, kind, anchor, decision, to_status FROM links ORDER BY from_url, position",
    "urls": "SELECT url, decision, kind FROM urls ORDER BY url",
    "queue": "SELECT url FROM queue",
}


def rows(database, sql, *values):
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def is_whole(output, file, digest):
    try:
        with open(os.path.join(output, file), "rb") as body:
            return hashlib.sha256(body.read()).hexdigest() == digest.lower()
    except FileNotFoundError:
        return False


def mark_of(database):
    """The mark that a database has; none where there is no start."""
    if not os.path.exists(database):
        return 0
    try:
        return rows(database, "SELECT coalesce(max(durable_to), 0) FROM start")[0][0]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return 0
        raise


def look(output, promised, reference):
    """What is wrong with a state; and how many rows beyond the mark name files that are not whole."""
    database = os.path.join(output, "crawl.db")
    if not os.path.exists(database):
        return (["the database is gone"] if promised else []), 0
    try:
        mark = mark_of(database)
        wrong = [str(row) for row in rows(database, "PRAGMA integrity_check") if row != ("ok",)]
        wrong += [f"foreign key {row}" for row in rows(database, "PRAGMA foreign_key_check")]
        if mark < promised:
            wrong.append(f"the mark is {mark}, {promised} was promised")
        if not rows(database, "SELECT 1 FROM sqlite_schema WHERE name = 'fetch'"):
            return wrong, 0
        found = rows(database, FETCHES, mark)
        if found != reference[:mark]:
            wrong.append(f"{len(found)} fetches up to the mark {mark}, or others than there were")
        wrong += [f"{row[4]} is not whole, before the mark {mark}" for row in found if row[4] and not is_whole(output, row[4], row[3])]
        beyond = rows(database, "SELECT file, hex(digest) FROM version WHERE file IS NOT NULL")
        return wrong, sum(not is_whole(output, *row) for row in beyond) if not wrong else 0
    except sqlite3.DatabaseError as error:
        return [f"the database: {error}"], 0


def end_of(output):
    database = os.path.join(output, "crawl.db")
    return {part: rows(database, sql) for part, sql in END.items()}


def run_to_end(options, url, base, wanted):
    """Runs the crawl on a state; what is wrong with what it came to, and files that are not whole."""
    output = os.path.join(base, "out")
    done = subprocess.run(command(options, url, ["--rate", "unlimited"]).split(), cwd=base, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return [f"exit code {done.returncode}: {done.stderr[-500:]}"], []
    found, wrong = end_of(output), []
    for part, rows_of in wanted.items():
        lost, more = set(rows_of) - set(found[part]), set(found[part]) - set(rows_of)
        if lost or more:
            wrong.append(f"{part}: lost {sorted(lost, key=str)[:2]}, more {sorted(more, key=str)[:2]}")
        if len(found[part]) != len(set(found[part])):
            wrong.append(f"{part}: rows twice")
    database = os.path.join(output, "crawl.db")
    wrong += [str(row) for row in rows(database, "PRAGMA integrity_check") if row != ("ok",)]
    named = set(rows(database, "SELECT file, hex(digest) FROM version WHERE file IS NOT NULL"))
    torn = [file for file, digest in sorted(named) if not is_whole(output, file, digest)]
    there = {os.path.relpath(os.path.join(where, file), output) for where, _, files in os.walk(os.path.join(output, "pages")) for file in files}
    strays = there - {file for file, _ in named}
    wrong += [f"a stray: {file}" for file in sorted(strays)[:2]]
    return wrong, torn


def promises(record, names, base, chance):
    """(moment, mark) wherever a sync of the log or of the database makes a mark certain."""
    found = [(0, 0)]
    for begin, end, scope in sorted(record.syncs, key=lambda sync: sync[1]):
        if scope and scope[0] and names.get(scope[1], "").startswith("crawl.db"):
            state = os.path.join(base, "promise")
            Disk(record, names, begin, "everything", chance).build(state)
            found.append((end, max(found[-1][1], mark_of(os.path.join(state, "out", "crawl.db")))))
            shutil.rmtree(state)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--states", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=16)
    parser.add_argument("--strict", action="store_true", help="rows beyond the mark must have their files after a run, too")
    parser.add_argument("--keep", action="store_true", help="keep states that are wrong")
    options = parser.parse_args()
    options.binary = os.path.realpath(options.binary)
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("CRAWL_"):
            del os.environ[name]
    base = tempfile.mkdtemp(prefix="power-")
    try:
        failed = torture(options, base)
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)
    sys.exit(1 if failed else 0)


def torture(options, base):
    chance = random.Random(options.seed)
    url = serve(int(options.seconds * 12))
    whole, recorded = os.path.join(base, "whole"), os.path.join(base, "recorded")
    os.mkdir(whole), os.mkdir(recorded)
    subprocess.run(command(options, url, ["--rate", "unlimited"]).split(), cwd=whole, check=True, stderr=subprocess.DEVNULL)
    wanted = end_of(os.path.join(whole, "out"))
    trace = os.path.join(base, "trace")
    record(options, url, recorded, trace)
    calls = Record(recorded, trace)
    names = {op.b: op.a for op in calls.ops if op.kind == "name"}
    ends = end_of(os.path.join(recorded, "out"))
    if ends != wanted:
        print("the recorded crawl differs from the unbroken one")
        return 1
    model = os.path.join(base, "model")
    Disk(calls, names, float("inf"), "everything", chance).build(model)
    same = subprocess.run(["diff", "-r", "-x", "*-shm", "-x", "crawl.lock", recorded, model])
    if same.returncode != 0:
        print("the model does not come to what the recorded crawl has left")
        return 1
    made = promises(calls, names, base, chance)
    reference = rows(os.path.join(recorded, "out/crawl.db"), FETCHES, 1 << 60)
    syncs = Counter("everything" if sync[2] is None else names.get(sync[2][1], "?") for sync in calls.syncs)
    print(f"recorded: {len(calls.ops)} changes, syncs of {dict(syncs)}; {len(reference)} requests, marks {sorted({mark for _, mark in made})}")
    return states(options, base, url, calls, names, made, reference, wanted, chance)


def states(options, base, url, calls, names, made, reference, wanted, chance):
    first, last = calls.ops[0].done, calls.now
    edges = [end for _, end, _ in calls.syncs] + [begin for begin, _, _ in calls.syncs]
    counts, failures, run = Counter(), 0, 0
    for number in range(options.states):
        # A third of the moments are close to a sync, where promises are made.
        moment = chance.choice(edges) + chance.randrange(-3, 4) if chance.random() < 0.33 else chance.randrange(first, last + 2)
        mode = MODES[number % len(MODES)]
        state = os.path.join(base, f"state-{number}")
        Disk(calls, names, moment, mode, chance).build(state)
        promised = max(mark for end, mark in made if end <= moment) if moment > 0 else 0
        wrong, beyond = look(os.path.join(state, "out"), promised, reference)
        counts["states"] += 1
        counts[f"mode {mode}"] += 1
        counts["states with rows beyond the mark whose files are not whole"] += beyond > 0
        if not wrong and run < options.runs * (number + 1) // options.states:
            run += 1
            wrong, torn = run_to_end(options, url, state, wanted)
            counts["runs to the end"] += 1
            counts["runs after which a file is not whole"] += bool(torn)
        if wrong:
            failures += 1
            print(f"WRONG: state {number}, moment {moment} of {last}, {mode}, promised {promised}:", *wrong[:5], sep="\n  ")
        if not (wrong and options.keep):
            shutil.rmtree(state)
    for what, count in sorted(counts.items()):
        print(f"  {what}: {count}")
    print(f"{failures} states with something lost or broken")
    return failures + counts["runs after which a file is not whole"] * options.strict


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
if __name__ == "__main__":
    main()
