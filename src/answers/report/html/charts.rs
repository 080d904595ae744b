//! Which charts there are, and what each says in a sentence.

use super::super::draw::{Bar, Chart, Labels, Stack, Svg, bars, columns, line, matrix};
use super::super::figures::{Histogram, Outcome, Outcomes, Pace, Report, Sections};
use super::super::words::{bytes, count, counted, millis, share, short};

/// Bars of a chart; the rest are one more.
const BARS: usize = 10;
/// Steps that have a number below them.
const DEPTHS: usize = 24;

/// The charts of a report; none of what there is nothing of.
pub(super) fn of(report: &Report) -> Vec<Chart> {
    let mut charts = Vec::new();
    if report.outcomes.all() > 0 {
        charts.push(statuses(report));
    }
    charts.extend(pace(&report.pace));
    if !report.depths.is_empty() {
        charts.push(depths(report));
    }
    charts.extend(latencies(&report.latencies));
    charts.extend(sizes(&report.sizes));
    charts.extend(types(report));
    charts.extend(hosts(report));
    charts.extend(redirects(report));
    charts.extend(texts(report));
    charts.extend(sitemaps(report));
    charts
}

/// How often each of some things was found; nothing where none was.
fn kinds(
    title: &str,
    says: String,
    head: &'static str,
    kinds: Vec<(String, u64)>,
) -> Option<Chart> {
    let kinds: Vec<(String, u64)> = kinds.into_iter().filter(|kind| kind.1 > 0).collect();
    if kinds.is_empty() {
        return None;
    }
    let bar = |(name, number): &(String, u64)| Bar {
        name: name.clone(),
        parts: vec![("ok", *number)],
        value: count(*number),
    };
    Some(Chart {
        title: title.to_owned(),
        says,
        svg: bars(&kinds.iter().map(bar).collect::<Vec<_>>()),
        legend: vec![],
        heads: vec![head, "number"],
        rows: kinds
            .iter()
            .map(|(name, number)| vec![name.clone(), count(*number)])
            .collect(),
    })
}

/// The kinds of problems of a table.
fn parts(report: &Report, table: &str) -> Vec<(String, u64)> {
    let parts = report.table(table).map(|table| &table.parts);
    let parts = parts.into_iter().flatten();
    parts
        .map(|(name, part)| (name.clone(), part.rows))
        .collect()
}

fn redirects(report: &Report) -> Option<Chart> {
    let all = report.table("redirects")?.total;
    let says = format!(
        "{}, and what comes of them.",
        counted(all, "URL redirects", "URLs redirect")
    );
    kinds("Redirects", says, "ends how", parts(report, "redirects"))
}

fn texts(report: &Report) -> Option<Chart> {
    let named = |table: &str, what: &str| -> Vec<(String, u64)> {
        let parts = parts(report, table).into_iter();
        parts
            .map(|(name, number)| (format!("{what} {name}"), number))
            .collect()
    };
    let (titles, descriptions) = (named("titles", "title"), named("descriptions", "descr."));
    let says = "Of pages that can be indexed: titles of 30 to 60 letters and descriptions of 70 to 160 are neither short nor long.";
    kinds(
        "Titles and descriptions",
        says.to_owned(),
        "problem",
        [titles, descriptions].concat(),
    )
}

fn sitemaps(report: &Report) -> Option<Chart> {
    let total = |table: &str| report.table(table).map_or(0, |table| table.total);
    let mut found = vec![
        ("not linked".to_owned(), total("orphans")),
        ("not listed".to_owned(), total("unlisted")),
    ];
    let problems = parts(report, "sitemap-problems").into_iter();
    found.extend(problems.map(|(name, number)| (format!("in one: {name}"), number)));
    let says = "Where the two differ: what only a sitemap names (not linked), what none names (not listed), what is in one and should not be.";
    kinds(
        "Sitemaps and the crawl",
        says.to_owned(),
        "difference",
        found,
    )
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Redirect => "redirect",
        Outcome::ClientError => "client",
        Outcome::Failed => "failed",
        Outcome::Forbidden => "forbidden",
    }
}

/// Of the kinds of outcome those that are there.
fn legend(outcomes: &Outcomes) -> Vec<(&'static str, &'static str)> {
    let there = Outcome::ALL
        .iter()
        .zip(numbers(outcomes))
        .filter(|(_, urls)| *urls > 0);
    there
        .map(|((outcome, words), _)| (class(*outcome), *words))
        .collect()
}

fn numbers(outcomes: &Outcomes) -> [u64; 5] {
    let Outcomes {
        ok,
        redirects,
        client_errors,
        failed,
        forbidden,
    } = *outcomes;
    [ok, redirects, client_errors, failed, forbidden]
}

fn statuses(report: &Report) -> Chart {
    let all = report.outcomes.all();
    let value = |urls: u64| format!("{} ({})", count(urls), share(urls, all));
    let shown = report.statuses.iter().take(BARS);
    let mut rows: Vec<Bar> = shown
        .map(|status| Bar {
            name: status.name.clone(),
            parts: vec![(class(status.outcome), status.urls)],
            value: value(status.urls),
        })
        .collect();
    let rest: u64 = report
        .statuses
        .iter()
        .skip(BARS)
        .map(|status| status.urls)
        .sum();
    if rest > 0 {
        let others = report.statuses.len() - BARS;
        rows.push(Bar {
            name: format!("{others} others"),
            parts: vec![("redirect", rest)],
            value: value(rest),
        });
    }
    let table = report.statuses.iter();
    Chart {
        title: "Answers by status".to_owned(),
        says: format!(
            "{} of {} answered as they should.",
            share(report.outcomes.ok, all),
            counted(all, "URL", "URLs")
        ),
        svg: bars(&rows),
        legend: legend(&report.outcomes),
        heads: vec!["status or error", "URLs", "share"],
        rows: table
            .map(|status| {
                vec![
                    status.name.clone(),
                    count(status.urls),
                    share(status.urls, all),
                ]
            })
            .collect(),
    }
}

/// How fast it went, and how far it came.
fn pace(pace: &Pace) -> Vec<Chart> {
    let pages: u64 = pace.steps.iter().map(|step| step.pages).sum();
    if pages == 0 || pace.step_s <= 0.0 {
        return Vec::new();
    }
    let sums = pace.steps.iter().scan(0, |sum, step| {
        *sum += step.pages;
        Some(*sum)
    });
    let sums: Vec<u64> = sums.collect();
    let steps: Vec<f64> = sums.iter().map(|sum| *sum as f64).collect();
    let axis = "time that the crawl ran";
    let labels = (0..=pace.steps.len()).map(|step| clock(step as f64 * pace.step_s));
    let labels = Labels::Between(labels.collect());
    let any_failed = pace.steps.iter().any(|step| step.failed > 0);
    let legend = [("ok", "pages a second"), ("failed", "failures a second")];
    let chart =
        |title: &str, says: String, svg: Svg, legend: &[(&'static str, &'static str)]| Chart {
            title: title.to_owned(),
            says,
            svg,
            legend: legend.to_vec(),
            heads: vec!["from", "pages", "pages/s", "failures", "pages so far"],
            rows: rows_of_pace(pace, &sums),
        };
    let rates = columns(&rates(pace), &labels, (axis, "pages/s"), &pace.restarts);
    let took = millis(pace.active_s * 1e3);
    let so_far = format!("{} in {took}.", counted(pages, "page", "pages"));
    vec![
        chart(
            "Pages a second",
            how_fast(pace, pages),
            rates,
            if any_failed { &legend } else { &[] },
        ),
        chart(
            "Pages over time",
            so_far,
            line(&steps, &labels, (axis, "pages")),
            &[],
        ),
    ]
}

fn how_fast(pace: &Pace, pages: u64) -> String {
    let fastest = pace.steps.iter().map(|step| step.pages).max().unwrap_or(0);
    let restarts = match pace.restarts.len() {
        0 => String::new(),
        some => format!(
            " A broken line: the crawl went on after a break ({}).",
            counted(some as u64, "time", "times")
        ),
    };
    format!(
        "{} on average, {} at the best, in steps of {}.{restarts}",
        short(pages as f64 / pace.active_s.max(pace.step_s)),
        short(fastest as f64 / pace.step_s),
        millis(pace.step_s * 1e3)
    )
}

fn rates(pace: &Pace) -> Vec<Stack> {
    let rate = |number: u64| number as f64 / pace.step_s;
    let steps = pace.steps.iter().zip(0_u32..);
    let stacks = steps.map(|(step, index)| Stack {
        parts: vec![
            ("ok", rate(step.pages.saturating_sub(step.failed))),
            ("failed", rate(step.failed)),
        ],
        says: format!(
            "from {}: {} pages/s, {}",
            millis(f64::from(index) * pace.step_s * 1e3),
            short(rate(step.pages)),
            counted(step.failed, "failure", "failures")
        ),
    });
    stacks.collect()
}

fn rows_of_pace(pace: &Pace, sums: &[u64]) -> Vec<Vec<String>> {
    let steps = pace.steps.iter().zip(sums).zip(0_u32..);
    let rows = steps.map(|((step, sum), index)| {
        vec![
            millis(f64::from(index) * pace.step_s * 1e3),
            count(step.pages),
            short(step.pages as f64 / pace.step_s),
            count(step.failed),
            count(*sum),
        ]
    });
    rows.collect()
}

/// A time on an axis: `0:30`, `2:00:00`, or seconds with a tenth.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if seconds < 60.0 {
        return format!("{} s", short(seconds));
    }
    if whole < 3600 {
        return format!("{}:{:02}", whole / 60, whole % 60);
    }
    format!("{}:{:02} h", whole / 3600, whole / 60 % 60)
}

fn depths(report: &Report) -> Chart {
    let mut sum = Outcomes::default();
    for depth in &report.depths {
        let of = &depth.outcomes;
        sum.ok += of.ok;
        sum.redirects += of.redirects;
        sum.client_errors += of.client_errors;
        sum.failed += of.failed;
        sum.forbidden += of.forbidden;
    }
    let shown = report.depths.iter().take(DEPTHS);
    let mut stacks = Vec::new();
    let mut labels = Vec::new();
    for depth in shown {
        let parts = Outcome::ALL.iter().zip(numbers(&depth.outcomes));
        stacks.push(Stack {
            parts: parts
                .map(|((outcome, _), urls)| (class(*outcome), urls as f64))
                .collect(),
            says: format!(
                "depth {}: {}",
                depth.depth,
                counted(depth.outcomes.all(), "page", "pages")
            ),
        });
        labels.push(depth.depth.to_string());
    }
    let deepest = report.depths.last().map_or(0, |depth| depth.depth);
    let most = report
        .depths
        .iter()
        .max_by_key(|depth| depth.outcomes.all());
    let beyond = if report.depths.len() > DEPTHS {
        format!(" Shown are the first {DEPTHS} depths.")
    } else {
        String::new()
    };
    Chart {
        title: "Pages by depth".to_owned(),
        says: format!(
            "Most are {} from a seed, the farthest {}.{beyond}",
            counted(
                most.map_or(0, |depth| u64::from(depth.depth)),
                "link",
                "links"
            ),
            deepest
        ),
        svg: columns(
            &stacks,
            &Labels::Below(labels),
            ("links from the nearest seed", "pages"),
            &[],
        ),
        legend: legend(&sum),
        heads: vec![
            "depth",
            "pages",
            "answered",
            "redirects",
            "4xx",
            "failed",
            "forbidden",
            "bytes",
        ],
        rows: report
            .depths
            .iter()
            .map(|depth| {
                let mut row = vec![depth.depth.to_string(), count(depth.outcomes.all())];
                row.extend(numbers(&depth.outcomes).map(count));
                row.push(bytes(depth.bytes));
                row
            })
            .collect(),
    }
}

/// A histogram, its ends in words.
fn spread(
    histogram: &Histogram,
    title: &str,
    axis: &str,
    says: String,
    end: fn(u64) -> String,
) -> Option<Chart> {
    let last = histogram.bins.last()?;
    let range = |from: u64, to: u64| format!("{} to {}", end(from), end(to));
    let bins = histogram.bins.iter();
    let stacks: Vec<Stack> = bins
        .map(|bin| Stack {
            parts: vec![("ok", bin.count as f64)],
            says: format!(
                "{}: {}",
                range(bin.from, bin.to),
                counted(bin.count, "page", "pages")
            ),
        })
        .collect();
    let mut labels: Vec<String> = histogram.bins.iter().map(|bin| end(bin.from)).collect();
    labels.push(end(last.to));
    Some(Chart {
        title: title.to_owned(),
        says,
        svg: columns(&stacks, &Labels::Between(labels), (axis, "pages"), &[]),
        legend: vec![],
        heads: vec!["from, to", "pages", "share"],
        rows: histogram
            .bins
            .iter()
            .map(|bin| {
                vec![
                    range(bin.from, bin.to),
                    count(bin.count),
                    share(bin.count, histogram.count),
                ]
            })
            .collect(),
    })
}

fn latencies(histogram: &Histogram) -> Option<Chart> {
    let end = |ms: u64| millis(ms as f64);
    let says = format!(
        "Half take {} at most, 95 of 100 at most {}, the slowest {}.",
        end(histogram.median),
        end(histogram.p95),
        end(histogram.largest)
    );
    spread(
        histogram,
        "Time that a page takes",
        "from request to last byte, growing scale",
        says,
        end,
    )
}

fn sizes(histogram: &Histogram) -> Option<Chart> {
    let says = format!(
        "Half have {} at most, 95 of 100 at most {}, the largest {}.",
        bytes(histogram.median),
        bytes(histogram.p95),
        bytes(histogram.largest)
    );
    spread(
        histogram,
        "Length of a page",
        "bytes of the body, decoded, growing scale",
        says,
        bytes,
    )
}

fn types(report: &Report) -> Option<Chart> {
    let first = report.content_types.first()?;
    let all: u64 = report.content_types.iter().map(|of| of.urls).sum();
    let shown = report.content_types.iter().take(BARS);
    let rows: Vec<Bar> = shown
        .map(|of| Bar {
            name: of.content_type.clone(),
            parts: vec![("ok", of.urls)],
            value: format!("{} ({})", count(of.urls), bytes(of.bytes)),
        })
        .collect();
    let more = report.content_types.len().saturating_sub(BARS);
    let more = if more > 0 {
        format!(" {more} more are not shown.")
    } else {
        String::new()
    };
    Some(Chart {
        title: "Media types".to_owned(),
        says: format!(
            "{} of {} with a body are {}.{more}",
            share(first.urls, all),
            counted(all, "page", "pages"),
            first.content_type
        ),
        svg: bars(&rows),
        legend: vec![],
        heads: vec!["media type", "pages", "bytes"],
        rows: report
            .content_types
            .iter()
            .take(100)
            .map(|of| vec![of.content_type.clone(), count(of.urls), bytes(of.bytes)])
            .collect(),
    })
}

fn hosts(report: &Report) -> Option<Chart> {
    let table = report.table("hosts").filter(|table| table.total > 1)?;
    let number = |row: &[serde_json::Value], at: usize| {
        row.get(at).and_then(serde_json::Value::as_u64).unwrap_or(0)
    };
    let named = table.rows.rows.iter().map(|row| {
        let name = row
            .first()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        let (requests, failed) = (number(row, 1), number(row, 2));
        (name.to_owned(), requests, failed.min(requests))
    });
    let named: Vec<(String, u64, u64)> = named.collect();
    let rows: Vec<Bar> = named
        .iter()
        .take(BARS)
        .map(|(name, requests, failed)| Bar {
            name: name.clone(),
            parts: vec![("ok", requests - failed), ("failed", *failed)],
            value: format!("{} ({} failed)", count(*requests), count(*failed)),
        })
        .collect();
    Some(Chart {
        title: "Requests by host".to_owned(),
        says: format!(
            "{}; those with most requests are shown.",
            counted(table.total, "host", "hosts")
        ),
        svg: bars(&rows),
        legend: vec![("ok", "answered"), ("failed", "failed, or 400 and above")],
        heads: vec!["host", "requests", "failed"],
        rows: named
            .iter()
            .map(|(name, requests, failed)| vec![name.clone(), count(*requests), count(*failed)])
            .collect(),
    })
}

/// The links between the parts; nothing where there is but one.
pub(super) fn sections(sections: &Sections) -> Option<Chart> {
    if sections.nodes.len() < 2 {
        return None;
    }
    let all: u64 = sections.edges.iter().map(|edge| edge.links).sum();
    let within = sections.edges.iter().filter(|edge| edge.from == edge.to);
    let within: u64 = within.map(|edge| edge.links).sum();
    let mut edges: Vec<_> = sections.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.links));
    let name = |at: usize| {
        sections
            .nodes
            .get(at)
            .map_or(String::new(), |node| node.name.clone())
    };
    let svg: Svg = matrix(sections);
    Some(Chart {
        title: format!("Links between parts, by {}", sections.by),
        says: format!(
            "A row links to the columns; the more links, the stronger the colour; framed is a part itself. {} of {} stay within their part; {} lead elsewhere.",
            share(within, all),
            counted(all, "link", "links"),
            count(sections.elsewhere)
        ),
        svg,
        legend: vec![],
        heads: vec!["from → to", "links"],
        rows: edges
            .iter()
            .take(100)
            .map(|edge| {
                vec![
                    format!("{} → {}", name(edge.from), name(edge.to)),
                    count(edge.links),
                ]
            })
            .collect(),
    })
}
