//! Another program holds the database locked: it is waited for, and said.

use std::time::Duration;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

/// How long a lock is waited for between two looks,
const LOOK: Duration = Duration::from_millis(20);
/// after how many looks that is said (2 s),
const SAY: i32 = 100;
/// and after how many it is given up (60 s).
const GIVE_UP: i32 = 3000;

/// Has a connection wait for whoever holds the database (an index, a backup): nothing is lost by that.
pub(super) fn wait_for_others(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(look_again))
}

fn look_again(looks: i32) -> bool {
    if looks == SAY {
        let patience = (LOOK * GIVE_UP.unsigned_abs()).as_secs();
        tracing::warn!(
            "another program holds crawl.db locked: waiting for it, {patience} s at the most"
        );
    }
    // SQLite asks on the thread of the database, which has nothing else to do.
    std::thread::park_timeout(LOOK);
    looks < GIVE_UP
}
