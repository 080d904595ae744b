//! The command line: flags laid over the config, the progress line, words to the user, exit codes.

/// A line to the user; that nobody reads it any more is no reason to stop.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = $crate::cli::talk::write(format!("{}\n", format_args!($($words)*)).as_bytes());
    }};
}

/// A line of what was asked for; likewise.
macro_rules! show {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod args;
mod audit;
mod cat;
mod check;
mod crawl;
mod diff;
mod dry_run;
mod export;
mod extract;
mod help;
mod inspect;
mod once;
mod outlet;
mod progress;
mod prune;
mod query;
mod report;
mod search;
mod settings;
mod spool;
mod status;
mod stop;
mod talk;
mod usage;
mod why;

use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Cli, Command};

/// Everything is done.
pub(crate) const FINISHED: u8 = 0;
/// It could not go on.
pub(crate) const FAILED: u8 = 1;
/// Something else should have been asked for.
pub(crate) const USAGE: u8 = 2;
/// Everything is done, and every seed failed.
pub(crate) const SEEDS_FAILED: u8 = 3;
/// What is left belongs to hosts that do not answer.
pub(crate) const DEFERRED: u8 = 4;
/// The answer is there, and a check that it was to be held to failed.
pub(crate) const CHECKED: u8 = 5;
/// A limit was reached.
pub(crate) const LIMIT: u8 = 11;
/// Stopped by a signal.
pub(crate) const SIGNAL: u8 = 130;

/// Reads the command line and does what it says.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let read = || {
        let matches = help::command().try_get_matches()?;
        Ok((Cli::from_arg_matches(&matches)?, matches))
    };
    let (cli, matches) = match read() {
        Ok(read) => read,
        Err(error) => return usage::refuse(&error),
    };
    let done = match &cli.command {
        None if cli.short_help => write_out(help::SHORT.as_bytes())
            .and_then(|()| write_out(b"\n"))
            .map(|()| FINISHED)
            .map_err(Into::into),
        None => crawl::run(&cli.crawl, &matches),
        Some(Command::Query(args)) => query::query(args),
        Some(Command::Status(args)) => status::run(args),
        Some(Command::Why(args)) => why::why(args),
        Some(Command::Audit(args)) => audit::audit(args),
        Some(Command::Check(args)) => check::check(args),
        Some(Command::Cat(args)) => cat::cat(args),
        Some(Command::Refresh(args)) => crawl::refresh(args, &matches),
        Some(Command::Prune(args)) => prune::prune(args),
        Some(Command::Search(args)) => search::search(args),
        Some(Command::Index(args)) => search::index(args),
        Some(Command::Rank(args)) => cat::rank(args),
        Some(Command::Report(args)) => report::report(args),
        Some(Command::Export(args)) => export::export(args),
        Some(Command::Diff(args)) => diff::diff(args),
        Some(Command::Extract(args)) => extract::extract(args),
        Some(Command::Init(args)) => inspect::init(args),
        Some(Command::Config(args)) => crawl::show_config(args, &matches),
        Some(Command::Completions(args)) => inspect::completions(args),
        Some(Command::Man(args)) => help::man(args),
    };
    let code = done.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return FINISHED;
        }
        say!("crawl: {}", ::crawl::answers::printable(&words_of(&error)));
        let usage = error
            .downcast_ref::<::crawl::Error>()
            .is_some_and(::crawl::Error::is_usage);
        if usage { USAGE } else { FAILED }
    });
    talk::flush();
    ExitCode::from(code)
}

/// Writes what was asked for, whole; [`main`] knows what to make of a reader that has gone.
fn write_out(bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// An error in words. The library's tell their causes themselves.
fn words_of(error: &anyhow::Error) -> String {
    match error.downcast_ref::<::crawl::Error>() {
        Some(error) => error.to_string(),
        None => format!("{error:#}"),
    }
}

/// Whether whoever read the answer has gone: that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
