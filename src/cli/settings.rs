//! The settings of a crawl: flags laid over the file, the file over the defaults.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use crawl::answers::{Reader, printable};
use crawl::config::{
    By, Config, ConfigError, Durability, FetchConfig, Politeness, Purpose, Reach, ScopeConfig,
    Sequence, Sitemaps,
};
use crawl::store::DATABASE;

use super::args::{self, CrawlArgs};

/// The file that is read where no other is named.
const DEFAULT_FILE: &str = "crawl.toml";

/// Where the settings come from that flags lie over.
pub(super) enum Source {
    /// The defaults.
    Defaults,
    /// This file.
    File(PathBuf),
    /// The last start of the crawl in this directory; of it, secrets under these keys are not known.
    Output(PathBuf, Vec<&'static str>),
}

impl Source {
    /// In words; `None` for the defaults.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Defaults => None,
            Self::File(file) => Some(file.display().to_string()),
            Self::Output(directory, _) => {
                Some(format!("as at the last start of {}", directory.display()))
            }
        }
    }
}

/// Flags over the file, or over what the last start of the crawl had that goes on, over defaults; and what
/// they lie over.
pub(super) fn settings(args: &CrawlArgs, matches: &ArgMatches) -> Result<(Config, Source)> {
    let given = |name: &str| {
        matches
            .value_source(name)
            .is_some_and(|source| source != ValueSource::DefaultValue)
    };
    let seeds_given = given("seed") || given("input_file") || given("sitemap");
    let file = match &args.seeds.config {
        Some(file) => Some(file.clone()),
        None if !seeds_given && Path::new(DEFAULT_FILE).exists() => {
            Some(PathBuf::from(DEFAULT_FILE))
        }
        None => None,
    };
    let (mut config, source) = match file {
        Some(file) => {
            let config = Config::read(&file).map_err(::crawl::Error::from)?;
            (config, Source::File(file))
        }
        None if seeds_given => (Config::default(), Source::Defaults),
        None => of_output(args.output.output.as_ref())?,
    };
    lay_over(&mut config, args, seeds_given);
    if let Source::Output(directory, missing) = &source {
        // To go on without a password, or past a proxy, is not what was begun.
        let flag = |key: &str| match key {
            "fetch.header" => given("header"),
            "fetch.user" => given("user"),
            "fetch.proxy" => given("proxy"),
            _ => false,
        };
        let lost = missing.iter().find(|key| !flag(key));
        if let Some(key) = lost {
            let message = format!(
                "the last start of {} had a secret there, which is not stored: give it again, or the file with --config, or use ${{NAME}}",
                directory.display()
            );
            return Err(lost_secret(key, message).into());
        }
    }
    Ok((config, source))
}

fn lost_secret(key: &str, message: String) -> ::crawl::Error {
    let key = key.to_owned();
    let value = "<redacted>".to_owned();
    ConfigError::Value {
        key,
        value,
        message,
    }
    .into()
}

/// The settings with which the crawl of an output was started last: with neither seeds nor a file, it is
/// that crawl which is to go on.
fn of_output(given: Option<&PathBuf>) -> Result<(Config, Source)> {
    let default = Config::default();
    let directory = given.unwrap_or(&default.output.output);
    if !directory.join(DATABASE).exists() {
        return Ok((default, Source::Defaults));
    }
    let Some(mut config) = Reader::open(directory)?.settings()? else {
        return Ok((default, Source::Defaults));
    };
    let missing = config.forget_redacted();
    // Those are its own, and were for that start alone.
    config.seeds = default.seeds;
    config.output.output.clone_from(directory);
    config.output.fresh = false;
    let source = Source::Output(directory.clone(), missing);
    Ok((config, source))
}

/// The output that a command asks: the one that is given, else that of the crawl.toml that is here (and
/// then it says so), else the default.
pub(super) fn output(given: Option<&PathBuf>) -> Result<PathBuf> {
    let file = Path::new(DEFAULT_FILE);
    match given {
        Some(given) => Ok(given.clone()),
        None if file.exists() => {
            let output = Config::read(file)
                .map_err(::crawl::Error::from)?
                .output
                .output;
            if output != Config::default().output.output {
                say!("output: {} ({DEFAULT_FILE})", output.display());
            }
            Ok(output)
        }
        None => Ok(Config::default().output.output),
    }
}

/// What a command must be given to ask an output: nothing for the one that it would ask anyway, ` -o DIR`
/// for another, quoted for a shell where it must be.
pub(super) fn output_option(output: &Path) -> String {
    if output == Config::default().output.output && !Path::new(DEFAULT_FILE).exists() {
        return String::new();
    }
    format!(" -o {}", for_a_shell(&output.to_string_lossy()))
}

/// An argument as a shell is to be given it, harmless to a terminal.
pub(super) fn for_a_shell(argument: &str) -> String {
    let argument = printable(argument);
    let plain = |c: char| c.is_alphanumeric() || "._-/\\:+,@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

fn set<T: Clone>(target: &mut T, flag: Option<&T>) {
    if let Some(value) = flag {
        target.clone_from(value);
    }
}

fn lay_over(config: &mut Config, args: &CrawlArgs, seeds_given: bool) {
    if seeds_given {
        config.seeds.seed.clone_from(&args.seeds.seed);
        config.seeds.input_file = args.seeds.input_file.clone().unwrap_or_default();
        config.seeds.sitemap.clone_from(&args.seeds.sitemap);
    }
    set(&mut config.seeds.add, args.seeds.add.as_ref());
    lay_over_scope(&mut config.scope, &args.scope);
    lay_over_politeness(&mut config.politeness, &args.politeness);
    lay_over_fetch(&mut config.fetch, &args.fetch);
    let (parse, given) = (&mut config.parse, &args.parse);
    set(&mut parse.max_links, given.max_links.as_ref());
    set(&mut parse.max_title, given.max_title.as_ref());
    set(&mut parse.max_anchor, given.max_anchor.as_ref());
    let (recrawl, given) = (&mut config.recrawl, &args.recrawl);
    set(&mut recrawl.max_age, given.max_age.as_ref());
    set(&mut recrawl.only_changed, given.only_changed.as_ref());
    let (output, given) = (&mut config.output, &args.output);
    set(&mut output.output, given.output.as_ref());
    set(&mut output.files, given.no_files.map(|no| !no).as_ref());
    set(&mut output.fresh, given.fresh.as_ref());
    if let Some(durability) = given.durability {
        output.durability = match durability {
            args::Durability::Normal => Durability::Normal,
            args::Durability::Full => Durability::Full,
        };
    }
}

fn lay_over_scope(scope: &mut ScopeConfig, given: &args::ScopeArgs) {
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
    set(&mut scope.assets, given.assets.as_ref());
    set(&mut scope.check_external, given.check_external.as_ref());
    set(&mut scope.time_limit, given.time_limit.as_ref());
    set(&mut scope.ignore_nofollow, given.ignore_nofollow.as_ref());
    set(&mut scope.ignore_traps, given.ignore_traps.as_ref());
    set(&mut scope.trap_budget, given.trap_budget.as_ref());
    set(&mut scope.max_url_length, given.max_url_length.as_ref());
    set(
        &mut scope.max_path_segments,
        given.max_path_segments.as_ref(),
    );
    if let Some(order) = given.order {
        scope.order = match order {
            args::Sequence::BreadthFirst => Sequence::BreadthFirst,
            args::Sequence::DepthFirst => Sequence::DepthFirst,
            args::Sequence::Score => Sequence::Score,
        };
    }
    set(
        &mut scope.strip_params,
        Some(&given.strip_params).filter(|list| !list.is_empty()),
    );
    set(&mut scope.https_upgrade, given.https_upgrade.as_ref());
    set(&mut scope.fold_www, given.fold_www.as_ref());
    set(
        &mut scope.sitemaps,
        given.sitemaps.map(Sitemaps::from).as_ref(),
    );
    set(&mut scope.sitemap_since, given.sitemap_since.as_ref());
}

fn lay_over_politeness(politeness: &mut Politeness, given: &args::PolitenessArgs) {
    if let Some(by) = given.by {
        politeness.by = match by {
            args::By::Host => By::Host,
            args::By::Domain => By::Domain,
            args::By::Ip => By::Ip,
        };
    }
    set(&mut politeness.rate, given.rate.as_ref());
    set(&mut politeness.adaptive, given.adaptive.as_ref());
    set(&mut politeness.burst, given.burst.as_ref());
    set(
        &mut politeness.host_concurrency,
        given.host_concurrency.as_ref(),
    );
    set(&mut politeness.concurrency, given.concurrency.as_ref());
    set(&mut politeness.global_rate, given.global_rate.as_ref());
    set(&mut politeness.random_wait, given.random_wait.as_ref());
    set(&mut politeness.contact, given.contact.as_ref());
    set(&mut politeness.ignore_robots, given.ignore_robots.as_ref());
    if let Some(purpose) = given.purpose {
        politeness.purpose = match purpose {
            args::Purpose::None => Purpose::Unsaid,
            args::Purpose::Search => Purpose::Search,
            args::Purpose::AiInput => Purpose::AiInput,
            args::Purpose::AiTrain => Purpose::AiTrain,
        };
    }
    set(&mut politeness.user_agent, given.user_agent.as_ref());
    set(
        &mut politeness.max_crawl_delay,
        given.max_crawl_delay.as_ref(),
    );
    set(&mut politeness.max_hold, given.max_hold.as_ref());
    set(&mut politeness.max_failures, given.max_failures.as_ref());
}

fn lay_over_fetch(fetch: &mut FetchConfig, given: &args::FetchArgs) {
    set(&mut fetch.timeout, given.timeout.as_ref());
    set(&mut fetch.connect_timeout, given.connect_timeout.as_ref());
    set(&mut fetch.read_timeout, given.read_timeout.as_ref());
    set(&mut fetch.retries, given.retries.as_ref());
    set(&mut fetch.retry_wait, given.retry_wait.as_ref());
    set(&mut fetch.max_body, given.max_body.as_ref());
    set(&mut fetch.max_redirects, given.max_redirects.as_ref());
    set(
        &mut fetch.header,
        Some(&given.header).filter(|list| !list.is_empty()),
    );
    set(&mut fetch.cookies, given.cookies.as_ref());
    set(&mut fetch.user, given.user.as_ref());
    set(&mut fetch.client_cert, given.client_cert.as_ref());
    set(&mut fetch.proxy, given.proxy.as_ref());
    set(
        &mut fetch.resolve,
        Some(&given.resolve).filter(|list| !list.is_empty()),
    );
    set(&mut fetch.insecure, given.insecure.as_ref());
    set(&mut fetch.allow_private, given.allow_private.as_ref());
    set(&mut fetch.stop_grace, given.stop_grace.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_for_a_shell() {
        for (output, wanted) in [
            ("out/two", " -o out/two"),
            ("my out", " -o 'my out'"),
            ("it's", " -o 'it'\\''s'"),
        ] {
            assert_eq!(output_option(Path::new(output)), wanted);
        }
    }
}
