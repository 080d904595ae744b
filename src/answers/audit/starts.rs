//! The starts of a run: who asked, and within which limits.

use rusqlite::Connection;
use serde::Deserialize;
use tokio_rusqlite::rusqlite;

use super::asked::Asked;
use super::report::StartFigures;
use super::{Micros, millis, time};
use crate::canonical::Host;
use crate::config::{Config, HostConfig, Politeness, Purpose};
use crate::frontier::Paces;
use crate::politeness::Limits;
use crate::robots::{Robots, product_token};

/// Which runs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Runs {
    /// The latest.
    #[default]
    Latest,
    /// This one.
    One(i64),
    /// All that the database has.
    All,
}

/// As whom a start asked: what decides which lines of a robots.txt are for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) token: String,
    pub(super) purpose: Purpose,
}

impl Asker {
    /// The rules of a stored robots.txt: an answer other than 2xx allows everything.
    pub(super) fn rules(&self, status: Option<u16>, body: &[u8]) -> Robots {
        match status {
            Some(200..=299) => Robots::for_purpose(body, &self.token, self.purpose),
            _ => Robots::allow_all(),
        }
    }
}

/// What of the settings an audit needs. The rest may be redacted so that it is not valid any more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kept {
    politeness: Politeness,
    host: Vec<HostConfig>,
}

/// A start of the program.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) id: i64,
    pub(super) run: i64,
    pub(super) begun: Micros,
    pub(super) version: String,
    pub(super) politeness: Politeness,
    /// `None` where the settings cannot be read.
    pub(super) paces: Option<Paces>,
    /// Place among [`Starts::askers`].
    pub(super) asker: usize,
    pub(super) requests: u64,
}

impl Start {
    /// When limits began without a token, for a request at a time: what an earlier start may have asked
    /// of a host counts. The first start had nothing to wait for.
    pub(super) fn empty_at(&self, at: Micros) -> Option<Micros> {
        (self.id > 1 && self.begun <= at).then_some(self.begun)
    }

    /// Whether its limits hold from a request on, where those of the start at `here` held before. A row
    /// that says it is of an earlier start does not bring its limits back, nor does one before the begin of
    /// its start.
    pub(super) fn is_entered(&self, here: Option<u32>, request: &Asked) -> bool {
        here.is_none_or(|here| here < request.start && self.begun <= request.started)
    }

    /// The limits of a host in this start.
    pub(super) fn limits(&self, host: &Host) -> Option<Limits> {
        self.paces.as_ref().map(|paces| paces.of(host))
    }

    pub(super) fn figures(&self) -> StartFigures {
        StartFigures {
            start: self.id,
            run: self.run,
            begun_at: time(self.begun),
            version: self.version.clone(),
            user_agent: self.politeness.agent(),
            product_token: product_token(&self.politeness.user_agent).to_owned(),
            contact: self.politeness.contact.clone(),
            ignore_robots: self.politeness.ignore_robots,
            concurrency: self.politeness.concurrency,
            global_interval_ms: self.politeness.global_rate.interval().map(millis),
            requests: Some(self.requests),
        }
    }
}

/// The starts of the runs that are looked at, in order.
#[derive(Debug, Default)]
pub(super) struct Starts {
    pub(super) list: Vec<Start>,
    pub(super) runs: Vec<i64>,
    pub(super) seeds: Vec<String>,
    /// As whom they asked.
    pub(super) askers: Vec<Asker>,
}

impl Starts {
    pub(super) fn read(connection: &Connection, runs: Runs) -> rusqlite::Result<Self> {
        let sql = "SELECT s.id, s.run, s.begun, s.version, s.config, r.seeds FROM start s JOIN run r ON r.id = s.run
                   WHERE r.pruned IS NULL AND (?1 IS NULL OR s.run = ?1) ORDER BY s.id";
        let run = match runs {
            Runs::All => None,
            Runs::One(run) => Some(run),
            Runs::Latest => Some(connection.query_row(
                "SELECT coalesce(max(id), 0) FROM run",
                [],
                |row| row.get(0),
            )?),
        };
        let mut starts = Self::default();
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            let (config, seeds): (String, String) = (row.get(4)?, row.get(5)?);
            let (politeness, paces) = settings(&config);
            let start = Start {
                id: row.get(0)?,
                run: row.get(1)?,
                begun: row.get(2)?,
                version: row.get(3)?,
                asker: starts.asker(&politeness),
                politeness,
                paces,
                requests: 0,
            };
            if starts.runs.last() != Some(&start.run) {
                starts.runs.push(start.run);
                let seeds: Vec<String> = serde_json::from_str(&seeds).unwrap_or_default();
                for seed in seeds {
                    if !starts.seeds.contains(&seed) {
                        starts.seeds.push(seed);
                    }
                }
            }
            starts.list.push(start);
        }
        Ok(starts)
    }

    fn asker(&mut self, politeness: &Politeness) -> usize {
        let asker = Asker {
            token: product_token(&politeness.user_agent).to_owned(),
            purpose: politeness.purpose,
        };
        let known = self.askers.iter().position(|known| *known == asker);
        known.unwrap_or_else(|| {
            self.askers.push(asker);
            self.askers.len() - 1
        })
    }

    /// The place of a start by its number.
    pub(super) fn index(&self, id: i64) -> Option<usize> {
        self.list.binary_search_by_key(&id, |start| start.id).ok()
    }
}

fn settings(text: &str) -> (Politeness, Option<Paces>) {
    let Ok(kept) = toml::from_str::<Kept>(text) else {
        return (Politeness::default(), None);
    };
    let config = Config {
        politeness: kept.politeness,
        host: kept.host,
        ..Config::default()
    };
    let paces = Paces::new(&config).ok();
    (config.politeness, paces)
}
