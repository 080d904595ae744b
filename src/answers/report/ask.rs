//! How a report asks: each question once. While a crawl writes, none for long, for as long as a statement is open
//! the database's log cannot be copied back.

use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::super::Reader;
use crate::error::Result;

/// So long a question may take while a crawl writes.
const PATIENCE: Duration = Duration::from_secs(4);
/// URLs, requests or links' pages that are read by one statement.
pub(super) const PIECE: i64 = 20_000;

/// Whoever asks.
pub(super) struct Asker<'a> {
    reader: &'a Reader,
    patience: Duration,
    /// Whether a crawl was seen to write.
    live: bool,
}

/// What came of a question.
pub(super) enum Answer<T> {
    /// This.
    Had(T),
    /// The database has no such view, or not in this form.
    Unknown,
    /// It took too long for the crawl that writes.
    TooLong,
}

impl<'a> Asker<'a> {
    pub(super) fn new(reader: &'a Reader) -> Self {
        Self {
            reader,
            patience: PATIENCE,
            live: false,
        }
    }

    #[cfg(test)]
    fn with_patience(reader: &'a Reader, patience: Duration) -> Self {
        Self {
            reader,
            patience,
            live: true,
        }
    }

    /// Whether a crawl wrote at one of the questions so far.
    pub(super) fn is_live(&mut self) -> bool {
        self.live |= self.reader.is_written();
        self.live
    }

    /// Asks what goes piece by piece by itself, or is small.
    pub(super) fn plain<T>(
        &mut self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.is_live();
        ask(&self.reader.connection).map_err(|error| self.reader.failed(error))
    }

    /// Asks a view, which is broken off where a crawl would have to wait for it.
    pub(super) fn view<T>(
        &mut self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Answer<T>> {
        let connection = &self.reader.connection;
        let asked = if self.is_live() {
            limited(connection, self.patience, ask)
        } else {
            ask(connection)
        };
        match asked {
            Ok(answer) => Ok(Answer::Had(answer)),
            Err(error) if is_interrupted(&error) => Ok(Answer::TooLong),
            Err(error) if is_unknown(&error) => Ok(Answer::Unknown),
            Err(error) => Err(self.reader.failed(error)),
        }
    }
}

/// Asks, and breaks off what takes too long.
fn limited<T>(
    connection: &Connection,
    patience: Duration,
    ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let handle = connection.get_interrupt_handle();
    std::thread::scope(|scope| {
        let (done, watch) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new();
        let spawned = thread.spawn_scoped(scope, move || {
            if watch.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        // Without a thread there is none to break it off.
        drop(spawned);
        let answer = ask(connection);
        drop(done);
        answer
    })
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// Whether a statement does not fit the database: a view of a later program, or one that somebody changed.
fn is_unknown(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqlInputError { .. } => true,
        rusqlite::Error::SqliteFailure(code, _) => code.extended_code == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader {
        Reader {
            connection: Connection::open_in_memory().expect("in memory"),
            path: "nowhere/crawl.db".into(),
        }
    }

    #[test]
    fn no_question_holds_a_crawl_for_long() {
        let reader = reader();
        let mut asker = Asker::with_patience(&reader, Duration::from_millis(1));
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let one = |sql: &'static str| {
            move |connection: &Connection| connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        };
        let answer = asker.view(one(endless)).expect("no failure");
        assert!(matches!(answer, Answer::TooLong));
        // The connection is as good as before.
        let answer = asker.view(one("SELECT 7")).expect("no failure");
        assert!(matches!(answer, Answer::Had(7)));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let reader = reader();
        let mut asker = Asker::new(&reader);
        for sql in ["SELECT 1 FROM ranks", "SELECT x", "SELECT nonsense(1)"] {
            let answer = asker.view(|connection| connection.execute(sql, []));
            assert!(matches!(answer, Ok(Answer::Unknown)), "{sql}");
        }
    }
}
