//! `crawl check` in the life of an output: beside a crawl that writes, killed in its midst, after several runs,
//! and where the output is not all there.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Crawl, Reply, Site, edit, expect_sound, number, rows};
use serde_json::Value;

fn crawl_of(site: &Site, rate: &str) -> Crawl {
    let seed = site.url("/");
    Crawl::new().args(["--seed", &seed, "--rate", rate, "-o", "out"])
}

fn counts(said: &str) -> String {
    let said: Value = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
    said["counts"].to_string()
}

/// What is written meanwhile is no finding; a repair is refused.
#[test]
fn beside_a_crawl_that_writes() {
    let site = Site::start();
    site.tree(400, 3);
    let crawl = crawl_of(&site, "200/s");
    let mut child = crawl.spawn();
    for hits in [5, 60, 120] {
        child.wait_until("some pages", |_| site.hits().len() > hits);
        let said = crawl
            .run_args(["check", "-o", "out", "--format", "json"])
            .expect_code(0);
        assert_eq!(counts(&said.stdout), "{}", "{said}");
    }
    let said = crawl.run_args(["check", "-o", "out"]).expect_code(0).stdout;
    assert!(said.contains("a crawl writes here (pid "), "{said}");
    let said = crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(
        said.contains("another crawl is writing here (pid "),
        "{said}"
    );
    child.kill9();
    // What the kill has left is nobody's any more; the next start would remove it, too.
    crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(0);
    crawl.run().expect_code(0);
    assert_eq!(
        number(&crawl.dir().join("out"), "SELECT count(*) FROM pages"),
        400
    );
    expect_sound(&crawl.dir().join("out"));
}

/// Killed at any moment of a repair, the next one does the rest.
#[test]
fn a_repair_that_is_killed() {
    let kills = std::env::var("REPAIR_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let kills: u32 = kills.unwrap_or(12);
    let site = Site::start();
    site.tree(80, 3);
    let whole = crawl_of(&site, "unlimited");
    whole.run().expect_code(0);
    let result = |out: &Path| {
        let pages = "SELECT url, status, title, depth, sha256, file FROM pages ORDER BY url";
        let links =
            "SELECT from_url, position, to_url, kind FROM links ORDER BY from_url, position";
        [rows(out, pages), rows(out, links)]
    };
    let wanted = result(&whole.dir().join("out"));
    let (crawl, mut killed) = (crawl_of(&site, "unlimited"), 0);
    let out = crawl.dir().join("out");
    crawl.run().expect_code(0);
    let mut whole = Duration::ZERO;
    for kill in 0..kills {
        let files = rows(
            &out,
            "SELECT file FROM version WHERE file IS NOT NULL ORDER BY id",
        );
        for (place, file) in files.iter().enumerate().skip(kill as usize % 5) {
            match place % 5 {
                0 => std::fs::remove_file(out.join(file)).expect("removed"),
                1 => std::fs::write(out.join(file), "x").expect("written"),
                2 => std::fs::write(out.join(format!("{file}.stray")), "x").expect("written"),
                _ => {}
            }
        }
        edit(
            &out,
            "UPDATE start SET queued = 5; UPDATE visit SET last_fetch = NULL WHERE url % 7 = 3 AND decision = 0",
        );
        let repair = crawl.spawn_args(["check", "--repair", "-o", "out"]);
        if kill == 0 {
            let begun = Instant::now();
            repair.wait().expect_code(0);
            whole = begun.elapsed();
            continue;
        }
        // From before it has begun to after its end, over all of them.
        std::thread::sleep(whole * 3 / 2 * kill / kills);
        killed += u32::from(repair.kill9().code.is_none());
        crawl
            .run_args(["check", "--repair", "-o", "out"])
            .expect_code(0);
        let said = crawl
            .run_args(["check", "-o", "out", "--format", "json"])
            .expect_code(0);
        assert_eq!(counts(&said.stdout), "{}", "{kill}");
        crawl.run().expect_code(0);
        assert_eq!(result(&out), wanted, "{kill}");
        expect_sound(&out);
    }
    println!("{killed} of {kills} repairs were killed before their end");
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 1);
}

/// Contents of an earlier run cannot be had again; those of the last one can.
#[test]
fn contents_of_earlier_runs() {
    let site = Site::start();
    site.page("/", "<title>old</title><a href=/a>a</a>");
    site.page("/a", "<title>a</title>");
    let crawl = crawl_of(&site, "unlimited");
    let out = crawl.dir().join("out");
    crawl.run().expect_code(0);
    site.page("/", "<title>new</title><a href=/a>a</a>");
    crawl.run().expect_code(0);
    std::fs::remove_dir_all(out.join("pages")).expect("removed");
    // Perhaps they are elsewhere: nothing is done that could not be undone.
    let said = crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(1)
        .stdout;
    assert!(
        said.contains("missing          3") && said.contains("pages/ is not there"),
        "{said}"
    );
    assert_eq!(number(&out, "SELECT count(file) FROM version"), 3);
    std::fs::create_dir(out.join("pages")).expect("made");
    let said = crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(
        said.contains("2 URLs asked for again") && said.contains("3 contents without a file now"),
        "{said}"
    );
    site.forget();
    crawl.run().expect_code(0);
    assert_eq!((site.count("/"), site.count("/a")), (1, 1));
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 2);
    assert_eq!(
        rows(
            &out,
            "SELECT title, file IS NOT NULL FROM version ORDER BY id"
        ),
        ["old 0", "a 1", "new 1"]
    );
    expect_sound(&out);
}

/// A 304 leads to a file, too; once it is lost the page is asked for without a condition.
#[test]
fn what_was_not_modified_is_asked_for_whole() {
    let site = Site::start();
    site.reply("/", Reply::html("<title>x</title>").header("ETag", "\"x\""));
    let crawl = crawl_of(&site, "unlimited");
    let out = crawl.dir().join("out");
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    assert_eq!(rows(&out, "SELECT status FROM pages"), ["304"]);
    let file = rows(&out, "SELECT file FROM pages").remove(0);
    std::fs::remove_file(out.join(&file)).expect("removed");
    crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(0);
    crawl.run().expect_code(0);
    assert_eq!(
        rows(&out, "SELECT status, file FROM pages"),
        [format!("200 {file}")]
    );
    expect_sound(&out);
}

#[test]
fn without_files_and_by_other_names() {
    let site = Site::start();
    site.tree(20, 3);
    let crawl = crawl_of(&site, "unlimited").arg("--no-files");
    crawl.run().expect_code(0);
    for output in ["out", "out/crawl.db"] {
        let said = crawl
            .run_args(["check", "-o", output])
            .expect_code(0)
            .stdout;
        assert!(
            said.contains("0 contents in 0 files") && said.contains("sound"),
            "{said}"
        );
        crawl
            .run_args(["check", "--repair", "-o", output])
            .expect_code(0);
    }
    crawl.run_args(["check", "-o", "elsewhere"]).expect_code(2);
    crawl
        .run_args(["check", "--repair", "-o", "elsewhere"])
        .expect_code(2);
    assert!(!crawl.dir().join("elsewhere").exists());
    std::fs::write(crawl.dir().join("note"), "no database").expect("written");
    crawl.run_args(["check", "-o", "note"]).expect_code(2);
    // A copy without its pages is not repaired in place of the output.
    std::fs::copy(
        crawl.dir().join("out/crawl.db"),
        crawl.dir().join("copy.db"),
    )
    .expect("copied");
    crawl.run_args(["check", "-o", "copy.db"]).expect_code(0);
    crawl
        .run_args(["check", "--repair", "-o", "copy.db"])
        .expect_code(2);
}

/// Words of servers do nothing to a terminal.
#[test]
fn names_are_harmless() {
    let site = Site::start();
    site.page("/", "<title>x</title>");
    let crawl = crawl_of(&site, "unlimited");
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    std::fs::write(out.join("pages/\u{1b}]0;x\u{7}\u{202e}"), "x").expect("written");
    edit(
        &out,
        "UPDATE version SET file = char(27) || '[2Jx', digest = 'y'; UPDATE url SET hash = 1, text = text || char(27, 10) WHERE id = 1",
    );
    let said = crawl.run_args(["check", "-o", "out"]).expect_code(1).stdout;
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    assert!(said.contains("\\u{1b}[2Jx"), "{said}");
}
