//! What the program says to a slip: one sentence with what is wrong and what was probably meant.

use std::io::{Read, Write};

use crate::support::{Crawl, Site};

#[test]
fn words_in_the_place_of_a_subcommand() {
    let crawl = Crawl::new();
    crawl.file("seeds.txt", "a.example\n");
    for (args, wanted) in [
        (
            vec!["https://example.com"],
            "crawl: https://example.com is no subcommand; did you mean: crawl --seed https://example.com\n",
        ),
        (
            vec!["example.com", "--max-pages", "3"],
            "crawl: example.com is no subcommand; did you mean: crawl --seed example.com\n",
        ),
        (
            vec!["--max-pages", "3", "localhost:8080"],
            "crawl: localhost:8080 is no subcommand; did you mean: crawl --seed localhost:8080\n",
        ),
        (
            vec!["seeds.txt"],
            "crawl: seeds.txt is no subcommand; did you mean: crawl --input-file seeds.txt\n",
        ),
        (
            vec!["http://me:s3cret@a.example/"],
            "crawl: URL is no subcommand; did you mean: crawl --seed URL\n",
        ),
    ] {
        assert_eq!(crawl.run_args(&args).expect_code(2).stderr, wanted);
    }
    for (args, wanted) in [
        (vec!["qurey"], "a similar subcommand exists: 'query'"),
        (vec!["--sed", "x"], "a similar argument exists: '--seed'"),
        (
            vec!["--seed", "a.example", "query"],
            "'query' cannot be used with '--seed <URL>'",
        ),
        (
            vec!["--burst", "x"],
            "'x' for '--burst <N>': it must be a whole number",
        ),
        (
            vec!["--max-depth", "x"],
            "'x' for '--max-depth <N>': must be a whole number, such as 100, or \"unlimited\"",
        ),
        (
            vec!["--time-limit", "5"],
            "\"5\" is not a duration such as 500ms, 10s, 5m, 2h or 1d, nor unlimited",
        ),
        (vec!["--scope", "hots"], "a similar value exists: 'host'"),
    ] {
        let said = crawl.run_args(&args).expect_code(2).stderr;
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
}

#[test]
fn names_that_are_not_in_the_database() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "-q"]);
    crawl.run().expect_code(0);
    for (sql, wanted) in [
        (
            "SELECT * FROM page",
            "no such table: page; did you mean \"pages\"?",
        ),
        (
            "SELECT * FROM xyzzy",
            "no such table: xyzzy; the views are pages, resources, links, ",
        ),
        (
            "SELECT titel FROM pages",
            "no such column: titel; did you mean \"title\"?",
        ),
        (
            "SELECT p.stat FROM pages p",
            "no such column: p.stat; did you mean \"status\"?",
        ),
        (
            "SELECT xyzzy FROM queue",
            "no such column: xyzzy; queue has url, ",
        ),
        ("page", "no such view; did you mean \"pages\"?"),
    ] {
        let said = crawl.run_args(["query", sql]).expect_code(2).stderr;
        // Of SQL, the line and the place in it follow.
        let lines = if sql.contains(' ') { 3 } else { 1 };
        assert!(
            said.contains(wanted) && said.lines().count() == lines,
            "{said}"
        );
    }
}

#[test]
fn hints_of_a_small_crawl_fit_the_command() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /x");
    site.page("/", "<a href=/x>x</a><a href=/y>y</a><a href=/z>z</a>");
    let said = Crawl::new()
        .args([
            "--seed",
            &site.url("/"),
            "--include",
            "/none",
            "-o",
            "my out",
        ])
        .run()
        .expect_code(0)
        .stderr;
    for wanted in [
        "so few?   3 links are matched by no --include: try another pattern",
        "next      crawl query -o 'my out' \"SELECT",
    ] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    let said = Crawl::new()
        .args(["--seed", &site.url("/"), "--exclude", "/[yz]", "-o", "out"])
        .run()
        .expect_code(0)
        .stderr;
    for wanted in [
        "forbids 1 of the URLs that were met (see: crawl query -o out errors)",
        "so few?   2 links are matched by an --exclude",
    ] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
}

#[test]
fn https_spoken_to_a_server_of_http() {
    // One that answers whatever comes first, as servers do; the fixture server waits for a request.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        while let Ok((mut peer, _)) = listener.accept() {
            let _ = peer.read(&mut [0; 1024]);
            let _ = peer.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let seed = format!("https://{address}/");
    let crawl = Crawl::new().args(["--seed", &seed, "--ignore-robots"]);
    let said = crawl.run().expect_code(3).stderr;
    assert!(
        said.contains("; the server may speak http, not https, on this port"),
        "{said}"
    );
}
