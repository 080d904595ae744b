//! The laws that a database keeps between its commits, each as a question for what breaks it, with what puts
//! that right. `crawl check` asks; `crawl check --repair` does both.

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

/// What can be wrong with an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// SQLite finds the database itself malformed.
    Malformed,
    /// An index does not fit its table.
    Index,
    /// A row names a row that is not there.
    Reference,
    /// A URL is there twice, or its key is not that of its text.
    Url,
    /// The same URL waits twice.
    Doubled,
    /// The outcome of a URL is that of another one.
    Outcome,
    /// A URL was let in, has no outcome, and does not wait.
    Lost,
    /// A URL waits that is not to be asked for.
    Queue,
    /// A content that no request has brought.
    Orphan,
    /// A count that is kept differs from what there is.
    Count,
    /// A run is said to be finished and is not, or the other way round.
    State,
    /// More is said to be certain than there is.
    Mark,
    /// A row names a file outside of `pages/`.
    Outside,
    /// A file is not there.
    Missing,
    /// Something that is no file stands in a file's place.
    NoFile,
    /// A file has another length.
    Length,
    /// A file has another content.
    Content,
    /// A file cannot be read.
    Unreadable,
    /// A file that no row names.
    Stray,
    /// Something below `pages/` that is neither file nor folder.
    Odd,
}

impl Kind {
    /// Every kind, with its word, and what it says of so many things.
    pub const ALL: [(Self, &'static str, &'static str); 20] = [
        (
            Self::Malformed,
            "malformed",
            "parts of the database that cannot be read as it was written",
        ),
        (Self::Index, "index", "indices that do not fit their tables"),
        (
            Self::Reference,
            "reference",
            "rows that name what is not there",
        ),
        (
            Self::Url,
            "url",
            "URLs that are there twice, or have a wrong key",
        ),
        (Self::Doubled, "doubled", "URLs that wait twice"),
        (
            Self::Outcome,
            "outcome",
            "rows whose outcome is that of something else",
        ),
        (
            Self::Lost,
            "lost",
            "URLs that were let in, have no outcome and do not wait",
        ),
        (
            Self::Queue,
            "queue",
            "URLs that wait and are not to be asked for",
        ),
        (
            Self::Orphan,
            "orphan",
            "contents that no request has brought",
        ),
        (
            Self::Count,
            "count",
            "counts that differ from what there is",
        ),
        (
            Self::State,
            "state",
            "runs that are not as they are said to be",
        ),
        (
            Self::Mark,
            "mark",
            "marks of what is certain that lie beyond the end",
        ),
        (
            Self::Outside,
            "outside",
            "contents with a file outside of pages/, which was not read",
        ),
        (Self::Missing, "missing", "contents whose file is not there"),
        (
            Self::NoFile,
            "no-file",
            "contents with something in their file's place that is no file",
        ),
        (
            Self::Length,
            "length",
            "contents whose file has another length",
        ),
        (
            Self::Content,
            "content",
            "contents whose file has other bytes",
        ),
        (
            Self::Unreadable,
            "unreadable",
            "files and folders that cannot be read",
        ),
        (Self::Stray, "stray", "files that no row names"),
        (
            Self::Odd,
            "odd",
            "things below pages/ that are neither files nor folders of ours",
        ),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// What it says of so many things.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        Self::ALL[self as usize].2
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// A law: `find` answers with what breaks it, a row each: in words, and the URL if it is about one.
#[derive(Debug)]
pub(crate) struct Law {
    pub(crate) kind: Kind,
    find: &'static str,
    /// Statements that put it right.
    pub(super) mend: &'static [&'static str],
}

/// In this order: what one puts right may break a later one.
pub(crate) const LAWS: [Law; 22] = [
    Law {
        kind: Kind::Url,
        find: "SELECT 'is there twice, as ' || a.id || ' and ' || b.id, a.text FROM url a JOIN url b ON b.host = a.host AND b.hash = a.hash AND b.id > a.id
               WHERE a.text = b.text",
        mend: &[],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'request ' || f.id || ' names content ' || c.id || ', which is another URL''s', u.text
               FROM fetch f JOIN version c ON c.id = f.version LEFT JOIN url u ON u.id = f.url WHERE c.url <> f.url",
        mend: &["CREATE TEMP TABLE wrong AS SELECT f.id AS id FROM fetch f JOIN version c ON c.id = f.version WHERE c.url <> f.url",
                "UPDATE visit SET last_fetch = NULL, carried = 0 WHERE last_fetch IN (SELECT id FROM temp.wrong)",
                "UPDATE fetch SET version = NULL WHERE id IN (SELECT id FROM temp.wrong)",
                "DROP TABLE temp.wrong"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'has request ' || f.id || ' for its outcome, which is another URL''s, another run''s, or for another purpose', u.text
               FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN start s ON s.id = f.start LEFT JOIN url u ON u.id = v.url
               WHERE f.url <> v.url OR iif(v.carried > 0, s.run >= v.run, s.run <> v.run) OR f.kind IN (1, 4)",
        mend: &["UPDATE visit SET last_fetch = NULL, carried = 0 WHERE (run, url) IN (
                   SELECT v.run, v.url FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN start s ON s.id = f.start
                   WHERE f.url <> v.url OR iif(v.carried > 0, s.run >= v.run, s.run <> v.run) OR f.kind IN (1, 4))"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'has an outcome that was carried over (' || quote(v.carried) || '), and has none', u.text
               FROM visit v LEFT JOIN url u ON u.id = v.url WHERE v.carried <> 0 AND (v.last_fetch IS NULL OR v.carried NOT IN (1, 2))",
        mend: &["UPDATE visit SET carried = last_fetch IS NOT NULL WHERE carried <> 0 AND (last_fetch IS NULL OR carried NOT IN (1, 2))"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'the sitemap has request ' || f.id || ' for its outcome, which is another URL''s, another run''s, or for another purpose', u.text
               FROM sitemap m JOIN fetch f ON f.id = m.last_fetch JOIN start s ON s.id = f.start LEFT JOIN url u ON u.id = m.url
               WHERE f.url <> m.url OR iif(m.carried > 0, s.run >= m.run, s.run <> m.run) OR f.kind <> 4",
        mend: &["UPDATE sitemap SET last_fetch = NULL, carried = 0 WHERE (run, url) IN (
                   SELECT m.run, m.url FROM sitemap m JOIN fetch f ON f.id = m.last_fetch JOIN start s ON s.id = f.start
                   WHERE f.url <> m.url OR iif(m.carried > 0, s.run >= m.run, s.run <> m.run) OR f.kind <> 4)"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'the sitemap has an outcome that was carried over (' || quote(m.carried) || '), and has none', u.text
               FROM sitemap m LEFT JOIN url u ON u.id = m.url WHERE m.carried <> 0 AND (m.last_fetch IS NULL OR m.carried NOT IN (1, 2))",
        mend: &["UPDATE sitemap SET carried = last_fetch IS NOT NULL WHERE carried <> 0 AND (last_fetch IS NULL OR carried NOT IN (1, 2))"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'has ' || iif(c.url = v.url AND g.url IS v.url, 'another content than its outcome', 'the content of another URL') || ' for its last good one', u.text
               FROM visit v LEFT JOIN url u ON u.id = v.url LEFT JOIN fetch f ON f.id = v.last_fetch
               LEFT JOIN version c ON c.id = v.good_version LEFT JOIN fetch g ON g.id = v.good_fetch
               WHERE c.url <> v.url OR g.url <> v.url OR f.version <> coalesce(v.good_version, 0)",
        mend: &["UPDATE visit SET good_version = (SELECT version FROM fetch WHERE id = last_fetch),
                   good_fetch = (SELECT id FROM fetch WHERE id = last_fetch AND version IS NOT NULL) WHERE (run, url) IN (
                   SELECT v.run, v.url FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch
                   LEFT JOIN version c ON c.id = v.good_version LEFT JOIN fetch g ON g.id = v.good_fetch
                   WHERE c.url <> v.url OR g.url <> v.url OR f.version <> coalesce(v.good_version, 0))"],
    },
    Law {
        kind: Kind::Outcome,
        find: "SELECT 'was decided ' || quote(v.decision) || ', which is nothing', u.text FROM visit v LEFT JOIN url u ON u.id = v.url
               WHERE v.decision NOT IN (0, 1, 2, 3, 4, 6)",
        mend: &[NOTE_RULE, "UPDATE visit SET decision = 2, rule = (SELECT id FROM rule WHERE text = 'lost; put right by crawl check')
                 WHERE decision NOT IN (0, 1, 2, 3, 4, 6)", ANEW],
    },
    Law {
        kind: Kind::Queue,
        find: "SELECT 'is in the queue of another host', u.text FROM frontier q LEFT JOIN url u ON u.id = q.url WHERE u.host IS NOT q.host",
        mend: &["DELETE FROM frontier WHERE host IS NOT (SELECT host FROM url WHERE id = frontier.url)"],
    },
    Law {
        kind: Kind::Queue,
        find: "SELECT 'waits, and ' || iif(v.url IS NULL, 'was never met', iif(v.decision <> 0, 'is not let in', 'has its outcome')), u.text
               FROM frontier q LEFT JOIN url u ON u.id = q.url LEFT JOIN visit v ON v.run = (SELECT max(id) FROM run) AND v.url = q.url
               WHERE q.kind <> 4 AND (v.url IS NULL OR v.decision <> 0 OR v.last_fetch IS NOT NULL AND v.carried <> 2)",
        mend: &["INSERT OR IGNORE INTO meta SELECT 'redecide', 1 WHERE EXISTS (SELECT 1 FROM frontier q WHERE q.kind <> 4
                 AND NOT EXISTS (SELECT 1 FROM visit v WHERE v.run = (SELECT max(id) FROM run) AND v.url = q.url))",
                "DELETE FROM frontier WHERE kind <> 4 AND NOT EXISTS (SELECT 1 FROM visit v WHERE v.run = (SELECT max(id) FROM run)
                 AND v.url = frontier.url AND v.decision = 0 AND (v.last_fetch IS NULL OR v.carried = 2))"],
    },
    Law {
        kind: Kind::Queue,
        find: "SELECT 'the sitemap waits, and ' || iif(m.url IS NULL, 'was never met', iif(m.decision <> 0, 'is not let in', 'has its outcome')), u.text
               FROM frontier q LEFT JOIN url u ON u.id = q.url LEFT JOIN sitemap m ON m.run = (SELECT max(id) FROM run) AND m.url = q.url
               WHERE q.kind = 4 AND (m.url IS NULL OR m.decision <> 0 OR m.last_fetch IS NOT NULL AND m.carried <> 2)",
        mend: &["INSERT OR IGNORE INTO meta SELECT 'redecide', 1 WHERE EXISTS (SELECT 1 FROM frontier q WHERE q.kind = 4
                 AND NOT EXISTS (SELECT 1 FROM sitemap m WHERE m.run = (SELECT max(id) FROM run) AND m.url = q.url))",
                "DELETE FROM frontier WHERE kind = 4 AND NOT EXISTS (SELECT 1 FROM sitemap m WHERE m.run = (SELECT max(id) FROM run)
                 AND m.url = frontier.url AND m.decision = 0 AND (m.last_fetch IS NULL OR m.carried = 2))"],
    },
    Law {
        kind: Kind::Doubled,
        find: "SELECT 'waits ' || count(*) || ' times', (SELECT text FROM url WHERE id = q.url) FROM frontier q GROUP BY q.url, q.kind = 4 HAVING count(*) > 1",
        mend: &["DELETE FROM frontier WHERE (host, ord, kind) IN (SELECT host, ord, kind FROM (
                   SELECT host, ord, kind, row_number() OVER (PARTITION BY url, kind = 4 ORDER BY ord, kind) AS place FROM frontier) WHERE place > 1)"],
    },
    Law {
        kind: Kind::Orphan,
        find: "SELECT 'content ' || c.id || ' was brought by no request', u.text FROM version c LEFT JOIN url u ON u.id = c.url
               WHERE c.id NOT IN (SELECT version FROM fetch WHERE version IS NOT NULL)",
        mend: &["CREATE TEMP TABLE orphan AS SELECT id FROM version WHERE id NOT IN (SELECT version FROM fetch WHERE version IS NOT NULL)",
                "DELETE FROM link WHERE version IN (SELECT id FROM temp.orphan)",
                "DELETE FROM field WHERE version IN (SELECT id FROM temp.orphan)",
                "DELETE FROM signal WHERE version IN (SELECT id FROM temp.orphan)",
                "UPDATE visit SET good_version = NULL, good_fetch = NULL WHERE good_version IN (SELECT id FROM temp.orphan)",
                "DELETE FROM version WHERE id IN (SELECT id FROM temp.orphan)",
                "DROP TABLE temp.orphan"],
    },
    Law {
        kind: Kind::Lost,
        find: "SELECT 'was let in, has no outcome and does not wait', u.text FROM visit v LEFT JOIN url u ON u.id = v.url
               WHERE v.decision = 0 AND v.last_fetch IS NULL
               AND (v.run < (SELECT max(id) FROM run) OR v.url NOT IN (SELECT url FROM frontier WHERE kind <> 4))",
        // Of the last run: the queue's room puts them in line.
        mend: &[NOTE_RULE, "UPDATE visit SET decision = 2, rule = (SELECT id FROM rule WHERE text = 'lost; put right by crawl check')
                 WHERE decision = 0 AND last_fetch IS NULL AND run < (SELECT max(id) FROM run)"],
    },
    Law {
        kind: Kind::Lost,
        find: "SELECT 'was to be asked for again, and does not wait', u.text FROM visit v LEFT JOIN url u ON u.id = v.url
               WHERE v.carried = 2 AND (v.run < (SELECT max(id) FROM run) OR v.url NOT IN (SELECT url FROM frontier WHERE kind <> 4))",
        mend: &["UPDATE visit SET carried = 1 WHERE carried = 2
                 AND (run < (SELECT max(id) FROM run) OR url NOT IN (SELECT url FROM frontier WHERE kind <> 4))"],
    },
    Law {
        kind: Kind::Lost,
        find: "SELECT 'the sitemap was to be asked for again, and does not wait', u.text FROM sitemap m LEFT JOIN url u ON u.id = m.url
               WHERE m.carried = 2 AND (m.run < (SELECT max(id) FROM run) OR m.url NOT IN (SELECT url FROM frontier WHERE kind = 4))",
        mend: &["UPDATE sitemap SET carried = 1 WHERE carried = 2
                 AND (run < (SELECT max(id) FROM run) OR url NOT IN (SELECT url FROM frontier WHERE kind = 4))"],
    },
    Law {
        kind: Kind::Lost,
        find: "SELECT 'the sitemap was let in, has no outcome and does not wait', u.text FROM sitemap m LEFT JOIN url u ON u.id = m.url
               WHERE m.decision = 0 AND m.last_fetch IS NULL
               AND (m.run < (SELECT max(id) FROM run) OR m.url NOT IN (SELECT url FROM frontier WHERE kind = 4))",
        mend: &[NOTE_RULE, "UPDATE sitemap SET decision = 2, rule = (SELECT id FROM rule WHERE text = 'lost; put right by crawl check')
                 WHERE decision = 0 AND last_fetch IS NULL AND run < (SELECT max(id) FROM run)"],
    },
    // Where URLs are rewritten now, links may lead to what is asked for in another form; and where all is to be
    // decided anew, that meets them.
    Law {
        kind: Kind::Lost,
        find: "SELECT 'is linked from content ' || min(l.version) || ', and was never met', u.text
               FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN link l ON l.version = f.version JOIN url u ON u.id = l.target
               WHERE v.run = (SELECT max(id) FROM run) AND v.decision IN (0, 4) AND NOT EXISTS (SELECT 1 FROM rewritten)
               AND NOT EXISTS (SELECT 1 FROM meta WHERE key = 'redecide')
               AND NOT EXISTS (SELECT 1 FROM visit t WHERE t.run = v.run AND t.url = l.target) GROUP BY l.target",
        mend: &[
            "INSERT OR IGNORE INTO meta SELECT 'redecide', 1 WHERE EXISTS (
               SELECT 1 FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN link l ON l.version = f.version JOIN url u ON u.id = l.target
               WHERE v.run = (SELECT max(id) FROM run) AND v.decision IN (0, 4) AND NOT EXISTS (SELECT 1 FROM rewritten)
               AND NOT EXISTS (SELECT 1 FROM visit t WHERE t.run = v.run AND t.url = l.target))",
            "UPDATE run SET state = 'stopped' WHERE id = (SELECT max(id) FROM run) AND state = 'finished' AND EXISTS (SELECT 1 FROM meta WHERE key = 'redecide')",
        ],
    },
    Law {
        kind: Kind::State,
        find: "SELECT 'run ' || id || iif(id < (SELECT max(id) FROM run), ' is followed by another and not finished', ' is finished, and ' || (SELECT count(*) FROM frontier) || ' URLs wait'), NULL
               FROM run WHERE iif(id < (SELECT max(id) FROM run), state <> 'finished', state = 'finished' AND EXISTS (SELECT 1 FROM frontier))",
        mend: &["UPDATE run SET state = 'finished' WHERE id < (SELECT max(id) FROM run) AND state <> 'finished'",
                "UPDATE run SET state = 'stopped' WHERE id = (SELECT max(id) FROM run) AND state = 'finished' AND EXISTS (SELECT 1 FROM frontier)"],
    },
    Law {
        kind: Kind::Count,
        find: "SELECT 'start ' || s.id || ' counts ' || s.pages || ' pages, ' || s.requests || ' requests, ' || s.bytes || ' bytes; the log has '
                 || coalesce(n.pages, 0) || ', ' || coalesce(n.requests, 0) || ', ' || coalesce(n.bytes, 0), NULL
               FROM start s LEFT JOIN (
                 SELECT start, count(*) AS requests, sum(wire_bytes) AS bytes, sum(kind = 0 AND error IS NULL AND retry_at IS NULL
                   AND status IS NOT NULL AND status NOT IN (301, 302, 303, 304, 307, 308)) AS pages FROM fetch GROUP BY start) n ON n.start = s.id
               WHERE s.queued IS NOT NULL AND s.run NOT IN (SELECT id FROM run WHERE pruned IS NOT NULL) AND (s.pages, s.requests, s.bytes) IS NOT (coalesce(n.pages, 0), coalesce(n.requests, 0), coalesce(n.bytes, 0))",
        mend: &["UPDATE start SET pages = coalesce(n.pages, 0), requests = coalesce(n.requests, 0), bytes = coalesce(n.bytes, 0)
                 FROM (SELECT s.id AS id, f.pages AS pages, f.requests AS requests, f.bytes AS bytes FROM start s LEFT JOIN (
                   SELECT start, count(*) AS requests, sum(wire_bytes) AS bytes, sum(kind = 0 AND error IS NULL AND retry_at IS NULL
                     AND status IS NOT NULL AND status NOT IN (301, 302, 303, 304, 307, 308)) AS pages FROM fetch GROUP BY start) f ON f.start = s.id) n
                 WHERE n.id = start.id AND start.queued IS NOT NULL AND start.run NOT IN (SELECT id FROM run WHERE pruned IS NOT NULL)"],
    },
    Law {
        kind: Kind::Count,
        find: "SELECT 'start ' || id || ' counts ' || queued || ' URLs that wait; there are ' || (SELECT count(*) FROM frontier), NULL FROM start
               WHERE id = (SELECT max(id) FROM start) AND queued <> (SELECT count(*) FROM frontier)",
        mend: &["UPDATE start SET queued = (SELECT count(*) FROM frontier) WHERE id = (SELECT max(id) FROM start) AND queued IS NOT NULL"],
    },
    Law {
        kind: Kind::Mark,
        find: "SELECT 'start ' || id || ' says that everything up to request ' || durable_to || ' is certain; the last one is ' || (SELECT coalesce(max(id), 0) FROM fetch), NULL
               FROM start WHERE durable_to > (SELECT coalesce(max(id), 0) FROM fetch)",
        mend: &["UPDATE start SET durable_to = (SELECT coalesce(max(id), 0) FROM fetch) WHERE durable_to > (SELECT coalesce(max(id), 0) FROM fetch)"],
    },
];

/// Makes the rule by which something was put right.
const NOTE_RULE: &str =
    "INSERT OR IGNORE INTO rule (text) VALUES ('lost; put right by crawl check')";

/// Has the next start decide anew what belongs to the run.
pub(super) const ANEW: &str = "INSERT OR IGNORE INTO meta SELECT 'redecide', 1 WHERE changes() > 0";

impl Law {
    /// Tells what breaks the law.
    pub(crate) fn broken(
        &self,
        connection: &Connection,
        mut tell: impl FnMut(String, Option<String>),
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(self.find)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<Option<String>> {
                let value = row.get_ref(column)?;
                let bytes = value.as_bytes_or_null().unwrap_or_default();
                Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
            };
            tell(text(0)?.unwrap_or_default(), text(1)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn a_new_database_breaks_none_and_needs_no_mending() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        for law in &LAWS {
            law.broken(&connection, |what, _| panic!("{what}"))
                .expect(law.find);
            for sql in law.mend {
                connection.execute(sql, []).expect(sql);
            }
        }
        let anew = "SELECT count(*) FROM meta WHERE key = 'redecide'";
        let anew: i64 = connection
            .query_row(anew, [], |row| row.get(0))
            .expect("a count");
        assert_eq!(anew, 0);
    }

    #[test]
    fn kinds_stand_in_their_order() {
        for (place, row) in Kind::ALL.iter().enumerate() {
            assert_eq!(row.0 as usize, place);
        }
    }
}
