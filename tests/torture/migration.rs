//! A database of an earlier version, killed while it is brought up to date.

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio_rusqlite::rusqlite::Connection;

use crate::cycle::Torture;
use crate::state::Copy;
use crate::stop::{Means, at_a_call};
use crate::support::{Crawl, number, rows};

/// Makes the fixture large, so that there is time to kill it.
const LARGE: &str = "
WITH RECURSIVE n(x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < 21000)
INSERT INTO url (id, host, hash, text, first_seen{in_scope}) SELECT x, 1, x, 'http://127.0.0.1:9/' || x, 1{in_scope_1} FROM n;
INSERT INTO frontier (host, ord, kind, url) SELECT 1, id, 0, id FROM url WHERE id >= 1000;
INSERT INTO robots (id, fetched, valid_until, reachable, body) SELECT id, 1, 2, 1, x'' FROM url WHERE id >= 1000;
INSERT INTO origin (host, text, robots) SELECT 1, 'http://h' || id, id FROM robots WHERE id >= 1000;
INSERT INTO visit (run, url, depth, redirects, via_kind, decision) SELECT 1, id, 1, 0, 1, 0 FROM url WHERE id >= 1000;
";

/// What must come out of it, whatever happened on the way.
fn content(output: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for table in rows(
        output,
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    ) {
        all.push(table.clone());
        all.extend(rows(output, &format!("SELECT * FROM {table}")));
    }
    all.extend(rows(
        output,
        "SELECT name, sql FROM sqlite_schema ORDER BY name",
    ));
    all
}

fn old(directory: &Path, name: &str, version: usize) -> std::path::PathBuf {
    let output = directory.join(name);
    std::fs::create_dir_all(&output).expect("a directory");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("fixtures/databases/schema-{version}.db"));
    std::fs::copy(fixture, output.join("crawl.db")).expect("a copy");
    let connection = Connection::open(output.join("crawl.db")).expect("a database");
    // Version 1 alone has this column.
    let (column, value) = if version == 1 {
        (", in_scope", ", 1")
    } else {
        ("", "")
    };
    let sql = LARGE
        .replace("{in_scope}", column)
        .replace("{in_scope_1}", value);
    connection.execute_batch(&sql).expect("enlarged");
    output
}

pub fn scene(torture: &mut Torture, directory: &Path, mut random: Rng) -> Vec<String> {
    let version = 1 + random.usize(..2);
    let mut problems = Vec::new();
    // Asking brings it up to date, and so does a crawl that is refused afterwards.
    let commands: [&[&str]; 2] = [
        &["query", "SELECT 1"],
        &["--seed", "http://127.0.0.1:9/other"],
    ];
    let command = |output: &Path, which: usize| {
        let crawl = Crawl::new().program(&torture.binary);
        crawl.args(commands[which]).arg("-o").arg(output)
    };
    let unbroken = old(directory, "unbroken", version);
    let begun = Instant::now();
    command(&unbroken, 0).run().expect_code(0);
    let took = begun.elapsed();
    let wanted = content(&unbroken);
    for round in 0..4 {
        let output = old(directory, &format!("{round}"), version);
        let which = random.usize(..2);
        let crawl = command(&output, which);
        let (means, ended) = if torture.traces && round % 2 == 1 {
            let traced = at_a_call(&crawl, &mut random, Some(("pwrite64", 4000)));
            (Means::Call, traced.run())
        } else {
            let child = crawl.spawn();
            std::thread::sleep(took.mul_f64(random.f64()).max(Duration::from_millis(1)));
            (Means::Kill, child.kill9())
        };
        let killed = ended.code.is_none();
        let copy = Copy::of(&output);
        let found = number(copy.path(), "PRAGMA user_version");
        let phase = if found == 3 {
            "2b after the migration was written"
        } else {
            "2 while the database is made or migrated"
        };
        torture.tally.starts += 1;
        let means = if killed { means } else { Means::Nothing };
        *torture.tally.stops.entry(means).or_default() += 1;
        if killed {
            *torture.tally.phases.entry(phase).or_default() += 1;
        }
        if rows(copy.path(), "PRAGMA integrity_check") != ["ok"] {
            problems.push("not sound".to_owned());
        }
        if found != 3 && found != version as i64 {
            problems.push(format!("version {found}"));
        }
        let said = command(&output, which).run();
        if said.code != Some([0, 2][which]) {
            problems.push(said.to_string());
        }
        if content(&output) != wanted {
            problems.push("the content differs".to_owned());
        }
    }
    problems
}
