//! `crawl export mirror`: the pages of a crawl as a tree of files that can be browsed without the network.
//!
//! First every URL that has a body gets a name (`plan`); then each body is copied, its links leading to those files
//! (`parse::relink`). A link to a redirect leads to where that ends. Nothing in the database is trusted: bodies are
//! read below `pages/` alone, names are made of URLs as `names` has them, and no link is followed in either tree.

mod names;
mod plan;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio_rusqlite::rusqlite;

use super::super::query::QueryError;
use super::super::{Reader, folder_of, why};
use super::Result;
use super::rows::text;
use crate::canonical::CanonicalUrl;
use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::parse::relink::{self, Language};
use crate::record::LinkKind;
use crate::rewrite::Rewrite;
use crate::store::StoreError;
use crate::store::beneath::Beneath;
use crate::store::bodies::Bodies;
use crate::store::find::Finder;
use crate::store::pieces::BODIES;
use names::Wish;
use plan::{Plan, Planned};

/// URLs that are read at a time.
const PIECE: u32 = 1000;
/// URLs of which it is remembered where they lead.
const MAX_KNOWN: usize = 65_536;
/// Redirects in a row.
const MAX_HOPS: usize = 20;
/// Parts of pages that are counted.
const MAX_COUNTED: usize = 1_000_000;

/// What a mirror has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mirrored {
    /// Files that were written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them in which links were written anew.
    pub relinked: u64,
    /// Bodies that the database names and that are not there.
    pub missing: u64,
    /// Parts of pages (images, style sheets, scripts) that are not stored, each counted once.
    pub absent: u64,
    /// Whether the crawl fetched such parts.
    pub assets: bool,
    /// The file to begin with, relative to the mirror.
    pub entry: Option<String>,
}

/// Writes the pages of the latest run into a folder that is there.
///
/// # Errors
/// When there are none, the database or a body cannot be read, or a file cannot be written.
pub fn mirror(reader: &Reader, into: &Path) -> Result<Mirrored> {
    let failed = |error| reader.failed(error);
    let run = run_of(&reader.connection).map_err(failed)?;
    let mut mirror = Mirror {
        reader,
        run,
        bodies: Bodies::open(folder_of(&reader.path)).map_err(QueryError::Write)?,
        plan: Plan::new().map_err(failed)?,
        out: Beneath::open(into)?,
        done: Mirrored::default(),
    };
    let config = reader.settings()?.unwrap_or_default();
    mirror.done.assets = config.scope.assets;
    mirror.name_all()?;
    if mirror.plan.after(i64::MIN, 1).map_err(failed)?.is_empty() {
        let why = if mirror.done.missing > 0 {
            "none of the bodies is there (crawl check says more)"
        } else {
            "no bodies are stored: there are no pages, or the crawl wrote no files"
        };
        let error: Error = ConfigError::value("export", "mirror", why).into();
        return Err(error.into());
    }
    mirror.make_folders()?;
    let mut leads = Leads::new(reader, run, &config).map_err(failed)?;
    mirror.write_all(&mut leads)?;
    mirror.done.absent = leads.absent.len() as u64;
    mirror.done.entry = mirror.entry(&leads).map_err(failed)?;
    Ok(mirror.done)
}

fn run_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT ifnull(max(id), 0) FROM run", [], |row| row.get(0))
}

struct Mirror<'r> {
    reader: &'r Reader,
    run: i64,
    bodies: Bodies,
    plan: Plan,
    out: Beneath,
    done: Mirrored,
}

/// A body as the tables have it.
struct Stored {
    id: i64,
    url: String,
    version: i64,
    file: String,
    media_type: Option<String>,
    digest: Vec<u8>,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            url: text(row, 1)?.unwrap_or_default(),
            version: row.get(2)?,
            file: text(row, 3)?.unwrap_or_default(),
            media_type: text(row, 4)?,
            digest: row.get_ref(5)?.as_bytes().unwrap_or_default().to_vec(),
        })
    }
}

impl Mirror<'_> {
    /// Gives each URL that has a body a name.
    fn name_all(&mut self) -> Result<()> {
        let failed = |error| self.reader.failed(error);
        let mut statement = self.reader.connection.prepare(&BODIES).map_err(failed)?;
        let mut after = i64::MIN;
        loop {
            let rows = statement.query_map(params![self.run, after, PIECE], Stored::read);
            let rows: rusqlite::Result<Vec<Stored>> = rows.and_then(Iterator::collect);
            let rows = rows.map_err(failed)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            for row in rows {
                // A text that is no URL is none that a page could lead to.
                let Ok(url) = CanonicalUrl::parse(&row.url) else {
                    continue;
                };
                if self.bodies.is_there(&row.file)? {
                    let wish = Wish::of(&url, row.media_type.as_deref());
                    let added = self.plan.add(row.id, row.version, &wish, &row.digest);
                    added.map_err(failed)?;
                } else {
                    self.done.missing += 1;
                }
            }
        }
    }

    fn make_folders(&self) -> Result<()> {
        let made = self.plan.folders(|folder| self.out.make_folder(folder));
        made.map_err(|error| self.reader.failed(error))??;
        Ok(())
    }

    fn write_all(&mut self, leads: &mut Leads<'_>) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let files = self.plan.after(after, PIECE);
            let files = files.map_err(|error| self.reader.failed(error))?;
            let Some(last) = files.last() else {
                return Ok(());
            };
            after = last.url;
            for file in &files {
                self.write(file, leads)?;
            }
        }
    }

    /// Writes one file.
    fn write(&mut self, planned: &Planned, leads: &mut Leads<'_>) -> Result<()> {
        let row = self
            .row(planned)
            .map_err(|error| self.reader.failed(error))?;
        let Some((url, file, media_type, charset)) = row else {
            return Ok(());
        };
        let language = media_type.as_deref().and_then(Language::of);
        let mut out = self.out.create(&planned.path)?;
        let Some(language) = language else {
            let copied = self
                .bodies
                .copy(&file, &mut out)
                .map_err(|error| self.of_body(&file, error))?;
            self.count(copied.unwrap_or_default());
            return Ok(());
        };
        let body = self
            .bodies
            .read(&file, u64::MAX)
            .map_err(|error| self.of_body(&file, error))?;
        let body = body.unwrap_or_default();
        let Ok(url) = CanonicalUrl::parse(&url) else {
            return Ok(());
        };
        let mut problem = None;
        let new = relink::relink(
            &body,
            language,
            charset.as_deref(),
            &url,
            &mut |target, kind| match leads.lead(target, kind, &self.plan) {
                Ok(path) => path.map(|path| names::relative(&planned.path, &path)),
                Err(error) => {
                    problem = Some(error);
                    None
                }
            },
        );
        if let Some(error) = problem {
            return Err(self.reader.failed(error).into());
        }
        self.done.relinked += u64::from(*new != *body);
        out.write_all(&new)?;
        self.count(new.len() as u64);
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.done.files += 1;
        self.done.bytes += bytes;
    }

    fn of_body(&self, file: &str, source: io::Error) -> Error {
        let output = folder_of(&self.reader.path);
        Error::Store {
            path: output.to_owned(),
            source: StoreError::File {
                path: output.join(file),
                source,
            },
        }
    }

    /// URL, file, media type and charset of a version.
    #[expect(clippy::type_complexity, reason = "four columns, used once")]
    fn row(
        &self,
        planned: &Planned,
    ) -> rusqlite::Result<Option<(String, String, Option<String>, Option<String>)>> {
        let mut row = self.reader.connection.prepare_cached(
            "SELECT u.text, c.file, c.media_type, c.charset FROM version c JOIN url u ON u.id = ?2 WHERE c.id = ?1",
        )?;
        let read = |row: &Row<'_>| {
            let (url, file) = (text(row, 0)?, text(row, 1)?);
            let (url, file) = (url.unwrap_or_default(), file.unwrap_or_default());
            Ok((url, file, text(row, 2)?, text(row, 3)?))
        };
        row.query_row([planned.version, planned.url], read)
            .optional()
    }

    /// The file of the first seed that has one, or else the first of all.
    fn entry(&self, leads: &Leads<'_>) -> rusqlite::Result<Option<String>> {
        for seed in &leads.seeds {
            if let Some(path) = leads.look_up(seed, &self.plan)? {
                return Ok(Some(path));
            }
        }
        let first = self.plan.after(i64::MIN, 1)?;
        Ok(first.into_iter().next().map(|file| file.path))
    }
}

/// Where URLs lead in the mirror.
struct Leads<'r> {
    connection: &'r Connection,
    run: i64,
    finder: Finder,
    rewrite: Option<Rewrite>,
    seeds: Vec<CanonicalUrl>,
    known: HashMap<CanonicalUrl, Option<String>>,
    /// Parts of pages that are not stored, by a hash.
    absent: HashSet<u64>,
}

impl<'r> Leads<'r> {
    fn new(reader: &'r Reader, run: i64, config: &Config) -> rusqlite::Result<Self> {
        let connection = &reader.connection;
        let (seeds, rewrite) = why::scope::seeds(connection, run, config)?;
        Ok(Self {
            connection,
            run,
            finder: Finder::new(connection)?,
            rewrite: rewrite.filter(|rewrite| !rewrite.is_off()),
            seeds: crate::config::Seed::urls(&seeds),
            known: HashMap::new(),
            absent: HashSet::new(),
        })
    }

    /// The file that a link to a URL leads to.
    fn lead(
        &mut self,
        url: &CanonicalUrl,
        kind: LinkKind,
        plan: &Plan,
    ) -> rusqlite::Result<Option<String>> {
        let path = match self.known.get(url) {
            Some(path) => path.clone(),
            None => {
                let path = self.look_up(url, plan)?;
                if self.known.len() >= MAX_KNOWN {
                    self.known.clear();
                }
                self.known.insert(url.clone(), path.clone());
                path
            }
        };
        if path.is_none() && kind.is_asset() && self.absent.len() < MAX_COUNTED {
            let hasher = siphasher::sip::SipHasher13::new();
            self.absent.insert(hasher.hash(url.as_str().as_bytes()));
        }
        Ok(path)
    }

    fn look_up(&self, url: &CanonicalUrl, plan: &Plan) -> rusqlite::Result<Option<String>> {
        let rewritten = self.rewrite.as_ref().and_then(|rules| rules.apply(url));
        let url = rewritten.as_ref().map_or(url, |rewritten| &rewritten.url);
        let Some(found) = self.finder.find(self.connection, url)? else {
            return Ok(None);
        };
        let mut id = found.id;
        for _ in 0..MAX_HOPS {
            if let Some(path) = plan.path(id)? {
                return Ok(Some(path));
            }
            let mut next = self.connection.prepare_cached(
                "SELECT f.redirect_to FROM visit v JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ? AND v.url = ?",
            )?;
            let next = next.query_row([self.run, id], |row| row.get::<_, Option<i64>>(0));
            match next.optional()?.flatten() {
                Some(next) => id = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}
