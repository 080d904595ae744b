//! What a URL was earlier: the view `versions`, and `crawl cat --run`.

use crate::support::{Crawl, Output, Reply, Site, expect_sound, rows};

/// Four runs: of `/a` the contents A, B, A, B again; `/b` comes with the second run, and is gone in the third; `/c`
/// fails in the third.
fn four_runs() -> (Site, Crawl) {
    let site = Site::start();
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let crawl = crawl.args(["--retries", "0"]);
    site.page("/", "<title>Home</title><a href=/a>a</a><a href=/c>c</a>");
    for (run, content) in (1..).zip(["A", "B", "A", "B"]) {
        let page = format!("<title>{content}</title><main><h1>Of {content}</h1>text</main>");
        site.reply("/a", Reply::html(page).header("X-Run", &run.to_string()));
        match run {
            1 => site.page("/c", "<title>C</title>"),
            2 => {
                site.page(
                    "/",
                    "<title>Home</title><a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>",
                );
                site.page("/b", "<title>B 1</title>");
            }
            3 => {
                site.reply("/b", Reply::new(404));
                site.reply("/c", Reply::new(500));
            }
            _ => {}
        }
        crawl.run();
    }
    (site, crawl)
}

fn versions(crawl: &Crawl, path: &str) -> Vec<String> {
    rows(
        &crawl.dir().join("out"),
        &format!("SELECT title, run, status, current FROM versions WHERE url LIKE '%{path}'"),
    )
}

fn cat(crawl: &Crawl, url: &str, words: &[&str]) -> Output {
    let words = ["cat", "-o", "out", url]
        .into_iter()
        .chain(words.iter().copied());
    crawl.run_args(words)
}

#[test]
fn every_content_and_what_it_was_as_of_a_run() {
    let (site, crawl) = four_runs();
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(versions(&crawl, "/a"), ["A 1 200 0", "B 2 200 1"]);
    assert_eq!(versions(&crawl, "/b"), ["B 1 2 200 1"]);
    assert_eq!(versions(&crawl, "/c"), ["C 1 200 1"]);
    // Each is the file of its own, and the one that counts is what `cat` prints.
    for row in rows(&out, "SELECT bytes, file, url, current FROM versions") {
        let words: Vec<&str> = row.split(' ').collect();
        let body = std::fs::read_to_string(out.join(words[1])).expect("a file");
        assert_eq!(body.len().to_string(), words[0]);
        let said = cat(&crawl, words[2], &[]).expect_code(0).stdout;
        assert_eq!(said == body, words[3] == "1", "{row}");
    }
    assert_eq!(
        rows(
            &out,
            "SELECT v.fetched_at = min(r.started_at), count(*) FROM versions v JOIN requests r USING (url) WHERE v.title = 'A'"
        ),
        ["1 4"]
    );
    let page = site.url("/a");
    for (run, content) in [("1", "A"), ("2", "B"), ("3", "A"), ("4", "B")] {
        let said = |words: &[&str]| {
            cat(&crawl, &page, &[&["--run", run], words].concat())
                .expect_code(0)
                .stdout
        };
        assert!(said(&[]).contains(&format!("<title>{content}</title>")));
        assert_eq!(said(&["--text"]), format!("Of {content}\n\ntext\n"));
        assert_eq!(said(&["--markdown"]), format!("# Of {content}\n\ntext\n"));
        let headers = said(&["--headers"]);
        assert!(headers.starts_with("200\n"), "{headers}");
        assert!(headers.contains(&format!("x-run: {run}\n")), "{headers}");
    }
    // What is gone, or has failed, is what it was.
    assert_eq!(
        cat(&crawl, &site.url("/c"), &["--run", "3"])
            .expect_code(0)
            .stdout,
        "<title>C</title>"
    );
}

#[test]
fn what_a_run_did_not_have() {
    let (site, crawl) = four_runs();
    let expect = |path: &str, run: &str, words: &str| {
        let said = cat(&crawl, &site.url(path), &["--run", run]).expect_code(2);
        assert!(said.stderr.contains(words), "{said}");
    };
    expect("/b", "1", "run 1 never met it");
    expect("/a", "5", "there is no such run");
    expect("/a", "0", "0 is not in 1..");
    expect("/a", "9223372036854775807", "there is no such run");
    expect("/z", "1", "it was never met");
    crawl
        .run_args(["prune", "--keep-runs", "2", "-o", "out"])
        .expect_code(0);
    expect("/a", "1", "run 1 was pruned");
    // The contents of run 2 are those of run 4; what it had of them is not told any more.
    expect("/a", "2", "run 2 was pruned");
    assert!(
        cat(&crawl, &site.url("/a"), &["--run", "3"])
            .expect_code(0)
            .stdout
            .contains("A")
    );
    assert_eq!(versions(&crawl, "/a"), ["A 3 200 0", "B 4 200 1"]);
    assert_eq!(versions(&crawl, "/c"), ["C 2 200 1"]);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    let file = &rows(&out, "SELECT file FROM versions WHERE title = 'A'")[0];
    std::fs::remove_file(out.join(file)).expect("removed");
    let said = cat(&crawl, &site.url("/a"), &["--run", "3"]).expect_code(1);
    assert!(said.stderr.contains("crawl check says more"), "{said}");
}
