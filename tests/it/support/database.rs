//! Looking into a database as a user would: SQL in, text out.

use std::path::Path;

use crawl::answers::check;
use tokio_rusqlite::rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite::{Connection, OpenFlags};

/// The rows of an answer, each value as text, NULL as `-`, values joined by one space.
#[track_caller]
pub fn rows(output: &Path, sql: &str) -> Vec<String> {
    let path = output.join("crawl.db");
    let connection =
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let mut statement = connection.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let text = |index| match row.get_ref_unwrap(index) {
            ValueRef::Null => "-".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                String::from_utf8_lossy(text).into_owned()
            }
        };
        Ok((0..columns).map(text).collect::<Vec<_>>().join(" "))
    });
    rows.expect(sql).collect::<Result<_, _>>().expect(sql)
}

/// The one value of an answer, as a number.
#[track_caller]
pub fn number(output: &Path, sql: &str) -> i64 {
    rows(output, sql)[0].parse().expect(sql)
}

/// Changes a database that nobody writes: as an earlier time, or an accident, might have left it.
#[track_caller]
pub fn edit(output: &Path, sql: &str) {
    let connection = Connection::open(output.join("crawl.db")).expect("a database");
    connection.execute_batch(sql).expect(sql);
}

/// Fails the test unless the database is sound, and each page's file is there with the bytes of its row; and
/// unless `crawl check` says the same.
#[track_caller]
pub fn expect_sound(output: &Path) {
    use sha2::Digest;
    let mut found = Vec::new();
    let hearers = check::Hearers {
        tell: &mut |finding| found.push(finding.clone()),
        watch: &mut |_| {},
    };
    check::run(output, false, hearers).expect("a check");
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(rows(output, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(rows(output, "PRAGMA foreign_key_check"), [""; 0]);
    for row in rows(
        output,
        "SELECT file, sha256 FROM pages WHERE file IS NOT NULL",
    ) {
        let (file, digest) = row.split_once(' ').expect("two values");
        let body = std::fs::read(output.join(file)).expect(file);
        let found: String = sha2::Sha256::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, digest, "{file}");
    }
}
