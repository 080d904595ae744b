//! The settings of a crawl: flags laid over the file, the file over the defaults.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use crawl::config::{Config, Reach};

use super::args::{self, CrawlArgs};

/// The file that is read where no other is named.
const DEFAULT_FILE: &str = "crawl.toml";

/// Flags over file over defaults; and which file.
pub(super) fn settings(
    args: &CrawlArgs,
    matches: &ArgMatches,
) -> Result<(Config, Option<PathBuf>)> {
    let given = |name: &str| {
        matches
            .value_source(name)
            .is_some_and(|source| source != ValueSource::DefaultValue)
    };
    let seeds_given = given("seed") || given("input_file");
    let file = match &args.seeds.config {
        Some(file) => Some(file.clone()),
        None if !seeds_given && Path::new(DEFAULT_FILE).exists() => {
            Some(PathBuf::from(DEFAULT_FILE))
        }
        None => None,
    };
    let mut config = match &file {
        Some(file) => Config::read(file).map_err(::crawl::Error::from)?,
        None => Config::default(),
    };
    lay_over(&mut config, args, seeds_given);
    Ok((config, file))
}

fn lay_over(config: &mut Config, args: &CrawlArgs, seeds_given: bool) {
    fn set<T: Clone>(target: &mut T, flag: Option<&T>) {
        if let Some(value) = flag {
            target.clone_from(value);
        }
    }
    if seeds_given {
        config.seeds.seed.clone_from(&args.seeds.seed);
        config.seeds.input_file = args.seeds.input_file.clone().unwrap_or_default();
    }
    config.seeds.add |= args.seeds.add;
    let (scope, given) = (&mut config.scope, &args.scope);
    if let Some(reach) = given.scope {
        scope.scope = match reach {
            args::Reach::Page => Reach::Page,
            args::Reach::Prefix => Reach::Prefix,
            args::Reach::Host => Reach::Host,
            args::Reach::Domain => Reach::Domain,
            args::Reach::Any => Reach::Any,
        };
    }
    set(
        &mut scope.include,
        Some(&given.include).filter(|list| !list.is_empty()),
    );
    set(
        &mut scope.exclude,
        Some(&given.exclude).filter(|list| !list.is_empty()),
    );
    set(&mut scope.max_depth, given.max_depth.as_ref());
    set(&mut scope.extra_hops, given.extra_hops.as_ref());
    set(&mut scope.max_pages, given.max_pages.as_ref());
    set(
        &mut scope.max_pages_per_host,
        given.max_pages_per_host.as_ref(),
    );
    set(&mut scope.quota, given.quota.as_ref());
    set(
        &mut scope.content_types,
        Some(&given.content_types).filter(|list| !list.is_empty()),
    );
    scope.assets |= given.assets;
    scope.check_external |= given.check_external;
    set(&mut scope.time_limit, given.time_limit.as_ref());
    scope.ignore_nofollow |= given.ignore_nofollow;
    let (politeness, given) = (&mut config.politeness, &args.politeness);
    set(&mut politeness.rate, given.rate.as_ref());
    set(&mut politeness.burst, given.burst.as_ref());
    set(
        &mut politeness.host_concurrency,
        given.host_concurrency.as_ref(),
    );
    set(&mut politeness.concurrency, given.concurrency.as_ref());
    set(&mut politeness.global_rate, given.global_rate.as_ref());
    politeness.ignore_robots |= given.ignore_robots;
    set(&mut politeness.user_agent, given.user_agent.as_ref());
    let (fetch, given) = (&mut config.fetch, &args.fetch);
    set(&mut fetch.timeout, given.timeout.as_ref());
    set(&mut fetch.connect_timeout, given.connect_timeout.as_ref());
    set(&mut fetch.read_timeout, given.read_timeout.as_ref());
    set(&mut fetch.retries, given.retries.as_ref());
    set(&mut fetch.max_body, given.max_body.as_ref());
    set(&mut fetch.max_redirects, given.max_redirects.as_ref());
    set(
        &mut fetch.header,
        Some(&given.header).filter(|list| !list.is_empty()),
    );
    set(&mut fetch.proxy, given.proxy.as_ref());
    fetch.insecure |= given.insecure;
    fetch.allow_private |= given.allow_private;
    set(&mut config.output.output, args.output.output.as_ref());
    config.output.files &= !args.output.no_files;
    config.output.fresh |= args.output.fresh;
}
