//! The subcommands that look at an output or a setting, and `--dry-run`.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use crawl::answers::query::{self, Format, QueryError};
use crawl::answers::{Reader, printable, status};
use crawl::config::Config;
use crawl::engine::{self, Plan};
use crawl::fetch::{Fetcher, decode};
use crawl::robots::{self, Answer, Robots};
use crawl::store::schema::NAMED_VIEWS;

use super::args::{self, CompletionsArgs, InitArgs, QueryArgs, StatusArgs};
use super::help;
use super::progress::size;
use super::settings::output;
use super::{FINISHED, USAGE, write_out};

/// Width of a table that goes to a terminal whose width is not known.
const COLUMNS: usize = 100;

pub(super) fn query(args: &QueryArgs) -> Result<u8> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let Some(question) = &args.question else {
        for (name, what) in NAMED_VIEWS {
            writeln!(out, "{:<14}{what}", name.replace('_', "-"))?;
        }
        return Ok(FINISHED);
    };
    let format = match args.format {
        // Through a pipe nothing is cut.
        args::Format::Table if !std::io::stdout().is_terminal() => Format::Table(None),
        args::Format::Table => Format::Table(Some(columns())),
        args::Format::Csv => Format::Csv,
        args::Format::Json => Format::Json,
        args::Format::Jsonl => Format::JsonLines,
    };
    let reader = Reader::open(&output(args.output.as_ref())?)?;
    match query::run(&reader, question, format, &mut out) {
        Ok(()) => {}
        Err(QueryError::Crawl(error)) => return Err(error.into()),
        Err(QueryError::Write(error)) => return Err(error.into()),
        Err(error) => return Err(error.into()),
    }
    match out.flush() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(FINISHED),
        done => Ok(done.map(|()| FINISHED)?),
    }
}

fn columns() -> usize {
    terminal_size::terminal_size()
        .map_or(COLUMNS, |(terminal_size::Width(columns), _)| columns.into())
}

pub(super) fn status(args: &StatusArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.output.as_ref())?)?;
    let mut out = std::io::stdout().lock();
    let Some(status) = status::read(&reader)? else {
        writeln!(out, "nothing was crawled yet")?;
        return Ok(FINISHED);
    };
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&status)?)?;
        return Ok(FINISHED);
    }
    let pid = status
        .pid
        .map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let hint = match status.state.as_str() {
        "killed" | "stopped" => "; the same command goes on",
        "deferred" => "; the same command tries again what is deferred",
        _ => "",
    };
    writeln!(out, "run {}     {}{pid}{hint}", status.run, status.state)?;
    writeln!(out, "seeds     {}", printable(&status.seeds.join(" ")))?;
    writeln!(
        out,
        "begun     {} UTC, {} start(s), last sign of life {} UTC",
        status.begun_at, status.starts, status.heartbeat_at
    )?;
    writeln!(
        out,
        "pages     {}, by {} requests, {}",
        status.pages,
        status.requests,
        size(status.bytes)
    )?;
    writeln!(
        out,
        "queued    {}, {} of them deferred",
        status.queued, status.deferred
    )?;
    let failures: Vec<String> = status
        .failures
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    writeln!(
        out,
        "failed    {}",
        match (failures.is_empty(), status.deferred) {
            (true, 0) => "none".to_owned(),
            (true, _) => "none for good; what is deferred is tried again".to_owned(),
            _ => failures.join(", "),
        }
    )?;
    for waits in &status.waits {
        writeln!(out, "deferred  {}", super::crawl::waiting(waits))?;
    }
    if status.is_log_long() {
        writeln!(
            out,
            "log       crawl.db-wal has {}: a reader holds it; end long queries",
            size(status.log_bytes)
        )?;
    }
    for (host, why) in &status.held {
        writeln!(out, "host      {} {}", printable(host), printable(why))?;
    }
    Ok(FINISHED)
}

pub(super) fn init(args: &InitArgs) -> Result<u8> {
    let file = &args.file;
    let open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    let mut open = match open {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            say!(
                "crawl: {} is there already, and is left alone",
                file.display()
            );
            return Ok(USAGE);
        }
        open => open.with_context(|| format!("cannot write {}", file.display()))?,
    };
    open.write_all(include_bytes!("../../crawl.toml"))?;
    show!(
        "{} written: set [seeds] seed, then run: crawl",
        file.display()
    );
    Ok(FINISHED)
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "crawl", &mut script);
    write_out(&script)?;
    Ok(FINISHED)
}

/// `--dry-run`: settings, seeds, what the scope makes of them, and the answers of their robots.txt files.
pub(super) async fn dry_run(config: Config) -> Result<u8> {
    let Plan { seeds, .. } = engine::plan(&config)?;
    show!("{}", config.redacted().to_toml().trim_end());
    show!("\n# seeds");
    if seeds.is_empty() {
        return Err(crawl::Error::from(crawl::config::ConfigError::NoSeed).into());
    }
    let fetcher = Fetcher::new(&config, &seeds)
        .await
        .map_err(crawl::Error::from)?;
    let agent = robots::product_token(&config.politeness.user_agent);
    let mut asked: Vec<(crawl::canonical::Origin, String, Robots)> = Vec::new();
    for seed in &seeds {
        let origin = seed.origin();
        if !config.politeness.ignore_robots && !asked.iter().any(|known| known.0 == origin) {
            let (words, rules) = ask(&fetcher, &origin, agent).await;
            asked.push((origin.clone(), words, rules));
        }
        let robots = match asked.iter().find(|known| known.0 == origin) {
            None => "robots.txt ignored".to_owned(),
            Some((_, words, rules)) => {
                let verdict = rules.verdict(seed.path_and_query());
                let word = if verdict.allowed {
                    "allowed"
                } else {
                    "disallowed"
                };
                format!(
                    "robots.txt: {words}; {word}{}",
                    verdict
                        .rule
                        .map_or_else(String::new, |rule| format!(" by {rule:?}"))
                )
            }
        };
        show!("# {seed}  {}", printable(&robots));
    }
    Ok(FINISHED)
}

/// Asks for a robots.txt and its hops: the one thing that a dry run fetches.
async fn ask(
    fetcher: &Fetcher,
    origin: &crawl::canonical::Origin,
    agent: &str,
) -> (String, Robots) {
    let Ok(mut url) = origin.robots_url() else {
        return ("none".to_owned(), Robots::allow_all());
    };
    for hops in 0.. {
        let fetched = fetcher
            .fetch(
                &url,
                robots::MAX_BYTES as u64,
                &std::sync::atomic::AtomicU64::new(0),
            )
            .await;
        let status = fetched.status().filter(|_| fetched.error.is_none());
        let words = match (status, &fetched.detail) {
            (Some(status), _) => status.to_string(),
            (None, detail) => detail.clone().unwrap_or_else(|| "no answer".to_owned()),
        };
        let answer = Answer::from_status(status, hops);
        let head = fetched.head.unwrap_or_default();
        let target = head
            .get("location")
            .and_then(|location| crawl::canonical::Base::of(&url).join(location).ok());
        match (answer, target) {
            (Answer::Follow, Some(target)) => url = target,
            (Answer::Follow, None) => return (words, Robots::allow_all()),
            _ => {
                let encodings = head.get_all("content-encoding");
                let body =
                    decode::decode(fetched.body.clone(), &encodings, robots::MAX_BYTES as u64)
                        .map_or(fetched.body, |decoded| decoded.bytes);
                return (words, answer.robots(&body, agent));
            }
        }
    }
    ("too many redirects".to_owned(), Robots::allow_all())
}
