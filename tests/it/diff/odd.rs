//! Texts, files and rows that are not as they should be; a reader that goes.

use std::path::Path;

use serde_json::Value;

use super::{diff, json, page, said, two_versions};
use crate::support::{Reply, edit, rows};

/// Texts of a server's that would be more than texts, in each form.
#[test]
fn hostile_texts_are_texts() {
    let evil = |n: usize| {
        format!(
            "=cmd|'/C calc'!A{n}\u{1b}[31m</title><script>alert({n})</script><title>\u{202e}|](javascript:x)`` @x"
        )
    };
    let body = |n: usize| {
        let (title, text) = (evil(n), evil(n).replace('<', "&lt;"));
        format!(
            "<title>{}</title><link rel=canonical href='/\"><script>{n}</script>'><main><p>{text}</p><pre>```\n{text}</pre>
             <p><a href='/x{n}?\"><img src=x onerror=y>'>{text}</a></p></main>",
            title.replace('<', "&lt;")
        )
    };
    let reply = |n: usize| {
        Reply::html(body(n)).header("X-Frame-Options", &format!("<script>{n}</script>\u{9b}"))
    };
    let (site, crawl) = two_versions(reply(1), reply(2));
    let url = site.url("/page");
    for more in [&[][..], &["--url", &url]] {
        for format in ["table", "csv", "json", "jsonl", "html", "markdown"] {
            let args: Vec<&str> = ["-f", format].iter().chain(more).copied().collect();
            let said = diff(&crawl, &args).expect_code(0).stdout;
            let shown = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
            assert!(
                said.chars().all(shown) || format == "csv",
                "{format}: {said:?}"
            );
            assert!(
                !said.contains('\u{1b}') && said.contains("calc"),
                "{format}: {said:?}"
            );
            match format {
                "html" => {
                    for tag in ["<script", "<img", "javascript:x\""] {
                        assert!(!said.contains(tag), "{tag}: {said}");
                    }
                }
                "markdown" => {
                    let outside = said.split("```").next().unwrap_or_default();
                    let links = outside.matches("](").count() - outside.matches("\\](").count();
                    assert!(!outside.contains("<script") && links == 0, "{said}");
                }
                "csv" => assert!(said.contains("'=cmd"), "{said}"),
                "json" => drop(serde_json::from_str::<Value>(&said).expect("JSON")),
                _ => {}
            }
        }
    }
}

/// Files that are gone are told, and what they would have said is not made up.
#[test]
fn bodies_that_are_missing() {
    let text = |word: &str| Reply::html(page("/page", "<title>T</title>", word, &[], 1));
    let (site, crawl) = two_versions(text("One."), text("Two."));
    let out = crawl.dir().join("out");
    let sql = "SELECT file FROM version v JOIN url u ON u.id = v.url WHERE u.text LIKE '%/page' ORDER BY v.id LIMIT 1";
    let file = rows(&out, sql).remove(0);
    std::fs::remove_file(out.join(&file)).expect("removed");
    let found = json(&crawl, &[]);
    assert_eq!(said(&found, &site)["/page"], "changed bytes");
    let note = found["entries"][0]["note"]
        .as_str()
        .expect("a note")
        .to_owned();
    assert_eq!(
        note,
        "its text is not compared: of run 1 the file of its body is missing"
    );
    let one = diff(&crawl, &["--url", &site.url("/page")])
        .expect_code(0)
        .stdout;
    assert!(
        one.contains("of run 1: the file of its body is missing"),
        "{one}"
    );
    // Outside of the output nothing is read, whatever a row says.
    edit(
        &out,
        "UPDATE version SET file = '../../../../../../../../etc/passwd'",
    );
    assert_eq!(said(&json(&crawl, &[]), &site)["/page"], "changed bytes");
    edit(&out, "UPDATE version SET file = NULL");
    let note = json(&crawl, &[])["entries"][0]["note"].to_string();
    assert!(note.contains("its body is in no file"), "{note}");
}

/// Rows that no crawl has written: an answer or a sentence, and no panic.
#[test]
fn doctored_databases() {
    let text = |word: &str| Reply::html(page("/page", "<title>T</title>", word, &["/a"], 1));
    for sql in [
        "UPDATE visit SET last_fetch = 987654321",
        "UPDATE visit SET good_version = -1",
        "UPDATE visit SET decision = 77, role = -3",
        "UPDATE fetch SET status = 99999, error = 4711",
        "UPDATE fetch SET version = 0",
        "UPDATE fetch SET redirect_to = url, status = 301",
        "UPDATE fetch SET redirect_to = 424242, status = 301 WHERE id > 3",
        "UPDATE fetch SET start = 5, header = -9",
        "UPDATE fetch SET status = 'two hundred'",
        "UPDATE version SET bytes = 9223372036854775807",
        "UPDATE version SET bytes = -1, charset = 'klingon', media_type = 'x'",
        "UPDATE version SET digest = randomblob(3), title = x'ff00fe'",
        "UPDATE version SET title = 7, canonical = 3.5",
        "UPDATE link SET target = -target, kind = 255",
        "UPDATE link SET kind = 'x'",
        "UPDATE header SET text = x'00ff0a3a3a0a'",
        "UPDATE url SET text = 'javascript:alert(1)'",
        "DELETE FROM url",
        "DELETE FROM version",
        "DELETE FROM start",
        "UPDATE run SET begun = 9223372036854775807, seeds = 'x'",
        "UPDATE run SET id = 9223372036854775807 WHERE id = 2; UPDATE visit SET run = 9223372036854775807 WHERE run = 2",
        "UPDATE visit SET url = 9223372036854775807 - url",
        "DROP TABLE link",
        "DELETE FROM visit",
    ] {
        let (site, crawl) = two_versions(text("One."), text("Two."));
        let out = crawl.dir().join("out");
        edit(
            &out,
            &format!("PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on; {sql}"),
        );
        for args in [
            &["--format", "json"][..],
            &[
                "--format",
                "html",
                "--only",
                "unchanged,new,gone,changed,moved,failed",
            ],
            &["--url", &site.url("/page")],
            &["1", "-1", "--resources", "--bytes"],
            &["--against", "out/crawl.db"],
        ] {
            let said = diff(&crawl, args);
            assert!(matches!(said.code, Some(0..=2)), "{sql} {args:?}: {said}");
            assert!(!said.stderr.contains("panicked"), "{sql} {args:?}: {said}");
            assert!(
                said.code == Some(0) || said.stderr.lines().count() == 1,
                "{sql} {args:?}: {said}"
            );
        }
    }
}

/// What nobody reads to its end is still judged.
#[test]
fn a_reader_that_goes() {
    let (_site, crawl) = two_versions(Reply::html("a"), Reply::html("b"));
    let out = crawl.dir().join("out");
    let many = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)";
    edit(
        &out,
        &format!(
            "PRAGMA foreign_keys = off;
             INSERT INTO url {many} SELECT i, 1, i, 'http://a.example/' || i, 0 FROM n;
             INSERT INTO visit (run, url, depth, redirects, via_kind, decision, last_fetch)
               {many} SELECT 2, i, 1, 0, 0, 0, (SELECT max(id) FROM fetch WHERE status = 200) FROM n"
        ),
    );
    let mut child = crawl.piped(["diff", "-o", "out", "--format", "jsonl", "--exit-code"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("a child").code(), Some(5));
    assert!(Path::new(&out).exists());
}
