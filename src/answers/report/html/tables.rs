//! Tables: the first rows of an answer, within a bound, so that the page stays small whatever a crawl has met.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::super::cell::{self, html as escape};
use super::super::figures::Listing;
use super::super::questions::{Column, Form};
use super::super::words::{bytes, count, counted, millis, moment};

/// Bytes that the rows of one table take at the most; more where more than the usual number was asked for.
const ROOM: usize = 84 << 10;
const USUAL: usize = 200;
/// Rows that are printed, as the style has it.
const PRINTED: u64 = 20;
/// Letters of a URL, and of a text, that are shown.
const URL: usize = 160;
const TEXT: usize = 200;
/// A longer URL is no link: it would weigh more than the rest of its row.
const LINK: usize = 1000;

/// A table, its title, and how to have the rest.
pub(super) fn listing(listing: &Listing, page: &mut String) {
    if listing.total == 0 {
        return;
    }
    let (name, title) = (listing.name, escape(listing.title));
    let (rows, shown) = rows(listing);
    let (how_many, all) = match listing.total.saturating_sub(shown) {
        0 => (counted(listing.total, "row", "rows"), "All of it"),
        _ => (
            format!("{} of {} rows", count(shown), count(listing.total)),
            "The rest",
        ),
    };
    let _ = write!(
        page,
        "<section class=\"listing\" aria-labelledby=\"{name}\">\n<h3 id=\"{name}\">{title}: {how_many}</h3>\n\
         <p class=\"says\">A row is {}.{}</p>\n<div class=\"tools\" hidden><label>Filter <input type=\"search\" \
         autocomplete=\"off\" spellcheck=\"false\" aria-label=\"Filter: {title}\"></label><output></output></div>\n",
        escape(listing.what),
        escape(&parts(listing)),
    );
    let long = if shown > 15 { " long" } else { "" };
    let _ = write!(
        page,
        "<div class=\"scroll{long}\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{name}\"><table><thead><tr>"
    );
    for column in listing.rows.columns {
        let class = if is_number(column.form) {
            " class=\"n\""
        } else {
            ""
        };
        let _ = write!(
            page,
            "<th scope=\"col\"{class}>{}</th>",
            escape(column.head)
        );
    }
    let printed = if shown > PRINTED {
        "<p class=\"printed\">On paper, the first 20 of them.</p>\n"
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "</tr></thead><tbody>\n{rows}</tbody></table></div>\n{printed}<p class=\"soft\">{all}: <code>{}</code></p>\n</section>",
        escape(&listing.query)
    );
}

/// The rows that there is room for, and how many these are.
fn rows(listing: &Listing) -> (String, u64) {
    let room = ROOM.max(listing.rows.rows.len() * ROOM / USUAL);
    let (mut rows, mut shown) = (String::new(), 0);
    for values in &listing.rows.rows {
        let before = rows.len();
        row(listing.rows.columns, values, &mut rows);
        if rows.len() > room {
            rows.truncate(before);
            break;
        }
        shown += 1;
    }
    (rows, shown)
}

/// How many rows there are of each kind of problem.
pub(in super::super) fn parts(listing: &Listing) -> String {
    if listing.parts.is_empty() {
        return String::new();
    }
    let parts = listing.parts.iter();
    let parts: Vec<String> = parts
        .map(|(part, of)| format!("{part}: {}", count(of.rows)))
        .collect();
    format!(" {}.", parts.join("; "))
}

fn is_number(form: Form) -> bool {
    matches!(form, Form::Number | Form::Bytes | Form::Millis | Form::Real)
}

fn row(columns: &[Column], values: &[Value], page: &mut String) {
    page.push_str("<tr>");
    for (column, value) in columns.iter().zip(values) {
        match (column.form, value) {
            (form, Value::Null) if is_number(form) => page.push_str("<td class=\"n\">–</td>"),
            (_, Value::Null) => page.push_str("<td>–</td>"),
            (Form::Url, Value::String(text)) => {
                let _ = write!(page, "<td class=\"u\">{}</td>", link(text));
            }
            (Form::Urls, Value::Array(urls)) => {
                let items = urls.iter().filter_map(Value::as_str);
                let items: String = items.map(|url| format!("<li>{}</li>", link(url))).collect();
                let _ = write!(page, "<td class=\"u\"><ul>{items}</ul></td>");
            }
            (Form::Route, Value::Array(urls)) => {
                let items: Vec<String> = urls.iter().filter_map(Value::as_str).map(link).collect();
                let _ = write!(page, "<td class=\"u\">{}</td>", items.join(" → "));
            }
            (Form::Time, Value::String(time)) => {
                let _ = write!(page, "<td class=\"t\">{}</td>", escape(&moment(time)));
            }
            (form, value) if is_number(form) && value.is_number() => {
                let _ = write!(
                    page,
                    "<td class=\"n\" data-v=\"{value}\">{}</td>",
                    number(form, value)
                );
            }
            (_, value) => {
                let _ = write!(page, "<td class=\"x\">{}</td>", escape(&text(value)));
            }
        }
    }
    page.push_str("</tr>\n");
}

/// A value as a reader has it, cut where it is long.
pub(in super::super) fn text(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    cell::fit(&cell::printable(&text), TEXT)
}

/// A number in its unit.
pub(in super::super) fn number(form: Form, value: &Value) -> String {
    match (form, value.as_u64(), value.as_f64()) {
        (Form::Bytes, Some(whole), _) => bytes(whole),
        (Form::Millis, _, Some(value)) => millis(value),
        (Form::Real, _, Some(value)) => format!("{value:.6}"),
        (_, Some(whole), _) => count(whole),
        _ => value.to_string(),
    }
}

/// A URL: a link only where it leads to the web.
fn link(url: &str) -> String {
    let shown = escape(&cell::fit_url(&cell::printable(url), URL));
    if is_web(url) && url.len() <= LINK {
        format!(
            "<a href=\"{}\" rel=\"noreferrer nofollow\">{shown}</a>",
            escape(url)
        )
    } else {
        shown
    }
}

/// Whether a text is a URL of the web, and nothing in it is shown otherwise than it is.
fn is_web(url: &str) -> bool {
    let web = ["http://", "https://"];
    let whole = cell::printable(url) == url && !url.contains(char::is_whitespace);
    whole
        && web.iter().any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web_alone() {
        for (url, is_link) in [
            ("http://a.example/?a=1&b='\"<>", true),
            ("HTTPS://a.example/", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            (" http://a.example/", false),
            ("http://a.example/\u{202e}", false),
            ("http://a.example/a b", false),
            ("http:/a", false),
            ("", false),
            ("漢字漢字漢", false),
        ] {
            let made = link(url);
            assert_eq!(
                made.starts_with("<a href=\"http"),
                is_link && url.starts_with("http"),
                "{made}"
            );
            assert_eq!(made.starts_with("<a "), is_link, "{made}");
            let inner = made
                .replace("<a href=\"", "")
                .replace("\" rel=\"noreferrer nofollow\">", "")
                .replace("</a>", "");
            assert!(!inner.contains(['<', '>', '"', '\'']), "{made}");
        }
        assert!(!link(&format!("http://a.example/{}", "x".repeat(2000))).contains("href"));
    }
}
