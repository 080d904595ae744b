//! `--dry-run`: what a crawl would begin with.

use std::sync::Arc;

use anyhow::Result;
use crawl::answers::{Reader, printable, status};
use crawl::config::Config;
use crawl::engine::{self, Plan};
use crawl::fetch::Fetcher;
use crawl::rewrite::Rewrite;
use crawl::{CanonicalUrl, scope::Scope};

use super::FINISHED;
use super::once::Once;

/// `--dry-run`: settings, seeds, what the scope makes of them, and the answers of their robots.txt files.
pub(super) async fn dry_run(config: Config) -> Result<u8> {
    let Plan {
        mut seeds,
        mut rewrite,
        mut scope,
        ..
    } = engine::plan(&config)?;
    show!("{}", config.redacted().to_toml().trim_end());
    show!("\n# seeds");
    if seeds.is_empty() {
        seeds = of_output(&config)?;
        rewrite = Arc::new(Rewrite::new(&config.scope, &seeds).map_err(crawl::Error::from)?);
        let (asked, _) = rewrite.seeds(seeds.clone());
        scope = Arc::new(Scope::new(&config.scope, &asked).map_err(crawl::Error::from)?);
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
    let fetcher = Fetcher::new(&config, &seeds)
        .await
        .map_err(crawl::Error::from)?;
    let mut once = Once::new(&config, fetcher).map_err(crawl::Error::from)?;
    for seed in &seeds {
        let robots = if config.politeness.ignore_robots {
            "robots.txt ignored".to_owned()
        } else {
            let (words, rules) = once.robots(&seed.origin()).await;
            let verdict = rules.verdict(seed.path_and_query());
            let word = if verdict.allowed {
                "allowed"
            } else {
                "disallowed"
            };
            let by = verdict.rule.map(|rule| format!(" by {rule:?}"));
            format!("robots.txt: {words}; {word}{}", by.unwrap_or_default())
        };
        let decision = scope.decide(seed);
        let place = if decision.inside {
            "in scope"
        } else {
            "out of scope"
        };
        let by = format!(" ({})", decision.rule);
        show!("# {seed}  {}", printable(&format!("{place}{by}; {robots}")));
    }
    Ok(FINISHED)
}

/// The seeds of the crawl that would go on, where none are given.
fn of_output(config: &Config) -> Result<Vec<CanonicalUrl>> {
    let output = &config.output.output;
    if config.output.fresh || !output.join(crawl::store::DATABASE).exists() {
        return Ok(Vec::new());
    }
    let status = status::read(&Reader::open(output)?)?;
    let seeds = status.map_or_else(Vec::new, |status| status.seeds);
    Ok(seeds
        .iter()
        .filter_map(|seed| CanonicalUrl::parse(seed).ok())
        .collect())
}
