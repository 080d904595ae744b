//! `crawl diff`: what has changed from one run, or one crawl, to another.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use crawl::answers::diff::{
    self, Asked, Aspect, Counts, Format, Kind, Options, Pair, Shown, detail, write_detail,
};
use crawl::config::nearest;

use super::args::{DiffArgs, DiffFormat};
use super::check::Line;
use super::inspect::{columns, shown};
use super::settings::output;
use super::{CHECKED, FINISHED, USAGE};

/// URLs of each kind that are shown where people read.
const LISTED: u64 = 100;
/// URLs of each kind on a page.
const ON_A_PAGE: u64 = 1000;

/// The end of `--help`.
pub(super) fn after() -> String {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|row| row.1).collect();
    let aspects: Vec<&str> = Aspect::ALL.iter().map(|row| row.1).collect();
    format!(
        "Kinds:    {}\nChanges:  {}\n\nExamples:
  # what the last crawl found changed, in CI
  crawl diff --fail-on gone,failed,title=10
  # a staging site against the one that is out
  crawl diff -o staging --against production --map https://staging.example.com=https://example.com
  # what has changed on a page
  crawl diff --url https://example.com/news",
        kinds.join(", "),
        aspects.join(", ")
    )
}

pub(super) fn diff(args: &DiffArgs) -> Result<u8> {
    let (kinds, limits) = match (kinds(&args.only), limits(&args.fail_on)) {
        (Ok(kinds), Ok(limits)) => (kinds, limits),
        (Err(why), _) | (_, Err(why)) => {
            say!("crawl: {}", crawl::answers::printable(&why));
            return Ok(USAGE);
        }
    };
    let runs = [&args.run1, &args.run2].into_iter().flatten().cloned();
    let asked = Asked::new(
        output(args.at.output.as_ref())?,
        args.against.clone(),
        runs.collect(),
    );
    let pair = Pair::find(&asked)?;
    let mut options = Options::default();
    options.bytes = args.bytes;
    options.resources = args.resources;
    options.all = !kinds.iter().all(|kind| kind.is_difference());
    options.map.clone_from(&args.map);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if let Some(url) = &args.url {
        let found = detail(&pair, &options, url)?;
        shown(write_detail(&found, format(args.format), &mut out))?;
        flush(out)?;
        let counts = Counts::of_one(&found.entry);
        return Ok(judged(args, &counts, &limits));
    }
    let line = Line::begin("what is known of each URL");
    let found = diff::compare(&pair, &options, &mut |urls| {
        line.show(format!("{urls} URLs compared"));
    });
    line.end();
    let found = found?;
    let what = Shown::new(kinds, limit(args));
    shown(diff::write(&found, &what, format(args.format), &mut out))?;
    flush(out)?;
    Ok(judged(args, &found.counts, &limits))
}

/// That nobody reads it to its end does not change what was found.
fn flush(mut out: impl Write) -> std::io::Result<()> {
    match out.flush() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn format(wanted: DiffFormat) -> Format {
    match wanted {
        DiffFormat::Table => Format::Table(std::io::stdout().is_terminal().then(columns)),
        DiffFormat::Csv => Format::Csv,
        DiffFormat::Json => Format::Json,
        DiffFormat::Jsonl => Format::JsonLines,
        DiffFormat::Html => Format::Html,
        DiffFormat::Markdown => Format::Markdown,
    }
}

fn limit(args: &DiffArgs) -> u64 {
    match (args.limit, args.format) {
        (Some(limit), _) => limit.0.unwrap_or(u64::MAX),
        (None, DiffFormat::Table | DiffFormat::Markdown) => LISTED,
        (None, DiffFormat::Html) => ON_A_PAGE,
        (None, _) => u64::MAX,
    }
}

/// The kinds that are shown, in their order.
fn kinds(words: &[String]) -> Result<Vec<Kind>, String> {
    let all = Kind::ALL.iter().map(|row| row.0);
    if words.is_empty() {
        return Ok(all.filter(|kind| kind.is_difference()).collect());
    }
    let wanted: Vec<Kind> = words
        .iter()
        .map(|word| Kind::of(word.trim()).ok_or_else(|| unknown("--only", word, false)))
        .collect::<Result<_, _>>()?;
    Ok(all.filter(|kind| wanted.contains(kind)).collect())
}

/// A kind or a change of which there may be so many.
struct Threshold {
    word: String,
    count: Box<dyn Fn(&Counts) -> u64>,
    most: u64,
}

fn limits(words: &[String]) -> Result<Vec<Threshold>, String> {
    words.iter().map(|word| threshold(word)).collect()
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let (word, most) = text.split_once('=').unwrap_or((text, "0"));
    let word = word.trim().to_ascii_lowercase();
    let most = most.trim().parse();
    let most =
        most.map_err(|_| format!("--fail-on {text}: what stands behind = is no whole number"))?;
    let count: Box<dyn Fn(&Counts) -> u64> = match (Kind::of(&word), Aspect::of(&word)) {
        (Some(kind), _) => Box::new(move |counts| counts.of(kind)),
        (None, Some(aspect)) => Box::new(move |counts| counts.in_what(aspect)),
        (None, None) => return Err(unknown("--fail-on", &word, true)),
    };
    Ok(Threshold { word, count, most })
}

fn unknown(flag: &str, word: &str, aspects: bool) -> String {
    let aspects = Aspect::ALL.iter().filter(|_| aspects).map(|row| row.1);
    let words: Vec<&str> = Kind::ALL.iter().map(|row| row.1).chain(aspects).collect();
    match nearest(word, words.iter().copied()) {
        Some(near) => format!("{flag} {word}: did you mean {near}?"),
        None => format!("{flag} {word}: there are {}", words.join(", ")),
    }
}

/// The exit code; each limit that was passed is said in a line.
fn judged(args: &DiffArgs, counts: &Counts, limits: &[Threshold]) -> u8 {
    let mut failed = args.exit_code && counts.differ();
    for Threshold { word, count, most } in limits {
        let found = count(counts);
        if found > *most {
            say!("crawl: {word}: {found}, at most {most} may be");
            failed = true;
        }
    }
    if failed { CHECKED } else { FINISHED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line() {
        let words = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
        assert_eq!(kinds(&words("moved,new")), Ok(vec![Kind::New, Kind::Moved]));
        assert_eq!(kinds(&[]).map(|kinds| kinds.len()), Ok(Kind::ALL.len() - 2));
        for (given, wanted) in [
            ("gonne", "--only gonne: did you mean gone?"),
            ("xyzzy", "--only xyzzy: there are new, gone,"),
        ] {
            let error = kinds(&words(given)).expect_err(given);
            assert!(error.starts_with(wanted), "{error}");
        }
        for (given, wanted) in [
            ("gone", Ok(0)),
            ("Title=12", Ok(12)),
            ("gone=x", Err("no whole number")),
            ("gone=-1", Err("no whole number")),
            ("tilte", Err("did you mean title?")),
        ] {
            match (threshold(given), wanted) {
                (Ok(found), Ok(most)) => assert_eq!(found.most, most, "{given}"),
                (Err(found), Err(why)) => assert!(found.contains(why), "{found}"),
                (found, _) => panic!("{given}: {:?}", found.map(|found| found.most)),
            }
        }
    }
}
