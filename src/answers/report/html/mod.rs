//! The report as one page that needs nothing but itself: what is to be done first, charts, tables. Scripts sort and filter;
//! without them, and on paper, all is there. What came from servers is text and nothing else; should it ever pass for
//! markup, the page's policy loads, runs and sends nothing that is not of our own making.

mod charts;
mod tables;

pub(super) use tables::{number, parts};

use std::fmt::Write as _;

use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::super::cell::html as escape;
use super::checks::{Finding, Severity};
use super::draw::{self, Chart};
use super::figures::{Outcomes, Report};
use super::words::{bytes, count, counted, millis, moment, share};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let mut page = String::with_capacity(256 << 10);
    head(report, &mut page);
    contents(report, &mut page);
    summary(report, &mut page);
    page.push_str("<section aria-labelledby=\"charts\">\n<h2 id=\"charts\">At a glance</h2>\n<div class=\"charts\">\n");
    for chart in charts::of(report) {
        figure(&chart, false, &mut page);
    }
    page.push_str("</div>\n</section>\n");
    sections(report, &mut page);
    page.push_str("<section aria-labelledby=\"tables\">\n<h2 id=\"tables\">In detail</h2>\n");
    for listing in &report.tables {
        tables::listing(listing, &mut page);
    }
    clean(report, &mut page);
    page.push_str("</section>\n");
    unasked(report, &mut page);
    foot(report, &mut page);
    page
}

/// The digest by which the page's policy knows its own style and script.
fn digest(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text))
}

fn style() -> String {
    let (light, dark) = (draw::variables(false), draw::variables(true));
    // Paper is light.
    format!(
        "\n:root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root:not(:has(#theme-light:checked)){{{dark}}}}}\n\
         @media screen{{:root:has(#theme-dark:checked){{{dark}}}}}\n{STYLE}"
    )
}

/// What the report is of, in a title.
fn subject(report: &Report) -> String {
    let seeds = &report.run.seeds;
    let first = seeds.first().map_or("no seeds", |seed| seed);
    match seeds.len() {
        0 | 1 => first.to_owned(),
        many => format!(
            "{first} and {} more",
            counted(many as u64 - 1, "seed", "seeds")
        ),
    }
}

fn head(report: &Report, page: &mut String) {
    let title = format!(
        "Crawl report: {}",
        super::super::cell::fit_url(&subject(report), 120)
    );
    let style = style();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#summary\">To the summary</a>\n<header><div class=\"top\"><div><h1>{title}</h1>\n",
        digest(&style),
        digest(SCRIPT),
        title = escape(&title),
    );
    let run = &report.run;
    let _ = write!(
        page,
        "<p class=\"soft\">Run {}, {}. Begun {} UTC, last sign of life {} UTC; report made {} UTC by crawl {}.</p></div>\n\
         <fieldset><legend>Theme</legend>\
         <label><input type=\"radio\" name=\"theme\" value=\"system\" checked> as the system</label>\
         <label><input type=\"radio\" name=\"theme\" value=\"light\" id=\"theme-light\"> light</label>\
         <label><input type=\"radio\" name=\"theme\" value=\"dark\" id=\"theme-dark\"> dark</label></fieldset></div></header>\n<main id=\"main\">\n",
        run.run,
        escape(&run.state),
        escape(&moment(&run.begun_at)),
        escape(&moment(&run.heartbeat_at)),
        escape(&moment(&report.made_at)),
        report.version
    );
}

/// The crawl in a sentence or two.
pub(super) fn in_words(report: &Report) -> String {
    let (run, outcomes) = (&report.run, &report.outcomes);
    let asked = outcomes.all();
    if asked == 0 {
        return "Nothing has an outcome yet.".to_owned();
    }
    let Outcomes {
        ok,
        redirects,
        client_errors,
        failed,
        forbidden,
    } = *outcomes;
    let mut words = format!(
        "Of {} on {}, {} ({}) answered as they should.",
        counted(asked, "URL", "URLs"),
        counted(run.hosts, "host", "hosts"),
        count(ok),
        share(ok, asked)
    );
    let mut others: Vec<String> = Vec::new();
    for (number, one, many) in [
        (redirects, "redirects", "redirect"),
        (
            client_errors,
            "was refused or is not there (4xx)",
            "were refused or are not there (4xx)",
        ),
        (
            failed,
            "failed (5xx, or no answer)",
            "failed (5xx, or no answer)",
        ),
        (
            forbidden,
            "is forbidden by robots.txt",
            "are forbidden by robots.txt",
        ),
    ] {
        if number > 0 {
            others.push(format!(
                "{} {}",
                count(number),
                if number == 1 { one } else { many }
            ));
        }
    }
    if let Some(last) = others.pop() {
        let list = if others.is_empty() {
            last
        } else {
            format!("{} and {last}", others.join(", "))
        };
        let _ = write!(words, " {list}.");
    }
    let took = report.pace.active_s;
    if took > 0.0 && run.pages > 0 {
        let _ = write!(
            words,
            " The crawl took {} in {}, {} pages a second.",
            millis(took * 1e3),
            counted(run.starts, "start", "starts"),
            super::words::short(run.pages as f64 / took)
        );
    }
    words
}

fn summary(report: &Report, page: &mut String) {
    page.push_str("<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">In short</h2>\n");
    for remark in &report.remarks {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(remark));
    }
    let _ = writeln!(
        page,
        "<p>{}</p>\n<ul class=\"tiles\">",
        escape(&in_words(report))
    );
    let outcomes = &report.outcomes;
    let broken = outcomes.client_errors + outcomes.failed;
    for (value, words) in [
        (count(report.run.pages), "pages read"),
        (share(outcomes.ok, outcomes.all()), "of URLs answered"),
        (count(broken), "URLs in error"),
        (count(outcomes.redirects), "redirects"),
        (
            millis(report.latencies.median as f64),
            "median time of a page",
        ),
        (bytes(report.sizes.sum), "of content"),
        (count(report.run.queued), "URLs wait"),
    ] {
        let _ = writeln!(page, "<li><b>{value}</b><span>{words}</span></li>");
    }
    page.push_str("</ul>\n<h3 id=\"first\">What to do first</h3>\n");
    findings(report, page);
    page.push_str("</section>\n");
}

/// What is urgent in full sight, the rest behind a line.
fn findings(report: &Report, page: &mut String) {
    let (notices, urgent): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| finding.severity == Severity::Notice);
    if urgent.is_empty() {
        page.push_str("<p>Nothing was found that is to be mended.</p>\n");
    }
    list(&urgent, page);
    if !notices.is_empty() {
        let notes = counted(notices.len() as u64, "notice", "notices");
        let _ = writeln!(
            page,
            "<details class=\"notes\"><summary>{notes}: what may be meant</summary>"
        );
        list(&notices, page);
        page.push_str("</details>\n");
    }
}

fn list(findings: &[&Finding], page: &mut String) {
    if findings.is_empty() {
        return;
    }
    page.push_str("<ol class=\"findings\">\n");
    for finding in findings {
        let severity = finding.severity.as_str();
        let what = escape(&finding.what);
        let what = match finding.table {
            Some(table) => format!("<a href=\"#{table}\">{what}</a>"),
            None => what,
        };
        let _ = writeln!(
            page,
            "<li class=\"{severity}\"><h4><span class=\"badge\">{severity}</span>{what}</h4><p>{}</p><p><code>{}</code></p></li>",
            escape(finding.why),
            escape(&finding.query)
        );
    }
    page.push_str("</ol>\n");
}

fn contents(report: &Report, page: &mut String) {
    page.push_str(
        "<nav aria-label=\"Contents\"><ul>\n<li><a href=\"#charts\">At a glance</a></li>\n",
    );
    if report.sections.nodes.len() > 1 {
        page.push_str("<li><a href=\"#sections\">How its parts are linked</a></li>\n");
    }
    for table in report.tables.iter().filter(|table| table.total > 0) {
        let _ = writeln!(
            page,
            "<li><a href=\"#{}\">{}</a></li>",
            table.name,
            escape(table.title)
        );
    }
    page.push_str("</ul></nav>\n");
}

/// A chart, what it says, and the table of it; a wide one has the table beside it.
fn figure(chart: &Chart, wide: bool, page: &mut String) {
    let (title, says) = (escape(&chart.title), escape(&chart.says));
    let (class, open) = if wide {
        (" class=\"wide\"", " open")
    } else {
        ("", "")
    };
    let region = if wide {
        format!(" tabindex=\"0\" role=\"region\" aria-label=\"{title}, drawn\"")
    } else {
        String::new()
    };
    let _ = writeln!(
        page,
        "<figure{class}><figcaption><h3>{title}</h3><p>{says}</p></figcaption>\n\
         <div class=\"scroll\"{region}><svg role=\"img\" aria-label=\"{title}. {says} The numbers are in the table after it.\" \
         viewBox=\"0 0 {} {}\">{}</svg></div>",
        chart.svg.width, chart.svg.height, chart.svg.body
    );
    if chart.legend.len() > 1 {
        page.push_str("<ul class=\"legend\">");
        for (class, words) in &chart.legend {
            let _ = write!(page, "<li><i class=\"{class}\"></i>{words}</li>");
        }
        page.push_str("</ul>\n");
    }
    let _ = write!(
        page,
        "<details{open}><summary>As a table</summary><div class=\"scroll long\" tabindex=\"0\" role=\"region\" \
         aria-label=\"{title}, as a table\"><table><thead><tr>"
    );
    figure_rows(chart, page);
    page.push_str("</tbody></table></div></details></figure>\n");
}

fn figure_rows(chart: &Chart, page: &mut String) {
    for (index, head) in chart.heads.iter().enumerate() {
        let class = if index > 0 { " class=\"n\"" } else { "" };
        let _ = write!(page, "<th scope=\"col\"{class}>{}</th>", escape(head));
    }
    page.push_str("</tr></thead><tbody>");
    for row in &chart.rows {
        page.push_str("<tr>");
        for (index, value) in row.iter().enumerate() {
            let class = if index > 0 { "n" } else { "x" };
            let _ = write!(page, "<td class=\"{class}\">{}</td>", escape(value));
        }
        page.push_str("</tr>");
    }
}

fn sections(report: &Report, page: &mut String) {
    let Some(chart) = charts::sections(&report.sections) else {
        return;
    };
    page.push_str("<section aria-labelledby=\"sections\">\n<h2 id=\"sections\">How its parts are linked</h2>\n");
    figure(&chart, true, page);
    page.push_str("</section>\n");
}

/// What the report does not answer, and why.
fn unasked(report: &Report, page: &mut String) {
    let unasked = report
        .tables
        .iter()
        .filter_map(|table| Some((table.title, table.unasked.as_ref()?)));
    let items: String = unasked
        .map(|(title, why)| format!("<li>{}: {}.</li>\n", escape(title), escape(why)))
        .collect();
    if !items.is_empty() {
        let _ = write!(
            page,
            "<section aria-labelledby=\"unasked\">\n<h2 id=\"unasked\">Not in this report</h2>\n<ul>\n{items}</ul>\n</section>\n"
        );
    }
}

/// What was asked, and has nothing to show.
fn clean(report: &Report, page: &mut String) {
    let clean = report
        .tables
        .iter()
        .filter(|table| table.total == 0 && table.unasked.is_none());
    let titles: Vec<String> = clean.map(|table| escape(table.title)).collect();
    if !titles.is_empty() {
        let _ = writeln!(
            page,
            "<p class=\"soft\">Looked for, and nothing found: {}.</p>",
            titles.join(", ")
        );
    }
}

fn foot(report: &Report, page: &mut String) {
    let _ = write!(
        page,
        "</main>\n<footer><p>Made by crawl {} from its database alone. Tables show their first rows; the commands below them answer in full. \
         Times are UTC, and as seen from the machine that crawled.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        report.version
    );
}
