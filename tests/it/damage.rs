//! A `crawl.db` whose bytes a failing disk has changed: every command says so in a sentence, or does not
//! notice; none panics, none hangs.

use std::path::Path;

use tokio_rusqlite::rusqlite::Connection;

use crate::support::{Crawl, Output, Reply, Site, rows};

/// A page of SQLite's.
const PAGE: usize = 4096;

/// What is done to a file, drawn from a number.
fn damage(file: &Path, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = std::fs::read(file).expect("read");
    let pages = bytes.len() / PAGE;
    let what = match seed % 6 {
        0 => {
            let flips = 1 << random.u32(0..6);
            for _ in 0..flips {
                let at = random.usize(100..bytes.len());
                bytes[at] ^= 1 << random.u8(0..8);
            }
            format!("{flips} flipped bits")
        }
        1 => {
            let page = random.usize(1..pages);
            bytes[page * PAGE..(page + 1) * PAGE].fill(0);
            format!("page {page} is zeros")
        }
        2 => {
            let (one, other) = (random.usize(1..pages), random.usize(1..pages));
            let page = bytes[one * PAGE..(one + 1) * PAGE].to_vec();
            bytes[other * PAGE..(other + 1) * PAGE].copy_from_slice(&page);
            format!("page {other} is page {one}")
        }
        3 => {
            bytes.truncate(random.usize(1..pages) * PAGE + random.usize(0..PAGE));
            format!("cut to {} bytes", bytes.len())
        }
        4 => {
            let at = random.usize(0..200);
            bytes[at] = random.u8(..);
            format!("byte {at} of the head is {}", bytes[at])
        }
        _ => {
            let (at, length) = (random.usize(100..bytes.len() - 64), random.usize(1..64));
            bytes[at..at + length].fill_with(|| random.u8(..));
            format!("{length} bytes at {at} are noise")
        }
    };
    std::fs::write(file, bytes).expect("written");
    what
}

fn site() -> Site {
    let site = Site::start();
    site.tree(60, 3);
    site.robots("User-agent: *\nDisallow: /page/9\n");
    site.reply("/page/8", Reply::new(301).header("Location", "/page/10"));
    site
}

/// One clear sentence: no panic, no fault of the machine, no backtrace.
fn expect_clear(output: &Output, what: &str) {
    let codes = [0, 1, 2, 3, 4, 11];
    let fine = output.code.is_some_and(|code| codes.contains(&code));
    assert!(
        fine && !output.stderr.contains("panicked"),
        "{what}: {output}"
    );
    if matches!(output.code, Some(1 | 2)) {
        // An audit that cannot trust a start says that in its answer.
        let said = output
            .stderr
            .lines()
            .filter(|line| line.starts_with("crawl: ") && !line.contains("proxy"))
            .count();
        assert!(
            said == 1 || output.stdout.contains("sound") || output.stdout.contains("violation"),
            "{what}: {output}"
        );
    }
}

/// Asks everything of a damaged database, crawls on it, and repairs it. Whether `check` has found it malformed,
/// and whether the crawl has refused it.
fn try_all(base: &Path, site: &Site, damage: impl Fn(&Path) -> String) -> [bool; 2] {
    let crawl = Crawl::new();
    let out = crawl.dir().join("out");
    std::fs::create_dir(&out).expect("made");
    let file = out.join("crawl.db");
    std::fs::copy(base, &file).expect("copied");
    let done = damage(&file);
    let hurt = std::fs::read(&file).expect("read");
    let url = site.url("/page/5");
    let questions: [&[&str]; 9] = [
        &["check"],
        &["check", "--format", "json"],
        &["query", "pages"],
        &["query", "links"],
        &[
            "query",
            "SELECT count(*), max(started_at), max(retry_at) FROM requests",
        ],
        &["query", "hosts"],
        &["status"],
        &["why", &url, "--all"],
        &["audit"],
    ];
    let mut found = false;
    for args in questions {
        let output = crawl.run_args(args.iter().chain(&["-o", "out"]));
        expect_clear(&output, &format!("{done}, {args:?}"));
        found |= args == ["check"] && output.stdout.contains("malformed  ");
        assert!(
            std::fs::read(&file).expect("read") == hurt,
            "{done}, {args:?} has written"
        );
    }
    let proxy = site.url("");
    // All requests go to the site, whatever has become of the URLs.
    let again = [
        "-o",
        "out",
        "--rate",
        "unlimited",
        "--proxy",
        &proxy,
        "--retries",
        "0",
        "--time-limit",
        "3s",
    ];
    let goes_on = crawl.run_args(again);
    expect_clear(&goes_on, &format!("{done}, crawl"));
    std::fs::write(&file, hurt).expect("written");
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(out.join(format!("crawl.db{end}")));
    }
    let repaired = crawl.run_args(["check", "--repair", "-o", "out"]);
    expect_clear(&repaired, &format!("{done}, repair"));
    [found, goes_on.code == Some(1)]
}

/// Tries cases, a few of them or as many as `DAMAGE_CASES` says, and tells of those that do not end well.
fn try_each(all: u64, few: u64, damage: impl Fn(&Path, u64) -> String) -> u32 {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    let cases = number("DAMAGE_CASES").unwrap_or(few).min(all);
    let from = number("DAMAGE_FROM").unwrap_or(0);
    let site = site();
    let base = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "-o",
        "out",
        "--max-pages",
        "50",
    ]);
    base.run().expect_code(11);
    let file = base.dir().join("out/crawl.db");
    let (mut found, mut refused, mut failed) = (0, 0, Vec::new());
    for case in 0..cases {
        let case = from + case * (all / cases);
        let tried = std::panic::AssertUnwindSafe(|| {
            try_all(&file, &site, |file| {
                format!("case {case}: {}", damage(file, case))
            })
        });
        match std::panic::catch_unwind(tried) {
            Ok([noticed, ended]) => {
                found += u32::from(noticed);
                refused += u32::from(ended);
            }
            Err(_) => failed.push(case),
        }
    }
    println!("{cases} databases: {found} malformed, {refused} on which a crawl ended with 1");
    assert!(failed.is_empty(), "cases {failed:?}");
    found
}

#[test]
fn bytes_that_have_changed() {
    let found = try_each(1_000_000, 12, damage);
    assert!(found > 0);
}

/// Numbers where there were others, texts where there were numbers: every column, all of its rows.
#[test]
fn values_that_nobody_has_written() {
    const VALUES: [&str; 8] = [
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "4294967296",
        "1e308",
        "'x'",
        "x'ff00'",
        "NULL",
    ];
    let mut columns = Vec::new();
    {
        let crawl = Crawl::new();
        let site = site();
        let seed = site.url("/");
        crawl.run_args(["--seed", &seed, "-o", "out", "--max-pages", "1"]);
        columns.extend(rows(
            &crawl.dir().join("out"),
            "SELECT t.name || ' ' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1",
        ));
    }
    let all = (columns.len() * VALUES.len()) as u64;
    try_each(all, 12, |file, case| {
        let (column, value) = (
            case as usize / VALUES.len(),
            VALUES[case as usize % VALUES.len()],
        );
        let (table, column) = columns[column].split_once(' ').expect("two names");
        let database = Connection::open(file).expect("a database");
        let sql = format!(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; UPDATE OR IGNORE {table} SET {column} = {value}"
        );
        // A number of a row can be nothing else: then nothing is done.
        let _ = database.execute_batch(&sql);
        database
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("copied back");
        format!("{table}.{column} = {value}")
    });
}

/// A page of the file is zeros: what can be read goes into a new database, and the crawl after that ends as the
/// unbroken one did.
#[test]
fn what_can_be_read_is_kept() {
    let site = site();
    let seed = site.url("/");
    let args = ["--seed", &seed, "--rate", "unlimited", "-o", "out"];
    let whole = Crawl::new().args(args);
    whole.run().expect_code(0);
    let result = |out: &Path| {
        let pages = "SELECT url, status, error, title, depth, redirect_to FROM pages ORDER BY url";
        let links =
            "SELECT from_url, position, to_url, kind FROM links ORDER BY from_url, position";
        [rows(out, pages), rows(out, links)]
    };
    let wanted = result(&whole.dir().join("out"));
    let out = whole.dir().join("out");
    let pages = std::fs::metadata(out.join("crawl.db"))
        .expect("there")
        .len() as usize
        / PAGE;
    let every = std::env::var("DAMAGE_CASES").map_or(11, |_| 1);
    let (mut salvaged, mut hopeless, mut failed) = (0, 0, Vec::new());
    for page in (1..pages).step_by(every) {
        let crawl = Crawl::new().args(args);
        let copy = crawl.dir().join("out");
        let cp = std::process::Command::new("cp")
            .arg("-r")
            .args([&out, &copy])
            .status();
        assert!(cp.expect("cp").success());
        let mut bytes = std::fs::read(copy.join("crawl.db")).expect("read");
        bytes[page * PAGE..(page + 1) * PAGE].fill(0);
        std::fs::write(copy.join("crawl.db"), bytes).expect("written");
        let said = crawl.run_args(["check", "-o", "out"]);
        let repaired = crawl.run_args(["check", "--repair", "-o", "out"]);
        let again = crawl.run_args(["check", "-o", "out"]);
        let goes_on = crawl.run();
        salvaged += u32::from(repaired.stdout.contains("salvaged"));
        // Of the schema itself there is no second copy.
        if repaired.stdout.contains("cannot be opened") {
            hopeless += 1;
            let codes = [said.code, repaired.code, goes_on.code];
            assert_eq!(codes, [Some(1); 3], "page {page}");
            continue;
        }
        // What a run was is known by its one row; all else is found anew.
        let fine = goes_on.code == Some(0) && result(&copy) == wanted;
        if !fine || repaired.code != again.code {
            failed.push(format!("page {page}: {repaired} {again} {goes_on}"));
        }
    }
    let all = (1..pages).step_by(every).count();
    println!("{salvaged} of {all} databases were salvaged, {hopeless} could not be opened");
    assert!(failed.is_empty(), "{}: {}", failed.len(), failed.join("\n"));
    assert!(salvaged > hopeless);
}
