//! `crawl --seed URL` and `crawl config`: flags over file over defaults, then the crawl, then what there is
//! to say about it.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use clap::ArgMatches;
use crawl::answers::{Reader, printable, status};
use crawl::config::Config;
use crawl::engine::{self, Outcome, Summary};
use crawl::stats::Snapshot;
use tokio::sync::watch;

use super::args::{self, CrawlArgs};
use super::progress::{self, size};
use super::settings::{output_option, settings};
use super::{DEFERRED, FINISHED, LIMIT, SEEDS_FAILED, SIGNAL};

/// Crawls, or says what it would do.
pub(super) fn run(args: &CrawlArgs, matches: &ArgMatches) -> Result<u8> {
    log(&args.talk);
    let (config, source) = settings(args, matches)?;
    if let Some(words) = source.words().filter(|_| !args.talk.quiet) {
        say!("settings: {}", printable(&words));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if args.talk.dry_run {
        return runtime.block_on(super::inspect::dry_run(config));
    }
    say_proxies(&config, args.talk.quiet);
    runtime.block_on(crawl(config, &args.talk))
}

/// `crawl config`: the settings that would be used.
pub(super) fn show_config(args: &CrawlArgs, matches: &ArgMatches) -> Result<u8> {
    let matches = matches.subcommand_matches("config").unwrap_or(matches);
    let (config, source) = settings(args, matches)?;
    engine::plan(&config)?;
    if let Some(words) = source.words() {
        show!("# over {}", printable(&words));
    }
    show!("{}", config.redacted().to_toml().trim_end());
    Ok(FINISHED)
}

fn log(talk: &args::TalkArgs) {
    let default = match (talk.quiet, talk.verbose) {
        (true, _) => "error",
        (_, 0) => "crawl=warn",
        (_, 1) => "crawl=info",
        _ => "crawl=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CRAWL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // URLs and words of servers are among the values: the subscriber escapes control characters.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .log_internal_errors(false)
        .try_init();
}

/// Names the proxies that the environment sets: a crawl that goes another way than one thinks is a
/// riddle otherwise.
fn say_proxies(config: &Config, quiet: bool) {
    if quiet {
        return;
    }
    if config.fetch.insecure {
        say!("crawl: certificates are not checked (--insecure)");
    }
    if !config.fetch.proxy.is_empty() {
        say!(
            "crawl: through the proxy {}; private addresses behind it cannot be checked by name",
            config.redacted().fetch.proxy
        );
        return;
    }
    let set = [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ]
    .into_iter()
    .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let names: Vec<&str> = set.collect();
    if !names.is_empty() {
        say!(
            "crawl: through the proxy that {} names; private addresses behind it cannot be checked by name",
            names.join(", ")
        );
    }
}

async fn crawl(config: Config, talk: &args::TalkArgs) -> Result<u8> {
    let (sender, receiver) = watch::channel(Snapshot::default());
    let shown = tokio::spawn(progress::show(talk.progress, talk.quiet, receiver));
    let quiet = talk.quiet;
    let summary =
        engine::run_watched(config, async move { first_signal(quiet).await }, sender).await;
    let _ = shown.await;
    let summary = summary?;
    if !talk.quiet {
        let _ = tell(&summary, &mut std::io::stderr().lock());
    }
    Ok(match summary.outcome {
        Outcome::Deferred { .. } => DEFERRED,
        Outcome::Limit(_) => LIMIT,
        Outcome::Stopped => SIGNAL,
        _ if summary.seeds_ok == 0 && !summary.seeds_failed.is_empty() => SEEDS_FAILED,
        _ => FINISHED,
    })
}

/// Completes at the first Ctrl-C or SIGTERM; the second ends the program at once, which the store
/// bears like any other kill.
async fn first_signal(quiet: bool) {
    signal().await;
    if !quiet {
        say!("crawl: stopping; what is under way has a few seconds (again: stop at once)");
    }
    tokio::spawn(async {
        signal().await;
        std::process::exit(i32::from(SIGNAL));
    });
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A number of things in words.
fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The end of a crawl, to act on.
fn tell(summary: &Summary, out: &mut dyn Write) -> std::io::Result<()> {
    let last = &summary.last;
    if let Some(aside) = &summary.moved_to {
        writeln!(
            out,
            "moved     the crawl that was here is in {} now",
            aside.display()
        )?;
    }
    let again = "the same command goes on";
    let how = match summary.outcome {
        Outcome::Finished => "finished".to_owned(),
        Outcome::Deferred { urls } => {
            format!(
                "ended, {} deferred: their hosts do not answer; the same command tries again",
                counted(urls, "URL")
            )
        }
        Outcome::Limit(limit) => {
            format!(
                "stopped by {}, {} queued; {again}",
                limit.as_str(),
                counted(last.queued, "URL")
            )
        }
        _ => format!(
            "stopped by a signal, {} queued; {again}",
            counted(last.queued, "URL")
        ),
    };
    let which = match (summary.resumed, summary.run) {
        (true, _) => " (a run that an earlier start had begun)".to_owned(),
        (false, 1) => String::new(),
        (false, run) => {
            format!(" (run {run}: the one before was finished, so this one asked what has changed)")
        }
    };
    writeln!(out, "{how}{which}")?;
    writeln!(
        out,
        "pages     {} in {:.1} s ({:.1}/s), {}, {}",
        last.pages,
        last.elapsed,
        last.pages_per_second,
        counted(last.requests, "request"),
        size(last.bytes)
    )?;
    if let Some(found) = summary.recrawl {
        writeln!(
            out,
            "re-crawl  {} unchanged, {} changed, {} new, {} gone",
            found.unchanged, found.changed, found.new, found.gone
        )?;
    }
    let failures: Vec<String> = summary
        .failures()
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    if !failures.is_empty() {
        writeln!(out, "failed    {}", failures.join(", "))?;
    }
    for (seed, why) in summary.seeds_failed.iter().take(5) {
        writeln!(
            out,
            "seed      {} failed: {}",
            printable(seed),
            printable(why)
        )?;
    }
    // A shorter crawl was seen too seldom to tell.
    if last.elapsed > 1.0 && last.pages > 0 {
        writeln!(out, "held back by {}", last.bottleneck.as_str())?;
    }
    let output = summary.output.display();
    let pages = if summary.files {
        format!(" and {output}/pages/")
    } else {
        String::new()
    };
    writeln!(out, "output    {output}/crawl.db{pages}")?;
    let at = output_option(&summary.output);
    if last.pages <= 1 && summary.outcome == Outcome::Finished {
        let hints = Reader::open(&summary.output)
            .and_then(|reader| status::why_so_few(&reader, &at))
            .unwrap_or_default();
        for hint in hints {
            writeln!(out, "so few?   {}", printable(&hint))?;
        }
    }
    writeln!(
        out,
        "next      crawl query{at} \"SELECT status, count(*) FROM pages GROUP BY status\""
    )?;
    writeln!(out, "          crawl query{at} broken-links")?;
    writeln!(
        out,
        "          crawl query{at} \"SELECT url, title FROM pages WHERE depth <= 1\""
    )
}
