//! A diff as Markdown: for a comment on a change, or a page of a wiki.

use std::io::{self, Write};

use super::kinds::Kind;
use super::write::Shown;
use super::{Detail, Diff, Entry, table};
use crate::answers::markdown::{text, url};
use crate::answers::query::QueryError;

pub(super) fn write(diff: &Diff<'_>, shown: &Shown, out: &mut dyn Write) -> Result<(), QueryError> {
    let (before, after) = diff.runs();
    writeln!(
        out,
        "# From {} to {}\n",
        text(&before.name()),
        text(&after.name())
    )?;
    for run in [before, after] {
        let (name, begun) = (text(&run.name()), &run.begun_at);
        writeln!(out, "- {name}: {}, begun {} UTC", run.state, text(begun))?;
    }
    for note in &diff.notes {
        writeln!(out, "- {}", text(note))?;
    }
    writeln!(out, "\n| what | URLs |\n|---|---:|")?;
    for (kind, word) in Kind::ALL {
        writeln!(out, "| {word} | {} |", diff.counts.of(kind))?;
    }
    for kind in &shown.kinds {
        if diff.counts.of(*kind) == 0 {
            continue;
        }
        writeln!(out, "\n## {} ({})\n", kind.word(), diff.counts.of(*kind))?;
        if let (Kind::Changed, Some(words)) = (kind, diff.counts.in_words()) {
            writeln!(out, "In {words}.\n")?;
        }
        writeln!(out, "| URL | what |\n|---|---|")?;
        diff.each(&[*kind], shown.limit, |entry| -> Result<(), QueryError> {
            Ok(row(&entry, out)?)
        })?;
        match shown.left_out(diff, *kind) {
            0 => {}
            more => writeln!(out, "\nAnd {more} more.")?,
        }
    }
    Ok(())
}

fn row(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let words = text(&entry.words());
    writeln!(out, "| {} | {words} |", url(&entry.url))
}

pub(super) fn detail(detail: &Detail, out: &mut dyn Write) -> io::Result<()> {
    let entry = &detail.entry;
    writeln!(out, "# {}: {}\n", entry.kind.word(), url(&entry.url))?;
    if let Some(to) = &entry.to {
        let by = entry.by.as_deref().unwrap_or_default();
        writeln!(out, "Moved to {} ({by}).\n", url(to))?;
    }
    for note in entry.note.iter().chain(&detail.notes) {
        writeln!(out, "Note: {}.\n", text(note))?;
    }
    let names = (detail.before_run.name(), detail.after_run.name());
    let (a, b) = (text(&names.0), text(&names.1));
    writeln!(out, "| | {a} | {b} |\n|---|---|---|")?;
    for (name, a, b) in detail.rows() {
        let shown = |value: Option<String>| text(&value.unwrap_or_else(|| "–".to_owned()));
        writeln!(out, "| {name} | {} | {} |", shown(a), shown(b))?;
    }
    let mut lines: Vec<String> = Vec::new();
    for (sign, links) in [('+', &detail.links_added), ('-', &detail.links_removed)] {
        lines.extend(
            links
                .iter()
                .map(|link| format!("{sign} {} {}", link.kind, link.url)),
        );
    }
    part("Links", &lines, out)?;
    let mut lines: Vec<String> = Vec::new();
    for (sign, fields) in [('+', &detail.headers_added), ('-', &detail.headers_removed)] {
        lines.extend(fields.iter().map(|field| format!("{sign} {field}")));
    }
    part("Headers", &lines, out)?;
    part("Text", &detail.text, out)
}

/// Lines in a block of code, whose fence is longer than any in it.
fn part(name: &str, lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let ticks = lines.iter().flat_map(|line| line.split(|c| c != '`'));
    let fence = "`".repeat(ticks.map(str::len).max().unwrap_or(0).max(2) + 1);
    writeln!(out, "\n## {name}\n\n{fence}diff")?;
    for line in lines {
        writeln!(out, "{}", table::diff_line(line))?;
    }
    writeln!(out, "{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_ends_a_block() {
        let mut out = Vec::new();
        part("Text", &["+````".to_owned(), " x".to_owned()], &mut out).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert!(text.ends_with("`````diff\n+````\n x\n`````\n"), "{text}");
    }
}
