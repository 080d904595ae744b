//! `crawl export`: rows and graphs, as files that other programs read.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::support::{Crawl, Fault, Reply, Site, edit, expect_sound, number, rows};

/// Titles that mean something to CSV, JSON, XML, spreadsheets and terminals.
const TITLES: [&str; 9] = [
    "plain",
    "a, \"b\"\r\nc",
    "=1+1",
    "-2+3",
    "<b>&amp;</b> ]]>",
    "größer 漢字 😀",
    "\u{1b}[2J\u{202e}x",
    "' OR 1",
    "\\ / \u{85} \u{7f}",
];

/// A crawl of a page for each title, linked by the first.
fn crawl() -> (Site, Crawl) {
    let site = Site::start();
    let mut links = String::new();
    for (number, title) in TITLES.iter().enumerate() {
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        links += &format!("<a href=/s{}/{number}>{title}</a> ", number % 2);
        let path = format!("/s{}/{number}", number % 2);
        site.page(
            &path,
            &format!("<title>{title}</title><a href=/ rel=nofollow>up</a>"),
        );
    }
    site.page(
        "/",
        &format!("<title>Home</title>{links}<a href=/old>o</a><a href=/gone>g</a><img src=/i.png>"),
    );
    site.reply("/old", Reply::new(301).header("Location", "/s0/0"));
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    (site, crawl)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("text")
}

/// The values of a view as CSV has them.
fn texts(out: &Path, view: &str) -> BTreeSet<Vec<String>> {
    let columns = rows(
        out,
        &format!("SELECT name FROM pragma_table_info('{view}')"),
    );
    let shown: Vec<String> = columns
        .iter()
        .map(|name| format!("'{name}', cast({name} AS TEXT)"))
        .collect();
    let sql = format!("SELECT json_object({}) FROM {view}", shown.join(", "));
    let row = |json: String| -> Vec<String> {
        let row: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&json).expect("JSON");
        columns
            .iter()
            .map(|name| row[name].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    rows(out, &sql).into_iter().map(row).collect()
}

fn csv_rows(text: &str) -> BTreeSet<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row =
        |row: csv::Result<csv::StringRecord>| row.expect("CSV").iter().map(str::to_owned).collect();
    reader.records().map(row).collect()
}

#[test]
fn rows_as_csv_and_json_lines() {
    let (_site, crawl) = crawl();
    let out = crawl.dir().join("out");
    for view in [
        "pages",
        "links",
        "urls",
        "resources",
        "requests",
        "hosts",
        "redirects",
    ] {
        let path = format!("raw/{view}.csv");
        std::fs::create_dir_all(crawl.dir().join("raw")).expect("made");
        let said = crawl.run_args(["export", "csv", view, "-o", "out", "--raw", "--to", &path]);
        let said = said.expect_code(0);
        let found = csv_rows(&read(&crawl.dir().join(&path)));
        let wanted = texts(&out, view);
        assert!(!wanted.is_empty(), "{view}");
        assert_eq!(found, wanted, "{view}");
        let count = number(&out, &format!("SELECT count(*) FROM {view}"));
        assert_eq!(said.stdout, format!("{path}: {count} rows\n"));

        let said = crawl
            .run_args(["export", "jsonl", view, "-o", "out"])
            .expect_code(0);
        let lines: Vec<serde_json::Value> = said
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.len() as i64, count, "{view}");
        assert!(
            !said
                .stdout
                .contains(['\u{1b}', '\u{202e}', '\u{85}', '\u{7f}'])
        );
    }
    // Without --raw what a spreadsheet would reckon out is defused; what it is of by name and by SQL is the same.
    let sql = "SELECT title FROM pages WHERE title IS NOT NULL";
    let said = crawl
        .run_args(["export", "csv", sql, "-o", "out"])
        .expect_code(0);
    let found: BTreeSet<Vec<String>> = csv_rows(&said.stdout);
    for title in [
        "'=1+1",
        "'-2+3",
        "'' OR 1",
        "\\u{1b}[2J\u{202e}x",
        "größer 漢字 😀",
    ] {
        let is_there = found.contains(&vec![title.to_owned()]);
        assert!(is_there || title.starts_with("''"), "{title}: {found:?}");
    }
    let lines = crawl
        .run_args(["export", "jsonl", sql, "-o", "out"])
        .expect_code(0);
    let titles: BTreeSet<String> = lines
        .stdout
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            row["title"].as_str().expect("a text").to_owned()
        })
        .collect();
    let wanted = rows(&out, sql).into_iter().collect();
    assert_eq!(titles, wanted);
}

#[test]
fn parquet_has_types_and_all_rows() {
    use parquet::basic::{LogicalType, Type};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};
    let (_site, crawl) = crawl();
    let out = crawl.dir().join("out");
    let odd = "SELECT 1 AS a, NULL AS b, 1.5 AS c, x'00ff' AS d, '2026-11-21T03:11:44.177Z' AS since, 7 AS a
               UNION ALL SELECT NULL, NULL, 2, NULL, NULL, 'x' UNION ALL SELECT 3, NULL, 3.5, x'', 'never', 9007199254740993";
    crawl
        .run_args([
            "export", "parquet", "pages", odd, "-o", "out", "--to", "pq/",
        ])
        .expect_code(0);
    let open = |name: &str| {
        let file = std::fs::File::open(crawl.dir().join("pq").join(name)).expect(name);
        SerializedFileReader::new(file).expect("Parquet")
    };
    let file = open("pages.parquet");
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let kind = |name: &str| {
        let column = schema.columns().iter().find(|column| column.name() == name);
        let column = column.expect(name);
        (column.physical_type(), column.logical_type_ref().cloned())
    };
    assert_eq!(kind("status"), (Type::INT64, None));
    assert_eq!(kind("title"), (Type::BYTE_ARRAY, Some(LogicalType::String)));
    assert!(matches!(
        kind("fetched_at"),
        (Type::INT64, Some(LogicalType::Timestamp(..)))
    ));
    let found: Vec<Row> = file
        .get_row_iter(None)
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("rows");
    let wanted = rows(&out, "SELECT url || ' ' || ifnull(title, '') FROM pages");
    let shown: Vec<String> = found
        .iter()
        .map(|row| {
            let text = |name: &str| {
                let value = row.get_column_iter().find(|column| column.0 == name);
                match value.map(|column| column.1) {
                    Some(Field::Str(text)) => text.clone(),
                    _ => String::new(),
                }
            };
            format!("{} {}", text("url"), text("title"))
        })
        .collect();
    assert_eq!(shown, wanted);

    let file = open("query_2.parquet");
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let kinds: Vec<(String, Type)> = schema
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.physical_type()))
        .collect();
    let wanted = [
        ("a", Type::INT64),
        ("b", Type::BYTE_ARRAY),
        ("c", Type::DOUBLE),
        ("d", Type::BYTE_ARRAY),
        ("since", Type::BYTE_ARRAY),
        ("a_2", Type::BYTE_ARRAY),
    ];
    assert_eq!(kinds, wanted.map(|(name, kind)| (name.to_owned(), kind)));
    let shown: Vec<String> = file
        .get_row_iter(None)
        .expect("rows")
        .map(|row| row.expect("a row").to_string())
        .collect();
    assert_eq!(
        shown,
        [
            "{a: 1, b: null, c: 1.5, d: [0, 255], since: \"2026-11-21T03:11:44.177Z\", a_2: \"7\"}",
            "{a: null, b: null, c: 2.0, d: null, since: null, a_2: \"x\"}",
            "{a: 3, b: null, c: 3.5, d: [], since: \"never\", a_2: \"9007199254740993\"}",
        ]
    );
}

#[test]
fn files_are_replaced_when_that_is_asked_for() {
    let (_site, crawl) = crawl();
    let export = |words: &[&str]| {
        let words = words.iter().copied().chain(["-o", "out"]);
        crawl.run_args(["export"].into_iter().chain(words))
    };
    export(&["csv", "--to", "x.csv"]).expect_code(0);
    let first = read(&crawl.dir().join("x.csv"));
    let said = export(&["csv", "urls", "--to", "x.csv"]).expect_code(1);
    assert!(said.stderr.contains("--force"), "{said}");
    assert_eq!(read(&crawl.dir().join("x.csv")), first);
    export(&["csv", "urls", "--to", "x.csv", "--force"]).expect_code(0);
    assert!(read(&crawl.dir().join("x.csv")).starts_with("url,decision,"));
    // What fails leaves what was there, and nothing beside it.
    let wrong = "SELECT url, json_extract('{', '$') FROM pages";
    for words in [
        &["csv", wrong, "--to", "x.csv", "--force"][..],
        &["csv", "pagez", "--to", "y.csv"],
        &["csv", "DELETE FROM url", "--to", "y.csv"],
        &["csv", "pages", "urls"],
        &["jsonl", "SELECT 1; SELECT 2", "--to", "y"],
    ] {
        let said = export(words).expect_code(2);
        assert!(said.stderr.starts_with("crawl: "), "{said}");
    }
    for words in [
        &["csv", "--to", "out", "--force"][..],
        &["csv", "--to", "no/such/x.csv"],
        &["parquet", "--to", "x.parquet.gz"],
    ] {
        let said = export(words);
        assert!(words[2] == "out" || said.code == Some(1), "{said}");
    }
    std::fs::remove_file(crawl.dir().join("out/pages.csv")).expect("into the folder");
    let mut names: Vec<String> = std::fs::read_dir(crawl.dir())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["out", "x.csv"]);
    expect_sound(&crawl.dir().join("out"));
}

/// Whoever says --force means what an export has left, not the crawl.
#[test]
fn what_is_a_crawls_own_is_never_replaced() {
    let (_site, crawl) = crawl();
    std::os::unix::fs::symlink("out", crawl.dir().join("link")).expect("linked");
    for words in [
        &["export", "csv", "--force", "--to", "out/crawl.db"][..],
        &["export", "csv", "--force", "--to", "link/crawl.db-wal"],
        &["export", "graphml", "--force", "--to", "out/crawl.lock"],
        &["export", "csv", "--force", "--to", "out/pages"],
        &["export", "mirror", "--force", "out"],
        &["export", "mirror", "--force", "link/pages"],
        &["export", "mirror", "out/pages/x"],
        &["report", "--to", "out/crawl.db"],
        &["report", "--to", "link/crawl.lock"],
        &["report", "--to", "out/pages/report.html"],
    ] {
        let words = words.iter().copied().chain(["-o", "out"]);
        let said = crawl.run_args(words).expect_code(1);
        assert!(said.stderr.contains("crawl"), "{said}");
        assert_eq!(said.stderr.lines().count(), 1, "{said}");
    }
    let left = std::fs::read_dir(crawl.dir().join("out")).expect("there");
    let mut left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    left.retain(|name| !name.to_string_lossy().starts_with("crawl."));
    assert_eq!(left, ["pages"]);
    expect_sound(&crawl.dir().join("out"));
}

#[test]
fn compressed_by_name() {
    let (_site, crawl) = crawl();
    let plain = crawl
        .run_args(["export", "csv", "-o", "out"])
        .expect_code(0)
        .stdout;
    for name in ["x.csv.gz", "x.csv.zst"] {
        crawl
            .run_args(["export", "csv", "-o", "out", "--to", name])
            .expect_code(0);
        let bytes = std::fs::read(crawl.dir().join(name)).expect(name);
        let mut text = String::new();
        if name.ends_with("gz") {
            let mut reader = flate2::read::GzDecoder::new(&bytes[..]);
            reader.read_to_string(&mut text).expect("gzip");
        } else {
            let bytes = zstd::decode_all(&bytes[..]).expect("Zstandard");
            text = String::from_utf8(bytes).expect("text");
        }
        assert_eq!(text, plain, "{name}");
    }
}

/// An export of a crawl that goes on holds up nothing, and one that is killed leaves nothing.
#[test]
fn while_a_crawl_writes_and_after_a_kill() {
    let site = Site::start();
    site.page("/", "<title>Home</title><a href=/stall>stall</a>");
    site.misbehave("/stall", Fault::StallBeforeHead);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls", |_| site.count("/stall") > 0);
    for (form, view) in [("csv", "pages"), ("jsonl", "links"), ("parquet", "urls")] {
        let path = format!("{view}.{form}");
        crawl
            .run_args(["export", form, view, "-o", "out", "--to", &path])
            .expect_code(0);
        assert!(crawl.dir().join(path).exists());
    }
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut killed = crawl.piped(["export", "csv", endless, "-o", "out", "--to", "endless.csv"]);
    let part = crawl.dir().join(".endless.csv.crawl-part");
    let begun = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", killed.id()));
        let nameless = |entry: std::io::Result<std::fs::DirEntry>| {
            let link = entry
                .ok()
                .and_then(|entry| std::fs::read_link(entry.path()).ok());
            link.is_some_and(|link| link.to_string_lossy().contains("(deleted)"))
        };
        part.exists() || fds.is_ok_and(|mut fds| fds.any(nameless))
    };
    running.wait_until("an export that has begun", |_| begun());
    killed.kill().expect("killed");
    killed.wait().expect("gone");
    assert!(!crawl.dir().join("endless.csv").exists());
    running.kill9();
    // Its name is free, whatever is left.
    crawl
        .run_args(["export", "csv", "runs", "-o", "out", "--to", "endless.csv"])
        .expect_code(0);
    assert!(!part.exists());
}

#[test]
fn graphs_hold_together() {
    let (_site, crawl) = crawl();
    let out = crawl.dir().join("out");
    crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    // What XML cannot hold at all, put in by hand.
    edit(
        &out,
        "UPDATE version SET title = char(1, 8, 12, 65534, 60) WHERE title = 'plain'",
    );
    let pages = number(
        &out,
        "SELECT count(*) FROM pages WHERE fetched_at IS NOT NULL",
    );
    let links = number(
        &out,
        "SELECT count(*) FROM links WHERE to_url IN (SELECT url FROM pages WHERE fetched_at IS NOT NULL)",
    );
    let redirects = number(&out, "SELECT count(*) FROM redirects");
    for form in ["graphml", "gexf"] {
        let said = crawl.run_args(["export", form, "-o", "out"]).expect_code(0);
        let graph = roxml(&said.stdout);
        assert_eq!(graph.nodes.len() as i64, pages, "{form}");
        assert_eq!(graph.edges.len() as i64, links + redirects, "{form}");
        for (from, to) in &graph.edges {
            assert!(
                graph.nodes.contains(from) && graph.nodes.contains(to),
                "{from} {to}"
            );
        }
        assert!(said.stdout.contains("pagerank"), "{said}");
        let forbidden = |c: char| c < ' ' && c != '\n' || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(!said.stdout.contains(forbidden));
        for (flag, nodes) in [("--hosts", 1), ("--sections", 3)] {
            let said = crawl
                .run_args(["export", form, flag, "-o", "out"])
                .expect_code(0);
            let graph = roxml(&said.stdout);
            assert_eq!(graph.nodes.len(), nodes, "{flag}: {said}");
            let pairs: BTreeSet<_> = graph.edges.iter().collect();
            assert_eq!(pairs.len(), graph.edges.len(), "{flag}");
            assert!(said.stdout.contains("weight"), "{said}");
        }
        let path = format!("g.{form}");
        let said = crawl
            .run_args(["export", form, "-o", "out", "--to", &path])
            .expect_code(0);
        assert_eq!(
            said.stdout,
            format!("{path}: {} edges\n", links + redirects)
        );
    }
}

struct Graph {
    nodes: BTreeSet<String>,
    edges: Vec<(String, String)>,
}

/// Reads a graph as XML.
fn roxml(text: &str) -> Graph {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut graph = Graph {
        nodes: BTreeSet::new(),
        edges: Vec::new(),
    };
    loop {
        let event = reader.read_event().expect("XML");
        let (Event::Start(tag) | Event::Empty(tag)) = &event else {
            if matches!(event, Event::Eof) {
                return graph;
            }
            continue;
        };
        let value = |name: &str| {
            let found = tag.try_get_attribute(name).expect("attributes");
            found.expect(name).value.into_owned()
        };
        match tag.name().as_ref() {
            "node" => assert!(graph.nodes.insert(value("id"))),
            "edge" => graph.edges.push((value("source"), value("target"))),
            _ => {}
        }
    }
}

/// A database that somebody has put nonsense into is no reason to panic.
#[test]
fn doctored_rows() {
    let (_site, crawl) = crawl();
    let out = crawl.dir().join("out");
    edit(
        &out,
        "PRAGMA foreign_keys = off;
         UPDATE version SET title = x'ff00fe', media_type = x'80' WHERE id = 2;
         UPDATE url SET text = '' WHERE id = 3;
         UPDATE link SET kind = 250 WHERE position = 1;
         UPDATE visit SET depth = -9223372036854775807 WHERE url = 4;
         INSERT INTO visit (run, url, depth, redirects, via_kind, decision, last_fetch) VALUES (1, 9223372036854775807, 0, 0, 0, 0, 1);",
    );
    for words in [
        &["csv", "pages", "--to", "a"][..],
        &["csv", "links", "--to", "b"],
        &["jsonl", "urls", "--to", "c"],
        &["parquet", "pages", "--to", "d"],
        &["parquet", "links", "--to", "e"],
        &["graphml", "--to", "f"],
        &["gexf", "--sections", "--to", "g"],
        &["mirror", "h"],
        &["texts", "--markdown", "--to", "i"],
    ] {
        let words = ["export"].iter().chain(words).chain(&["-o", "out"]);
        let said = crawl.run_args(words);
        assert!(said.code.is_some_and(|code| code < 3), "{said}");
        assert!(!said.stderr.contains("panicked"), "{said}");
    }
    let mut broken = std::fs::OpenOptions::new()
        .write(true)
        .open(out.join("crawl.db"))
        .expect("open");
    broken.write_all(b"no database at all").expect("written");
    for form in ["csv", "graphml"] {
        let said = crawl.run_args(["export", form, "-o", "out", "--to", "z"]);
        assert!(said.code == Some(1) || said.code == Some(2), "{said}");
        assert!(!crawl.dir().join("z").exists());
    }
}
