//! The report as Markdown: for a comment, a summary of a CI job, a terminal. Shorter than the page: its figures, and of
//! each table the beginning.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::{cell, markdown};
use super::figures::{Listing, Report};
use super::html::{in_words, number, parts};
use super::questions::Form;
use super::words::{bytes, count, counted, millis, moment, share};

/// Rows of a table, where nobody says how many.
pub const ROWS: usize = 20;
/// Letters of a text.
const TEXT: usize = 120;
/// Letters of a URL that is a link.
const LINK: usize = 500;

/// The report, with so many rows of a table at the most.
#[must_use]
pub fn markdown(report: &Report, rows: usize) -> String {
    let mut out = String::with_capacity(16 << 10);
    let seed = report.run.seeds.first().map_or("no seeds", |seed| seed);
    let _ = writeln!(out, "# Crawl report: {}\n", text(seed));
    let run = &report.run;
    let _ = writeln!(
        out,
        "Run {}, {}; begun {} UTC, report made {} UTC by crawl {}.\n",
        run.run,
        text(&run.state),
        text(&moment(&run.begun_at)),
        text(&moment(&report.made_at)),
        report.version
    );
    for remark in &report.remarks {
        let _ = writeln!(out, "> {}\n", text(remark));
    }
    let _ = writeln!(out, "{}\n\n## What to do first\n", text(&in_words(report)));
    if report.findings.is_empty() {
        out.push_str("Nothing was found that is to be mended.\n");
    }
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "- **{}**: {}. {} {}",
            finding.severity.as_str(),
            text(&finding.what),
            text(finding.why),
            code(&finding.query)
        );
    }
    figures(report, &mut out);
    for listing in report.tables.iter().filter(|listing| listing.total > 0) {
        table(listing, rows, &mut out);
    }
    for listing in &report.tables {
        if let Some(why) = &listing.unasked {
            let _ = writeln!(
                out,
                "\nNot in this report: {}: {}.",
                text(listing.title),
                text(why)
            );
        }
    }
    out
}

fn figures(report: &Report, out: &mut String) {
    out.push_str("\n## Figures\n\n| | |\n|---|---:|\n");
    let (sizes, times) = (&report.sizes, &report.latencies);
    for (name, value) in [
        ("pages read", count(report.run.pages)),
        ("requests", count(report.run.requests)),
        ("hosts", count(report.run.hosts)),
        ("URLs that wait", count(report.run.queued)),
        ("median time of a page", millis(times.median as f64)),
        ("95 of 100 pages within", millis(times.p95 as f64)),
        ("median length of a page", bytes(sizes.median)),
        ("content in all", bytes(sizes.sum)),
    ] {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    out.push_str("\n| status or error | URLs | share |\n|---|---:|---:|\n");
    let all = report.outcomes.all();
    for status in report.statuses.iter().take(ROWS) {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            text(&status.name),
            count(status.urls),
            text(&share(status.urls, all))
        );
    }
    out.push_str("\n| depth | pages | answered | in error |\n|---:|---:|---:|---:|\n");
    for depth in report.depths.iter().take(ROWS) {
        let of = &depth.outcomes;
        let broken = of.client_errors + of.failed;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            depth.depth,
            count(of.all()),
            count(of.ok),
            count(broken)
        );
    }
}

fn table(listing: &Listing, most: usize, out: &mut String) {
    let rows = counted(listing.total, "row", "rows");
    let _ = writeln!(
        out,
        "\n## {}: {rows}\n\nA row is {}.{}\n",
        text(listing.title),
        text(listing.what),
        text(&parts(listing))
    );
    let columns = listing.rows.columns;
    let heads: Vec<String> = columns.iter().map(|column| text(column.head)).collect();
    let rules: Vec<&str> = columns
        .iter()
        .map(|column| match column.form {
            Form::Number | Form::Bytes | Form::Millis | Form::Real => "---:",
            _ => "---",
        })
        .collect();
    let _ = writeln!(out, "| {} |\n|{}|", heads.join(" | "), rules.join("|"));
    let shown = listing.rows.rows.iter().take(most);
    let count_shown = shown.len() as u64;
    for row in shown {
        let cells: Vec<String> = columns
            .iter()
            .zip(row)
            .map(|(column, value)| shown_cell(column.form, value))
            .collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    let more = match listing.total.saturating_sub(count_shown) {
        0 => "All of it".to_owned(),
        more => format!("And {} more", count(more)),
    };
    let _ = writeln!(out, "\n{more}: {}", code(&listing.query));
}

fn shown_cell(form: Form, value: &Value) -> String {
    match (form, value) {
        (_, Value::Null) => "–".to_owned(),
        (Form::Url, Value::String(found)) => url(found),
        (Form::Urls | Form::Route, Value::Array(urls)) => {
            let urls: Vec<String> = urls.iter().filter_map(Value::as_str).map(url).collect();
            urls.join(if form == Form::Route { " → " } else { "<br>" })
        }
        (Form::Number | Form::Bytes | Form::Millis | Form::Real, value) if value.is_number() => {
            number(form, value)
        }
        (_, Value::String(found)) => text(found),
        (_, value) => text(&value.to_string()),
    }
}

/// A URL: a link, where it may be one and is not too long.
fn url(url: &str) -> String {
    let link = (url.len() <= LINK).then(|| markdown::link(url)).flatten();
    link.unwrap_or_else(|| text(&cell::fit_url(&cell::printable(url), TEXT)))
}

fn text(text: &str) -> String {
    markdown::text(&cell::fit(&cell::printable(text), TEXT * 4))
}

/// A command, between more backticks than it has itself.
fn code(command: &str) -> String {
    let command = cell::printable(command).replace('|', "\\|");
    let mut ticks = "`".to_owned();
    while command.contains(&ticks) {
        ticks.push('`');
    }
    format!("{ticks}{command}{ticks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_server_is_markup() {
        let long = format!("http://a.example/{}", "x".repeat(LINK));
        for (given, wanted) in [
            ("http://a.example/b?c=d&e", "<http://a.example/b?c=d&e>"),
            ("http://a.example/|x", "http\\://a.example/\\|x"),
            (&long, "http\\://a.example/xxx"),
        ] {
            assert!(url(given).starts_with(wanted), "{given}");
        }
        assert!(url(&long).len() < 2 * TEXT);
        assert_eq!(text("<b> www.x"), "&lt;b&gt; www\\.x");
        assert_eq!(code("a `b` | c"), "``a `b` \\| c``");
    }
}
