//! `crawl --seed URL` and `crawl config`: flags over file over defaults, then the crawl, then what there is
//! to say about it.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgMatches;
use crawl::answers::status::{self, Waits};
use crawl::answers::{Reader, changes, printable, refresh as plan};
use crawl::config::{Config, proxy_variables};
use crawl::engine::{self, Outcome, Refreshed, Summary};
use crawl::stats::Snapshot;
use tokio::sync::watch;

use super::args::{self, CrawlArgs, RefreshArgs};
use super::progress::{self, Ended, size};
use super::settings::{for_a_shell, output_option, settings};
use super::stop::{first_signal, survive_long_files};
use super::{DEFERRED, FAILED, FINISHED, LIMIT, SEEDS_FAILED, SIGNAL, USAGE, talk};

/// Crawls, or says what it would do.
pub(super) fn run(args: &CrawlArgs, matches: &ArgMatches) -> Result<u8> {
    talk::log(args.talk.quiet, args.talk.verbose);
    talk::serve();
    let (config, source) = settings(args, matches)?;
    if let Some(words) = source.words().filter(|_| !args.talk.quiet) {
        say!("settings: {}", printable(&words));
    }
    let runtime = runtime().context(NO_THREADS)?;
    if args.talk.dry_run {
        return runtime.block_on(super::dry_run::dry_run(config));
    }
    say_the_way(&config, args.talk.quiet);
    runtime.block_on(crawl(config, &args.talk, false))
}

/// `crawl refresh`: a crawl of the URLs that are likeliest to have changed.
pub(super) fn refresh(args: &RefreshArgs, matches: &ArgMatches) -> Result<u8> {
    let talk = &args.crawl.talk;
    talk::log(talk.quiet, talk.verbose);
    talk::serve();
    let matches = matches.subcommand_matches("refresh").unwrap_or(matches);
    let (mut config, source) = settings(&args.crawl, matches)?;
    if let Some(budget) = args.budget {
        config.recrawl.budget = budget;
    }
    if let Some(words) = source.words().filter(|_| !talk.quiet) {
        say!("settings: {}", printable(&words));
    }
    engine::budget(&config)?;
    if talk.dry_run {
        return planned(&config);
    }
    let runtime = runtime().context(NO_THREADS)?;
    say_the_way(&config, talk.quiet);
    runtime.block_on(crawl(config, talk, true))
}

/// `crawl refresh --dry-run`: what would be asked for, and how likely it is to have changed.
fn planned(config: &Config) -> Result<u8> {
    let planned = plan::plan(&Reader::open(&config.output.output)?, config)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (chance, url) in &planned.urls {
        writeln!(out, "{chance:.2} {}", printable(url))?;
    }
    out.flush()?;
    say!(
        "{} of {} would be asked for; each is asked for within {}",
        planned.urls.len(),
        counted(planned.of, "URL"),
        refreshes(planned.patience)
    );
    Ok(FINISHED)
}

fn refreshes(number: u64) -> String {
    let plural = if number == 1 { "" } else { "es" };
    format!("{number} such refresh{plural}")
}

/// Computing has threads of its own, as many as cores; half as many move bytes with ease. Where that is
/// one, it is this one: then no event of a fetch has to wake another thread.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    have_threads(cores / 2 + THREADS)?;
    let mut builder = if cores <= 2 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder
        .worker_threads((cores / 2).max(1))
        .enable_all()
        .build()
}

/// Threads beside those of the runtime: progress, database, look-ups and syncing; and one that reads pages.
const THREADS: usize = 4;
const NO_THREADS: &str =
    "the system gives no more threads (ulimit -u, ulimit -v, or the limits of its container)";

/// Has so many threads for a moment: where there are none, what needs one later would only panic.
fn have_threads(wanted: usize) -> std::io::Result<()> {
    let spawn = |_| {
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let wait = move || {
            let _ = held.recv();
        };
        Ok((hold, std::thread::Builder::new().spawn(wait)?))
    };
    let threads = (0..wanted)
        .map(spawn)
        .collect::<std::io::Result<Vec<_>>>()?;
    for (hold, thread) in threads {
        drop(hold);
        let _ = thread.join();
    }
    Ok(())
}

/// `crawl config`: the settings that would be used.
pub(super) fn show_config(args: &CrawlArgs, matches: &ArgMatches) -> Result<u8> {
    let matches = matches.subcommand_matches("config").unwrap_or(matches);
    let (config, source) = settings(args, matches)?;
    engine::plan(&config)?;
    if let Some(words) = source.words() {
        show!("# over {}", printable(&words));
    }
    for line in config.redacted().to_toml().trim_end().lines() {
        show!("{}", printable(line));
    }
    Ok(FINISHED)
}

/// Says that certificates are not checked, however quiet it is to be; and names the proxies that the environment
/// sets: a crawl that goes another way than one thinks is a riddle otherwise.
fn say_the_way(config: &Config, quiet: bool) {
    if config.fetch.insecure {
        say!(
            "crawl: WARNING: certificates are not checked (--insecure): whoever is on the way can read and change \
             what is sent, passwords among it"
        );
    }
    if quiet {
        return;
    }
    if !config.fetch.proxy.is_empty() {
        say!(
            "crawl: through the proxy {}; private addresses behind it cannot be checked by name",
            config.redacted().fetch.proxy
        );
        return;
    }
    let names = proxy_variables();
    if !names.is_empty() {
        say!(
            "crawl: through the proxy that {} names; private addresses behind it cannot be checked by name",
            names.join(", ")
        );
    }
}

/// For so long the end waits for the progress to end, which a terminal may hold.
const HELD: Duration = Duration::from_secs(1);

async fn crawl(config: Config, talk: &args::TalkArgs, refresh: bool) -> Result<u8> {
    tracing::info!(output = %config.output.output.display(), "begun");
    let (sender, receiver) = watch::channel(Snapshot::default());
    let (form, quiet) = (talk.progress, talk.quiet);
    survive_long_files();
    // On a thread of its own: a terminal that is held is not to hold the crawl. Not one of the runtime's,
    // for these may be all that there are, and are wanted.
    let runtime = tokio::runtime::Handle::current();
    let (tell_end, ended) = tokio::sync::oneshot::channel();
    let _ = std::thread::Builder::new().spawn(move || {
        let last = runtime.block_on(progress::show(form, quiet, receiver));
        let _ = tell_end.send(last);
    });
    let only_changed = config.recrawl.only_changed;
    let signal = async move { first_signal(quiet).await };
    let summary = if refresh {
        engine::refresh(config, signal, sender).await
    } else {
        engine::run_watched(config, signal, sender).await
    };
    let seen = tokio::time::timeout(HELD, ended).await;
    let seen = seen.ok().and_then(Result::ok).unwrap_or_default();
    let last = summary
        .as_ref()
        .map_or(seen, |summary| summary.last.clone());
    let (end, code) = match &summary {
        Ok(summary) => end(summary),
        Err(error) if error.is_usage() => (Ended::Failed, USAGE),
        Err(_) => (Ended::Failed, FAILED),
    };
    let output = summary.as_ref().ok().map(|summary| summary.output.clone());
    let said = summary.map(|summary| {
        let done = end == Ended::Finished;
        if !quiet {
            let mut words = Vec::new();
            let _ = tell(&summary, &mut words);
            let _ = talk::write(&words);
        } else if !done {
            say!("crawl: {}", how(&summary));
        }
    });
    if talk.progress == args::Progress::Json {
        progress::say_end(&last, end, code);
    }
    said?;
    if let Some(output) = output.filter(|_| only_changed) {
        let mut out = std::io::stdout().lock();
        changes::tell(&Reader::open(&output)?, |change, url| {
            writeln!(out, "{} {}", change.as_str(), printable(url))
        })??;
        out.flush()?;
    }
    Ok(code)
}

/// How a crawl ended, as the exit code tells it.
fn end(summary: &Summary) -> (Ended, u8) {
    match summary.outcome {
        Outcome::Deferred { .. } => (Ended::Deferred, DEFERRED),
        Outcome::Limit(_) => (Ended::Limit, LIMIT),
        Outcome::Stopped => (Ended::Signal, SIGNAL),
        _ if summary.seeds_ok == 0 && !summary.seeds_failed.is_empty() => {
            (Ended::SeedsFailed, SEEDS_FAILED)
        }
        _ => (Ended::Finished, FINISHED),
    }
}

/// What is deferred of a host, and why.
pub(super) fn waiting(waits: &Waits) -> String {
    let urls = counted(waits.urls, "URL");
    format!(
        "{urls} of {}: {}",
        printable(&waits.host),
        printable(&waits.why)
    )
}

/// A number of things in words.
pub(super) fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// How a crawl ended, and what the same command would do.
fn how(summary: &Summary) -> String {
    let queued = || counted(summary.last.queued, "URL");
    let again = "the same command goes on";
    match summary.outcome {
        Outcome::Finished if end(summary).0 == Ended::SeedsFailed => {
            "finished, but every seed failed".to_owned()
        }
        Outcome::Finished => "finished".to_owned(),
        Outcome::Deferred { urls } => format!(
            "ended, {} deferred; the same command tries again",
            counted(urls, "URL")
        ),
        Outcome::Limit(limit) => {
            format!(
                "stopped by {}, {} queued; {again}",
                limit.as_str(),
                queued()
            )
        }
        _ => format!("stopped by a signal, {} queued; {again}", queued()),
    }
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
    let which = match (summary.resumed, summary.run) {
        (true, _) => " (a run that an earlier start had begun)".to_owned(),
        (false, 1) => String::new(),
        (false, run) if summary.refreshed.is_some() => {
            format!(" (run {run}: what it did not ask for is as it was found last)")
        }
        (false, run) => {
            format!(" (run {run}: the one before was finished, so this one asked what has changed)")
        }
    };
    writeln!(out, "{}{which}", how(summary))?;
    writeln!(
        out,
        "pages     {} in {:.1} s ({:.1}/s), {}, {}",
        last.pages,
        last.elapsed,
        last.pages_per_second,
        counted(last.requests, "request"),
        size(last.bytes)
    )?;
    let maps = summary.sitemaps;
    if maps.read + maps.failed > 0 {
        writeln!(
            out,
            "sitemaps  {} read, {} failed, {} named",
            maps.read,
            maps.failed,
            counted(maps.entries, "page")
        )?;
    }
    if let Some(found) = summary.recrawl {
        writeln!(
            out,
            "re-crawl  {} unchanged, {} changed, {} new, {} gone",
            found.unchanged, found.changed, found.new, found.gone
        )?;
    }
    if let Some(refreshed) = summary.refreshed {
        tell_refreshed(&refreshed, out)?;
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
    tell_waits(summary, out)?;
    // A shorter crawl was seen too seldom to tell.
    if last.elapsed > 1.0 && last.pages > 0 {
        writeln!(out, "held back by {}", last.bottleneck.as_str())?;
    }
    let at = output_option(&summary.output);
    if summary.trapped > 0 {
        writeln!(
            out,
            "traps     {} put aside: crawl query{at} traps",
            counted(summary.trapped, "URL")
        )?;
    }
    let output = summary.output.display();
    let pages = if summary.files {
        format!(" and {output}/pages/")
    } else {
        String::new()
    };
    writeln!(out, "output    {output}/crawl.db{pages}")?;
    if last.pages <= 1 && summary.outcome == Outcome::Finished && summary.recrawl.is_none() {
        let hints = Reader::open(&summary.output)
            .and_then(|reader| status::why_so_few(&reader, &at))
            .unwrap_or_default();
        for hint in hints {
            writeln!(out, "so few?   {}", printable(&hint))?;
        }
    }
    tell_next(summary, &at, out)
}

/// What a crawl that could not come to its end waits for. After a signal nothing is asked: whoever reads a database
/// leaves a log beside it, and `crawl status` says it, too.
fn tell_waits(summary: &Summary, out: &mut dyn Write) -> std::io::Result<()> {
    if !matches!(summary.outcome, Outcome::Deferred { .. }) {
        return Ok(());
    }
    let status = Reader::open(&summary.output).and_then(|reader| status::read(&reader));
    let Some(status) = status.ok().flatten() else {
        return Ok(());
    };
    if let Some(failing) = &status.failing {
        writeln!(out, "failing   {}", super::status::failing(failing))?;
    }
    for waits in &status.waits {
        writeln!(out, "deferred  {}", waiting(waits))?;
    }
    Ok(())
}

/// What a refresh has spent, and what follows of its budget.
fn tell_refreshed(refreshed: &Refreshed, out: &mut dyn Write) -> std::io::Result<()> {
    let Refreshed {
        spent,
        budget,
        urls,
        patience,
        left_over,
        ..
    } = *refreshed;
    writeln!(
        out,
        "refresh   {spent} of {budget} requests spent, {} to choose from; each is asked for within {}",
        counted(urls, "URL"),
        refreshes(patience)
    )?;
    if left_over > 0 {
        writeln!(
            out,
            "new       {} found and not asked for: the next refresh begins with them",
            counted(left_over, "URL")
        )?;
    }
    Ok(())
}

/// Three questions to ask of it.
fn tell_next(summary: &Summary, at: &str, out: &mut dyn Write) -> std::io::Result<()> {
    // Where not even a seed could be had, there is nothing else to ask about.
    if let Some((seed, _)) = summary.seeds_failed.first()
        && summary.seeds_ok == 0
    {
        writeln!(out, "next      crawl why{at} {}", for_a_shell(seed))?;
        writeln!(out, "          crawl status{at}")?;
        return writeln!(out, "          crawl query{at} errors");
    }
    writeln!(
        out,
        "next      crawl query{at} \"SELECT status, count(*) FROM pages GROUP BY status\""
    )?;
    writeln!(out, "          crawl query{at} broken-links")?;
    // What failed is asked for first.
    if summary.last.failures.is_empty() {
        let question = "SELECT url, title FROM pages WHERE depth <= 1";
        writeln!(out, "          crawl query{at} \"{question}\"")
    } else {
        writeln!(out, "          crawl query{at} errors")
    }
}
