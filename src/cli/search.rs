//! `crawl search`, `crawl index`.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use crawl::answers::index::{self, Indexed, Progress, Settings};
use crawl::answers::search::{self, Asked, Found, Hit, Marked, SearchError};
use crawl::answers::{Reader, csv_text, plain_json, printable};

use super::args::{IndexArgs, SearchArgs, SearchFormat};
use super::check::Line;
use super::inspect::Lines;
use super::progress::size;
use super::settings::{output, output_option};
use super::{FAILED, FINISHED, words_of};

pub(super) fn index(args: &IndexArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let mut settings = Settings::default();
    settings.distance = args.distance;
    settings.least_words = args.min_words;
    settings.rebuild = args.rebuild;
    let (indexed, time) = bring_in(&output, settings)?;
    let Indexed {
        pages,
        added,
        removed,
        clusters,
        near,
        ..
    } = indexed;
    let speed = indexed.bytes as f64 / time.as_secs_f64().max(0.001) / f64::from(1 << 20);
    show!(
        "indexed   {pages} pages: {added} taken in ({} of text in {:.1} s, {speed:.1} MiB/s), {removed} taken out",
        size(indexed.bytes),
        time.as_secs_f64()
    );
    if indexed.unread > 0 {
        show!(
            "unread    {} pages: crawl check{} says what is wrong with their files",
            indexed.unread,
            output_option(&output)
        );
    }
    if pages == 0 {
        show!("           no body of a page is in a file (was it --no-files?)");
    }
    show!("near      {near} contents in {clusters} clusters of near-duplicates");
    let option = output_option(&output);
    show!("next      crawl search{option} WORDS");
    if clusters > 0 {
        show!("          crawl query{option} near-duplicates");
    }
    Ok(FINISHED)
}

/// Brings the index up to date, with a line that says how far it is.
fn bring_in(output: &Path, settings: Settings) -> Result<(Indexed, Duration)> {
    let begun = Instant::now();
    let line = Line::begin("what is to be indexed");
    let mut watch = |progress: Progress| {
        let Progress {
            pages, of, bytes, ..
        } = progress;
        line.show(format!(
            "{pages} of {of} pages indexed, {} of text",
            size(bytes)
        ));
    };
    let indexed = index::run(output, settings, &mut watch);
    line.end();
    let indexed = indexed?;
    if indexed.rebuilt {
        say!("the index was damaged, and was made anew");
    }
    Ok((indexed, begun.elapsed()))
}

pub(super) fn search(args: &SearchArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let mut reader = Reader::open(&output)?;
    let words = args.words.join(" ");
    let mut asked = Asked::new(&words);
    asked.raw = args.raw;
    asked.host = args.host.as_deref();
    asked.limit = args.limit;
    // What cannot be asked is said before anything is worked out.
    search::check(&asked)?;
    let mut settings = Settings::default();
    if !search::is_up_to_date(&reader)? {
        reader = up_to_date(reader, &output, settings)?;
    }
    let found = match search::run(&reader, &asked) {
        Err(SearchError::Malformed) if !reader.is_written() => {
            drop(reader);
            say!("the index is damaged, and is made anew");
            settings.rebuild = true;
            bring_in(&output, settings)?;
            search::run(&Reader::open(&output)?, &asked)
        }
        found => found,
    };
    match found {
        Ok(found) => {
            show_all(&found, args, &words)?;
            Ok(FINISHED)
        }
        Err(SearchError::Crawl(error)) => Err(error.into()),
        Err(error) => {
            say!("crawl: {error}");
            Ok(FAILED)
        }
    }
}

/// Indexes what is missing, unless a crawl is writing; then that is said.
fn up_to_date(reader: Reader, output: &Path, settings: Settings) -> Result<Reader> {
    if reader.is_written() {
        let missing = search::missing(&reader)?;
        say!("a crawl is writing: {missing} pages are not in the index yet");
        return Ok(reader);
    }
    drop(reader);
    let done = bring_in(output, settings);
    let reader = Reader::open(output)?;
    match done {
        Ok((indexed, time)) if indexed.added > 0 => {
            let seconds = time.as_secs_f64();
            say!("{} pages indexed in {seconds:.1} s", indexed.added);
        }
        Ok(_) => {}
        // A medium that cannot be written, a crawl that has begun: what there is of it has to do.
        Err(error) if search::has_index(&reader)? => {
            let missing = search::missing(&reader)?;
            say!(
                "{missing} pages are not in the index, which cannot be written: {}",
                printable(&words_of(&error))
            );
        }
        Err(error) => return Err(error),
    }
    Ok(reader)
}

fn show_all(found: &Found, args: &SearchArgs, words: &str) -> Result<()> {
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    match args.format {
        SearchFormat::Table => {
            for hit in &found.hits {
                listed(hit, terminal, &mut out)?;
            }
        }
        SearchFormat::Json => {
            let hits = serde_json::to_string_pretty(&found.hits)?;
            writeln!(out, "{}", plain_json(&hits))?;
        }
        SearchFormat::Jsonl => {
            for hit in &found.hits {
                writeln!(out, "{}", plain_json(&serde_json::to_string(hit)?))?;
            }
        }
        SearchFormat::Csv if terminal => csv(&found.hits, &mut Lines::to(&mut out))?,
        SearchFormat::Csv => csv(&found.hits, &mut out)?,
    }
    out.flush()?;
    if found.hits.is_empty() {
        say!("nothing found for {}", printable(words));
    } else if found.more && matches!(args.format, SearchFormat::Table) {
        say!("there are more: --limit {}", args.limit.saturating_mul(2));
    }
    Ok(())
}

/// A page in a few lines: title and score, URL, the piece of text.
fn listed(hit: &Hit, terminal: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let plain = std::env::var_os("NO_COLOR").is_some()
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let [before, after] = if terminal && !plain {
        ["\x1b[1m", "\x1b[22m"]
    } else {
        ["**", "**"]
    };
    let text = |marked: &Marked| marked.with(before, after, printable);
    let title = if hit.marked_title.is_empty() {
        "(no title)".to_owned()
    } else {
        text(&hit.marked_title)
    };
    writeln!(out, "{title}  ({:.2})", hit.score)?;
    writeln!(out, "  {}{}", printable(&hit.url), now(hit.status))?;
    if !hit.snippet.is_empty() {
        writeln!(out, "  {}", text(&hit.snippet))?;
    }
    writeln!(out)
}

/// What is to be said of a page that is not there any more as it was read.
fn now(status: Option<u16>) -> String {
    match status {
        Some(200 | 304) => String::new(),
        Some(status) => format!("  (now {status})"),
        None => "  (now without an answer)".to_owned(),
    }
}

fn csv(hits: &[Hit], out: &mut dyn Write) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer
        .write_record(["url", "title", "status", "score", "snippet"])
        .map_err(std::io::Error::from)?;
    for hit in hits {
        let status = hit.status.map(|status| status.to_string());
        let row = [
            csv_text(&hit.url),
            csv_text(&hit.title),
            status.unwrap_or_default(),
            hit.score.to_string(),
            csv_text(&hit.snippet.with("**", "**", str::to_owned)),
        ];
        writer.write_record(row).map_err(std::io::Error::from)?;
    }
    Ok(writer.flush()?)
}
