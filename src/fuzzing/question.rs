//! What is looked for, then a text: no question is an error of SQL's, whatever is in it.

use std::cell::OnceCell;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::line;
use crate::answers::search::words::Question;
use crate::parse::segment::segment;
use crate::store::search::TOKENIZER;

thread_local! {
    static INDEX: OnceCell<Connection> = const { OnceCell::new() };
}

fn index() -> Connection {
    let connection = Connection::open_in_memory().expect("in memory");
    connection
        .execute_batch(&format!(
            "CREATE VIRTUAL TABLE page USING fts5(title, headings, body, tokenize='{TOKENIZER}')"
        ))
        .expect("an index");
    connection
}

pub(super) fn target(data: &[u8]) {
    let (asked, body) = line(data);
    let mut text = String::new();
    segment(&String::from_utf8_lossy(body), &mut text);
    INDEX.with(|cell| {
        let index = cell.get_or_init(index);
        index.execute("DELETE FROM page", []).expect("emptied");
        index
            .execute("INSERT INTO page (body) VALUES (?)", [&text])
            .expect("taken in");
        let find = |expression: &str| {
            let sql = "SELECT count(*) FROM page WHERE page MATCH ?";
            index.query_row(sql, [expression], |row| row.get::<_, i64>(0))
        };
        if let Ok(question) = Question::read(&asked) {
            let found = find(&question.expression).expect(&question.expression);
            let wanted = find(&question.wanted).expect(&question.wanted);
            assert!(found <= wanted, "{question:?}");
        }
        // As FTS5 has it: an error is one of its own, in words.
        if let Ok(question) = Question::raw(&asked)
            && let Err(error) = find(&question.expression)
        {
            assert!(error.sqlite_error().is_some(), "{error}");
        }
    });
}
