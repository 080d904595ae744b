//! What a question may do: read. The connection is opened for reading alone, and that is enforced by SQLite; here
//! is shut what needs no writing, and would all the same reach other files or hold up the crawl.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use tokio_rusqlite::rusqlite;

use super::super::Reader;
use super::super::functions;
use crate::error::Result;

/// The longest value and the longest row: what a doctored database makes of nothing ends there.
const LONGEST: i32 = 128 << 20;
/// Steps of SQLite's machine between two looks at the clock: some tenths of a millisecond.
const STEPS: i32 = 50_000;

/// Functions that reach out of SQL. SQLite has them off as well.
const SHUT: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// What may be asked of the database itself. Those of the second list take a name.
const PRAGMAS: [&str; 15] = [
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "freelist_count",
    "function_list",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "schema_version",
    "user_version",
];
const PRAGMAS_OF: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// A connection on which questions of users are answered, as long as it lives.
pub(super) struct Guard<'r> {
    reader: &'r Reader,
    limit: Option<Duration>,
    ran_out: Arc<AtomicBool>,
}

impl<'r> Guard<'r> {
    pub(super) fn new(reader: &'r Reader, limit: Option<Duration>) -> Result<Self> {
        let connection = &reader.connection;
        let ran_out = Arc::new(AtomicBool::new(false));
        let set = || -> rusqlite::Result<()> {
            functions::register(connection)?;
            connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
            // A name in double quotes that there is not is an error, and no text.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            connection.authorizer(Some(|asked: AuthContext<'_>| may(&asked.action)))?;
            if let Some(limit) = limit {
                let (begun, ran_out) = (Instant::now(), Arc::clone(&ran_out));
                let is_over = move || {
                    let over = begun.elapsed() >= limit;
                    ran_out.fetch_or(over, Ordering::Relaxed);
                    over
                };
                connection.progress_handler(STEPS, Some(is_over))?;
            }
            Ok(())
        };
        set().map_err(|error| reader.failed(error))?;
        Ok(Self {
            reader,
            limit,
            ran_out,
        })
    }

    /// The time that an answer may take, if it has taken longer.
    pub(super) fn ran_out(&self) -> Option<Duration> {
        self.limit.filter(|_| self.ran_out.load(Ordering::Relaxed))
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let connection = &self.reader.connection;
        let _ = connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>);
        let _ = connection.progress_handler(0, None::<fn() -> bool>);
    }
}

fn may(action: &AuthAction<'_>) -> Authorization {
    let is = |names: &[&str], name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    let allowed = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !is(&SHUT, function_name),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => is(&PRAGMAS_OF, pragma_name) || (pragma_value.is_none() && is(&PRAGMAS, pragma_name)),
        _ => false,
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}
