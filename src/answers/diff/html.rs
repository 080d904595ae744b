//! A diff as one page by itself: no scripts, nothing from elsewhere, light and dark, and as readable on paper.

use std::io::{self, Write};

use super::kinds::Kind;
use super::write::Shown;
use super::{Detail, Diff, Entry, Run};
use crate::answers::cell::html as escape;
use crate::answers::query::QueryError;

/// Nothing is loaded, run or sent, should a text ever pass for markup after all.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --line: #d5d9de; --faint: #59606a; --link: #0b57d0;
  --add: #0a5c2b; --add-paper: #e6f5ea; --cut: #9b1c10; --cut-paper: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #16181b; --line: #3a3f46; --faint: #a3abb5;
  --link: #8ab4f8; --add: #8fdcaa; --add-paper: #12301d; --cut: #ffb4a9; --cut-paper: #3b1714; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
a { color: var(--link); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; }
table.counts { width: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.u { overflow-wrap: anywhere; min-width: 12em; width: 45%; }
td.w { overflow-wrap: anywhere; min-width: 8em; }
tr.differs td { font-weight: 600; }
.note { color: var(--faint); }
pre { font: .86em/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: .5rem; }
ins, del { text-decoration: none; display: block; }
ins { color: var(--add); background: var(--add-paper); }
del { color: var(--cut); background: var(--cut-paper); }
tr { break-inside: avoid; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10px; }
  .scroll { overflow: visible; }
  h2 { break-after: avoid; }
}
";

/// What stands under the heading of a kind.
const MEANINGS: [(Kind, &str); 8] = [
    (Kind::New, "There, and not before."),
    (
        Kind::Gone,
        "There before; 404 or 410 now, or a redirect to what is.",
    ),
    (Kind::Moved, "There before, and at another URL now."),
    (Kind::Changed, "There before and now, and not the same."),
    (Kind::Failed, "Fails now, and did not: that may pass."),
    (Kind::Disallowed, "Forbidden by robots.txt now."),
    (
        Kind::Unasked,
        "There before, and not asked for in the later run: nothing can be said of it.",
    ),
    (Kind::Unchanged, "As before."),
];

pub(super) fn write(diff: &Diff<'_>, shown: &Shown, out: &mut dyn Write) -> Result<(), QueryError> {
    let (before, after) = diff.runs();
    begin(&format!("From {} to {}", before.name(), after.name()), out)?;
    runs(before, after, out)?;
    for note in &diff.notes {
        writeln!(out, "<p class=\"note\">{}</p>", escape(note))?;
    }
    writeln!(
        out,
        "<table class=\"counts\"><thead><tr><th scope=\"col\">what</th><th scope=\"col\" class=\"n\">URLs</th></tr></thead><tbody>"
    )?;
    for (kind, word) in Kind::ALL {
        let count = diff.counts.of(kind);
        let name = if count > 0 && shown.kinds.contains(&kind) {
            format!("<a href=\"#{word}\">{word}</a>")
        } else {
            word.to_owned()
        };
        writeln!(
            out,
            "<tr><th scope=\"row\">{name}</th><td class=\"n\">{count}</td></tr>"
        )?;
    }
    writeln!(out, "</tbody></table>")?;
    for kind in &shown.kinds {
        if diff.counts.of(*kind) > 0 {
            section(diff, shown, *kind, out)?;
        }
    }
    Ok(end(out)?)
}

fn section(
    diff: &Diff<'_>,
    shown: &Shown,
    kind: Kind,
    out: &mut dyn Write,
) -> Result<(), QueryError> {
    let (word, meaning) = (kind.word(), MEANINGS[kind as usize].1);
    let what = match (kind, diff.counts.in_words()) {
        (Kind::Changed, Some(words)) => format!(" In {words}."),
        _ => String::new(),
    };
    writeln!(
        out,
        "<h2 id=\"{word}\">{word} ({})</h2>\n<p class=\"note\">{meaning}{what}</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{word}\"><table><thead><tr>\
         <th scope=\"col\">URL</th><th scope=\"col\">what</th></tr></thead><tbody>",
        diff.counts.of(kind)
    )?;
    diff.each(&[kind], shown.limit, |entry| -> Result<(), QueryError> {
        Ok(row(&entry, out)?)
    })?;
    writeln!(out, "</tbody></table></div>")?;
    match shown.left_out(diff, kind) {
        0 => {}
        more => writeln!(out, "<p class=\"note\">And {more} more.</p>")?,
    }
    Ok(())
}

fn row(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let url = link(&entry.url);
    writeln!(
        out,
        "<tr><td class=\"u\">{url}</td><td class=\"w\">{}</td></tr>",
        escape(&entry.words())
    )
}

/// A URL of the web as a link; anything else as text.
fn link(url: &str) -> String {
    let text = escape(url);
    // What is shown as an escape would lead elsewhere.
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    if is_web && url.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        format!("<a href=\"{text}\" rel=\"noreferrer\">{text}</a>")
    } else {
        text
    }
}

pub(super) fn detail(detail: &Detail, out: &mut dyn Write) -> io::Result<()> {
    let entry = &detail.entry;
    begin(&format!("{}: {}", entry.kind.word(), entry.url), out)?;
    runs(&detail.before_run, &detail.after_run, out)?;
    if let Some(to) = &entry.to {
        let by = escape(entry.by.as_deref().unwrap_or_default());
        writeln!(out, "<p>Moved to {} ({by}).</p>", link(to))?;
    }
    for note in entry.note.iter().chain(&detail.notes) {
        writeln!(out, "<p class=\"note\">{}</p>", escape(note))?;
    }
    let changed: Vec<&str> = entry
        .changes
        .iter()
        .map(|change| change.what.word())
        .collect();
    if !changed.is_empty() {
        writeln!(out, "<p>Changed in {}.</p>", changed.join(", "))?;
    }
    let names = (detail.before_run.name(), detail.after_run.name());
    writeln!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"facts\"><table><thead><tr><td></td><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        escape(&names.0),
        escape(&names.1)
    )?;
    for (name, a, b) in detail.rows() {
        let class = if a != b && name != "asked at" {
            " class=\"differs\""
        } else {
            ""
        };
        let shown = |value: Option<String>| escape(value.as_deref().unwrap_or("–"));
        let (a, b) = (shown(a), shown(b));
        writeln!(
            out,
            "<tr{class}><th scope=\"row\">{name}</th><td class=\"w\">{a}</td><td class=\"w\">{b}</td></tr>"
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    let mut lines = Vec::new();
    for (sign, links) in [('+', &detail.links_added), ('-', &detail.links_removed)] {
        for link in links {
            let anchor = link.anchor.as_deref().unwrap_or_default();
            lines.push(format!("{sign} {} {}  {anchor}", link.kind, link.url));
        }
    }
    part("Links", &[], &lines, out)?;
    let mut lines = Vec::new();
    for (sign, fields) in [('+', &detail.headers_added), ('-', &detail.headers_removed)] {
        lines.extend(fields.iter().map(|field| format!("{sign} {field}")));
    }
    part("Headers", &[], &lines, out)?;
    // Its first two lines name the runs.
    let (names, lines) = detail.text.split_at(detail.text.len().min(2));
    part("Text", names, lines, out)?;
    end(out)
}

/// Lines of a diff; the sign before each says what the colour says.
fn part(name: &str, head: &[String], lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>{name}</h2>")?;
    write!(out, "<pre>")?;
    for line in head {
        writeln!(out, "{}", escape(line))?;
    }
    for line in lines {
        let text = escape(&line.replace('\t', "    "));
        match line.as_bytes().first() {
            Some(b'+') => write!(out, "<ins>{text}</ins>")?,
            Some(b'-') => write!(out, "<del>{text}</del>")?,
            _ => writeln!(out, "{text}")?,
        }
    }
    writeln!(out, "</pre>")
}

fn runs(before: &Run, after: &Run, out: &mut dyn Write) -> io::Result<()> {
    for (word, run) in [("From", before), ("To", after)] {
        writeln!(
            out,
            "<p>{word} <strong>{}</strong>: {}, begun {} UTC</p>",
            escape(&run.name()),
            escape(&run.state),
            escape(&run.begun_at)
        )?;
    }
    Ok(())
}

fn begin(title: &str, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(title);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    )
}

fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</main>\n</body>\n</html>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_all_told() {
        let told: Vec<Kind> = MEANINGS.iter().map(|row| row.0).collect();
        let all: Vec<Kind> = Kind::ALL.iter().map(|row| row.0).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn only_what_is_of_the_web_is_a_link() {
        for (url, is_link) in [
            ("http://a.example/?a&b", true),
            ("https://a.example/", true),
            ("javascript:alert(1)", false),
            ("http://a.example/\" onclick=\"x", false),
            ("http://a.example/\u{202e}", false),
        ] {
            let made = link(url);
            assert_eq!(made.starts_with("<a href="), is_link, "{made}");
            assert!(!made.contains("\" onclick"), "{made}");
        }
    }
}
