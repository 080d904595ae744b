//! A diff in the forms in which it is shown.

use std::io::{self, Write};

use super::entry::{Change, Entry, Outcome};
use super::kinds::{Aspect, Kind};
use super::{Detail, Diff, html, markdown, table};
use crate::answers::cell;
use crate::answers::query::QueryError;

/// How a diff is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Lines for a terminal of this width; `None`: as wide as they are.
    Table(Option<usize>),
    /// A line a URL, RFC 4180, with a line of names.
    Csv,
    /// One object with everything.
    Json,
    /// An object a URL, one a line.
    JsonLines,
    /// A page by itself.
    Html,
    /// Markdown.
    Markdown,
}

/// What of a diff is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// URLs of these kinds.
    pub kinds: Vec<Kind>,
    /// So many of each.
    pub limit: u64,
}

impl Shown {
    /// URLs of these kinds, so many of each at the most.
    #[must_use]
    pub fn new(kinds: Vec<Kind>, limit: u64) -> Self {
        Self { kinds, limit }
    }

    /// How many of a kind are not shown for there are too many.
    pub(super) fn left_out(&self, diff: &Diff<'_>, kind: Kind) -> u64 {
        diff.counts.of(kind).saturating_sub(self.limit)
    }
}

type Written = Result<(), QueryError>;

/// Writes a diff.
///
/// # Errors
/// When it cannot be read or written. A reader that went away (a broken pipe) is no error.
pub fn write(diff: &Diff<'_>, shown: &Shown, format: Format, out: &mut dyn Write) -> Written {
    unless_gone(match format {
        Format::Table(columns) => table::write(diff, shown, columns, out),
        Format::Csv => csv(diff, shown, out),
        Format::Json => json(diff, shown, out),
        Format::JsonLines => json_lines(diff, shown, out),
        Format::Html => html::write(diff, shown, out),
        Format::Markdown => markdown::write(diff, shown, out),
    })
}

/// Writes what differs of one URL. It is no row: as CSV it is its line of the whole.
///
/// # Errors
/// As [`write()`].
pub fn write_detail(detail: &Detail, format: Format, out: &mut dyn Write) -> Written {
    unless_gone(match format {
        Format::Table(columns) => Ok(table::detail(detail, columns, out)?),
        Format::Csv => csv_of(out, |take| take(&detail.entry)),
        Format::Json => object(detail, true, out),
        Format::JsonLines => object(detail, false, out),
        Format::Html => Ok(html::detail(detail, out)?),
        Format::Markdown => Ok(markdown::detail(detail, out)?),
    })
}

fn unless_gone(done: Written) -> Written {
    match done {
        Err(QueryError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn object(value: &impl serde::Serialize, pretty: bool, out: &mut dyn Write) -> Written {
    let json = if pretty {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    let json = json.map_err(io::Error::from)?;
    writeln!(out, "{}", cell::plain_json(&json))?;
    Ok(())
}

fn json(diff: &Diff<'_>, shown: &Shown, out: &mut dyn Write) -> Written {
    let (before, after) = diff.runs();
    let aspects = Aspect::ALL.iter();
    let changed: serde_json::Map<String, serde_json::Value> = aspects
        .map(|(aspect, word)| ((*word).to_owned(), diff.counts.in_what(*aspect).into()))
        .collect();
    // Part by part, in an order that a map would not keep.
    let parts = [
        ("before", serde_json::to_string(before)),
        ("after", serde_json::to_string(after)),
        ("counts", serde_json::to_string(&diff.counts)),
        ("changed_in", serde_json::to_string(&changed)),
        ("notes", serde_json::to_string(&diff.notes)),
    ];
    write!(out, "{{")?;
    for (name, json) in parts {
        let json = json.map_err(io::Error::from)?;
        writeln!(out, "\"{name}\": {},", cell::plain_json(&json))?;
    }
    write!(out, "\"entries\": [")?;
    let mut before = "\n";
    diff.each(&shown.kinds, shown.limit, |entry| -> Written {
        let json = serde_json::to_string(&entry).map_err(io::Error::from)?;
        write!(out, "{before}{}", cell::plain_json(&json))?;
        before = ",\n";
        Ok(())
    })?;
    writeln!(out, "]}}")?;
    Ok(())
}

fn json_lines(diff: &Diff<'_>, shown: &Shown, out: &mut dyn Write) -> Written {
    diff.each(&shown.kinds, shown.limit, |entry| {
        object(&entry, false, out)
    })
}

const NAMES: [&str; 13] = [
    "kind",
    "url",
    "moved_to",
    "moved_by",
    "before",
    "after",
    "title_before",
    "title_after",
    "changed",
    "text_added",
    "text_removed",
    "links_added",
    "links_removed",
];

fn csv(diff: &Diff<'_>, shown: &Shown, out: &mut dyn Write) -> Written {
    csv_of(out, |take| {
        diff.each(&shown.kinds, shown.limit, |entry| take(&entry))
    })
}

fn csv_of(
    out: &mut dyn Write,
    each: impl FnOnce(&mut dyn FnMut(&Entry) -> Written) -> Written,
) -> Written {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(NAMES).map_err(of_csv)?;
    each(&mut |entry| {
        let row = row(entry);
        let row = row.iter().map(|text| {
            cell::csv(tokio_rusqlite::rusqlite::types::ValueRef::Text(
                text.as_bytes(),
            ))
        });
        Ok(writer.write_record(row).map_err(of_csv)?)
    })?;
    Ok(writer.flush()?)
}

fn of_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn row(entry: &Entry) -> [String; NAMES.len()] {
    let word = |outcome: &Option<Outcome>| outcome.as_ref().map(Outcome::word).unwrap_or_default();
    let title = |outcome: &Option<Outcome>| {
        let title = outcome.as_ref().and_then(|outcome| outcome.title.clone());
        title.unwrap_or_default()
    };
    let of = |what: Aspect| entry.changes.iter().find(|change| change.what == what);
    let count = |what: Aspect, of_change: fn(&Change) -> Option<u64>| {
        let number = of(what).and_then(of_change);
        number.map(|number| number.to_string()).unwrap_or_default()
    };
    let changed: Vec<&str> = entry
        .changes
        .iter()
        .map(|change| change.what.word())
        .collect();
    [
        entry.kind.word().to_owned(),
        entry.url.clone(),
        entry.to.clone().unwrap_or_default(),
        entry.by.clone().unwrap_or_default(),
        word(&entry.before),
        word(&entry.after),
        title(&entry.before),
        title(&entry.after),
        changed.join(" "),
        count(Aspect::Text, |change| change.added),
        count(Aspect::Text, |change| change.removed),
        count(Aspect::Links, |change| change.added),
        count(Aspect::Links, |change| change.removed),
    ]
}
