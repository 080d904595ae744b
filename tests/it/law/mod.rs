//! The law of depth: with any limit but pages, bytes and time, what is fetched is a function of site and
//! settings alone, whatever the latencies, the order and the kills. Random webs with random settings are
//! crawled in every way there is, and compared with a model that knows no order.
//!
//! A failure names its case. `LAW_SEED=N` runs that case alone, `LAW_CASES=N` so many instead of the few
//! that run always.

mod found;
mod maps;
mod model;
mod served;
mod stored;
mod web;

use std::path::Path;

use crawl::Config;
use crawl::config::{Limit, Rate};

use crate::support::rows;
use model::{Refusal, Role, Solution};
use web::{Settings, Web};

/// The numbers of the cases to run.
fn cases(usual: u64) -> std::ops::Range<u64> {
    let number = |name| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().expect(name))
    };
    match (number("LAW_SEED"), number("LAW_CASES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(usual),
    }
}

impl Settings {
    /// The settings as the program has them.
    fn config(&self, urls: &[String]) -> Config {
        let mut config = Config::default();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        config.seeds.seed = self.seeds.iter().map(|&seed| urls[seed].clone()).collect();
        config.scope.scope = self.reach;
        config.scope.include = words(&self.include);
        config.scope.exclude = words(&self.exclude);
        config.scope.max_depth = Limit(self.max_depth);
        config.scope.ignore_nofollow = self.ignore_nofollow;
        config.scope.extra_hops = self.extra_hops;
        config.scope.assets = self.assets;
        config.scope.check_external = self.check_external;
        config.fetch.max_redirects = self.max_redirects;
        config.fetch.allow_private = true;
        config.politeness.rate = Rate::UNLIMITED;
        config
    }
}

/// Compares what the view of URLs ought to show with what it shows: of what is asked for, its kind,
/// depth and hops. Answers with the rows that only one side has.
fn compare(web: &Web, solution: &Solution, urls: &[String], output: &Path) -> Vec<String> {
    let any_depth = |role| role == "asset" && solution.has_page_as_asset();
    let states = solution.states().iter().enumerate();
    let wanted: Vec<String> = states
        .filter_map(|(number, state)| {
            let url = &urls[number];
            if let Some((role, near)) = state.asked_as() {
                let decision = match web.forbids(number) {
                    true => "disallowed",
                    false => "admitted",
                };
                let role = match role {
                    Role::Page => "page",
                    Role::Asset => "asset",
                    Role::Check => "check",
                };
                let depth = if any_depth(role) { 0 } else { near.depth };
                return Some(format!("{url} {decision} {role} {depth} {}", near.hops));
            }
            let decision = match state.refusal()? {
                Refusal::Excluded => "excluded",
                Refusal::Cut => "cut",
                Refusal::Linked => "linked",
            };
            Some(format!("{url} {decision}"))
        })
        .collect();
    let depth = match any_depth("asset") {
        true => "iif(kind = 'asset', 0, depth)",
        false => "depth",
    };
    let sql = format!(
        "SELECT url || ' ' || decision || iif(decision IN ('admitted', 'disallowed'), ' ' || kind || ' ' || {depth} || ' ' || hops, '')
         FROM urls ORDER BY url"
    );
    let found = rows(output, &sql);
    let missing = wanted.iter().filter(|row| !found.contains(row));
    let more = found.iter().filter(|row| !wanted.contains(row));
    let missing = missing.map(|row| format!("model   {row}"));
    missing
        .chain(more.map(|row| format!("program {row}")))
        .collect()
}

/// Runs cases and fails with all that failed.
fn all(cases: std::ops::Range<u64>, run: fn(u64) -> Vec<String>) {
    let mut failed = Vec::new();
    for case in cases {
        let different = std::panic::catch_unwind(|| run(case))
            .unwrap_or_else(|_| vec!["it ended in a panic".to_owned()]);
        if !different.is_empty() {
            failed.push(format!("LAW_SEED={case}\n{}", different.join("\n")));
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}
