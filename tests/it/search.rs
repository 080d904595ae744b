//! `crawl index` and `crawl search`: what is found, when it is indexed, and what becomes of an index that is hurt;
//! near-duplicates; the texts that `crawl cat` prints.

use std::path::PathBuf;

use crate::support::{Crawl, Fault, Reply, Site, edit, expect_sound, number, rows};

/// A site with these pages, all linked from its first, and a crawl of it that has ended.
fn crawled(site: &Site, pages: &[(&str, &str)]) -> (Crawl, PathBuf) {
    let links: String = pages
        .iter()
        .map(|(path, _)| format!("<a href='{path}'>.</a>"))
        .collect();
    site.page(
        "/",
        &format!("<title>Start</title><nav>{links}</nav><p>home of all"),
    );
    for (path, html) in pages {
        site.page(path, html);
    }
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    (crawl, out)
}

/// The paths that are found, the best first.
#[track_caller]
fn found(crawl: &Crawl, args: &[&str]) -> Vec<String> {
    let mut words = vec!["search", "-o", "out", "--format", "jsonl"];
    words.extend(args);
    let said = crawl.run_args(words).expect_code(0);
    let hit = |line: &str| {
        let hit: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let url = hit["url"].as_str().expect("a URL").to_owned();
        url.splitn(4, '/').nth(3).expect("a path").to_owned()
    };
    said.stdout.lines().map(hit).collect()
}

/// A text that is like no other of another number.
fn essay(number: usize, words: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    (0..words)
        .map(|_| format!("w{} ", random.u32(..9973)))
        .collect()
}

#[test]
fn words_are_found() {
    let site = Site::start();
    let (crawl, out) = crawled(
        &site,
        &[
            (
                "/title",
                "<title>Kangaroo</title><main><p>It hops about on its two legs, and has a pouch.",
            ),
            (
                "/heading",
                "<title>Hops</title><main><h1>The kangaroo</h1><p>One more animal in these parts.",
            ),
            (
                "/text",
                "<title>Other</title><main><p>Kangaroos were seen hopping through the café, naïve ones.",
            ),
            (
                "/menu",
                "<title>Menu</title><nav>kangaroo pouch</nav><main><p>A page about nothing else at all.",
            ),
            (
                "/ja",
                "<title>日本語の手引き</title><main><p>これは東京都の検索エンジンです。ＡＢＣも入る。",
            ),
            ("/th", "<title>ไทย</title><main><p>ภาษาไทยเขียนติดกัน</p>"),
            (
                "/ko",
                "<title>한국</title><main><p>데이터베이스를 만든다</p>",
            ),
            (
                "/unseen",
                "<title>Donau&shy;dampf&shy;schiff</title><main><p>zero&#8203;width &#x2066;Hebrew&#x2069; iso&#x2066;late کتاب&zwnj;ها",
            ),
        ],
    );
    for (words, wanted) in [
        (&["kangaroo"][..], &["title", "heading", "text"][..]),
        (&["KANGAROOS"], &["title", "heading", "text"]),
        (&["kangaroo", "hopping"], &["heading", "title", "text"]),
        (&["\"two legs\""], &["title"]),
        (&["\"legs two\""], &[]),
        (&["kangaroo -hops"], &[]),
        (&["kangaroo -pouch"], &["heading", "text"]),
        (&["pouch OR cafe"], &["text", "title"]),
        (&["kang*", "anim*"], &["heading"]),
        (&["title:kangaroo"], &["title"]),
        (&["heading:kangaroo"], &["heading"]),
        (&["--", "-pouch", "kangaroo"], &["heading", "text"]),
        (&["naive café"], &["text"]),
        (&["東京"], &["ja"]),
        (&["京都"], &["ja"]),
        (&["検"], &["ja"]),
        (&["検索 手引き"], &["ja"]),
        (&["京東"], &[]),
        (&["abc"], &["ja"]),
        (&["เขียน"], &["th"]),
        (&["데이터베이스"], &["ko"]),
        (&["Donaudampfschiff"], &["unseen"]),
        (&["title:Donau\u{ad}dampfschiff"], &["unseen"]),
        (&["dampf"], &[]),
        (&["zero"], &["unseen"]),
        (&["zero\u{200b}width"], &["unseen"]),
        (&["zerowidth"], &[]),
        (&["hebrew isolate"], &["unseen"]),
        (&["\u{2067}isolate\u{2069}"], &["unseen"]),
        (
            &["--raw", "iso\u{2066}late AND \u{feff}hebrew"],
            &["unseen"],
        ),
        (&["کتاب"], &["unseen"]),
        (&["کتاب\u{200c}ها"], &["unseen"]),
        (
            &["--raw", "title : kangaroo OR headings : \"the kang\" *"],
            &["title", "heading"],
        ),
        (&["--raw", "東京 AND 検索"], &["ja"]),
        (&["kangaroo", "--limit", "1"], &["title"]),
        (&["gone!"], &[]),
    ] {
        let mut hits = found(&crawl, words);
        let mut wanted: Vec<&str> = wanted.to_vec();
        // Of two alike either may be first.
        if words != ["kangaroo"] {
            hits.sort();
            wanted.sort();
        }
        assert_eq!(hits, wanted, "{words:?}");
    }
    assert_eq!(number(&out, "SELECT count(*) FROM reading"), 9);
    let shown = crawl
        .run_args(["search", "-o", "out", "zero OR Donaudampfschiff"])
        .expect_code(0)
        .stdout;
    assert!(
        shown.starts_with("**Donaudampfschiff**  (") && shown.contains("**zero** width Hebrew"),
        "{shown}"
    );
    expect_sound(&out);
}

#[test]
fn what_is_shown() {
    let site = Site::start();
    let (crawl, _) = crawled(
        &site,
        &[
            (
                "/a",
                "<title>=cmd() of \u{1b}[31mred\u{9b}2J</title><main><p>Some words\u{202e} around the needle, <b>and</b> more.",
            ),
            (
                "/b",
                "<main><p>Another needle is here: two are more than one, as everybody knows.",
            ),
        ],
    );
    let host = format!("127.0.0.1:{}", site.port());
    let search = |args: &[&str]| {
        let mut words = vec!["search", "-o", "out", "needle", "--host", &host];
        words.extend(args);
        crawl.run_args(words).expect_code(0)
    };
    let table = search(&[]);
    assert!(table.stdout.contains("=cmd() of [31mred 2J"), "{table}");
    assert!(
        table.stdout.contains("around the **needle**, and more."),
        "{table}"
    );
    assert!(table.stdout.contains("(no title)  ("), "{table}");
    assert!(table.stderr.contains("3 pages indexed"), "{table}");
    assert!(
        !table.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
        "{table}"
    );
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&search(&["-f", "json"]).stdout).expect("JSON");
    assert_eq!(json.len(), 2);
    assert!(json[0]["score"].as_f64() > Some(0.0));
    assert!(json.iter().any(|hit| {
        hit["snippet"]
            .as_str()
            .expect("a text")
            .contains("**needle**")
    }));
    let csv = search(&["-f", "csv"]).stdout;
    assert!(
        csv.starts_with("url,title,status,score,snippet\n") && csv.contains(",'=cmd()"),
        "{csv}"
    );
    let none = crawl
        .run_args(["search", "-o", "out", "-f", "json", "absent"])
        .expect_code(0);
    assert_eq!(none.stdout, "[]\n");
    assert!(none.stderr.contains("nothing found for absent"), "{none}");
    let more = search(&["-n", "1"]);
    assert!(more.stderr.contains("there are more: --limit 2"), "{more}");
}

#[test]
fn what_cannot_be_asked() {
    let site = Site::start();
    let (crawl, _) = crawled(
        &site,
        &[("/a", "<main><p>Some text to be found, that is long enough.")],
    );
    for (args, why) in [
        (&["  "][..], "there is no word in it"),
        (&["\"\" ?! ()"], "there is no word in it"),
        (&["--", "-a"], "a word is needed that pages do have"),
        (&["--raw", "\"a"], "unterminated string"),
        (&["--raw", "a AND"], "syntax error"),
        (&["--raw", "url : a"], "no such column"),
        (&["--raw", "search_index : a"], "no such column"),
        (&["--raw", " "], "there is no word in it"),
        (
            &["a", "--host", "127.0.0.2"],
            "no URL of this host was met; did you mean",
        ),
    ] {
        let mut words = vec!["search", "-o", "out"];
        words.extend(args);
        let said = crawl.run_args(words).expect_code(2);
        assert!(said.stderr.contains(why), "{args:?} {said}");
        assert_eq!(said.stdout, "", "{args:?}");
    }
    for args in [
        ["search", "a", "-o", "nowhere"],
        ["index", "--distance", "3", "-onowhere"],
    ] {
        let said = crawl.run_args(args).expect_code(2);
        assert!(said.stderr.contains("nowhere"), "{said}");
    }
}

/// What is not in yet is indexed at the next question; what is no page's content any more is not found.
#[test]
fn only_what_is_new_is_read() {
    let site = Site::start();
    let (crawl, out) = crawled(
        &site,
        &[
            (
                "/same",
                "<main><p>A page that stays as it is, with a word such as constancy.",
            ),
            (
                "/other",
                "<main><p>A page that will change, with a word such as yesterday.",
            ),
        ],
    );
    let said = crawl.run_args(["index", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("indexed   3 pages: 3 taken in"),
        "{said}"
    );
    let said = crawl.run_args(["index", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("indexed   3 pages: 0 taken in"),
        "{said}"
    );
    assert!(said.stdout.contains("0 taken out"), "{said}");
    site.page(
        "/other",
        "<main><p>A page that has changed, with a word such as tomorrow.",
    );
    crawl.run().expect_code(0);
    assert_eq!(found(&crawl, &["yesterday"]), [""; 0]);
    assert_eq!(found(&crawl, &["tomorrow"]), ["other"]);
    assert_eq!(found(&crawl, &["constancy"]), ["same"]);
    assert_eq!(number(&out, "SELECT count(*) FROM reading"), 3);
    // Nothing good is overwritten by something worse.
    site.reply("/other", Reply::new(503));
    crawl.again().args(["--retries", "0"]).run();
    assert_eq!(found(&crawl, &["tomorrow"]), ["other"]);
    expect_sound(&out);
}

#[test]
fn while_a_crawl_writes() {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home</title><main>some words to find here, and a <a href=/stall>link</a>",
    );
    site.misbehave("/stall", Fault::StallBeforeHead);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let out = crawl.dir().join("out");
    let mut running = crawl.spawn();
    running.wait_until("a page", |_| {
        site.count("/stall") > 0 && number(&out, "SELECT count(*) FROM version") > 0
    });
    let said = crawl
        .run_args(["search", "-o", "out", "words"])
        .expect_code(1);
    assert!(
        said.stderr
            .contains("a crawl is writing: 1 pages are not in the index yet"),
        "{said}"
    );
    assert!(
        said.stderr.contains("there is no index of texts yet"),
        "{said}"
    );
    let said = crawl.run_args(["index", "-o", "out"]).expect_code(2);
    assert!(
        said.stderr.contains("another crawl is writing here"),
        "{said}"
    );
    running.kill9();
    assert_eq!(found(&crawl, &["words"]), [""]);
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls", |_| site.count("/stall") > 1);
    assert_eq!(found(&crawl, &["words"]), [""]);
    running.kill9();
    expect_sound(&out);
}

/// Killed at any moment, the next pass goes on, and what comes of it is what comes of one pass.
#[test]
fn killed_at_any_moment() {
    let site = Site::start();
    let texts: Vec<(String, String)> = (0..200)
        .map(|at| (format!("/{at}"), format!("<main><p>{}", essay(at, 2000))))
        .collect();
    let pages: Vec<(&str, &str)> = texts
        .iter()
        .map(|(path, html)| (&**path, &**html))
        .collect();
    let (crawl, out) = crawled(&site, &pages);
    for moment in [0, 20, 60, 150] {
        let mut running = crawl.spawn_args(["index", "-o", "out"]);
        let begun = std::time::Instant::now();
        running.wait_until("the moment", |_| begun.elapsed().as_millis() >= moment);
        running.kill9();
    }
    crawl.run_args(["index", "-o", "out"]).expect_code(0);
    let whole = rows(
        &out,
        "SELECT version, words, simhash FROM reading ORDER BY version",
    );
    let hits = found(&crawl, &["w17", "-n", "300"]);
    assert_eq!(whole.len(), 201);
    assert!(hits.len() > 10);
    crawl
        .run_args(["index", "-o", "out", "--rebuild"])
        .expect_code(0);
    assert_eq!(
        rows(
            &out,
            "SELECT version, words, simhash FROM reading ORDER BY version"
        ),
        whole
    );
    let mut again = found(&crawl, &["w17", "-n", "300"]);
    assert_eq!(again.len(), hits.len());
    again.retain(|hit| !hits.contains(hit));
    assert_eq!(again, [""; 0]);
    expect_sound(&out);
}

/// However an index is hurt, it is made anew, and that is said; nothing else of the database is.
#[test]
fn a_hurt_index_is_made_anew() {
    let site = Site::start();
    let (crawl, out) = crawled(
        &site,
        &[
            ("/a", &format!("<main><p>a needle {}", essay(1, 3000))),
            ("/b", "<main><p>no such thing at all, only some words."),
        ],
    );
    assert_eq!(found(&crawl, &["needle"]), ["a"]);
    let whole = std::fs::read(out.join("crawl.db")).expect("a database");
    for hurt in [
        "UPDATE search_index_data SET block = zeroblob(length(block)) WHERE id > 10",
        "UPDATE search_index_data SET block = randomblob(40)",
        "DELETE FROM search_index_data",
        "DROP TABLE search_index_data",
        "DROP TABLE search_index_config",
        "DROP TABLE search_index_docsize",
        "UPDATE search_index_config SET v = 99 WHERE k = 'version'",
        "DROP TABLE search_index",
        "DROP TABLE search_index; CREATE TABLE search_index (x)",
        "DROP TABLE search_index; CREATE VIRTUAL TABLE search_index USING fts5(y)",
        "DELETE FROM reading",
        "DELETE FROM derived",
    ] {
        std::fs::write(out.join("crawl.db"), &whole).expect("written");
        edit(&out, hurt);
        let said = crawl.run_args(["check", "-o", "out"]);
        assert!(matches!(said.code, Some(0 | 1)), "{hurt} {said}");
        assert!(!said.stdout.contains("malformed"), "{hurt} {said}");
        if said.code == Some(1) {
            assert!(said.stdout.contains("--repair puts right"), "{hurt} {said}");
        }
        let hits = found(&crawl, &["needle"]);
        if hits != ["a"] {
            // Rows that are gone without a trace are not missed before the index is asked for anew.
            assert_eq!(hits, [""; 0], "{hurt}");
            crawl
                .run_args(["index", "-o", "out", "--rebuild"])
                .expect_code(0);
        }
        assert_eq!(found(&crawl, &["needle"]), ["a"], "{hurt}");
        expect_sound(&out);

        std::fs::write(out.join("crawl.db"), &whole).expect("written");
        edit(&out, hurt);
        crawl
            .run_args(["check", "-o", "out", "--repair"])
            .expect_code(0);
        crawl
            .run_args(["index", "-o", "out", "--rebuild"])
            .expect_code(0);
        assert_eq!(found(&crawl, &["needle"]), ["a"], "{hurt}");
        expect_sound(&out);
    }
}

#[test]
fn bodies_that_are_not_there() {
    let site = Site::start();
    let (crawl, out) = crawled(
        &site,
        &[(
            "/a",
            "<main><p>Some needle, and some text that is long enough.",
        )],
    );
    let file = rows(&out, "SELECT file FROM pages WHERE url LIKE '%/a'");
    let body = std::fs::read(out.join(&file[0])).expect("a file");
    std::fs::remove_file(out.join(&file[0])).expect("removed");
    let said = crawl.run_args(["index", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("indexed   1 pages: 1 taken in"),
        "{said}"
    );
    assert!(
        said.stdout.contains("unread    1 pages: crawl check"),
        "{said}"
    );
    assert_eq!(found(&crawl, &["needle"]), [""; 0]);
    std::fs::write(out.join(&file[0]), body).expect("written");
    let said = crawl.run_args(["index", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("indexed   2 pages: 1 taken in"),
        "{said}"
    );
    assert_eq!(found(&crawl, &["needle"]), ["a"]);
    // Found, and shown without its text.
    std::fs::remove_file(out.join(&file[0])).expect("removed");
    assert_eq!(found(&crawl, &["needle"]), ["a"]);
    let none = Crawl::new().args(["--seed", &site.url("/"), "--no-files", "-o", "out"]);
    none.run().expect_code(0);
    let said = none.run_args(["index", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("no body of a page is in a file"),
        "{said}"
    );
    assert_eq!(found(&none, &["home"]), [""; 0]);
}

#[test]
fn texts_that_are_nearly_the_same() {
    let site = Site::start();
    let page = |title: &str, text: &str| {
        format!("<title>{title}</title><nav>{title}</nav><main><p>{text}")
    };
    let (one, other) = (essay(1, 900), essay(2, 900));
    let near = one.replacen(' ', " x ", 1);
    let short = "a few words that are the same on two pages";
    let pages = [
        ("/one", page("A", &one)),
        ("/near", page("B", &near)),
        ("/copy", page("A", &one)),
        ("/other", page("C", &other)),
        ("/frame", page("D", &other)),
        ("/short", page("E", short)),
        ("/brief", page("F", short)),
        ("/alone", page("G", &essay(3, 900))),
    ];
    let pages: Vec<(&str, &str)> = pages.iter().map(|(path, html)| (*path, &**html)).collect();
    let (crawl, out) = crawled(&site, &pages);
    let near = |args: &[&str]| {
        let mut words = vec!["index", "-o", "out"];
        words.extend(args);
        crawl.run_args(words).expect_code(0);
        let base = site.url("/");
        rows(
            &out,
            &format!(
                "SELECT cluster, pages, replace(url, '{base}', ''), words, distance <= 3, copies FROM near_duplicates"
            ),
        )
    };
    assert_eq!(
        near(&[]),
        [
            "1 2 one 900 1 2",
            "1 2 near 901 1 1",
            "2 2 other 900 1 1",
            "2 2 frame 900 1 1"
        ]
    );
    assert_eq!(
        near(&["--distance", "0"]),
        ["1 2 other 900 1 1", "1 2 frame 900 1 1"]
    );
    let all = near(&["--min-words", "5"]);
    assert!(all.contains(&"3 2 short 10 1 1".to_owned()), "{all:?}");
    let said = crawl
        .run_args(["query", "-o", "out", "near-duplicates"])
        .expect_code(0);
    assert!(said.stdout.starts_with("cluster  pages  url"), "{said}");
    expect_sound(&out);
    let said = crawl.run_args(["index", "--distance", "9"]).expect_code(2);
    assert!(said.stderr.contains("0..=8"), "{said}");
}

/// A page that is gone is found by what it said, and that is told; one that leads elsewhere now is not. Neither is like
/// another any more, without a further pass.
#[test]
fn what_is_gone_or_leads_elsewhere() {
    let site = Site::start();
    let page = |title: &str, text: &str| format!("<title>{title}</title><main><p>{text}");
    let text = format!("kangaroo {}", essay(1, 300));
    let pages: Vec<(String, String)> = ["here", "too", "gone", "moved", "fails"]
        .iter()
        .map(|name| {
            (
                format!("/{name}"),
                page(&format!("A **{name}** &shy;kangaroo"), &text),
            )
        })
        .collect();
    // Alike, but not the same: their titles differ.
    let pages: Vec<(&str, &str)> = pages
        .iter()
        .map(|(path, html)| (&**path, &**html))
        .collect();
    let (crawl, out) = crawled(&site, &pages);
    let near = || {
        let base = site.url("/");
        let sql = format!(
            "SELECT cluster || ' ' || pages || ' ' || replace(url, '{base}', '') FROM near_duplicates ORDER BY url"
        );
        rows(&out, &sql)
    };
    crawl.run_args(["index", "-o", "out"]).expect_code(0);
    let all = ["1 5 fails", "1 5 gone", "1 5 here", "1 5 moved", "1 5 too"];
    assert_eq!(near(), all);
    site.reply("/gone", Reply::new(410));
    site.reply("/fails", Reply::new(503));
    site.reply("/moved", Reply::new(301).header("Location", "/here"));
    crawl.run().expect_code(0);
    // What fails for a passing reason counts as it was.
    assert_eq!(near(), ["1 3 fails", "1 3 here", "1 3 too"]);
    let mut hits = found(&crawl, &["kangaroo"]);
    hits.sort();
    assert_eq!(hits, ["fails", "gone", "here", "too"]);
    assert_eq!(near(), ["1 3 fails", "1 3 here", "1 3 too"]);
    let search = |format: &str| {
        let words = ["search", "-o", "out", "kangaroo", "-f", format];
        crawl.run_args(words).expect_code(0).stdout
    };
    let hits: Vec<serde_json::Value> = serde_json::from_str(&search("json")).expect("JSON");
    let mut said: Vec<(String, String)> = hits
        .iter()
        .map(|hit| (hit["title"].to_string(), hit["status"].to_string()))
        .collect();
    said.sort();
    let wanted = [
        ("fails", "503"),
        ("gone", "410"),
        ("here", "200"),
        ("too", "200"),
    ];
    let wanted = wanted.map(|(name, status)| {
        let title = format!("\"A **{name}** \u{ad}kangaroo\"");
        (title, status.to_owned())
    });
    assert_eq!(said, wanted);
    let table = search("table");
    for (path, now) in [
        ("gone", "  (now 410)\n"),
        ("fails", "  (now 503)\n"),
        ("here", "\n"),
    ] {
        let line = format!("  {}{now}", site.url(&format!("/{path}")));
        assert!(table.contains(&line), "{table}");
    }
    site.page("/too", "nothing that is like it");
    site.reply("/fails", Reply::new(404));
    crawl.run().expect_code(0);
    assert_eq!(near(), Vec::<String>::new(), "one is no cluster");
    expect_sound(&out);
}

#[test]
fn a_page_as_text_and_as_markdown() {
    let site = Site::start();
    let (crawl, _) = crawled(
        &site,
        &[(
            "/a",
            "<title>T</title><nav>menu</nav><main><h1>Head</h1><p>One <b>bold</b> <a href=b>link</a>\u{1b}[2J<ul><li>x<li>y</ul></main>",
        )],
    );
    site.reply(
        "/i.png",
        Reply::new(200)
            .header("Content-Type", "image/png")
            .body("x"),
    );
    site.reply(
        "/t.txt",
        Reply::new(200)
            .header("Content-Type", "text/plain")
            .body("plain *text*\n"),
    );
    let (image, text) = (site.url("/i.png"), site.url("/t.txt"));
    let more = ["--seed", &image, "--seed", &text, "--add", "-o", "out"];
    crawl.run_args(more).expect_code(0);
    let cat =
        |option: &str, path: &str| crawl.run_args(["cat", "-o", "out", option, &site.url(path)]);
    let link = site.url("/b");
    for (option, path, wanted) in [
        (
            "--text",
            "/a",
            "Head\n\nOne bold link\u{1b}[2J\n\nx\ny\n".to_owned(),
        ),
        (
            "--markdown",
            "/a",
            format!("# Head\n\nOne **bold** [link]({link})\u{1b}\\[2J\n\n- x\n- y\n"),
        ),
        ("--text", "/t.txt", "plain *text*\n".to_owned()),
        ("--markdown", "/t.txt", "plain *text*\n".to_owned()),
    ] {
        assert_eq!(
            cat(option, path).expect_code(0).stdout,
            wanted,
            "{option} {path}"
        );
    }
    let said = cat("--text", "/i.png").expect_code(1);
    assert!(
        said.stderr.contains("is image/png, which has no text"),
        "{said}"
    );
    let said = crawl.run_args(["cat", "-o", "out", "--text", "--markdown", &link]);
    assert!(said.expect_code(2).stderr.contains("cannot be used with"));
}

/// An output that cannot be locked is searched as far as it is indexed, and why is said once.
#[test]
fn an_index_that_cannot_be_written() {
    let site = Site::start();
    let (crawl, out) = crawled(&site, &[("/a", "<title>A</title><p>some words to find")]);
    assert_eq!(found(&crawl, &["find"]), ["a"]);
    site.page("/", "<title>Start</title><a href=/a>a</a> <a href=/b>b</a>");
    site.page("/b", "<title>B</title><p>more to find");
    crawl.run().expect_code(0);
    std::fs::write(out.join("crawl.lock"), "dear diary").expect("written");
    let said = crawl.run_args(["search", "-o", "out", "find"]);
    assert_eq!(said.stderr.matches("crawl.lock").count(), 1, "{said}");
    assert!(said.stderr.contains("which cannot be written"), "{said}");
    assert!(said.stdout.contains("/a"), "{said}");
    said.expect_code(0);
}
