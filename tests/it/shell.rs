//! `crawl query` as a shell: where questions come from, what they may do, how answers look.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Crawl, Fault, Reply, Site, edit, rows};

/// A small crawl to ask; its output is `out`.
fn asked() -> (Crawl, Site) {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home | \u{1b}[31m *x* <b>&amp;lt;</title><a href=/docs/a>a</a><a href=/docs/b>b</a>
         <a href='http://www.elsewhere.example/x'>x</a><a href='http://elsewhere.example/y'>y</a>
         <a href='http://10.9.8.7:81/'>z</a><a href=/lost>lost</a>",
    );
    site.page(
        "/docs/a",
        "<title>A</title><a href='http://elsewhere.example/y'>y</a>",
    );
    site.page(
        "/docs/b",
        &format!("<title>漢字</title>{}", "x".repeat(5000)),
    );
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-q"]);
    let crawl = crawl.args(["-o", "out"]);
    crawl.run().expect_code(0);
    (crawl, site)
}

fn ask(crawl: &Crawl, args: &[&str]) -> String {
    let words = ["query", "-o", "out"].iter().chain(args);
    crawl.run_args(words).expect_code(0).stdout
}

/// What is said of a question that cannot be answered.
fn refused(crawl: &Crawl, args: &[&str]) -> String {
    let words = ["query", "-o", "out"].iter().chain(args);
    let said = crawl.run_args(words).expect_code(2);
    assert_eq!(said.stdout, "", "{said}");
    said.stderr
}

#[test]
fn questions_from_files_and_standard_input() {
    let (crawl, _site) = asked();
    crawl.file(
        "two.sql",
        "\u{feff}-- pages; of all\nSELECT count(*) AS n FROM pages;\n\nSELECT ';' AS s;;\n",
    );
    let answer = "n\n4\n\ns\n;\n";
    assert_eq!(ask(&crawl, &["-f", "csv", "--file", "two.sql"]), answer);
    let piped = crawl
        .again()
        .stdin("SELECT count(*) AS n FROM pages; SELECT ';' AS s");
    assert_eq!(ask(&piped, &["-f", "csv", "-"]), answer);
    assert_eq!(ask(&piped, &["-f", "csv", "--file", "-"]), answer);
    let named = crawl.again().stdin("sections\n");
    assert!(ask(&named, &["-"]).contains("/docs"));

    // None is answered if one cannot be, and its place is told.
    crawl.file(
        "bad.sql",
        "SELECT 1;\n\nSELECT url,\n       titel FROM pages;\n",
    );
    assert_eq!(
        refused(&crawl, &["--file", "bad.sql"]),
        "crawl: bad.sql: line 4, column 8: no such column: titel; did you mean \"title\"?\n         titel FROM pages;\n         ^\n"
    );
    let bad = crawl.again().stdin("SELECT 1;\nSELEC 2");
    assert!(refused(&bad, &["-"]).starts_with("crawl: standard input: line 2, column 1: near"));
    std::fs::write(crawl.dir().join("bytes.sql"), b"SELECT '\xff'").expect("written");
    for (file, wanted) in [
        ("bytes.sql", "no text in UTF-8"),
        ("nowhere.sql", "cannot read nowhere.sql"),
        (".", "cannot read ."),
        ("/dev/zero", "too long"),
    ] {
        let said = refused(&crawl, &["--file", file]);
        assert!(said.contains(wanted) && said.lines().count() == 1, "{said}");
    }
    crawl.file("empty.sql", "-- nothing\n;");
    assert!(refused(&crawl, &["--file", "empty.sql"]).contains("nothing is asked"));
}

#[test]
fn parameters() {
    let (crawl, _site) = asked();
    let sql = "SELECT count(*) AS n FROM pages WHERE status = :status AND title LIKE :like";
    let answer = ask(
        &crawl,
        &[sql, "-p", "status=200", "--param", ":like=%", "-f", "csv"],
    );
    assert_eq!(answer, "n\n3\n");
    for (args, wanted) in [
        (
            &[sql, "-p", "like=x"][..],
            "the parameter :status has no value: give --param status=VALUE",
        ),
        (
            &[sql, "-p", "like=x", "-p", "status=1", "-p", "x=1"],
            "no parameter :x is asked for",
        ),
        (
            &["slow-pages", "-p", "s=1"],
            "no parameter :s is asked for; there are :ms",
        ),
        (&["SELECT ?", "-p", "x=1"], "the parameter ? has no value"),
        (&["SELECT :x", "-p", "x"], "NAME=VALUE"),
    ] {
        let said = refused(&crawl, args);
        assert!(said.contains(wanted), "{said}");
    }
    // What looks like SQL in a value is a value.
    let answer = ask(
        &crawl,
        &["SELECT :x AS x", "-p", "x=1; DROP TABLE url", "-f", "csv"],
    );
    assert_eq!(answer, "x\n1; DROP TABLE url\n");
}

/// Everything beneath a directory, with its bytes.
fn everything(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            found.extend(everything(&entry.path()));
        } else {
            let bytes = std::fs::read(entry.path()).expect("a file");
            // What SQLite keeps of its readers is no part of the database.
            if !entry.path().to_string_lossy().ends_with("-shm") {
                found.insert(entry.path().display().to_string(), bytes);
            }
        }
    }
    found.retain(|name, bytes| !(name.ends_with("-wal") && bytes.is_empty()));
    found
}

/// Whatever is tried, nothing is written: neither into the database nor beside it.
#[test]
fn nothing_is_written() {
    let (crawl, _site) = asked();
    let before = everything(crawl.dir());
    for sql in [
        "INSERT INTO url VALUES (99, 1, 1, 'http://x/', 1)",
        "UPDATE url SET text = 'http://x/'",
        "DELETE FROM url",
        "REPLACE INTO rule VALUES (1, 'x')",
        "WITH x AS (SELECT 1) DELETE FROM url WHERE id IN x",
        "UPDATE pages SET status = 200",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE INDEX x ON url (text)",
        "CREATE TRIGGER x AFTER DELETE ON url BEGIN DELETE FROM rule; END",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "DROP TABLE url",
        "DROP VIEW pages",
        "ALTER TABLE url RENAME TO x",
        "ATTACH 'x.db' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'x.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "PRAGMA user_version = 7",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode(DELETE)",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA main.locking_mode",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA optimize",
        "PRAGMA incremental_vacuum",
        "PRAGMA temp_store_directory = '.'",
        "PRAGMA cache_size = 1000000000",
        "PRAGMA mmap_size = 1000000000",
        "PRAGMA trusted_schema = 1",
        "EXPLAIN PRAGMA locking_mode = EXCLUSIVE",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('x', x'0000000000000000')",
        "SELECT writefile('x.txt', 'x')",
        "SELECT * FROM pragma_wal_checkpoint",
        "SELECT 1; DELETE FROM url",
        "INSERT INTO url SELECT * FROM url RETURNING id",
        ".shell touch x",
        ".output x",
    ] {
        let said = refused(&crawl, &[sql]);
        assert!(
            said.starts_with("crawl: ") && said.lines().count() <= 3,
            "{sql}: {said}"
        );
    }
    assert_eq!(everything(crawl.dir()), before);
    for sql in [
        "PRAGMA user_version",
        "PRAGMA table_info(url)",
        "PRAGMA integrity_check",
        "EXPLAIN QUERY PLAN SELECT * FROM pages",
        "SELECT name FROM pragma_table_xinfo('url')",
        "SELECT value FROM json_each('[1]')",
    ] {
        ask(&crawl, &[sql]);
    }
    assert_eq!(everything(crawl.dir()), before);
}

/// Who has written the database may have put anything into it.
#[test]
fn a_doctored_database() {
    let (crawl, _site) = asked();
    let out = crawl.dir().join("out");
    edit(
        &out,
        "DROP VIEW pages; DROP VIEW hosts; DROP VIEW traps; DROP VIEW errors; DROP VIEW queue;
         CREATE VIEW pages (url, \"a\u{1b}[2J|b\", n) AS
           SELECT 'http://x/' || char(27) || '[2J' || char(10) || '── 2', '**b** | <i>' || char(13), x'1b5b324a';
         CREATE VIEW hosts AS SELECT load_extension('x') AS host;
         CREATE VIEW traps AS SELECT zeroblob(1000000000) AS host;
         CREATE VIEW errors AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;
         CREATE VIEW queue AS SELECT * FROM queue;
         CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('one two');",
    );
    for format in ["table", "record", "csv", "json", "jsonl", "markdown"] {
        let text = ask(&crawl, &["pages", "-f", format]);
        let is_fine = |c: char| c == '\n' || !c.is_control() || (format == "csv" && c == '\r');
        assert!(text.chars().all(is_fine), "{format}: {text}");
        // In CSV it stands in quotes.
        assert!(
            format == "csv" || !text.contains("\n── 2"),
            "{format}: {text}"
        );
        let (code, shown) = crawl
            .on_terminal(80, 24, ["query", "-o", "out", "pages", "-f", format])
            .wait();
        assert_eq!(code, Some(0));
        assert!(!shown.contains('\u{1b}'), "{format}: {shown}");
    }
    let found = ask(
        &crawl,
        &[
            "SELECT text FROM words WHERE words MATCH 'two'",
            "-f",
            "csv",
        ],
    );
    assert_eq!(found, "text\none two\n");
    for view in ["hosts", "traps", "queue"] {
        let said = crawl.run_args(["query", "-o", "out", view]);
        assert!(
            matches!(said.code, Some(1 | 2)) && said.stderr.starts_with("crawl: "),
            "{said}"
        );
    }
    let words = [
        "query",
        "-o",
        "out",
        "SELECT count(*) FROM errors",
        "--timeout",
        "300ms",
    ];
    let said = crawl.run_args(words).expect_code(1);
    assert_eq!(
        said.stderr,
        "crawl: there was no whole answer within 300ms (--timeout)\n"
    );
}

/// What comes out of each format is what went in.
#[test]
fn formats_can_be_read_back() {
    let (crawl, _site) = asked();
    let nasty = "a,b \"q\" 'x'\n\tü 漢 \\ | `c` \u{202e}r\u{1f600}";
    let sql = "SELECT :x AS \"n, 1\", 1 AS i, 1.5 AS r, NULL AS nil, x'00ff' AS b, -9223372036854775808 AS least";
    let param = format!("x={nasty}");
    let args = |format: &'static str| [sql, "-p", &param, "-f", format].map(str::to_owned);
    let run = |format| {
        let args = args(format);
        ask(&crawl, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };

    let text = run("csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(&reader.headers().expect("names")[0], "n, 1");
    let row = reader.records().next().expect("a row").expect("CSV");
    assert_eq!(
        row.iter().collect::<Vec<_>>(),
        [nasty, "1", "1.5", "", "00ff", "-9223372036854775808"]
    );

    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let wanted = serde_json::json!({"n, 1": nasty, "i": 1, "r": 1.5, "nil": null, "b": "00ff", "least": i64::MIN});
    assert_eq!(json(&run("json")), serde_json::json!([wanted]));
    assert_eq!(json(&run("jsonl")), wanted);
    let twice = ask(
        &crawl,
        &["SELECT 1 AS a, 2 AS a; SELECT 3 AS a", "-f", "jsonl"],
    );
    assert_eq!(twice, "{\"a\": 1, \"a_2\": 2}\n{\"a\": 3}\n");

    let text = run("markdown");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "| n, 1 | i | r | nil | b | least |");
    assert_eq!(lines[1], "| --- | ---: | ---: | --- | --- | ---: |");
    assert!(
        lines.len() == 3 && lines[2].starts_with("| a,b \"q\" 'x'<br>"),
        "{text}"
    );
}

/// On a terminal no line is wider than it, and all of what does not fit in columns is still there.
#[test]
fn fitted_to_the_terminal() {
    let (crawl, site) = asked();
    let wide = ["query", "-o", "out", "pages"];
    for columns in [20, 40, 80, 200] {
        let (code, text) = crawl.on_terminal(columns, 24, wide).wait();
        assert_eq!(code, Some(0), "{text}");
        let widest = text
            .lines()
            .map(unicode_width::UnicodeWidthStr::width)
            .max();
        assert!(widest <= Some(usize::from(columns)), "{columns}: {text}");
        assert!(text.starts_with("── 1 ──"), "{columns}: {text}");
        let joined: String = text.split_whitespace().collect();
        for value in rows(
            &crawl.dir().join("out"),
            "SELECT url || ' ' || file || ' ' || sha256 FROM pages WHERE file IS NOT NULL",
        ) {
            for value in value.split(' ') {
                assert!(joined.contains(value), "{columns}: {value} in {text}");
            }
        }
    }
    let narrow = "SELECT url, status, title FROM pages WHERE status = 200 ORDER BY url LIMIT 1";
    let (_, text) = crawl
        .on_terminal(80, 24, ["query", "-o", "out", narrow])
        .wait();
    assert!(
        text.starts_with("url ") && text.lines().count() == 3,
        "{text}"
    );
    let (_, text) = crawl
        .on_terminal(80, 24, ["query", "-o", "out", "runs", "-f", "record"])
        .wait();
    assert!(
        text.contains("\nconfig ") && text.contains("[scope]\n"),
        "{text}"
    );
    // Columns of numbers are not cut, whatever the terminal.
    let (_, text) = crawl
        .on_terminal(9, 24, ["query", "-o", "out", "SELECT 1234567890123 AS n"])
        .wait();
    assert!(
        text.contains("12345678\n") && text.contains("90123"),
        "{text}"
    );
    drop(site);
}

#[test]
fn no_rows_are_told_of() {
    let (crawl, _site) = asked();
    let none = "SELECT url FROM pages WHERE 0";
    for (format, stderr) in [
        ("table", "crawl: 0 rows\n"),
        ("record", "crawl: 0 rows\n"),
        ("markdown", "crawl: 0 rows\n"),
        ("csv", ""),
        ("json", ""),
        ("jsonl", ""),
    ] {
        let said = crawl
            .run_args(["query", "-o", "out", none, "-f", format])
            .expect_code(0);
        assert_eq!(said.stderr, stderr, "{format}");
    }
    let said = crawl
        .run_args(["query", "-o", "out", "ranks"])
        .expect_code(0);
    assert_eq!(said.stderr, "crawl: 0 rows: crawl rank works them out\n");
    let (_, text) = crawl
        .on_terminal(80, 24, ["query", "-o", "out", none])
        .wait();
    assert_eq!(text, "url\n───\n0 rows\n");
}

#[test]
fn reports_with_a_name() {
    let (crawl, site) = asked();
    let host = site.url("");
    let host = host.trim_start_matches("http://");
    assert_eq!(
        ask(&crawl, &["external-domains", "-f", "csv"]),
        "domain,links,pages,hosts,urls,checked,broken\nelsewhere.example,3,2,2,2,0,0\n10.9.8.7:81,1,1,1,1,0,0\n"
    );
    let sections = ask(&crawl, &["SELECT 1", "-f", "csv"]);
    assert_eq!(sections, "1\n1\n");
    let sections = ask(&crawl, &["sections", "-f", "jsonl"]);
    let sections: Vec<serde_json::Value> = sections
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |row: &serde_json::Value| {
        let text = |name: &str| row[name].as_str().expect("text").to_owned();
        let number = |name: &str| row[name].as_i64().expect("a number");
        (
            text("host"),
            text("section"),
            number("pages"),
            number("errors"),
        )
    };
    assert_eq!(
        sections.iter().map(of).collect::<Vec<_>>(),
        [
            (host.to_owned(), "/docs".to_owned(), 2, 0),
            (host.to_owned(), "/".to_owned(), 1, 0),
            (host.to_owned(), "/lost".to_owned(), 1, 1),
        ]
    );
    let large = ask(&crawl, &["large-pages", "-p", "bytes=5000", "-f", "csv"]);
    assert!(
        large.lines().count() == 2 && large.contains("/docs/b,5"),
        "{large}"
    );
    assert_eq!(
        ask(&crawl, &["large-pages", "-f", "csv"]).lines().count(),
        1
    );
    assert_eq!(
        ask(&crawl, &["slow-pages", "-p", "ms=0", "-f", "csv"])
            .lines()
            .count(),
        5
    );

    // Each name stands for SQL that answers the same.
    for line in ask(&crawl, &[]).lines() {
        let name = line.split_whitespace().next().expect("a name");
        let sql = ask(&crawl, &["--sql", name]);
        let params: Vec<&str> = line
            .split("[-p ")
            .skip(1)
            .map(|rest| rest.trim_end().trim_end_matches(']'))
            .collect();
        let given: Vec<&str> = params.iter().flat_map(|param| ["-p", param]).collect();
        let by_sql = [&[sql.as_str(), "-f", "csv"], given.as_slice()].concat();
        assert_eq!(
            ask(&crawl, &by_sql),
            ask(&crawl, &[name, "-f", "csv"]),
            "{name}"
        );
    }
    let said = refused(&crawl, &["--sql", "slow-page"]);
    assert!(said.contains("did you mean \"slow_pages\"?"), "{said}");
    assert!(refused(&crawl, &["SELECT * FROM slow_pages"]).contains("is a report, not a view"));
}

#[test]
fn functions_of_urls() {
    let (crawl, _site) = asked();
    let sql = "SELECT path(url) AS p FROM pages WHERE url REGEXP '/docs/[ab]$' AND host(url) = host(found_on) ORDER BY p";
    assert_eq!(ask(&crawl, &[sql, "-f", "csv"]), "p\n/docs/a\n/docs/b\n");
    for (sql, wanted) in [
        ("SELECT hots(url) FROM pages", "did you mean host()?"),
        (
            "SELECT url REGEXP '(' FROM pages",
            "the pattern \"(\": unclosed group",
        ),
        (
            "SELECT param(url) FROM pages",
            "wrong number of arguments to function param()",
        ),
    ] {
        let said = refused(&crawl, &[sql]);
        assert!(said.contains(wanted), "{said}");
    }
}

/// A crawl that goes on until its page is let go, and one who asks beside it.
#[test]
fn watched_until_the_crawl_has_ended() {
    let site = Site::start();
    site.page("/", "<title>Home</title><a href=/stall>stall</a>");
    site.misbehave("/stall", Fault::StallBeforeHead);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let crawl = crawl.args(["--retries", "0"]);
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls", |_| site.count("/stall") > 0);
    let sql = "SELECT count(*) AS n FROM pages";
    let watch = |format: &'static str| {
        let words = ["query", "-o", "out", "--watch", "100ms", "-f", format, sql];
        crawl.spawn_args(words)
    };
    let (mut table, mut lines) = (watch("table"), watch("jsonl"));
    table.wait_until("two answers", |child| {
        child.stdout().matches("\n-- ").count() >= 2
    });
    lines.wait_until("two answers", |child| child.stdout().lines().count() >= 2);
    let mut screen = crawl.on_terminal(60, 10, ["query", "-o", "out", "--watch", "100ms", sql]);
    screen.wait_until("two answers", |text| text.matches("\u{1b}[H").count() >= 2);
    screen.resize(30, 5);
    let mut stopped = crawl.on_terminal(60, 10, ["query", "-o", "out", "--watch", "1h", sql]);
    stopped.wait_until("an answer", |text| {
        text.contains("every 3600s; Ctrl-C ends")
    });
    stopped.signal("INT");
    let (code, text) = stopped.wait();
    assert_eq!(code, Some(130), "{text}");
    assert!(text.ends_with("\u{1b}[?1049l"), "{text:?}");

    running.signal("INT");
    running.wait().expect_code(130);
    let table = table.wait().expect_code(0);
    assert!(
        table.stdout.starts_with("-- 20") && table.stderr.contains("the crawl has ended (stopped)"),
        "{table}"
    );
    let lines = lines.wait().expect_code(0);
    assert!(
        lines
            .stdout
            .lines()
            .all(|line| line.starts_with("{\"n\": ")),
        "{lines}"
    );
    let (code, text) = screen.wait();
    assert_eq!(code, Some(0));
    let (on_screen, after) = text
        .rsplit_once("\u{1b}[?1049l")
        .expect("the screen is left");
    assert!(on_screen.starts_with("\u{1b}[?1049h"), "{text:?}");
    assert!(
        after.starts_with("n\n─\n") && after.contains("the crawl has ended"),
        "{after:?}"
    );

    // Where no crawl is, there is one answer.
    let said = crawl
        .run_args(["query", "-o", "out", "--watch", "2s", sql, "-f", "csv"])
        .expect_code(0);
    assert!(
        said.stdout.starts_with("# 20") && said.stderr.contains("no crawl writes here"),
        "{said}"
    );
}

/// A question that would go on for ever.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[test]
fn what_takes_too_long_can_be_ended() {
    let (crawl, _site) = asked();
    let said = crawl
        .run_args(["query", "-o", "out", "--timeout", "100ms", ENDLESS])
        .expect_code(1);
    assert!(said.stderr.contains("within 100ms"), "{said}");
    // A signal that comes before the program listens ends it as well, but by itself.
    let first = format!("SELECT 1 AS first; {ENDLESS}");
    let mut endless = crawl.spawn_args(["query", "-o", "out", "-f", "jsonl", &first]);
    let status = format!("/proc/{}/status", endless.id());
    endless.wait_until("a handler", |_| {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & 2 != 0)
    });
    endless.signal("INT");
    endless.wait().expect_code(130);
}

/// What happens while the rows come is told as what is wrong before.
#[test]
fn errors_on_the_way() {
    let (crawl, site) = asked();
    site.reply("/x", Reply::new(200));
    let sql = "SELECT 1 UNION ALL SELECT abs(-9223372036854775808)";
    let said = crawl.run_args(["query", "-o", "out", sql]);
    assert_eq!(said.code, Some(2), "{said}");
    assert!(said.stderr.contains("integer overflow"), "{said}");
    let nul = crawl.again().stdin("SELECT 'a\0b'");
    assert!(refused(&nul, &["-"]).contains("standard input: "));
}
