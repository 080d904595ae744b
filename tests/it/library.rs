//! The library as a program uses it: builder, handle, the stream of outcomes, rules of its own.

use std::path::Path;
use std::time::Duration;

use crawl::config::{Rate, Span};
use crawl::{Bottleneck, Crawl, Handle, Outcome, Visited};
use tempfile::TempDir;

use crate::support::{self, Reply, Site, expect_sound, number, rows, tree_page, tree_path};

/// Pages of the synthetic site: more than any bound holds back.
const PAGES: usize = 900;
/// Requests in flight in all.
const CONCURRENCY: u32 = 8;
/// Answers that may wait for their commit, as the documents say.
const UNCOMMITTED: usize = 256;

/// A crawl without waits.
fn fast(site: &Site, output: &TempDir) -> Crawl {
    Crawl::new(site.url("/"))
        .output(output.path())
        .rate(Rate::UNLIMITED)
        .with(|config| {
            config.politeness.concurrency = CONCURRENCY;
            config.politeness.host_concurrency = CONCURRENCY;
            config.output.files = false;
        })
}

fn directory() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// The synthetic site.
fn tree() -> Site {
    let site = Site::start();
    site.dynamic(|path, _| {
        let found = (0..PAGES).find(|number| tree_path(*number) == path)?;
        Some(Reply::html(tree_page(found, PAGES, 4)))
    });
    site
}

/// Waits until the crawl stands still for its reader. Fails if it ends instead.
async fn halted(handle: &Handle) {
    let mut snapshots = handle.snapshots();
    let halted = snapshots
        .wait_for(|now| now.bottleneck == Bottleneck::Reader && now.in_flight == 0)
        .await;
    assert!(halted.is_ok(), "it ended and did not wait for its reader");
}

/// The paths asked for so often, robots.txt left out.
fn asked(site: &Site) -> Vec<String> {
    let paths = site.hits().into_iter().map(|hit| hit.path);
    paths.filter(|path| path != "/robots.txt").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_comes_once_after_its_commit_in_order() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /private/\n");
    site.page(
        "/",
        "<title>Start</title><a href=/a>A</a><a href=/private/x>P</a><a href=/loop>L</a><a href=/gone>G</a><a href=/late>R</a>",
    );
    site.page("/a", "<title>A</title><a href=/>Home</a><a href=/b>B</a>");
    site.page("/b", "<title>B</title>");
    site.reply("/loop", Reply::new(301).header("Location", "/pool"));
    site.reply("/pool", Reply::new(301).header("Location", "/loop"));
    let late = Reply::html("<title>Late</title>");
    site.sequence("/late", vec![Reply::new(500), late]);
    let output = directory();
    let (handle, mut visits) = fast(&site, &output)
        .with(|config| {
            config.output.files = true;
            config.fetch.retry_wait = Span::seconds(0);
        })
        .stream(100);
    let mut all: Vec<Visited> = Vec::new();
    while let Some(visited) = visits.next().await {
        // Another connection finds the row, with the same in it.
        let status = visited
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        let error = visited.error.map_or("-", |error| error.as_str());
        let sql = format!(
            "SELECT status, error, title, depth, content_type, file FROM pages WHERE url = '{}'",
            visited.url
        );
        let wanted = format!(
            "{status} {error} {} {} {} {}",
            visited.title().unwrap_or("-"),
            visited.depth,
            visited.content_type().unwrap_or("-"),
            visited
                .file()
                .map_or("-".into(), |file| file.to_string_lossy()),
        );
        assert_eq!(rows(output.path(), &sql), [wanted], "{}", visited.url);
        all.push(visited);
    }
    let summary = handle.await.expect("a crawl");
    assert_eq!(summary.outcome, Outcome::Finished);
    expect_sound(output.path());

    let told = |keep: fn(&Visited) -> bool| -> Vec<String> {
        let kept = all.iter().filter(|visited| keep(visited));
        kept.map(|visited| visited.url.to_string()).collect()
    };
    let order = "SELECT url FROM requests WHERE kind = 'page' AND retry_at IS NULL ORDER BY id";
    assert_eq!(
        told(|visited| visited.at.is_some()),
        rows(output.path(), order)
    );
    let mut everything = told(|_| true);
    everything.sort();
    assert_eq!(
        everything,
        rows(output.path(), "SELECT url FROM pages ORDER BY url")
    );
    let of = |path: &str| {
        let found = all.iter().find(|visited| visited.url.path() == path);
        found.expect(path)
    };
    let links: Vec<String> = of("/a")
        .links()
        .iter()
        .map(|link| format!("{} {:?}", link.target.path(), link.anchor))
        .collect();
    assert_eq!(links, ["/ Some(\"Home\")", "/b Some(\"B\")"]);
    assert_eq!(
        of("/private/x").rule.as_deref(),
        Some("Disallow: /private/")
    );
    assert!(of("/loop").error.or(of("/pool").error).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_slows_the_crawl() {
    let (site, output) = (tree(), directory());
    let (handle, mut visits) = fast(&site, &output).stream(10);
    halted(&handle).await;
    let before = asked(&site).len();
    let bound = 10 + UNCOMMITTED + CONCURRENCY as usize;
    assert!(
        (10..=bound).contains(&before),
        "{before} requests, and nobody read: more than {bound}"
    );
    // It goes on standing still, while it still tells where it stands.
    let mut snapshots = handle.snapshots();
    for _ in 0..3 {
        snapshots.changed().await.expect("a snapshot");
    }
    assert_eq!(asked(&site).len(), before);
    let mut read = Vec::new();
    while let Some(visited) = visits.next().await {
        read.push(visited.url.to_string());
    }
    let summary = handle.await.expect("a crawl");
    assert_eq!(
        (summary.outcome, asked(&site).len()),
        (Outcome::Finished, PAGES)
    );
    // Many to a commit, and in order all the same.
    let order = "SELECT url FROM requests WHERE kind = 'page' ORDER BY id";
    assert!(read == rows(output.path(), order), "not the order of rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_reader_does_not_stop_the_crawl() {
    let (site, output) = (tree(), directory());
    let (handle, visits) = fast(&site, &output).stream(1);
    halted(&handle).await;
    drop(visits);
    let summary = handle.await.expect("a crawl");
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!(
        number(output.path(), "SELECT count(*) FROM pages"),
        PAGES as i64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_works_while_nobody_reads_and_the_crawl_goes_on_later() {
    let (site, output) = (tree(), directory());
    let (handle, mut visits) = fast(&site, &output).stream(1);
    halted(&handle).await;
    handle.stop();
    let summary = handle.await.expect("a crawl");
    assert_eq!(summary.outcome, Outcome::Stopped);
    // What was committed is there to be read, after the end too.
    let mut read = 0;
    while visits.next().await.is_some() {
        read += 1;
    }
    assert_eq!(
        read,
        number(output.path(), "SELECT count(*) FROM pages") as usize
    );
    let again = fast(&site, &output).run().await.expect("a crawl");
    assert_eq!((again.outcome, again.resumed), (Outcome::Finished, true));
    assert_eq!(asked(&site).len(), PAGES, "something was asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_limit_works_while_nobody_reads() {
    let (site, output) = (tree(), directory());
    let (handle, _visits) = fast(&site, &output)
        .with(|config| config.scope.time_limit.0 = Some(Span::seconds(1)))
        .stream(1);
    let summary = handle.await.expect("a crawl");
    assert_eq!(summary.outcome, Outcome::Limit(crawl::Limit::TimeLimit));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_handle_stops_the_crawl() {
    let (site, output) = (tree(), directory());
    let (handle, mut visits) = fast(&site, &output).stream(1);
    halted(&handle).await;
    drop(handle);
    while visits.next().await.is_some() {}
    assert_eq!(
        rows(output.path(), "SELECT state, how FROM runs"),
        ["stopped signal"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_future_is_like_a_kill_and_the_crawl_goes_on() {
    let (site, output) = (tree(), directory());
    // At different moments, so that it is dropped in the midst of commits too.
    for wanted in (50..=500).step_by(50) {
        let enough = async {
            while asked(&site).len() < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            ended = fast(&site, &output).run() => panic!("it ended: {ended:?}"),
            () = enough => {}
        }
    }
    let summary = fast(&site, &output).run().await.expect("a crawl");
    assert_eq!(
        (summary.outcome, summary.resumed),
        (Outcome::Finished, true)
    );
    expect_sound(output.path());
    let ok = "SELECT count(*) FROM pages WHERE status = 200";
    assert_eq!(number(output.path(), ok), PAGES as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_an_error() {
    let output = directory();
    let ended = Crawl::new("ftp://a.example/")
        .output(output.path())
        .run()
        .await;
    let error = ended.expect_err("a bad seed");
    assert!(
        error.is_usage() && error.to_string().contains("ftp"),
        "{error}"
    );
    let (handle, mut visits) = Crawl::new("https://a.example/")
        .output(output.path())
        .with(|config| config.scope.exclude.push("(x".to_owned()))
        .stream(1);
    assert_eq!(visits.next().await, None);
    let error = handle.await.expect_err("a bad pattern");
    assert!(error.to_string().contains("scope.exclude"), "{error}");
    assert!(
        !output.path().join("crawl.db").exists(),
        "nothing was begun"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_of_the_programs_own_decides_first() {
    let (site, other, output) = (Site::start(), Site::start(), directory());
    let far = other.url("/far");
    site.page(
        "/",
        &format!("<a href={far}>F</a><a href=/odd1>1</a><a href=/even2>2</a>"),
    );
    site.page("/even2", "<title>2</title>");
    other.page("/far", "<title>Far</title>");
    let twin = other.port();
    let summary = fast(&site, &output)
        .with(|config| config.fetch.allow_private = true)
        .rule("twin", move |url| (url.port() == twin).then_some(true))
        .rule("even", |url| url.path().ends_with('1').then_some(false))
        .run()
        .await
        .expect("a crawl");
    assert_eq!(summary.outcome, Outcome::Finished);
    let sql = "SELECT decision, rule FROM urls ORDER BY url LIKE '%far', url";
    assert_eq!(
        rows(output.path(), sql),
        [
            "admitted seed",
            "admitted scope host",
            "excluded rule even",
            "admitted rule twin"
        ]
    );
    assert_eq!((site.count("/odd1"), other.count("/far")), (0, 1));
}

/// A server's URL may be one that the program's rule panics at: it is out, and the crawl goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_panics_says_no() {
    let (site, output) = (Site::start(), directory());
    site.page("/", "<a href='/?year=x'>x</a><a href='/?year=2024'>y</a>");
    site.page("/?year=2024", "<title>Y</title>");
    let year = |url: &crawl::CanonicalUrl| {
        let (_, year) = url.path_and_query().split_once('=')?;
        Some(year.parse::<u32>().expect("a year") > 2000)
    };
    let summary = fast(&site, &output).rule("year", year).run().await;
    assert_eq!(summary.expect("a crawl").outcome, Outcome::Finished);
    let sql = "SELECT decision, rule FROM urls ORDER BY url";
    assert_eq!(
        rows(output.path(), sql),
        [
            "admitted seed",
            "admitted rule year",
            "excluded rule year (panicked)"
        ]
    );
}

#[test]
fn examples_run() {
    let site = Site::start();
    site.folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/site"));
    let examples = [
        ("one_site", "one-site", ["Finished, run 1", "x http_404"]),
        (
            "stream_pages",
            "streamed",
            ["  robots_disallowed", "Finished, "],
        ),
        (
            "custom_scope",
            "own-scope",
            ["scope host", "rule no queries"],
        ),
        (
            "query_results",
            "queried",
            ["/articles/four.html", "status"],
        ),
        ("watch_progress", "watched", ["held back by", "Finished, "]),
        (
            "extract_fields",
            "extracted",
            ["url,heading,links", "/articles/"],
        ),
    ];
    // At once, for each asks as gently as anyone.
    let running = examples.map(|(name, output, wanted)| {
        let example = support::Crawl::example(name).arg(site.url("/"));
        let child = example.spawn();
        (name, output, wanted, example, child)
    });
    for (name, output, wanted, example, child) in running {
        let said = child.wait().expect_code(0).stdout;
        for words in wanted {
            assert!(said.contains(words), "{name}: {words} is not in\n{said}");
        }
        expect_sound(&example.dir().join(output));
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let lines = std::fs::read_to_string(text).expect(name).lines().count();
        assert!(lines < 40, "{name} has {lines} lines: too long to show");
    }
}

/// Nothing goes on behind a crawl that has ended: no task, whatever its servers did.
#[test]
fn no_task_outlives_its_crawl() {
    let site = Site::start();
    let links: String = (0..60).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    site.page("/", &links);
    for n in 0..60 {
        let fault = match n % 6 {
            0 => support::Fault::StallMidBody,
            1 => support::Fault::ResetBeforeHead,
            2 => support::Fault::CloseMidBody,
            3 => support::Fault::EndlessBody,
            _ => continue,
        };
        site.misbehave(&format!("/{n}"), fault);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let tasks = runtime.metrics();
    for start in 1..=2 {
        let output = directory();
        let ended = runtime.block_on(
            fast(&site, &output)
                .with(|config| {
                    config.fetch.read_timeout = Span(Duration::from_millis(200));
                    config.fetch.retries = 1;
                    config.fetch.retry_wait = Span(Duration::from_millis(1));
                    config.politeness.max_failures = 1000;
                    config.politeness.adaptive = false;
                })
                .run(),
        );
        assert_eq!(ended.expect("it ends").outcome, Outcome::Finished);
        // Connections are closed by tasks of their own, which may still be at it.
        let begun = std::time::Instant::now();
        while tasks.num_alive_tasks() > 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "start {start}: {} tasks",
                tasks.num_alive_tasks()
            );
            std::thread::yield_now();
        }
    }
}
