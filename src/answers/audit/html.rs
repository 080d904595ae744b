//! An audit as one page that can be sent to the owner of a site: no scripts, nothing from elsewhere, and
//! as readable on paper.

use std::fmt::Write as _;

use super::super::cell::html as escape;
use super::report::{Audit, HostFigures, Law, StartFigures, Violation};

/// Hosts, and violations of one law, that the page shows.
const SHOWN: usize = 1000;

/// Nothing is loaded, run or sent, should a text ever pass for markup after all.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1e21; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #d5d9de; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
.verdict { font-size: 1.1rem; padding: .6rem .9rem; border-left: .4rem solid; margin: 1.2rem 0; }
.clean { background: #eef7ee; border-color: #2e7d32; }
.broken { background: #fdf0ee; border-color: #c0392b; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #e6e8eb; }
th { font-weight: 600; vertical-align: bottom; }
td:last-child, th:last-child { padding-right: 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.u { overflow-wrap: anywhere; min-width: 9em; }
td.t { min-width: 5.5em; }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
small, .note { color: #59606a; }
tr { break-inside: avoid; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10px; }
  .scroll { overflow: visible; }
  h2, h3 { break-after: avoid; }
}
";

/// The page.
#[must_use]
pub fn html(audit: &Audit) -> String {
    let mut page = String::with_capacity(16 << 10);
    let title = format!(
        "Audit of a crawl by {}",
        audit.agents().first().unwrap_or(&"")
    );
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n",
        title = escape(&title)
    );
    verdict(audit, &mut page);
    who(audit, &mut page);
    hosts(audit, &mut page);
    violations(audit, &mut page);
    remarks(audit, &mut page);
    method(audit, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn verdict(audit: &Audit, page: &mut String) {
    let hosts = audit.hosts.iter().filter(|host| host.requests > 0).count();
    let (class, words) = match audit.broken() {
        0 => ("clean", "No violation.".to_owned()),
        1 => ("broken", "1 violation.".to_owned()),
        many => ("broken", format!("{many} violations.")),
    };
    let _ = writeln!(
        page,
        "<p class=\"verdict {class}\"><strong>{words}</strong> {} requests to {hosts} host(s), all of them checked.</p>",
        audit.requests
    );
    if let (Some(first), Some(last)) = (&audit.first_at, &audit.last_at) {
        let _ = writeln!(
            page,
            "<p>The first request was made at {}, the last at {} (UTC).</p>",
            moment(first),
            moment(last)
        );
    }
}

fn who(audit: &Audit, page: &mut String) {
    page.push_str("<h2>Who asked</h2>\n");
    row_of_names(
        page,
        &[
            ("start", true),
            ("begun (UTC)", false),
            ("User-Agent", false),
            ("name for robots.txt", false),
            ("contact", false),
            ("robots.txt", false),
            ("requests", true),
        ],
    );
    for start in &audit.starts {
        row_of_start(start, page);
    }
    page.push_str("</tbody></table></div>\n");
    let _ = writeln!(
        page,
        "<p>In flight at one time, over all hosts: {} at the most; {} were allowed.</p>",
        audit.most_in_flight,
        audit.starts.last().map_or(0, |start| start.concurrency)
    );
}

fn row_of_start(start: &StartFigures, page: &mut String) {
    let contact = if start.contact.is_empty() {
        "none given"
    } else {
        &start.contact
    };
    let robots = if start.ignore_robots {
        "ignored"
    } else {
        "obeyed"
    };
    let _ = writeln!(
        page,
        "<tr><td class=\"n\">{}</td><td class=\"t\">{}</td><td class=\"u\"><code>{}</code></td><td><code>{}</code></td>\
         <td>{}</td><td>{robots}</td><td class=\"n\">{}</td></tr>",
        start.start,
        moment(&start.begun_at),
        escape(&start.user_agent),
        escape(&start.product_token),
        escape(contact),
        start
            .requests
            .map_or_else(|| "–".to_owned(), |requests| requests.to_string())
    );
}

fn hosts(audit: &Audit, page: &mut String) {
    page.push_str("<h2>What was asked of each host</h2>\n");
    row_of_names(
        page,
        &[
            ("host", false),
            ("requests", true),
            ("least gap", true),
            ("allowed", false),
            ("in flight (allowed)", true),
            ("Crawl-delay", true),
            ("held against robots.txt", true),
            ("pauses asked for", true),
            ("violations", true),
        ],
    );
    for host in audit.hosts.iter().take(SHOWN) {
        row_of_host(host, page);
    }
    page.push_str("</tbody></table></div>\n");
    more(audit.hosts.len() as u64, "hosts", page);
}

fn row_of_host(host: &HostFigures, page: &mut String) {
    let span = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), spoken);
    let allowed = match (host.interval_ms, host.burst) {
        (None, _) => "no limit".to_owned(),
        (Some(ms), 0 | 1) => format!("one each {}", spoken(ms)),
        (Some(ms), burst) => format!("one each {}, {burst} at once after a rest", spoken(ms)),
    };
    let shared = host.shared.as_ref().map_or_else(String::new, |name| {
        format!(" <small>(shares its limits with {})</small>", escape(name))
    });
    let pauses = match (host.throttled, host.longest_hold_ms) {
        (0, _) | (_, None) => host.throttled.to_string(),
        (pauses, Some(longest)) => format!("{pauses}, up to {}", spoken(longest)),
    };
    let _ = writeln!(
        page,
        "<tr><td class=\"u\">{}{shared}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"t\">{allowed}</td><td class=\"n\">{} ({})</td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{pauses}</td><td class=\"n\">{}</td></tr>",
        escape(&host.host),
        host.requests,
        span(host.least_gap_ms),
        host.most_in_flight,
        host.host_concurrency,
        span(host.crawl_delay_ms),
        host.robots_checked,
        host.violations
    );
}

fn violations(audit: &Audit, page: &mut String) {
    if audit.is_clean() {
        return;
    }
    page.push_str("<h2>Violations</h2>\n");
    for (law, count) in &audit.counts {
        let words = escape(law.broken());
        let _ = writeln!(page, "<h3>{} ({count}): {words}</h3>", law.as_str());
        row_of_names(
            page,
            &[
                ("request", true),
                ("at (UTC)", false),
                ("URL", false),
                ("what", false),
                ("beside", false),
            ],
        );
        let of_law = audit.violations.iter().filter(|found| found.law == *law);
        for violation in of_law.take(SHOWN) {
            row_of_violation(violation, page);
        }
        page.push_str("</tbody></table></div>\n");
        more(*count, "violations", page);
    }
}

fn row_of_violation(violation: &Violation, page: &mut String) {
    let who = match violation.request {
        Some(request) => request.to_string(),
        None => format!("start {}", violation.start),
    };
    let beside: Vec<String> = violation.beside.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        page,
        "<tr><td class=\"n\">{who}</td><td class=\"t\">{}</td><td class=\"u\"><code>{}</code></td><td class=\"u\">{}</td><td>{}</td></tr>",
        moment(&violation.started_at),
        escape(violation.url.as_deref().unwrap_or_default()),
        escape(&violation.words),
        beside.join(", ")
    );
}

fn remarks(audit: &Audit, page: &mut String) {
    if audit.remarks.is_empty() && audit.not_sent == 0 {
        return;
    }
    page.push_str("<h2>To be known besides</h2>\n<ul>\n");
    for remark in &audit.remarks {
        let _ = writeln!(page, "<li>{}</li>", escape(&remark.words));
    }
    if audit.not_sent > 0 {
        let _ = writeln!(
            page,
            "<li>requests that were never sent, since the name does not exist or the address is private: {}</li>",
            audit.not_sent
        );
    }
    page.push_str("</ul>\n");
}

fn method(audit: &Audit, page: &mut String) {
    page.push_str("<h2>What was checked</h2>\n<p>Each request of the crawl's own log was held to these laws:</p>\n<ul>\n");
    for (law, meaning) in LAWS {
        let count = audit.counts.get(&law).copied().unwrap_or_default();
        let _ = writeln!(page, "<li>{meaning}: {count} violations</li>");
    }
    let _ = writeln!(
        page,
        "</ul>\n<p class=\"note\">Stamps are those of the crawler's clock, taken as each request started, after all waits. \
         A request counts as too early from 50 ms on, or a twentieth of the time that it should have waited, whichever is more. \
         Made by crawl {} at {} (UTC).</p>",
        escape(audit.version),
        moment(&audit.audited_at)
    );
}

/// What is asked for, in the words of this page.
const LAWS: [(Law, &str); 12] = [
    (
        Law::Robots,
        "the robots.txt that was valid at that time allows it (RFC 9309)",
    ),
    (
        Law::RobotsUnknown,
        "no page is asked for before its origin's robots.txt",
    ),
    (
        Law::Rate,
        "to one host, in no span of time more requests than the rate and its burst allow",
    ),
    (Law::GlobalRate, "the same to all hosts together"),
    (
        Law::HostConcurrency,
        "no more requests at one time to one host than allowed",
    ),
    (
        Law::Concurrency,
        "no more requests at one time to all hosts together than allowed",
    ),
    (
        Law::CrawlDelay,
        "from one request to the next at least the Crawl-delay",
    ),
    (Law::OneAtATime, "with a Crawl-delay, one request at a time"),
    (
        Law::Hold,
        "a host that answers 429, 503 or Retry-After is left alone so long",
    ),
    (
        Law::SetAside,
        "a host that keeps failing, or asks for a long pause, is asked no more",
    ),
    (
        Law::Identity,
        "the User-Agent is one that robots.txt can address, and stays the same",
    ),
    (
        Law::Settings,
        "the limits of each start of the program are on record",
    ),
];

fn row_of_names(page: &mut String, names: &[(&str, bool)]) {
    page.push_str("<div class=\"scroll\"><table><thead><tr>");
    for (name, number) in names {
        let class = if *number { " class=\"n\"" } else { "" };
        let _ = write!(page, "<th{class}>{}</th>", escape(name));
    }
    page.push_str("</tr></thead><tbody>\n");
}

fn more(count: u64, what: &str, page: &mut String) {
    if let Some(more) = count.checked_sub(SHOWN as u64).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p class=\"note\">And {more} {what} more.</p>");
    }
}

/// A time of day as a reader has it: to the millisecond.
fn moment(time: &str) -> String {
    let whole = time.trim_end_matches('Z').replace('T', " ");
    escape(whole.get(..23).unwrap_or(&whole))
}

/// A time as a reader has it.
fn spoken(ms: f64) -> String {
    if ms < 1000.0 {
        format!("{} ms", (ms * 10.0).round() / 10.0)
    } else {
        format!("{} s", (ms / 10.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_are_all_told() {
        let told: Vec<Law> = LAWS.iter().map(|row| row.0).collect();
        let all: Vec<Law> = Law::ALL.iter().map(|row| row.0).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn nothing_of_a_server_is_markup() {
        let mut audit = Audit::default();
        audit.counts.insert(Law::Robots, 1);
        audit.hosts.push(HostFigures {
            host: "<b>&\"'\u{202e}".to_owned(),
            ..HostFigures::default()
        });
        let page = html(&audit);
        assert!(
            page.contains("&lt;b&gt;&amp;&quot;&#39;\\u{202e}"),
            "{page}"
        );
        assert!(!page.contains("<b>") && !page.contains("<script"));
    }
}
