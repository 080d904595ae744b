//! Stopped, killed, started again: nothing is lost, little is asked for twice.

use std::path::Path;
use std::time::Duration;

use crate::support::{Crawl, Reply, Site, edit, expect_sound, number, rows};

const PAGES: usize = 400;

fn crawl_of(site: &Site, rate: &str) -> Crawl {
    Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        rate,
        "--host-concurrency",
        "8",
        "--concurrency",
        "8",
        "-o",
        "out",
    ])
}

/// What a crawl has come to, for comparison.
fn result(out: &Path) -> (Vec<String>, Vec<String>) {
    (
        rows(
            out,
            "SELECT url, status, error, title, depth FROM pages ORDER BY url",
        ),
        rows(
            out,
            "SELECT from_url, position, to_url, kind, anchor FROM links ORDER BY from_url, position",
        ),
    )
}

#[test]
fn killed_again_and_again() {
    let site = Site::start();
    site.tree(PAGES, 3);
    let whole = crawl_of(&site, "unlimited");
    whole.run().expect_code(0);
    let wanted = result(&whole.dir().join("out"));
    assert_eq!(wanted.0.len(), PAGES);
    site.forget();
    let crawl = crawl_of(&site, "400/s");
    let out = crawl.dir().join("out");
    let mut kills = 0;
    loop {
        let before = site.hits().len();
        let mut child = crawl.spawn();
        // Each start gets a little further: the moments of the kills are spread over the crawl.
        child.wait_until("some requests, or the end", |child| {
            site.hits().len() > before + 40 || child.stderr().contains("finished")
        });
        let said = child.kill9().stderr;
        if said.contains("finished") {
            break;
        }
        kills += 1;
        assert!(kills < 60, "it does not get on");
    }
    crawl.run();
    assert!(kills >= 5, "{kills}");
    assert_eq!(result(&out), wanted);
    expect_sound(&out);
    let asked = site
        .hits()
        .iter()
        .filter(|hit| hit.path != "/robots.txt")
        .count();
    // The last start, after the end, was a run of its own.
    let twice = asked - 2 * PAGES;
    let at_most = kills * (8 + 256);
    assert!(
        twice <= at_most,
        "{twice} asked for twice, {at_most} may be"
    );
    let strays = std::fs::read_dir(out.join("pages"))
        .expect("pages")
        .flatten()
        .flat_map(|host| std::fs::read_dir(host.path()).expect("a host"))
        .count();
    assert_eq!(
        strays as i64,
        number(&out, "SELECT count(DISTINCT file) FROM pages"),
        "files that no row names"
    );
}

#[test]
fn the_first_signal_drains_and_the_same_command_goes_on() {
    for signal in ["INT", "TERM"] {
        let site = Site::start();
        site.tree(120, 3);
        let crawl = crawl_of(&site, "100/s");
        let out = crawl.dir().join("out");
        let mut child = crawl.spawn();
        child.wait_until("some requests", |_| site.hits().len() > 20);
        child.signal(signal);
        let said = child.wait().expect_code(130).stderr;
        assert!(said.contains("the same command goes on"), "{said}");
        // What was under way was finished and is there: nothing of it is asked for again.
        let asked = site.hits().len();
        assert_eq!(
            number(&out, "SELECT count(*) FROM requests WHERE error IS NULL"),
            asked as i64
        );
        assert_eq!(
            rows(&out, "SELECT state, how FROM runs"),
            ["stopped signal"]
        );
        assert!(crawl.run().expect_code(0).stderr.contains("earlier start"));
        assert!(site.hits().iter().all(|hit| site.count(&hit.path) == 1));
        assert_eq!(number(&out, "SELECT count(*) FROM pages"), 120);
        expect_sound(&out);
    }
}

#[test]
fn what_does_not_end_in_its_grace_stays_in_the_queue() {
    let site = Site::start();
    site.page("/", "<a href=/slow>s</a>");
    site.reply(
        "/slow",
        Reply::html("<title>Slow</title>").delay(Duration::from_secs(20)),
    );
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[fetch]\nstop-grace = \"200ms\"\n[politeness]\nrate = \"unlimited\"\n",
    );
    let mut child = crawl.spawn();
    child.wait_until("the slow page", |_| site.count("/slow") == 1);
    child.signal("INT");
    child.wait().expect_code(130);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(&out, "SELECT error FROM requests WHERE url LIKE '%/slow'"),
        ["aborted"]
    );
    assert_eq!(
        rows(&out, "SELECT failed_attempts FROM queue"),
        ["0"],
        "the attempt does not count"
    );
    site.page("/slow", "<title>Quick</title>");
    crawl.run().expect_code(0);
    assert_eq!(
        rows(&out, "SELECT title FROM pages WHERE url LIKE '%/slow'"),
        ["Quick"]
    );
}

#[test]
fn the_second_signal_ends_at_once() {
    let site = Site::start();
    site.page("/", "<a href=/slow>s</a>");
    site.reply("/slow", Reply::html("x").delay(Duration::from_secs(50)));
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[fetch]\nstop-grace = \"50s\"\n[politeness]\nrate = \"unlimited\"\n",
    );
    let mut child = crawl.spawn();
    child.wait_until("the slow page", |_| site.count("/slow") == 1);
    child.signal("INT");
    child.wait_until("the word", |child| child.stderr().contains("stopping"));
    child.signal("INT");
    // It would wait for the slow page otherwise, past the test's own cap.
    child.wait().expect_code(130);
}

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    let site = Site::start();
    site.tree(500, 3);
    let crawl = crawl_of(&site, "50/s");
    let mut child = crawl.spawn();
    child.wait_until("a request", |_| !site.hits().is_empty());
    let said = crawl.run().expect_code(2).stderr;
    assert!(
        said.contains("another crawl is writing here (pid "),
        "{said}"
    );
    let status = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(status.contains("running (pid "), "{status}");
    // Questions are answered meanwhile.
    crawl
        .run_args(["query", "-o", "out", "pages"])
        .expect_code(0);
    child.kill9();
    let status = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(
        status.contains("killed; the same command goes on"),
        "{status}"
    );
}

#[test]
fn other_seeds_are_refused_and_fresh_moves_aside() {
    let site = Site::start();
    site.tree(5, 3);
    let crawl = crawl_of(&site, "unlimited");
    crawl.run().expect_code(0);
    let other = site.url("/page/3");
    let said = crawl
        .run_args(["--seed", &other, "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(
        said.contains(&site.url("/")) && said.contains("--fresh"),
        "{said}"
    );
    crawl
        .run_args([
            "--seed",
            &other,
            "-o",
            "out",
            "--fresh",
            "--rate",
            "unlimited",
        ])
        .expect_code(0);
    let dir = crawl.dir();
    assert_eq!(
        rows(&dir.join("out"), "SELECT url FROM pages WHERE depth = 0"),
        [other]
    );
    assert_eq!(
        rows(&dir.join("out.1"), "SELECT url FROM pages WHERE depth = 0"),
        [site.url("/")]
    );
    expect_sound(&dir.join("out.1"));
    // Without a seed, the run that is there goes on; here it is finished, so a new one begins.
    crawl
        .run_args(["-o", "out", "--rate", "unlimited"])
        .expect_code(0);
    assert_eq!(number(&dir.join("out"), "SELECT max(run) FROM runs"), 2);
}

#[test]
fn files_that_no_row_names_are_removed_after_a_kill() {
    let site = Site::start();
    site.tree(300, 3);
    let crawl = crawl_of(&site, "200/s");
    let out = crawl.dir().join("out");
    let mut child = crawl.spawn();
    child.wait_until("some files", |_| site.hits().len() > 50);
    child.kill9();
    let host = std::fs::read_dir(out.join("pages"))
        .expect("pages")
        .flatten()
        .next()
        .expect("a host")
        .path();
    std::fs::write(host.join("half-written-0123456789abcdef.html"), "<ht").expect("written");
    // A kill is no damage: what the next start removes is told, and is no finding. What is older is one.
    let check = |args: &[&str]| crawl.run_args([&["check", "-o", "out"], args].concat());
    let said = check(&[]).expect_code(0).stdout;
    assert!(
        said.contains("file of the start that was cut off") || said.contains("files of the start")
    );
    assert!(said.ends_with("\nsound\n"), "{said}");
    let said = check(&["--repair", "--format", "json"]).expect_code(0);
    let found: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert!(found["left_over"].as_u64().expect("a count") > 0);
    assert_eq!(found["repaired"], serde_json::Value::Null);
    assert!(host.join("half-written-0123456789abcdef.html").exists());
    let old = std::fs::File::create(host.join("old-0123456789abcdef.html")).expect("made");
    let then = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    old.set_modified(then).expect("set");
    let said = check(&[]).expect_code(1).stdout;
    assert!(
        said.contains("old-0123456789abcdef.html: no row names it"),
        "{said}"
    );
    check(&["--repair"]).expect_code(0);
    crawl.run().expect_code(0);
    assert!(!host.join("half-written-0123456789abcdef.html").exists());
    assert_eq!(
        std::fs::read_dir(host).expect("a host").count() as i64,
        number(&out, "SELECT count(DISTINCT file) FROM pages")
    );
}

/// A file that rows name is kept, however old the row and however new the file: an output may have been
/// copied, and hold far more than is looked at first.
#[test]
fn a_copied_output_keeps_its_files_after_a_kill() {
    let site = Site::start();
    site.tree(60, 3);
    let crawl = crawl_of(&site, "unlimited");
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let files = number(&out, "SELECT count(DISTINCT file) FROM version");
    edit(
        &out,
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 250000)
         INSERT INTO version (url, digest, meta, bytes, nofollow, noindex, truncated) SELECT 1, x, x, 0, 0, 0, 0 FROM n;
         UPDATE start SET how = NULL, ended = NULL",
    );
    crawl.run().expect_code(0);
    assert_eq!(
        number(&out, "SELECT count(DISTINCT file) FROM version"),
        files
    );
    // No request has brought them.
    edit(&out, "DELETE FROM version WHERE typeof(digest) = 'integer'");
    expect_sound(&out);
}

/// What waited to be committed while the process was held was written long before its last commit.
#[test]
fn files_of_a_process_that_was_held_are_removed_after_a_kill() {
    let site = Site::start();
    site.tree(60, 3);
    let crawl = crawl_of(&site, "unlimited");
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let host = format!("pages/127.0.0.1_{}", site.port());
    let stray = out.join(host).join("held-0123456789abcdef.html");
    std::fs::write(&stray, "<html>").expect("written");
    edit(
        &out,
        "UPDATE start SET how = NULL, ended = NULL, heartbeat = heartbeat + 3600000000",
    );
    crawl.run().expect_code(0);
    assert!(!stray.exists());
    expect_sound(&out);
}

/// Killed while `--fresh` moves the old crawl aside: the next start brings the rest after it.
#[test]
fn a_move_aside_that_was_killed_is_ended_by_the_next_start() {
    let site = Site::start();
    site.tree(20, 3);
    for fresh in [true, false] {
        let crawl = crawl_of(&site, "unlimited");
        crawl.run().expect_code(0);
        let (out, aside) = (crawl.dir().join("out"), crawl.dir().join("out.1"));
        let wanted = result(&out);
        std::fs::create_dir(&aside).expect("made");
        std::fs::write(out.join("crawl.moving"), "out.1").expect("written");
        std::fs::rename(out.join("crawl.db"), aside.join("crawl.db")).expect("moved");
        let again = if fresh {
            crawl.again().arg("--fresh")
        } else {
            crawl.again()
        };
        let said = again.run().expect_code(0).stderr;
        assert!(said.contains("out.1 now"), "{said}");
        for output in [&out, &aside] {
            assert_eq!(result(output), wanted);
            expect_sound(output);
        }
        assert!(!out.join("crawl.moving").exists() && !crawl.dir().join("out.2").exists());
    }
}

#[test]
fn what_is_not_ours_is_left_as_it_is() {
    let crawl = Crawl::new().args(["--seed", "http://127.0.0.1:9/", "-o", "out"]);
    let out = crawl.dir().join("out");
    std::fs::create_dir(&out).expect("made");
    edit(&out, "CREATE TABLE theirs (x)");
    let before = std::fs::read(out.join("crawl.db")).expect("there");
    let said = crawl.run().expect_code(2).stderr;
    assert!(said.contains("is not a database of crawl's"), "{said}");
    let after = std::fs::read(out.join("crawl.db")).expect("there");
    assert_eq!(before, after);
}

#[test]
fn a_database_that_is_just_being_made_is_no_crawl_yet() {
    let crawl = Crawl::new();
    std::fs::create_dir(crawl.dir().join("out")).expect("made");
    crawl.file("out/crawl.db", "");
    let said = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("no crawl here"), "{said}");
}

/// Held for longer than every time-out, with more in flight than the failures after which a host is set
/// aside: that was not the host's doing.
#[test]
fn a_process_that_was_held_blames_nobody() {
    let site = Site::start();
    site.dynamic(|path, _| {
        let number: usize = path.strip_prefix("/p/")?.parse().ok()?;
        (number < 120).then(|| {
            Reply::html(format!("<title>{number}</title>")).delay(Duration::from_millis(150))
        })
    });
    let links: String = (0..120).map(|n| format!("<a href=/p/{n}>x</a>")).collect();
    site.page("/", &links);
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[politeness]\nrate = \"unlimited\"\nhost-concurrency = 40\n
         [fetch]\ntimeout = \"900ms\"\nread-timeout = \"500ms\"\nretries = 0\n",
    );
    let out = crawl.dir().join("out");
    let mut child = crawl.spawn();
    for hits in [30, 80] {
        child.wait_until("requests", |_| site.hits().len() > hits);
        child.signal("STOP");
        std::thread::sleep(Duration::from_millis(1300));
        child.signal("CONT");
    }
    child.wait().expect_code(0);
    assert_eq!(
        rows(&out, "SELECT status, error, count(*) FROM pages GROUP BY 1"),
        ["200 - 121"]
    );
    expect_sound(&out);
}
