//! `crawl check`: outputs that were doctored, each in one way or in several; what is said of them, what a
//! repair makes of them, and what the crawl after that ends with.

use std::path::Path;

use serde_json::Value;
use tokio_rusqlite::rusqlite::Connection;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

/// Pages of the site.
const PAGES: usize = 30;

/// A way to hurt an output.
type Damage = fn(&Path);

fn site() -> Site {
    let site = Site::start();
    site.tree(PAGES, 3);
    site.robots(&format!("Sitemap: {}", site.url("/map.xml")));
    let loc = |n: usize| format!("<url><loc>{}</loc></url>", site.url(&format!("/page/{n}")));
    let map: String = (1..4).map(loc).collect();
    let map = format!("<urlset>{map}</urlset>");
    site.reply(
        "/map.xml",
        Reply::new(200).header("Content-Type", "text/xml").body(map),
    );
    site
}

fn args(site: &Site) -> Vec<String> {
    let seed = site.url("/");
    // One after the other: which row has which number is then the same each time.
    let args = [
        "--seed",
        &seed,
        "--rate",
        "unlimited",
        "--host-concurrency",
        "1",
        "-o",
        "out",
    ];
    args.map(str::to_owned).to_vec()
}

/// A copy of an output, to be hurt.
fn copy(of: &Crawl, args: &[String]) -> Crawl {
    let crawl = Crawl::new().args(args);
    copy_folder(&of.dir().join("out"), &crawl.dir().join("out"));
    crawl
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

fn write(out: &Path, sql: &str) {
    let database = Connection::open(out.join("crawl.db")).expect("a database");
    database
        .execute_batch("PRAGMA foreign_keys = OFF")
        .expect("off");
    database.execute_batch(sql).expect(sql);
}

/// The path of the file of a page.
fn file(out: &Path, page: usize) -> std::path::PathBuf {
    let sql = format!("SELECT file FROM pages WHERE url LIKE '%/page/{page}'");
    out.join(&rows(out, &sql)[0])
}

/// What a crawl has come to, for comparison.
fn result(out: &Path) -> [Vec<String>; 3] {
    [
        "SELECT url, status, error, title, depth, sha256, file FROM pages ORDER BY url",
        "SELECT from_url, position, to_url, kind, decision, to_status FROM links ORDER BY from_url, position",
        "SELECT url, decision, depth FROM urls ORDER BY url",
    ]
    .map(|sql| rows(out, sql))
}

/// What a check says: its exit code, and how many of each kind.
fn check(crawl: &Crawl, more: &[&str]) -> (Option<i32>, String, Value) {
    let mut args = vec!["check", "-o", "out", "--format", "json"];
    args.extend(more);
    let output = crawl.run_args(args);
    let said: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"));
    let counts = said["counts"].as_object().expect("counts");
    let counts = counts.iter().map(|(kind, count)| format!("{kind} {count}"));
    let findings = said["findings"].as_array().expect("findings").len() as u64;
    let sum: u64 = said["counts"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(findings, sum, "{output}");
    (output.code, counts.collect::<Vec<_>>().join(", "), said)
}

/// Hurts an output, has it checked, repaired and checked again, and crawled on. `asked`: of how many URLs the
/// crawl after that asks, robots.txt apart.
fn row(site: &Site, base: &Crawl, name: &str, damage: Damage, found: &str, asked: Option<usize>) {
    let crawl = copy(base, &args(site));
    let out = crawl.dir().join("out");
    let wanted = result(&base.dir().join("out"));
    damage(&out);
    let (code, counts, said) = check(&crawl, &[]);
    assert_eq!(
        (code, counts.as_str()),
        (Some(1), found),
        "{name}: {said:#}"
    );
    let text = crawl.run_args(["check", "-o", "out"]).expect_code(1).stdout;
    for part in found.split(", ") {
        let (kind, count) = part.split_once(' ').expect("a count");
        let line = format!("{kind:<12}{count:>6}  ");
        assert!(text.contains(&line), "{name}: {line}: {text}");
    }
    let (code, counts, said) = check(&crawl, &["--repair"]);
    assert_eq!(
        (code, counts.as_str()),
        (Some(0), found),
        "{name}: {said:#}"
    );
    let (code, counts, said) = check(&crawl, &[]);
    assert_eq!((code, counts.as_str()), (Some(0), ""), "{name}: {said:#}");
    let (code, _, said) = check(&crawl, &["--repair"]);
    assert_eq!((code, &said["repaired"]), (Some(0), &Value::Null), "{name}");
    if let Some(asked) = asked {
        site.forget();
        crawl.run().expect_code(0);
        let hits = site
            .hits()
            .iter()
            .filter(|hit| hit.path != "/robots.txt")
            .count();
        assert_eq!(hits, asked, "{name}");
    }
    assert_eq!(result(&out), wanted, "{name}");
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 1, "{name}");
    expect_sound(&out);
    let (code, counts, said) = check(&crawl, &[]);
    assert_eq!((code, counts.as_str()), (Some(0), ""), "{name}: {said:#}");
}

/// Goes through all of them, and tells of each that is not as it should be.
fn all(site: &Site, base: &Crawl, cases: &[(&str, Damage, &str, Option<usize>)]) {
    let bad = cases.iter().filter(|(name, damage, found, asked)| {
        let whole = || row(site, base, name, *damage, found, *asked);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(whole)).is_err()
    });
    let bad: Vec<&str> = bad.map(|case| case.0).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// Writes a row again while SQLite does not know of the table's index.
fn beside_its_index(out: &Path) {
    write(
        out,
        "CREATE TABLE kept AS SELECT * FROM url WHERE id = 5; DELETE FROM url WHERE id = 5;
      CREATE TABLE hidden AS SELECT * FROM sqlite_schema WHERE name = 'url_by_key';
      PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'url_by_key'",
    );
    write(
        out,
        "INSERT INTO url SELECT * FROM kept; PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM hidden;",
    );
    write(out, "DROP TABLE kept; DROP TABLE hidden");
}

fn base(site: &Site) -> Crawl {
    let base = Crawl::new().args(args(site));
    base.run().expect_code(0);
    let (code, counts, said) = check(&base, &[]);
    assert_eq!((code, counts.as_str()), (Some(0), ""));
    assert_eq!(said["files"], PAGES, "{said}");
    base
}

#[test]
fn files_that_are_hurt() {
    let site = site();
    let base = base(&site);
    let cases: [(&str, Damage, &str, Option<usize>); 9] = [
        (
            "gone",
            |out| std::fs::remove_file(file(out, 5)).expect("removed"),
            "missing 1",
            Some(1),
        ),
        (
            "empty",
            |out| std::fs::write(file(out, 5), "").expect("written"),
            "length 1",
            Some(1),
        ),
        (
            "other bytes",
            |out| {
                let mut body = std::fs::read(file(out, 5)).expect("read");
                body[3] ^= 1;
                std::fs::write(file(out, 5), body).expect("written");
            },
            "content 1",
            Some(1),
        ),
        (
            "three in three ways",
            |out| {
                std::fs::remove_file(file(out, 5)).expect("removed");
                std::fs::write(file(out, 6), "x").expect("written");
                std::fs::write(out.join("pages/stray"), "x").expect("written");
            },
            "length 1, missing 1, stray 1",
            Some(2),
        ),
        (
            "no row names them",
            |out| {
                let folder = file(out, 5).parent().expect("a folder").to_owned();
                std::fs::write(folder.join("a-0123456789abcdef.html"), "x").expect("written");
                std::fs::write(folder.join("\u{1b}[2J\nzz"), "x").expect("written");
                std::fs::create_dir(folder.join("0f")).expect("made");
                std::fs::write(folder.join("0f/x"), "x").expect("written");
            },
            "stray 3",
            None,
        ),
        (
            "a whole folder is gone",
            |out| {
                std::fs::remove_dir_all(file(out, 5).parent().expect("a folder")).expect("removed")
            },
            "missing 30",
            Some(30),
        ),
        (
            "the row has another digest",
            |out| write(out, "UPDATE version SET digest = zeroblob(32) WHERE id = 3"),
            "content 1",
            Some(1),
        ),
        (
            "the row has no digest, and no length",
            |out| {
                write(
                    out,
                    "UPDATE version SET digest = 'x', bytes = 'y' WHERE id = 3",
                )
            },
            "length 1",
            Some(1),
        ),
        (
            "the row has another name",
            |out| write(out, "UPDATE version SET file = 'pages/x' WHERE id = 3"),
            "missing 1, stray 1",
            Some(1),
        ),
    ];
    all(&site, &base, &cases);
}

/// A database that was doctored leads nobody out of the output directory.
#[test]
fn names_that_lead_elsewhere() {
    let site = site();
    let base = base(&site);
    let secret = base.dir().join("secret");
    std::fs::write(&secret, "secret").expect("written");
    for name in [
        "../secret",
        "/etc/passwd",
        "pages/../../secret",
        "pages/../crawl.lock",
        "crawl.db",
        "",
    ] {
        let crawl = copy(&base, &args(&site));
        let out = crawl.dir().join("out");
        std::fs::write(crawl.dir().join("secret"), "secret").expect("written");
        write(
            &out,
            &format!("UPDATE version SET file = '{name}' WHERE id = 4"),
        );
        let (code, counts, said) = check(&crawl, &["--repair"]);
        assert_eq!(
            (code, counts.as_str()),
            (Some(0), "outside 1, stray 1"),
            "{name}: {said:#}"
        );
        assert!(crawl.dir().join("secret").exists() && Path::new("/etc/passwd").exists());
        crawl.run().expect_code(0);
        assert_eq!(result(&out), result(&base.dir().join("out")), "{name}");
    }
    // Links in the place of files and folders are neither read nor removed, nor what they lead to.
    let crawl = copy(&base, &args(&site));
    let out = crawl.dir().join("out");
    let (one, folder) = (
        file(&out, 5),
        file(&out, 5).parent().expect("a folder").to_owned(),
    );
    let body = std::fs::read(&one).expect("read");
    std::fs::write(crawl.dir().join("elsewhere"), body).expect("written");
    std::fs::remove_file(&one).expect("removed");
    std::os::unix::fs::symlink(crawl.dir().join("elsewhere"), &one).expect("linked");
    let (code, counts, _) = check(&crawl, &[]);
    assert_eq!((code, counts.as_str()), (Some(1), "no-file 1, odd 1"));
    let moved = crawl.dir().join("moved");
    std::fs::rename(&folder, &moved).expect("moved");
    std::os::unix::fs::symlink(&moved, &folder).expect("linked");
    let (code, counts, said) = check(&crawl, &["--repair"]);
    // The link stays: it is not ours to remove. So its files cannot come back.
    assert_eq!(
        (code, counts.as_str()),
        (Some(1), "no-file 30, odd 1"),
        "{said:#}"
    );
    assert_eq!(std::fs::read_dir(&moved).expect("there").count(), PAGES);
    assert!(crawl.dir().join("elsewhere").exists());
}

#[test]
fn rows_that_do_not_add_up() {
    let site = site();
    let base = base(&site);
    let of = |page: usize| format!("(SELECT id FROM url WHERE text LIKE '%/page/{page}')");
    assert_eq!(
        number(
            &base.dir().join("out"),
            &format!("SELECT count(*) FROM visit WHERE url = {}", of(7))
        ),
        1
    );
    let cases: [(&str, Damage, &str, Option<usize>); 24] = [
        (
            "an outcome is lost",
            |out| write(out, "UPDATE visit SET last_fetch = NULL WHERE url = 5"),
            "lost 1",
            Some(1),
        ),
        (
            "a sitemap's is",
            |out| write(out, "UPDATE sitemap SET last_fetch = NULL"),
            "lost 1",
            Some(1),
        ),
        (
            "a sitemap's is said to be an earlier run's",
            |out| write(out, "UPDATE sitemap SET carried = 1"),
            "outcome 1",
            Some(1),
        ),
        (
            "a sitemap's is carried over, and there is none",
            |out| write(out, "UPDATE sitemap SET carried = 2, last_fetch = NULL"),
            "lost 2, outcome 1",
            Some(1),
        ),
        (
            "what is done waits",
            |out| {
                write(
                    out,
                    "INSERT INTO frontier (host, ord, kind, url) SELECT host, 99, 0, id FROM url WHERE id = 5",
                )
            },
            "count 1, queue 1, state 1",
            None,
        ),
        (
            "what was never met waits",
            |out| {
                write(
                    out,
                    "INSERT INTO frontier (host, ord, kind, url) SELECT host, 99, 0, id FROM url WHERE text LIKE '%/robots.txt'",
                )
            },
            "count 1, queue 1, state 1",
            Some(0),
        ),
        (
            "it waits in another host's queue",
            |out| {
                write(
                    out,
                    "INSERT INTO host VALUES (77, 'x.example', NULL, NULL, NULL, NULL, 0); UPDATE visit SET last_fetch = NULL WHERE url = 5; INSERT INTO frontier (host, ord, kind, url) VALUES (77, 99, 0, 5)",
                )
            },
            "count 1, queue 1, state 1",
            Some(1),
        ),
        (
            "a URL was never met",
            |out| write(out, "DELETE FROM visit WHERE url = 9"),
            "lost 1",
            Some(1),
        ),
        (
            "a link leads nowhere",
            |out| {
                write(
                    out,
                    "UPDATE link SET target = 9999 WHERE version = 2 AND position = 1",
                )
            },
            "reference 1",
            Some(1),
        ),
        (
            "a URL is gone",
            |out| write(out, "DELETE FROM url WHERE id = 9"),
            "reference 13",
            Some(8),
        ),
        (
            "a host is gone",
            |out| write(out, "DELETE FROM host"),
            "reference 34",
            None,
        ),
        (
            "a rule is gone",
            |out| write(out, "DELETE FROM rule WHERE text = 'seed'"),
            "reference 1",
            None,
        ),
        (
            "a request has another's content",
            |out| write(out, "UPDATE fetch SET version = 4 WHERE id = 8"),
            "orphan 1, outcome 2",
            Some(1),
        ),
        (
            "a URL has another's outcome",
            |out| write(out, "UPDATE visit SET last_fetch = 8 WHERE url = 5"),
            "outcome 2",
            Some(1),
        ),
        (
            "an outcome of this run is said to be an earlier one's",
            |out| write(out, "UPDATE visit SET carried = 1 WHERE url = 5"),
            "outcome 1",
            Some(1),
        ),
        (
            "a newer one is said to be waited for",
            |out| write(out, "UPDATE visit SET carried = 2 WHERE url = 5"),
            "lost 1, outcome 1",
            Some(1),
        ),
        (
            "one is said to be carried over, and there is none",
            |out| {
                write(
                    out,
                    "UPDATE visit SET carried = 1, last_fetch = NULL WHERE url = 5",
                )
            },
            "lost 1, outcome 1",
            Some(1),
        ),
        (
            "a URL has another's good content",
            |out| write(out, "UPDATE visit SET good_version = 8 WHERE url = 5"),
            "outcome 1",
            None,
        ),
        (
            "a decision is none",
            |out| write(out, "UPDATE visit SET decision = 5 WHERE url = 9"),
            "outcome 1",
            Some(0),
        ),
        (
            "a content was never brought",
            |out| {
                write(
                    out,
                    "INSERT INTO version (url, digest, meta, bytes, nofollow, noindex, truncated) VALUES (5, zeroblob(32), 1, 1, 0, 0, 0)",
                )
            },
            "orphan 1",
            None,
        ),
        (
            "counts are wrong",
            |out| write(out, "UPDATE start SET pages = 7, queued = 3"),
            "count 2",
            None,
        ),
        (
            "a mark is too far",
            |out| write(out, "UPDATE start SET durable_to = 1000000"),
            "mark 1",
            None,
        ),
        (
            "three at once",
            |out| {
                write(
                    out,
                    "UPDATE visit SET last_fetch = NULL WHERE url = 5; UPDATE link SET target = 9999 WHERE version = 2 AND position = 1; UPDATE start SET bytes = 0",
                )
            },
            "count 1, lost 1, reference 1",
            Some(2),
        ),
        ("an index does not fit", beside_its_index, "index 2", None),
    ];
    all(&site, &base, &cases);
}

/// Where nothing is known of a crawl, nothing can be told to be a stray.
#[test]
fn repair_refuses_what_holds_no_crawl() {
    let site = site();
    let base = base(&site);
    let page = base.dir().join("out/pages/mine/essay.html");
    std::fs::create_dir_all(page.parent().expect("a folder")).expect("made");
    std::fs::write(&page, "mine").expect("written");
    let first = file(&base.dir().join("out"), 1);
    std::fs::write(base.dir().join("out/crawl.db"), "").expect("emptied");
    let said = base.run_args(["check", "--repair", "-o", "out"]);
    said.expect_code(2);
    assert!(page.exists() && first.exists());
}
