//! `--dry-run`: what a crawl would begin with.

use std::sync::Arc;

use anyhow::Result;
use crawl::answers::{Reader, printable, status};
use crawl::config::{Config, Seed};
use crawl::engine::{self, Plan};
use crawl::fetch::Fetcher;
use crawl::rewrite::Rewrite;
use crawl::scope::Scope;

use super::FINISHED;
use super::crawl::counted;
use super::once::Once;

/// `--dry-run`: settings, seeds, what the scope makes of them, and the answers of their robots.txt files.
pub(super) async fn dry_run(config: Config) -> Result<u8> {
    let Plan {
        mut seeds,
        mut rewrite,
        mut scope,
        ..
    } = engine::plan(&config)?;
    for line in config.redacted().to_toml().trim_end().lines() {
        show!("{}", printable(line));
    }
    show!("\n# seeds");
    if seeds.is_empty() {
        seeds = of_output(&config)?;
        let urls = Seed::urls(&seeds);
        rewrite = Arc::new(Rewrite::new(&config.scope, &urls).map_err(crawl::Error::from)?);
        let anchors = Seed::anchors(&rewrite.seeds(seeds.clone()).0);
        scope = Arc::new(Scope::new(&config.scope, &anchors).map_err(crawl::Error::from)?);
    }
    if seeds.is_empty() {
        return Err(crawl::Error::from(crawl::config::ConfigError::NoSeed).into());
    }
    let (seeds, rewritten) = rewrite.seeds(seeds);
    for seed in rewritten {
        let line = format!(
            "{} is asked for as {} ({})",
            seed.written, seed.url, seed.rule
        );
        show!("# {}", printable(&line));
    }
    let fetcher = Fetcher::new(&config, &Seed::urls(&seeds))
        .await
        .map_err(crawl::Error::from)?;
    let mut once = Once::new(&config, fetcher).map_err(crawl::Error::from)?;
    for seed in &seeds {
        let url = seed.url();
        let robots = if config.politeness.ignore_robots {
            "robots.txt ignored".to_owned()
        } else {
            let (words, rules) = once.robots(&url.origin()).await;
            let verdict = rules.verdict(url.path_and_query());
            let word = if verdict.allowed {
                "allowed"
            } else {
                "disallowed"
            };
            let by = verdict.rule.map(|rule| format!(" by {rule:?}"));
            let maps = match rules.sitemaps().len() {
                0 => String::new(),
                named => format!("; names {}", counted(named as u64, "sitemap")),
            };
            format!(
                "robots.txt: {words}; {word}{}{maps}",
                by.unwrap_or_default()
            )
        };
        let decision = scope.decide(url);
        // What is named as a seed is asked for wherever it is.
        let (place, by) = match decision.inside {
            true => ("in scope", format!(" ({})", decision.rule)),
            false if seed.is_sitemap() => ("a seed", String::new()),
            false => ("out of scope", format!(" ({})", decision.rule)),
        };
        show!("# {seed}  {}", printable(&format!("{place}{by}; {robots}")));
    }
    Ok(FINISHED)
}

/// The seeds of the crawl that would go on, where none are given.
fn of_output(config: &Config) -> Result<Vec<Seed>> {
    let output = &config.output.output;
    if config.output.fresh || !output.join(crawl::store::DATABASE).exists() {
        return Ok(Vec::new());
    }
    let status = status::read(&Reader::open(output)?)?;
    let seeds = status.map_or_else(Vec::new, |status| status.seeds);
    Ok(seeds
        .iter()
        .filter_map(|seed| Seed::from_stored(seed))
        .collect())
}
