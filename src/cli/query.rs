//! `crawl query`: where the question comes from, where the answer goes, what is said of one that cannot be had.

mod watch;

use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Result;
use crawl::answers::named::REPORTS;
use crawl::answers::query::{self, Answered, Format, QueryError, Question};
use crawl::answers::{Reader, printable};
use crawl::store::views::NAMED_VIEWS;

use super::args::{self, QueryArgs};
use super::inspect::{Lines, columns, format};
use super::settings::output;
use super::spool::Spool;
use super::{FAILED, FINISHED, USAGE, stop};

/// A longer text is no question that somebody wrote.
const LONGEST: u64 = 16 << 20;

/// A question on its way.
struct Asked<'a> {
    question: Question<'a>,
    path: &'a Path,
    format: args::Format,
}

pub(super) fn query(args: &QueryArgs) -> Result<u8> {
    let (text, source) = match text_of(args) {
        Ok(Some(text)) => text,
        Ok(None) => return list(args),
        Err(words) => {
            say!("crawl: {}", printable(&words));
            return Ok(USAGE);
        }
    };
    let path = output(args.at.output.as_ref())?;
    let done = if args.sql {
        Reader::open(&path)
            .map_err(QueryError::from)
            .and_then(|reader| print_sql(&reader, &text))
    } else {
        let asked = Asked {
            question: Question::new(&text)
                .params(&args.param)
                .timeout(args.timeout.map(|span| span.0)),
            path: &path,
            format: args.format,
        };
        stop::end_at_signals(watch::restore_screen);
        match args.watch {
            None => asked.once(),
            Some(every) => watch::watch(&asked, every.0),
        }
    };
    match done {
        Ok(()) => Ok(FINISHED),
        Err(error) => refused(error, source.as_deref()),
    }
}

/// A text, and where it came from if that is to be named.
type Text = (String, Option<String>);

/// The question, or nothing; or why it cannot be read.
fn text_of(args: &QueryArgs) -> std::result::Result<Option<Text>, String> {
    let file = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let (mut from, name): (Box<dyn Read>, String) = match (file, &args.file, &args.question) {
        (Some(file), ..) => {
            let name = file.display().to_string();
            let open = std::fs::File::open(file);
            let open = open.map_err(|error| format!("cannot read {name}: {error}"))?;
            (Box::new(open), name)
        }
        (None, None, None) => return Ok(None),
        (None, None, Some(question)) if question != "-" => {
            return Ok(Some((question.clone(), None)));
        }
        _ => (Box::new(std::io::stdin()), "standard input".to_owned()),
    };
    let mut text = Vec::new();
    from.by_ref()
        .take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| format!("cannot read {name}: {error}"))?;
    if text.len() as u64 > LONGEST {
        return Err(format!("{name}: it is too long for a question"));
    }
    let text = String::from_utf8(text).map_err(|_| format!("{name}: it is no text in UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    Ok(Some((text, Some(name))))
}

/// What can be asked for by name: the views of every database and, where one is there, its own; the reports.
fn list(args: &QueryArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let views = if output.exists() {
        query::views(&Reader::open(&output)?)?
    } else {
        let named = NAMED_VIEWS.iter();
        named
            .map(|(name, what)| ((*name).to_owned(), (*what).to_owned()))
            .collect()
    };
    let reports = REPORTS.iter();
    let reports = reports.map(|report| (report.name.to_owned(), report.described()));
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (name, what) in views.into_iter().chain(reports) {
        writeln!(out, "{:<19}{what}", name.replace('_', "-"))?;
    }
    out.flush()?;
    Ok(FINISHED)
}

fn print_sql(reader: &Reader, text: &str) -> std::result::Result<(), QueryError> {
    let sql = query::sql_of(reader, text)?;
    // A doctored database may have anything in a view.
    let mut out = Lines::to(std::io::stdout().lock());
    Ok(writeln!(out, "{}", sql.trim_end())?)
}

impl Asked<'_> {
    fn once(&self) -> std::result::Result<(), QueryError> {
        self.answer(&Reader::open(self.path)?).map(|_| ())
    }

    /// Answers to standard output, however slowly that is read; whether somebody reads it still.
    fn answer(&self, reader: &Reader) -> std::result::Result<bool, QueryError> {
        let format = format(self.format);
        let spool = Spool::new(std::io::stdout(), || reader.is_written());
        let mut out = BufWriter::new(spool);
        let answered = if format == Format::Csv && std::io::stdout().is_terminal() {
            query::ask(reader, &self.question, format, &mut Lines::to(&mut out))
        } else {
            query::ask(reader, &self.question, format, &mut out)
        };
        // The statement is closed: from here on a slow reader holds up nobody.
        let written = match out.into_inner() {
            Ok(spool) => spool.finish(),
            Err(error) => Err(error.into_error()),
        };
        let answered = answered?;
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(false),
            written => written?,
        }
        say_none(&answered, format);
        Ok(true)
    }
}

/// Where people read the answer and nothing of it says so, that there are no rows.
fn say_none(answered: &Answered, format: Format) {
    let silent = matches!(
        format,
        Format::Table(None) | Format::Record(None) | Format::Markdown
    );
    if answered.rows == 0 && silent {
        say!("crawl: {}", query::none(answered.why_none));
    }
}

/// Says why there is no answer: with the line of SQL, and a mark beneath it, where the fault has a place.
pub(super) fn refused(error: QueryError, source: Option<&str>) -> Result<u8> {
    let fault = match error {
        QueryError::Wrong(fault) => fault,
        QueryError::Crawl(error) => return Err(error.into()),
        QueryError::Write(error) => return Err(error.into()),
        QueryError::TimedOut(limit) => {
            say!("crawl: there was no whole answer within {limit:?} (--timeout)");
            return Ok(FAILED);
        }
        other => return Err(other.into()),
    };
    let from = source.map_or_else(String::new, |name| format!("{name}: "));
    say!("crawl: {}", printable(&format!("{from}{fault}")));
    for line in fault.picture(columns()).into_iter().flatten() {
        say!("{line}");
    }
    Ok(USAGE)
}
