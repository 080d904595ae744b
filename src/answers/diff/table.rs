//! A diff as lines for people: how many of each kind first, then the URLs.

use std::io::{self, Write};

use super::kinds::Kind;
use super::write::Shown;
use super::{Change, Detail, Diff, Entry};
use crate::answers::cell;
use crate::answers::query::QueryError;

/// Columns before a URL.
const KIND: usize = 12;
/// Columns of a value of one side.
const VALUE: usize = 40;

pub(super) fn write(
    diff: &Diff<'_>,
    shown: &Shown,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Result<(), QueryError> {
    let (before, after) = diff.runs();
    for (name, run) in [("from", before), ("to", after)] {
        let line = format!("{}, {}, begun {} UTC", run.name(), run.state, run.begun_at);
        writeln!(out, "{name:<KIND$}{}", cell::printable(&line))?;
    }
    for note in &diff.notes {
        writeln!(out, "{:<KIND$}{}", "note", cell::printable(note))?;
    }
    for (kind, word) in Kind::ALL {
        let count = diff.counts.of(kind);
        let more = match kind {
            Kind::Changed => diff.counts.in_words(),
            _ => None,
        };
        let more = more.map_or_else(String::new, |words| format!(" ({words})"));
        writeln!(out, "{word:<KIND$}{count}{more}")?;
    }
    let listed = shown.kinds.iter().filter(|kind| diff.counts.of(**kind) > 0);
    for (index, kind) in listed.enumerate() {
        if index == 0 || columns.is_some() {
            writeln!(out)?;
        }
        diff.each(&[*kind], shown.limit, |entry| -> Result<(), QueryError> {
            Ok(line(&entry, columns, out)?)
        })?;
        match shown.left_out(diff, *kind) {
            0 => {}
            more => writeln!(
                out,
                "{:<KIND$}and {more} more: --limit unlimited shows all of them",
                kind.word()
            )?,
        }
    }
    Ok(())
}

/// The URL, and what there is to say of it: beside it where there is room, else below it.
fn line(entry: &Entry, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let (url, words) = (cell::printable(&entry.url), cell::printable(&entry.words()));
    let kind = entry.kind.word();
    let Some(columns) = columns else {
        return writeln!(out, "{}", format!("{kind:<KIND$}{url}  {words}").trim_end());
    };
    let room = columns.saturating_sub(KIND).max(20);
    if cell::width(&url) + 2 + cell::width(&words) <= room {
        return writeln!(out, "{}", format!("{kind:<KIND$}{url}  {words}").trim_end());
    }
    writeln!(out, "{kind:<KIND$}{}", cell::fit_url(&url, room))?;
    if words.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:<KIND$}  {}", "", cell::fit(&words, room - 2))
}

pub(super) fn detail(
    detail: &Detail,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let entry = &detail.entry;
    writeln!(
        out,
        "{:<KIND$}{}",
        entry.kind.word(),
        cell::printable(&entry.url)
    )?;
    if let Some(to) = &entry.to {
        let by = entry.by.as_deref().unwrap_or_default();
        writeln!(out, "{:<KIND$}{} ({by})", "moved to", cell::printable(to))?;
    }
    for note in entry.note.iter().chain(&detail.notes) {
        writeln!(out, "{:<KIND$}{}", "note", cell::printable(note))?;
    }
    let changed: Vec<&str> = entry.changes.iter().map(in_what).collect();
    if !changed.is_empty() {
        writeln!(out, "{:<KIND$}{}", "changed in", changed.join(", "))?;
    }
    writeln!(out)?;
    facts(detail, columns, out)?;
    let links = detail.links_added.iter().map(|link| ('+', link));
    let links = links.chain(detail.links_removed.iter().map(|link| ('-', link)));
    let mut heading = Heading::default();
    for (sign, link) in links {
        heading.write("links", out)?;
        let anchor = link.anchor.as_deref().unwrap_or_default();
        let line = format!("{sign} {} {}  {anchor}", link.kind, link.url);
        writeln!(out, "{}", cell::printable(line.trim_end()))?;
    }
    let fields = detail.headers_added.iter().map(|field| ('+', field));
    let fields = fields.chain(detail.headers_removed.iter().map(|field| ('-', field)));
    let mut heading = Heading::default();
    for (sign, field) in fields {
        heading.write("headers", out)?;
        writeln!(out, "{sign} {}", cell::printable(field))?;
    }
    let mut heading = Heading::default();
    for line in &detail.text {
        heading.write("text", out)?;
        writeln!(out, "{}", diff_line(line))?;
    }
    Ok(())
}

fn in_what(change: &Change) -> &'static str {
    change.what.word()
}

/// A line of a unified diff for a terminal; a tab stays one.
pub(super) fn diff_line(line: &str) -> String {
    let parts: Vec<String> = line.split('\t').map(cell::printable).collect();
    parts.join("    ")
}

/// Stands above the first line of a part, if there is one.
#[derive(Debug, Default)]
struct Heading(bool);

impl Heading {
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.0, true) {
            writeln!(out, "\n{name}")?;
        }
        Ok(())
    }
}

fn facts(detail: &Detail, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let room = columns.map(|columns| (columns.saturating_sub(KIND + 4) / 2).max(10));
    let shown = |value: &Option<String>| {
        let text = cell::printable(value.as_deref().unwrap_or("–"));
        match room {
            Some(room) if text.starts_with("http") => cell::fit_url(&text, room),
            Some(room) => cell::fit(&text, room),
            None => text,
        }
    };
    let runs = (
        Some(detail.before_run.name()),
        Some(detail.after_run.name()),
    );
    let mut rows = vec![("", shown(&runs.0), shown(&runs.1), false)];
    for (name, a, b) in detail.rows() {
        rows.push((name, shown(&a), shown(&b), a != b && name != "asked at"));
    }
    let widest = rows.iter().map(|row| cell::width(&row.1)).max();
    let width = widest.unwrap_or(0).min(room.unwrap_or(VALUE));
    for (name, a, b, differs) in rows {
        let pad = " ".repeat(width.saturating_sub(cell::width(&a)));
        let mark = if differs { '*' } else { ' ' };
        writeln!(
            out,
            "{}",
            format!("{name:<KIND$}{a}{pad} {mark} {b}").trim_end()
        )?;
    }
    Ok(())
}
