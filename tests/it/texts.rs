//! `crawl export texts`: a page a line, each as `crawl cat` has it; what cannot be read is counted.

use std::path::Path;

use serde_json::Value;

use crate::support::{Crawl, Reply, Site, edit, number, rows};

/// Pages, beside one in another charset and one without a word.
const PAGES: usize = 70;

/// A site of pages, one of them of plain text, one gone, one that leads elsewhere, and a part that is no page.
fn crawl() -> (Site, Crawl) {
    let site = Site::start();
    let mut links = String::new();
    for n in 0..PAGES {
        links += &format!("<a href=/p/{n}>{n}</a> ");
        let page = format!(
            "<html lang=en><title>Page {n}</title><nav><a href=/>up</a></nav><main><h1>On {n}</h1>\
             <p>A paragraph of \"many\" words, größer 漢字 \\ \u{1b} and number {n}.<p>Another <a href=x>link</a>.</main>"
        );
        site.page(&format!("/p/{n}"), &page);
    }
    links += "<a href=/latin>l</a><a href=/empty>e</a><a href=/plain>p</a><a href=/gone>g</a><a href=/old>o</a>";
    site.page(
        "/",
        &format!("<title>Home</title><main>{links}</main><img src=/i.png>"),
    );
    site.reply(
        "/latin",
        Reply::new(200)
            .header("Content-Type", "text/html; charset=iso-8859-1")
            .body(b"<title>Caf\xe9</title><main><p>Un caf\xe9 s'il vous pla\xeet.</main>"),
    );
    site.page("/empty", "");
    site.reply(
        "/plain",
        Reply::new(200)
            .header("Content-Type", "text/plain")
            .body("words"),
    );
    site.reply(
        "/i.png",
        Reply::new(200)
            .header("Content-Type", "image/png")
            .body("\u{1}"),
    );
    site.reply("/old", Reply::new(301).header("Location", "/p/0"));
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--assets",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    (site, crawl)
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

/// The pages that are in, in their order.
fn wanted(out: &Path) -> Vec<String> {
    rows(
        out,
        "SELECT p.url FROM pages p JOIN url u ON u.text = p.url
         WHERE content_type = 'text/html' AND file IS NOT NULL ORDER BY u.id",
    )
}

#[test]
fn as_cat_has_them() {
    let (site, crawl) = crawl();
    let out = crawl.dir().join("out");
    let urls = wanted(&out);
    assert_eq!(urls.len(), PAGES + 3);
    for (option, key) in [(None, "text"), (Some("--markdown"), "markdown")] {
        let words = ["export", "texts", "-o", "out"].into_iter().chain(option);
        let said = crawl.run_args(words).expect_code(0);
        assert_eq!(said.stderr, "73 texts; pages left out: 1 no HTML\n");
        assert!(!said.stdout.contains('\u{1b}'));
        let pages = lines(&said.stdout);
        let found: Vec<&str> = pages
            .iter()
            .map(|page| page["url"].as_str().expect("a URL"))
            .collect();
        assert_eq!(found, urls);
        // One of each kind, and some more.
        for page in pages.iter().filter(|page| {
            let url = page["url"].as_str().expect("a URL");
            url.ends_with('/') || url.ends_with('7') || !url.contains("/p/")
        }) {
            let url = page["url"].as_str().expect("a URL");
            let cat = ["cat", &format!("--{key}"), url, "-o", "out"];
            let cat = crawl.run_args(cat).expect_code(0).stdout;
            assert_eq!(
                page[key].as_str().map(|text| format!("{text}\n")),
                Some(cat),
                "{url}"
            );
            assert_eq!(
                page.as_object().map(serde_json::Map::len),
                Some(6),
                "{page}"
            );
        }
        let shown: Vec<String> = pages
            .iter()
            .map(|page| {
                let cell = |name: &str| page[name].as_str().unwrap_or("-").to_owned();
                ["url", "title", "language", "fetched_at", "sha256"]
                    .map(cell)
                    .join(" ")
            })
            .collect();
        let told = rows(
            &out,
            "SELECT p.url, title, language, fetched_at, sha256 FROM pages p JOIN url u ON u.text = p.url
             WHERE content_type = 'text/html' AND file IS NOT NULL ORDER BY u.id",
        );
        assert_eq!(shown, told);
    }
    let text = &lines(&crawl.run_args(["export", "texts", "-o", "out"]).stdout);
    let latin = text
        .iter()
        .find(|page| page["url"] == site.url("/latin").as_str());
    assert_eq!(latin.expect("there")["text"], "Un café s'il vous plaît.");
}

#[test]
fn what_cannot_be_read_is_counted() {
    let (site, crawl) = crawl();
    let out = crawl.dir().join("out");
    let files = rows(
        &out,
        "SELECT file FROM pages WHERE title IN ('Page 3', 'Page 4', 'Page 5') ORDER BY title",
    );
    std::fs::remove_file(out.join(&files[0])).expect("removed");
    std::fs::remove_file(out.join(&files[1])).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", out.join(&files[1])).expect("linked");
    edit(
        &out,
        "UPDATE version SET file = NULL WHERE title = 'Page 5';
         UPDATE version SET file = '../../etc/passwd' WHERE title = 'Page 6';
         UPDATE version SET title = x'ff00', language = 7, media_type = NULL, charset = x'80', bytes = x'00' WHERE title = 'Page 7';
         UPDATE url SET text = 'none' WHERE text LIKE '%/p/8';",
    );
    let export = |words: &[&str]| {
        let words = ["export", "texts", "-o", "out"]
            .into_iter()
            .chain(words.iter().copied());
        crawl.run_args(words).expect_code(0)
    };
    let said = export(&["--to", "t.jsonl.zst"]);
    assert_eq!(
        said.stdout,
        "t.jsonl.zst: 69 texts; pages left out: 1 no HTML, 1 in no file (files = false, or removed), \
         3 not to be read (crawl check says more)\n"
    );
    assert!(!said.stderr.contains("panicked"), "{said}");
    let bytes = std::fs::read(crawl.dir().join("t.jsonl.zst")).expect("a file");
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).expect("Zstandard")).expect("text");
    assert_eq!(lines(&text).len(), 69);
    assert!(!text.contains("root:"));
    assert_eq!(text, export(&[]).stdout);
    // What it is a page of is needed for its links.
    let said = export(&["--markdown", "--to", "m.jsonl"]);
    assert!(said.stdout.starts_with("m.jsonl: 68 texts; "), "{said}");
    // Nothing is replaced unasked.
    crawl
        .run_args(["export", "texts", "-o", "out", "--to", "m.jsonl"])
        .expect_code(1);
    export(&["--to", "m.jsonl", "--force"]);
    let host = site.url("/").replace("http://", "").replace('/', "");
    assert_eq!(export(&["--host", &host]).stdout, text);
    let said = crawl.run_args(["export", "texts", "-o", "out", "--host", "other.example"]);
    let said = said.expect_code(2);
    assert!(
        said.stderr.contains("no URL of this host was met"),
        "{said}"
    );
}

/// A crawl without files, and one of nothing, have no texts; a page that fails keeps the one that it had.
#[test]
fn without_texts_and_after_a_failure() {
    let (site, crawl) = crawl();
    site.reply("/p/1", Reply::new(503));
    site.reply("/p/2", Reply::new(404));
    let first = rows(
        &crawl.dir().join("out"),
        "SELECT fetched_at FROM pages WHERE title = 'Page 1'",
    );
    crawl.again().args(["--retries", "0"]).run();
    let said = crawl
        .run_args(["export", "texts", "-o", "out"])
        .expect_code(0);
    let pages = lines(&said.stdout);
    assert_eq!(pages.len(), PAGES + 2);
    let failed = pages
        .iter()
        .find(|page| page["url"] == site.url("/p/1").as_str());
    let failed = failed.expect("there");
    assert_eq!(failed["title"], "Page 1");
    assert_eq!(failed["fetched_at"].as_str(), Some(&*first[0]));
    assert!(
        !pages
            .iter()
            .any(|page| page["url"] == site.url("/p/2").as_str())
    );

    let bare = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--no-files",
        "-o",
        "out",
    ]);
    bare.run();
    let kept = number(
        &bare.dir().join("out"),
        "SELECT count(*) FROM pages WHERE bytes IS NOT NULL AND content_type = 'text/html'",
    );
    let said = bare
        .run_args(["export", "texts", "-o", "out", "--to", "t"])
        .expect_code(0);
    let wanted = format!(
        "t: 0 texts; pages left out: 1 no HTML, {kept} in no file (files = false, or removed)\n"
    );
    assert_eq!(said.stdout, wanted);
    assert_eq!(std::fs::read(bare.dir().join("t")).expect("a file"), b"");
}
