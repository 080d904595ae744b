//! `crawl query`: answers for people and for programs.

use crate::support::{Crawl, Site};

/// A small crawl to ask, and the site's URL.
fn asked() -> (Crawl, String) {
    let site = Site::start();
    site.page(
        "/",
        "<title>=cmd \u{1b}[31m \"q\", x</title><a href=/b>B &amp; b</a><a href=/lost>lost</a>",
    );
    site.page("/b", "<title>漢字</title>");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-q"]);
    let output = crawl.run().expect_code(0);
    assert_eq!(
        (output.stdout, output.stderr),
        (String::new(), String::new()),
        "-q says nothing"
    );
    (crawl, site.url(""))
}

#[test]
fn formats() {
    let (crawl, host) = asked();
    let query = |format: &str, sql: &str| {
        crawl
            .run_args(["query", "--format", format, sql])
            .expect_code(0)
            .stdout
    };
    let sql = "SELECT url, status, title FROM pages WHERE status = 200 ORDER BY url";
    let table = query("table", sql);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("url")
            && lines[1].starts_with("──")
            && lines[3].ends_with("200  漢字"),
        "{table}"
    );
    assert!(
        table.contains("=cmd \\u{1b}[31m \"q\", x") && !table.contains('\u{1b}'),
        "{table}"
    );
    assert_eq!(
        query("csv", sql),
        format!(
            "url,status,title\n{host}/,200,\"'=cmd \\u{{1b}}[31m \"\"q\"\", x\"\n{host}/b,200,漢字\n"
        )
    );
    let json: serde_json::Value = serde_json::from_str(&query("json", sql)).expect("JSON");
    assert_eq!(
        json[1],
        serde_json::json!({"url": format!("{host}/b"), "status": 200, "title": "漢字"})
    );
    let lines = query("jsonl", sql);
    assert_eq!(lines.lines().count(), 2);
    assert!(
        lines
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{lines}"
    );
    let empty = "SELECT url FROM pages WHERE 0";
    assert_eq!(
        (
            query("json", empty).as_str(),
            query("jsonl", empty).as_str(),
            query("csv", empty).as_str()
        ),
        ("[]\n", "", "url\n")
    );
}

#[test]
fn every_named_view_answers() {
    let (crawl, host) = asked();
    let list = crawl.run_args(["query"]).expect_code(0).stdout;
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        names.len() >= 12 && names.contains(&"broken-links"),
        "{list}"
    );
    for name in names {
        crawl.run_args(["query", name]).expect_code(0);
    }
    let broken = crawl
        .run_args([
            "query",
            "SELECT from_url, to_url, anchor, kind, status, error FROM broken_links",
            "--format",
            "csv",
        ])
        .expect_code(0)
        .stdout;
    assert_eq!(
        broken,
        format!("from_url,to_url,anchor,kind,status,error\n{host}/,{host}/lost,lost,a,404,\n")
    );
}

#[test]
fn questions_that_cannot_be_answered() {
    let (crawl, _) = asked();
    for (question, wanted) in [
        ("DELETE FROM url", "only statements that read are answered"),
        (
            "SELECT * FROM pages; SELEC 1",
            "near \"SELEC\": syntax error",
        ),
        ("SELECT wrong FROM pages", "no such column: wrong"),
        ("SELEC 1", "near \"SELEC\": syntax error"),
        ("broken-link", "did you mean \"broken_links\"?"),
        ("PRAGMA user_version = 7", "this PRAGMA is not answered"),
        ("ATTACH 'x.db' AS x", "only statements that read"),
    ] {
        let said = crawl.run_args(["query", question]).expect_code(2).stderr;
        assert!(said.contains(wanted), "{question}: {said}");
        assert!(said.starts_with("crawl: "), "{said}");
        // The line of SQL, and a mark beneath; a name has no such place.
        let lines = if question.contains(' ') { 3 } else { 1 };
        assert_eq!(said.lines().count(), lines, "{said}");
    }
    let said = crawl
        .run_args(["query", "pages", "-o", "nowhere"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("no crawl here"), "{said}");
}

#[test]
fn a_broken_pipe_is_success() {
    let (crawl, _) = asked();
    let command = format!(
        "{} query 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n' --format csv | head -n 1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_crawl")
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &command])
        .current_dir(crawl.dir())
        .output()
        .expect("bash");
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).as_ref()
        ),
        (Some(0), "i\n")
    );
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An output that somebody else owns, who let everybody read it.
#[test]
fn whoever_may_only_read() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let site = Site::start();
    site.page("/", "<title>Home</title><a href=/a>a</a>");
    site.page("/a", "<title>A</title>");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    for name in ["crawl.db-wal", "crawl.db-shm"] {
        let _ = std::fs::remove_file(out.join(name));
    }
    let permit = |path: &std::path::Path, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("permitted");
    };
    permit(crawl.dir(), 0o755);
    permit(&out.join("crawl.db"), 0o444);
    permit(&out, 0o555);
    // Root may write all the same: then somebody else asks, if that can be had here.
    let is_root = std::fs::metadata(&out).expect("there").uid() == 0;
    let words = "--reuid=65534 --regid=65534 --clear-groups".split(' ');
    let words: Vec<&str> = words.collect();
    let may = |program: &str| {
        let mut command = std::process::Command::new("setpriv");
        let status = command.args(&words).args([program, "--version"]).status();
        status.is_ok_and(|status| status.success())
    };
    let program = env!("CARGO_BIN_EXE_crawl");
    if is_root && !may(program) {
        return;
    }
    for (asked, wanted) in [
        (
            &["query", "-f", "csv", "SELECT title FROM pages"][..],
            "title\nHome\nA\n",
        ),
        (&["status"], "run 1     finished"),
        (&["report", "--format", "md"], "# "),
        (&["export", "csv"], "url,status,"),
        (&["check"], "sound"),
        (&["cat", &site.url("/a")], "<title>A</title>"),
    ] {
        let mut reader = crawl.bare().args(asked.iter().copied()).args(["-o", "out"]);
        if is_root {
            reader = reader.under("setpriv", &words);
        }
        let said = reader.run().expect_code(0);
        assert!(said.stdout.contains(wanted), "{asked:?}: {said}");
    }
    permit(&out, 0o755);
}
