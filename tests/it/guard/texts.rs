//! What servers write does nothing where it is shown: in a terminal, a spreadsheet, a browser, a script.

use std::io::Write as _;

use tokio_rusqlite::rusqlite::Connection;

use super::crawl;
use crate::support::{Crawl, Reply, Site, rows};

/// Escape sequences (a link, a title of the window, a cleared screen), their short forms, turned text, hidden
/// text, a flood, a line of its own; and markup, a formula, a statement, a command.
const EVIL: &str = "=cmd|' /C x'!A0\u{1b}]8;;http://evil/\u{7}x\u{1b}]0;t\u{1b}\\\u{1b}[2J\u{9b}2J\u{9d}0;t\u{9c}\u{202e}\u{2066}\u{200b}\
    \u{e0041}\u{feff}\u{ad}\u{7f}\u{8}\u{2028}<script>alert(1)</script>\"'><img src=x onerror=alert(1)>'; DROP TABLE url; --\
    $(touch pwned)`touch pwned`Z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

/// The same, as far as it may stand in a header or a line of robots.txt.
fn line() -> String {
    EVIL.chars()
        .filter(|c| !matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'))
        .collect()
}

/// Has it everywhere.
fn site() -> Site {
    let (site, line) = (Site::start(), line());
    let attribute = EVIL.replace('&', "&amp;").replace('"', "&quot;");
    let text = EVIL.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<html lang=\"{attribute}\"><head><title>{text}</title><meta name=description content=\"{attribute}\">
         <meta name=robots content=\"{attribute}\"><link rel=canonical href=\"/c?{attribute}\">
         <base target=\"{attribute}\"><body><p class=price>{text}</p><p class=number>-1</p>
         <a rel=\"{attribute}\" title=\"{attribute}\" href=\"/a?{attribute}\">{text}</a>
         <a href=\"/deep/{attribute}\">{text}</a><a href='/no/x'>{text}</a><a href='/moved'>{text}</a>
         <a href='http://{host}.invalid/'>{text}</a><a href='/500'>x</a><a href='/429'>x</a><img alt=\"{attribute}\" src=/i>",
        host = "xn--e1awd7f"
    );
    let evil = |reply: Reply| {
        reply
            .header("X-Powered-By", &line)
            .header("X-Robots-Tag", &line)
            .header("Content-Language", &line)
            .header("Content-Signal", &line)
            .header("ETag", &format!("\"{line}\""))
            .header("Last-Modified", &line)
            .header(
                "Link",
                &format!("</l?{line}>; rel=\"{line}\"; title=\"{line}\""),
            )
            .header("Server", &line)
    };
    site.reply("/", evil(Reply::html(page.clone())));
    site.reply(
        "/moved",
        evil(Reply::new(302)).header("Location", &format!("/target?{line}")),
    );
    site.reply("/500", evil(Reply::new(500)).header("Retry-After", &line));
    site.reply(
        "/429",
        evil(Reply::new(429))
            .header("Retry-After", &line)
            .header("RateLimit", &line),
    );
    site.robots(&format!(
        "User-agent: *\nDisallow: /no/{line}\nDisallow: /no/x\nAllow: /deep/{line}\nDisallow: /a?\nCrawl-delay: 0 {line}\nContent-Signal: {line}\n\
         Sitemap: /s.xml?{line}\nSitemap: /s.xml\n"
    ));
    let (map, other) = (
        format!(
            "<urlset><url><loc>{}</loc><lastmod>{line}</lastmod></url><url><loc>/p?{}</loc></url></urlset>",
            line.replace('<', ""),
            line.replace(['<', '&'], "")
        ),
        page,
    );
    site.dynamic(move |path, _| {
        Some(if path.starts_with("/s.xml") {
            Reply::new(200)
                .header("Content-Type", "text/xml")
                .body(map.clone())
        } else {
            Reply::new(200)
                .header(
                    "Content-Type",
                    &format!("text/html; charset=utf-8; x={}", self::line()),
                )
                .body(other.clone())
        })
    });
    site
}

/// No character that does anything.
#[track_caller]
fn harmless(text: &str, what: &str, also: &[char]) {
    let formats = "\u{ad}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}";
    let bad =
        |c: &char| (c.is_control() && *c != '\n' || formats.contains(*c)) && !also.contains(c);
    if let Some(found) = text.chars().find(bad) {
        let at = text.find(found).expect("found");
        let around: String = text[..at]
            .chars()
            .rev()
            .take(200)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        panic!("{what}: {found:?} after {around:?}");
    }
}

const FIELDS: &str = "[[field]]\nname = \"price\"\nselector = \"p\"\nall = true\n[[field]]\nname = \"number\"\nselector = \".number\"\n";

fn crawled(site: &Site) -> Crawl {
    let crawl = crawl(&[
        "--config",
        "c.toml",
        "--seed",
        &site.url("/"),
        "-vv",
        "--retries",
        "1",
        "--assets",
    ])
    .args(["--ignore-traps", "--max-pages", "30", "--extra-hops", "1"])
    .env("CRAWL_LOG", "trace");
    crawl.file("c.toml", FIELDS);
    let output = crawl.run();
    assert!(matches!(output.code, Some(0 | 4 | 11)), "{output}");
    harmless(&output.stderr, "the log", &[]);
    assert!(output.stderr.contains("TRACE"), "{output}");
    crawl
}

const VIEWS: &str = "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name";

#[test]
fn every_view_in_every_form() {
    let site = site();
    let crawl = crawled(&site);
    let out = crawl.dir().join("out");
    let titles = rows(&out, "SELECT title FROM pages WHERE title IS NOT NULL");
    assert!(
        titles.iter().any(|title| title.contains('\u{1b}')),
        "it is stored as it came"
    );
    let ask = |question: &str, format: &str| {
        let args = ["query", "-o", "out", question, "--format", format];
        crawl.run_args(args).expect_code(0).stdout
    };
    let mut evil = 0;
    for view in rows(&out, VIEWS) {
        harmless(&ask(&view, "table"), &view, &[]);
        // Of a file others make something: what only turns text is left to them.
        let csv = ask(&view, "csv");
        harmless(
            &csv,
            &view,
            &[
                '\t',
                '\r',
                '\u{ad}',
                '\u{200b}',
                '\u{202e}',
                '\u{2028}',
                '\u{2066}',
                '\u{feff}',
                '\u{e0041}',
            ],
        );
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in &record.expect("a record") {
                let number = cell.parse::<f64>().is_ok();
                assert!(
                    number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                    "{view}: {cell}"
                );
            }
        }
        for format in ["json", "jsonl"] {
            let json = ask(&view, format);
            harmless(&json, &view, &[]);
            let texts: Vec<&str> = if format == "json" {
                vec![&*json]
            } else {
                json.lines().collect()
            };
            for text in texts {
                let read: serde_json::Value = serde_json::from_str(text).expect(&view);
                evil += usize::from(read.to_string().contains("\\u001b[2J"));
            }
        }
    }
    assert!(evil > 5, "and comes out of JSON as it was: {evil}");
    let numbers = ask(
        "SELECT value FROM fields WHERE name = 'number' LIMIT 1",
        "csv",
    );
    assert_eq!(
        numbers, "value\n-1\n",
        "a number is none the worse for its sign"
    );
}

#[test]
fn every_other_word() {
    let site = site();
    let crawl = crawled(&site);
    let out = crawl.dir().join("out");
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["audit"],
        &["audit", "--format", "json"],
        &["audit", "--format", "html"],
    ] {
        let output = crawl.run_args([args, &["-o", "out"]].concat());
        harmless(&output.stdout, args[0], &[]);
        harmless(&output.stderr, args[0], &[]);
    }
    for url in rows(&out, "SELECT url FROM urls") {
        for args in [&[][..], &["--json"]] {
            let output = crawl.run_args([&["why", &url, "-o", "out"][..], args].concat());
            harmless(&output.stdout, &url, &[]);
            harmless(&output.stderr, &url, &[]);
        }
    }
    let args = [
        "--seed",
        &site.url("/no/x"),
        "--seed",
        &site.url("/deep/x"),
        "--dry-run",
    ];
    let output = crawl.run_args(args).expect_code(0);
    harmless(&output.stdout, "dry run", &[]);
    for format in ["table", "json", "jsonl"] {
        let url = site.url("/500");
        let page = site.url("/x");
        let args = [
            "extract",
            &page,
            &url,
            "--config",
            "c.toml",
            "--ignore-robots",
            "--format",
            format,
        ];
        let output = crawl.run_args(args);
        harmless(&output.stdout, "extract", &[]);
        harmless(&output.stderr, "extract", &[]);
        assert!(output.stdout.contains("price"), "{output}");
    }
    // What a user is given to paste, and what he asks for, is no command.
    let odd = format!("/{line}", line = line());
    for args in [
        vec!["why", &odd, "-o", "out"],
        vec!["query", &odd, "-o", "out"],
        vec![&odd],
        vec!["--seed", &odd],
    ] {
        let output = crawl.run_args(args);
        harmless(&output.stderr, "what was asked for", &[]);
    }
    assert!(!crawl.dir().join("pwned").exists() && !out.join("pwned").exists());
}

/// The page for a site's owner: no markup but ours, no script could run.
#[test]
fn html_is_ours_alone() {
    let site = site();
    let crawl = crawled(&site);
    // Requests that break a law, so that URLs and rules are shown.
    let database = Connection::open(crawl.dir().join("out/crawl.db")).expect("opened");
    database
        .execute(
            "UPDATE url SET text = text || ?",
            ["\"><script>alert(1)</script><img src=x onerror=alert(1)>"],
        )
        .expect("changed");
    database
        .execute("UPDATE host SET name = name || '<script>'", [])
        .expect("changed");
    database
        .execute(
            "UPDATE fetch SET started = (SELECT min(started) FROM fetch)",
            [],
        )
        .expect("changed");
    drop(database);
    let page = crawl
        .run_args(["audit", "-o", "out", "--format", "html"])
        .stdout;
    assert!(
        page.contains("&lt;script&gt;") && page.contains("Violations"),
        "{page}"
    );
    assert!(
        page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';")
    );
    for ours_no_more in [
        "<script",
        "<img",
        "<a ",
        "<iframe",
        "<link",
        "javascript:",
        " on",
        "href",
    ] {
        let found = page.find(ours_no_more).filter(|_| ours_no_more != " on");
        assert_eq!(found, None, "{ours_no_more}");
    }
}

/// On a terminal CSV is harmless, too.
#[test]
fn csv_on_a_terminal() {
    let site = site();
    let crawl = crawled(&site);
    let command = format!(
        "'{}' query -o out --format csv \"SELECT title FROM pages WHERE title IS NOT NULL LIMIT 1\"",
        env!("CARGO_BIN_EXE_crawl")
    );
    let done = std::process::Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(crawl.dir())
        .stdin(std::process::Stdio::null())
        .output();
    let Ok(done) = done else {
        let _ = writeln!(
            std::io::stderr(),
            "csv_on_a_terminal: skipped: no `script` here, which makes a terminal"
        );
        return;
    };
    let text = String::from_utf8_lossy(&done.stdout);
    harmless(&text, "CSV", &['\r']);
    assert!(
        text.contains("\\u{1b}[2J") && text.contains("\\u{202e}"),
        "{text}"
    );
}

/// A question only reads, whatever it says, and reads the one database.
#[test]
fn questions_only_read() {
    let site = Site::start();
    site.page("/", "<title>x</title>");
    let crawl = crawl(&["--seed", &site.url("/")]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let before = std::fs::read(out.join("crawl.db")).expect("a database");
    for question in [
        "DELETE FROM url",
        "WITH x AS (SELECT 1) DELETE FROM url",
        "INSERT INTO url SELECT * FROM url",
        "REPLACE INTO meta VALUES ('a', 1) RETURNING *",
        "DELETE FROM url RETURNING *",
        "UPDATE url SET text = '' RETURNING text",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "DROP VIEW pages",
        "ATTACH 'other.db' AS x",
        "ATTACH '/etc/passwd' AS x",
        "ATTACH 'file:other.db?mode=rwc' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA trusted_schema = 1",
        "PRAGMA schema_version = 1",
        "PRAGMA user_version = 1",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA data_version = 1; DROP TABLE url",
        "SELECT 1; DROP TABLE url",
        "SELECT load_extension('./x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('copy.db', 'x')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple', x'00')",
        "SELECT zipfile('x')",
        "SELECT * FROM fsdir('/')",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "",
        ";",
    ] {
        let output = crawl.run_args(["query", "-o", "out", question]);
        assert!(matches!(output.code, Some(1 | 2)), "{question}: {output}");
    }
    // These answer, and change nothing.
    for question in [
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA optimize",
        "EXPLAIN DELETE FROM url",
    ] {
        crawl.run_args(["query", "-o", "out", question]);
    }
    assert!(std::fs::read(out.join("crawl.db")).expect("a database") == before);
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .expect("an output")
        .chain(std::fs::read_dir(crawl.dir()).expect("a directory"))
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect();
    names.sort();
    assert_eq!(names, ["crawl.db", "crawl.lock", "out", "pages"]);
}

/// A database of a stranger's: its views and triggers call nothing that reaches out of SQL.
#[test]
fn a_database_of_a_strangers() {
    let site = Site::start();
    site.page("/", "<title>x</title>");
    for tamper in [
        "DROP VIEW pages; CREATE VIEW pages AS SELECT load_extension('./x') AS url",
        "DROP VIEW pages; CREATE VIEW pages AS SELECT fts3_tokenizer('simple', x'00') AS url",
        "CREATE TRIGGER t AFTER INSERT ON fetch BEGIN SELECT load_extension('./x'); END",
        "CREATE TRIGGER t AFTER INSERT ON start BEGIN SELECT writefile('pwned', 'x'); END",
        "CREATE VIEW \"fields_x; DROP TABLE url; --\" AS SELECT 1; CREATE VIEW fields_X AS SELECT 1",
        "CREATE VIEW \"fields_\u{1b}[2J\" AS SELECT 1",
        "UPDATE run SET seeds = '[\"http://a.example/' || char(27) || '\"]'",
        "UPDATE start SET config = '[fetch]' || char(10) || 'user = \"' || char(27) || '\"'",
        "UPDATE version SET file = '../../../etc/passwd'",
        "UPDATE version SET file = '/etc/passwd'",
    ] {
        let crawl = crawl(&["--seed", &site.url("/")]);
        crawl.run().expect_code(0);
        let database = Connection::open(crawl.dir().join("out/crawl.db")).expect("opened");
        database.execute_batch(tamper).expect(tamper);
        drop(database);
        for args in [
            &["query", "pages"][..],
            &["query"],
            &["query", "fields-x"],
            &["status"],
            &["audit"],
            &["query", "runs"],
        ] {
            let output = crawl.run_args([args, &["-o", "out"]].concat());
            harmless(&output.stdout, tamper, &[]);
            harmless(&output.stderr, tamper, &[]);
            assert!(output.code.is_some(), "{tamper}: {output}");
        }
        let output = crawl.run();
        assert!(output.code.is_some(), "{tamper}: {output}");
        harmless(&output.stderr, tamper, &[]);
        assert_eq!(
            std::fs::read_dir(crawl.dir()).expect("a directory").count(),
            1,
            "{tamper}"
        );
        let strange = "SELECT count(*) FROM sqlite_schema WHERE name = 'url'";
        assert_eq!(rows(&crawl.dir().join("out"), strange), ["1"]);
    }
}

/// Names of fields and of their sets become SQL: they are words, or refused.
#[test]
fn names_in_settings_are_words() {
    let crawl = Crawl::new();
    for name in [
        "x; DROP TABLE url",
        "x\"",
        "x'",
        "a b",
        "",
        "x)",
        "\u{1b}[2J",
        "ä",
        "x--",
    ] {
        for key in ["name", "set"] {
            let other = if key == "name" { "" } else { "name = \"x\"\n" };
            let name = toml::Value::from(name).to_string();
            crawl.file(
                "c.toml",
                &format!("[[field]]\n{other}selector = \"p\"\n{key} = {name}\n"),
            );
            let output = crawl.run_args(["--seed", "http://127.0.0.1:1/", "--config", "c.toml"]);
            harmless(&output.stderr, &name, &[]);
            assert_eq!(output.code, Some(2), "{key} = {name}: {output}");
        }
    }
}
