//! The command line: precedence, bad input in one sentence with its exit code, the small subcommands.

use crate::support::{Crawl, Reply, Site, number, rows};

#[test]
fn flags_over_file_over_defaults() {
    let crawl = Crawl::new();
    crawl.file(
        "crawl.toml",
        "[seeds]\nseed = [\"http://127.0.0.1:9/\"]\n[politeness]\nrate = \"7/s\"\nburst = 3\n",
    );
    let shown = crawl
        .run_args(["config", "--rate", "9/s", "--max-pages", "5"])
        .expect_code(0)
        .stdout;
    for line in [
        "# over crawl.toml",
        "rate = \"9/s\"",
        "burst = 3",
        "max-pages = 5",
        "host-concurrency = 2",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
    // A seed on the command line leaves the file in the current directory alone.
    let shown = crawl
        .run_args(["config", "--seed", "a.example"])
        .expect_code(0)
        .stdout;
    assert!(
        shown.contains("burst = 1\n") && shown.contains("seed = [\"a.example\"]"),
        "{shown}"
    );
}

#[test]
fn switches_are_put_off_by_false() {
    let crawl = Crawl::new();
    crawl.file(
        "crawl.toml",
        "[scope]\nignore-nofollow = true\n[politeness]\nignore-robots = true\n[fetch]\ninsecure = true\nallow-private = true\n[output]\nfiles = false\nfresh = true\n",
    );
    let shown = |args: &[&str]| {
        let args = ["config"].iter().chain(args);
        crawl.run_args(args).expect_code(0).stdout
    };
    let flags = [
        "ignore-nofollow",
        "ignore-robots",
        "insecure",
        "allow-private",
        "fresh",
    ];
    for flag in flags {
        assert!(shown(&[]).contains(&format!("{flag} = true\n")));
        let off = shown(&[&format!("--{flag}=false")]);
        assert!(off.contains(&format!("{flag} = false\n")), "{off}");
    }
    assert!(shown(&["--no-files=false"]).contains("files = true\n"));
    // Without a word it is put on; the word needs its `=`.
    crawl.file("crawl.toml", "");
    assert!(shown(&["--insecure"]).contains("insecure = true\n"));
    assert!(shown(&["--no-files"]).contains("files = false\n"));
    crawl
        .run_args(["config", "--insecure", "false"])
        .expect_code(2);
}

#[test]
fn every_key_has_a_flag() {
    let shown = Crawl::new()
        .run_args([
            "config",
            "--max-crawl-delay",
            "1s",
            "--max-hold",
            "2s",
            "--max-failures",
            "3",
            "--retry-wait",
            "4s",
            "--stop-grace",
            "6s",
            "--max-links",
            "7",
            "--max-title",
            "8B",
            "--max-anchor",
            "9B",
        ])
        .expect_code(0)
        .stdout;
    for line in [
        "max-crawl-delay = \"1s\"",
        "max-hold = \"2s\"",
        "max-failures = 3",
        "retry-wait = \"4s\"",
        "stop-grace = \"6s\"",
        "max-links = 7",
        "max-title = \"8B\"",
        "max-anchor = \"9B\"",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
}

#[test]
fn answers_take_the_output_from_the_file() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = Crawl::new();
    crawl.file(
        "crawl.toml",
        &format!(
            "[seeds]\nseed = [\"{}\"]\n[output]\noutput = \"here\"\n",
            site.url("/")
        ),
    );
    crawl.run().expect_code(0);
    for args in [vec!["status"], vec!["query", "pages"]] {
        let output = crawl.run_args(&args).expect_code(0);
        assert_eq!(output.stderr, "output: here (crawl.toml)\n");
        assert!(output.stdout.contains(&site.url("/")), "{output}");
    }
    let output = crawl.run_args(["status", "-o", "here"]).expect_code(0);
    assert_eq!(output.stderr, "");
    // Where a file names another output, a hint must name the one that is meant.
    let said = crawl
        .run_args(["--seed", &site.url("/")])
        .expect_code(0)
        .stderr;
    assert!(
        said.contains("crawl query -o crawl-out broken-links"),
        "{said}"
    );
}

#[test]
fn config_driven() {
    let site = Site::start();
    site.tree(10, 3);
    let crawl = Crawl::new();
    crawl.file("crawl.toml", &format!("[seeds]\nseed = [\"{}\"]\n[scope]\nmax-depth = 1\n[politeness]\nrate = \"unlimited\"\n[output]\noutput = \"here\"\n", site.url("/")));
    let said = crawl.run().expect_code(0).stderr;
    assert!(said.contains("settings: crawl.toml"), "{said}");
    assert_eq!(
        number(&crawl.dir().join("here"), "SELECT max(depth) FROM pages"),
        1
    );
}

#[test]
fn bad_input_is_one_sentence_that_names_what_and_where() {
    let crawl = Crawl::new();
    crawl.file("key.toml", "[scope]\nmax-dept = 3\n");
    crawl.file(
        "regex.toml",
        "[seeds]\nseed = [\"a.example\"]\n[scope]\nexclude = [\"(x\"]\n",
    );
    crawl.file("seeds.txt", "ok.example\n\nnot a url\n");
    crawl.file("file", "x");
    for (args, code, wanted) in [
        (vec![], 2, "no seed: give --seed URL"),
        (
            vec!["--seed", "ftp://a.example/"],
            2,
            "seed = \"ftp://a.example/\": scheme \"ftp\" is not http or https",
        ),
        (vec!["--seed", "http://"], 2, "not a URL"),
        (
            vec!["--config", "key.toml"],
            2,
            "key.toml, line 2: unknown key \"max-dept\"; did you mean \"max-depth\"?",
        ),
        (
            vec!["--config", "regex.toml"],
            2,
            "scope.exclude = \"(x\": not a regular expression: unclosed group",
        ),
        (vec!["--config", "none.toml"], 2, "cannot read none.toml"),
        (
            vec!["--input-file", "seeds.txt"],
            2,
            "seeds.txt, line 3: \"not a url\": not a URL",
        ),
        (
            vec!["--seed", "a.example", "--header", "Authorization s3cret"],
            2,
            "is not of the form 'Name: value'",
        ),
        (
            vec!["--seed", "a.example", "--user-agent", "123"],
            2,
            "product token",
        ),
        (
            vec!["--seed", "a.example", "--concurrency", "0"],
            2,
            "politeness.concurrency = \"0\": must be at least 1",
        ),
        (
            vec!["--seed", "a.example", "--proxy", "::"],
            2,
            "is not a proxy's URL",
        ),
        (vec!["--seed", "a.example", "-o", "file"], 1, "file: "),
        (
            vec!["--seed", "a.example", "-o", "file/below"],
            1,
            "file/below: ",
        ),
    ] {
        let output = crawl.run_args(&args).expect_code(code);
        assert!(
            output.stderr.contains(wanted),
            "{args:?}: {}",
            output.stderr
        );
        assert!(
            !output.stderr.contains("s3cret") && output.stderr.lines().count() <= 2,
            "{args:?}: {}",
            output.stderr
        );
    }
    // clap's own: the flag and the value are named.
    for args in [
        ["--rate", "fast"],
        ["--timeout", "10"],
        ["--max-body", "x"],
        ["--scope", "hots"],
    ] {
        let said = crawl.run_args(args).expect_code(2).stderr;
        assert!(said.contains(args[0]) && said.contains(args[1]), "{said}");
    }
}

#[test]
fn an_output_that_is_not_ours_is_left_alone() {
    let crawl = Crawl::new();
    for (name, make) in [
        (
            "text",
            "not a database at all, but long enough to be one: ".repeat(50),
        ),
        ("empty-tables", String::new()),
    ] {
        let out = crawl.dir().join(name);
        std::fs::create_dir(&out).expect("made");
        if name == "text" {
            std::fs::write(out.join("crawl.db"), &make).expect("written");
        } else {
            let theirs =
                tokio_rusqlite::rusqlite::Connection::open(out.join("crawl.db")).expect("made");
            theirs
                .execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
                .expect("made");
        }
        let before = std::fs::read(out.join("crawl.db")).expect("there");
        let said = crawl
            .run_args(["--seed", "a.example", "-o", name])
            .expect_code(2)
            .stderr;
        assert!(said.contains("is not a"), "{said}");
        let said = crawl
            .run_args(["query", "pages", "-o", name])
            .expect_code(2)
            .stderr;
        assert!(said.contains("is not a"), "{said}");
        assert!(std::fs::read(out.join("crawl.db")).expect("there") == before || name != "text");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    let database = tokio_rusqlite::rusqlite::Connection::open(crawl.dir().join("out/crawl.db"))
        .expect("opened");
    database
        .pragma_update(None, "user_version", 99)
        .expect("set");
    for said in [
        crawl.run().expect_code(2).stderr,
        crawl
            .run_args(["status", "-o", "out"])
            .expect_code(2)
            .stderr,
    ] {
        assert!(
            said.contains("has schema version 99, this program knows 3"),
            "{said}"
        );
    }
}

#[test]
fn seeds_that_fail() {
    // A port that nobody listens on: its robots.txt cannot be had, so it waits for another try.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let crawl = Crawl::new().args([
        "--config",
        "c.toml",
        "-o",
        "out",
        "--seed",
        &format!("http://127.0.0.1:{free}/"),
    ]);
    crawl.file("c.toml", "[fetch]\nretry-wait = \"1ms\"\nretries = 1\n");
    crawl.run().expect_code(4);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(&out, "SELECT DISTINCT error FROM requests"),
        ["connect"]
    );
    // A name that cannot exist: said with the seed, and a row.
    let crawl = Crawl::new().args(["-o", "out", "--seed", "http://no-such-name.invalid/"]);
    let output = crawl.run();
    // Where there is no resolver at all, the failure is a passing one, and the URL waits.
    assert!(matches!(output.code, Some(3 | 4)), "{output}");
    let site = Site::start();
    let crawl = Crawl::new().args(["-o", "out", "--seed", &site.url("/lost")]);
    let said = crawl.run().expect_code(3).stderr;
    assert!(said.contains("/lost failed: answered 404"), "{said}");
}

#[test]
fn a_run_of_one_page_says_why() {
    let site = Site::start();
    site.page("/", "<script src=/app.js></script>");
    site.page("/out", "<a href=http://elsewhere.example/>e</a>");
    let said = |path: &str| {
        Crawl::new()
            .args(["--seed", &site.url(path)])
            .run()
            .expect_code(0)
            .stderr
    };
    assert!(
        said("/out").contains("1 link is out of scope: try --scope"),
        "{}",
        said("/out")
    );
    let empty = Site::start();
    empty.page("/", "nothing");
    let said = Crawl::new()
        .args(["--seed", &empty.url("/")])
        .run()
        .expect_code(0)
        .stderr;
    assert!(said.contains("has no links in its HTML"), "{said}");
}

#[test]
fn dry_run_shows_and_fetches_only_robots() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /x");
    let shown = Crawl::new()
        .args([
            "--dry-run",
            "--seed",
            &site.url("/x"),
            "--header",
            "Cookie: s3cret",
        ])
        .run()
        .expect_code(0)
        .stdout;
    assert!(
        shown.contains("robots.txt: 200; disallowed by \"Disallow: /x\"")
            && shown.contains("[politeness]"),
        "{shown}"
    );
    assert!(!shown.contains("s3cret"));
    assert_eq!(
        site.hits()
            .iter()
            .map(|hit| hit.path.as_str())
            .collect::<Vec<_>>(),
        ["/robots.txt"]
    );
}

#[test]
fn init_config_and_completions() {
    let crawl = Crawl::new();
    crawl.run_args(["init"]).expect_code(0);
    let said = crawl.run_args(["init"]).expect_code(2).stderr;
    assert!(said.contains("crawl.toml"), "{said}");
    crawl.run_args(["config"]).expect_code(0);
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            crawl
                .run_args(["completions", shell])
                .expect_code(0)
                .stdout
                .contains("max-depth")
        );
    }
    let short = crawl.run_args(["-h"]).expect_code(0).stdout;
    assert!(
        short.lines().count() <= 40 && short.contains("--seed URL"),
        "{short}"
    );
    let page = crawl.run_args(["man"]).expect_code(0).stdout;
    for section in [
        ".TH crawl",
        ".SH SEEDS",
        ".SH \"EXIT STATUS\"",
        ".SH EXAMPLES",
    ] {
        assert!(page.contains(section), "{section} in {page}");
    }
    let page = crawl.run_args(["man", "query"]).expect_code(0).stdout;
    assert!(page.contains("crawl\\-query"), "{page}");
    let said = crawl.run_args(["man", "qury"]).expect_code(2).stderr;
    assert_eq!(
        said,
        "crawl: man qury: no such command; did you mean \"query\"?\n"
    );
    assert!(
        crawl
            .run_args(["query", "-h"])
            .expect_code(0)
            .stdout
            .contains("--format")
    );
    let help = crawl.run_args(["--help"]).expect_code(0).stdout;
    for heading in [
        "Seeds:",
        "Scope:",
        "Politeness:",
        "Fetch:",
        "Output:",
        "Talk:",
        "Exit codes:",
    ] {
        assert!(help.contains(heading), "{heading}");
    }
}

#[test]
fn progress_as_json_lines() {
    let site = Site::start();
    site.tree(60, 3);
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "30/s",
        "--progress",
        "json",
        "-q",
    ]);
    let said = crawl.run().expect_code(0).stderr;
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(!lines.is_empty());
    assert!(
        lines
            .iter()
            .all(|line| line["pages"].is_u64() && line["bottleneck"].is_string()),
        "{said}"
    );
    let (last, before) = lines.split_last().expect("a last line");
    assert!(
        !before.is_empty()
            && before
                .iter()
                .all(|line| line["state"] == "running" && line["exit_code"].is_null()),
        "{said}"
    );
    let ends = |line: &serde_json::Value, state: &str, outcome: &str, code: i32| {
        assert!(
            line["state"] == state && line["outcome"] == outcome && line["exit_code"] == code,
            "{line}"
        );
    };
    ends(last, "finished", "finished", 0);
    assert_eq!(last["pages"], 60);
    for (args, state, outcome, code) in [
        (["--max-pages", "2"], "stopped", "limit", 11),
        (["-o", "crawl.toml/x"], "failed", "failed", 1),
    ] {
        let crawl = Crawl::new()
            .args(["--seed", &site.url("/"), "--progress", "json"])
            .args(args);
        crawl.file("crawl.toml", "");
        let said = crawl.run().expect_code(code).stderr;
        let mut lines = said.lines().filter(|line| line.starts_with('{'));
        let last = lines.next_back().expect("a last line");
        ends(
            &serde_json::from_str(last).expect(last),
            state,
            outcome,
            code,
        );
    }
}

#[test]
fn quiet_says_how_it_ended_unless_it_finished() {
    let site = Site::start();
    site.tree(10, 3);
    let said = |args: &[&str], code: i32| {
        let crawl = Crawl::new().args(["-q", "--rate", "unlimited"]).args(args);
        crawl.run().expect_code(code).stderr
    };
    let seed = site.url("/");
    assert_eq!(said(&["--seed", &seed], 0), "");
    let stopped = said(&["--seed", &seed, "--max-pages", "1"], 11);
    assert!(
        stopped.starts_with("crawl: stopped by max-pages, ") && stopped.lines().count() == 1,
        "{stopped}"
    );
    assert_eq!(
        said(&["--seed", &site.url("/lost")], 3),
        "crawl: finished, but every seed failed\n"
    );
}

#[test]
fn what_is_deferred_is_told_with_its_reason() {
    let site = Site::start();
    site.reply("/robots.txt", Reply::new(503));
    site.page("/", "x");
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--retry-wait",
        "1ms",
        "--retries",
        "1",
    ]);
    let said = crawl.run().expect_code(4).stderr;
    let host = site.url("").replace("http://", "");
    let wanted = format!("deferred  1 URL of {host}: ");
    assert!(said.contains(&wanted), "{said}");
    let status = crawl.run_args(["status"]).expect_code(0).stdout;
    assert!(
        status.contains(&wanted)
            && status.contains("failed    none for good; what is deferred is tried again"),
        "{status}"
    );
    let json = crawl.run_args(["status", "--json"]).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["waits"][0]["urls"], 1);
}

#[test]
fn verbose_tells_events_then_requests() {
    let site = Site::start();
    site.page("/", "x");
    let said = |flag: &str| {
        let crawl = Crawl::new().args(["--seed", &site.url("/"), flag]);
        crawl.run().expect_code(0).stderr
    };
    let events = said("-v");
    assert!(
        events.contains("INFO begun")
            && events.contains("robots.txt read origin=")
            && !events.contains("answered"),
        "{events}"
    );
    let requests = said("-vv");
    let answered = format!("answered url={} status=200 ms=", site.url("/"));
    assert!(requests.contains(&answered), "{requests}");
}

#[test]
fn text_of_servers_is_harmless_on_a_terminal() {
    let site = Site::start();
    let crawl = Crawl::new().args(["--seed", &site.url("/%1b%5b31m"), "-vv"]);
    let output = crawl.run();
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = Crawl::new();
    let binary = env!("CARGO_BIN_EXE_crawl");
    for command in [
        format!("{binary} config | true"),
        format!("{binary} --dry-run --seed {} | true", site.url("/")),
        format!("{binary} --seed {} -v -o out 2>&1 | true", site.url("/")),
    ] {
        let output = std::process::Command::new("bash")
            .args(["-c", &format!("{command}; exit ${{PIPESTATUS[0]}}")])
            .current_dir(crawl.dir())
            .output()
            .expect("bash");
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
}

#[test]
fn a_proxy_that_is_none_is_refused_and_no_secret_is_told() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = Crawl::new();
    for proxy in [
        "sock5://127.0.0.1:1",
        "htp://127.0.0.1:1",
        "ftp://u:s3cret@127.0.0.1:1",
    ] {
        let seed = site.url("/").replace("http://", "http://me:s3cret@");
        let said = crawl
            .run_args(["--seed", &seed, "--proxy", proxy])
            .expect_code(2)
            .stderr;
        assert!(
            said.contains("is not a proxy's URL") && !said.contains("s3cret"),
            "{said}"
        );
    }
    assert!(site.hits().is_empty());
    let seed = site.url("/").replace("http://", "http://me:s3cret@");
    let shown = crawl
        .run_args(["config", "--seed", &seed])
        .expect_code(0)
        .stdout;
    assert!(!shown.contains("s3cret"), "{shown}");
}
