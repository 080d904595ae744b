//! What stands in braces in the views' SQL: `{word:expression}`.

use crate::fetched::FetchError;
use crate::record::LinkKind;
use crate::sitemap;
use crate::store::fields;
use crate::store::words::{Decision, KINDS, Role, VIAS};

use super::codes;

/// The latest run.
const RUN: &str = "(SELECT max(id) FROM run)";
/// That the page `c` of the visit `v` can be indexed. It has a version only if its last answer was whole and good.
const INDEXABLE: &str =
    "v.role IN (0, 2) AND c.media_type IN ('text/html', 'application/xhtml+xml')
       AND NOT c.noindex AND ifnull(c.canonical = v.url, 1)";

/// Behind a question of which the answer is to be worked out once and kept, not once for each row that asks for it.
/// `MATERIALIZED` says so, but a program with an SQLite before 3.35 cannot read a database with that word in it.
const KEPT: &str = "LIMIT -1";

/// Expands the marks of some SQL.
pub(super) fn expand(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some((before, mark)) = rest.split_once('{') {
        let (mark, after) = mark.split_once('}').unwrap_or((mark, ""));
        let (word, of) = mark.split_once(':').unwrap_or((mark, ""));
        out.push_str(before);
        out.push_str(&meaning(word, of));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn meaning(word: &str, x: &str) -> String {
    let kinds = LinkKind::ALL.iter().map(|row| (i64::from(row.2), row.1));
    match word {
        "run" => RUN.to_owned(),
        "kept" => KEPT.to_owned(),
        "indexable" => INDEXABLE.to_owned(),
        "error" => case(
            x,
            FetchError::ALL.iter().map(|row| (i64::from(row.2), row.1)),
        ),
        "kind" => case(x, kinds),
        // The numbers of some kinds of links.
        "kinds" => {
            let asked = |row: &(i64, &str)| x.split(' ').any(|word| word == row.1);
            let numbers = kinds.filter(asked).map(|row| row.0.to_string());
            numbers.collect::<Vec<_>>().join(", ")
        }
        "via" => {
            let others = VIAS.iter().map(|row| (i64::from(row.0), row.1));
            case(x, kinds.chain(others))
        }
        "decision" => case(x, Decision::ALL.iter().map(|row| (row.0 as i64, row.1))),
        "role" => case(x, Role::ALL.iter().map(|row| (row.0 as i64, row.1))),
        "sitemap" => {
            let kinds = sitemap::Kind::ALL.iter();
            case(x, kinds.map(|row| (i64::from(row.2), row.1)))
        }
        "fetch_kind" => case(x, KINDS.into_iter()),
        "counted" => fields::COUNTED.to_owned(),
        "loop" => FetchError::RedirectLoop.code().to_string(),
        "languages" => codes::LANGUAGES.to_owned(),
        "scripts" => codes::SCRIPTS.to_owned(),
        "regions" => codes::REGIONS.to_owned(),
        // Where the link stands that says `hreflang`, that stands in the place of a text.
        "anchor" => format!(
            "iif({x}.kind = {}, NULL, {x}.anchor)",
            LinkKind::Alternate.code()
        ),
        "listed" => listed(),
        "linking" => linking(x),
        "lengths" => lengths(x),
        // Whole seconds by integer division: a float would lose the last digits.
        _ => format!(
            "strftime('%Y-%m-%dT%H:%M:%S', {x} / 1000000, 'unixepoch') || printf('.%03dZ', {x} / 1000 % 1000)"
        ),
    }
}

fn case<'w>(expression: &str, words: impl Iterator<Item = (i64, &'w str)>) -> String {
    let arms: String = words
        .map(|(code, word)| format!(" WHEN {code} THEN '{word}'"))
        .collect();
    format!("CASE {expression}{arms} END")
}

/// The URLs that sitemaps of the latest run name.
fn listed() -> String {
    format!(
        "SELECT DISTINCT e.url FROM sitemap_entry e JOIN sitemap s ON s.run = e.run AND s.url = e.sitemap
  WHERE e.run = {RUN} AND s.kind <> 1"
    )
}

/// Of a few URLs, how many other pages link to each.
fn linking(urls: &str) -> String {
    format!(
        "SELECT l.target, count(DISTINCT l.version) FROM link l
  CROSS JOIN version c ON c.id = l.version
  CROSS JOIN visit v ON v.run = {RUN} AND v.url = c.url
  CROSS JOIN fetch g ON g.id = v.last_fetch AND g.version = c.id
  WHERE l.target IN ({urls}) AND l.target <> v.url GROUP BY l.target"
    )
}

/// What is wrong with a text that each page should have, and no other page: its column, the least length, the most.
fn lengths(of: &str) -> String {
    let mut words = of.split(' ');
    let [column, least, most] = std::array::from_fn(|_| words.next().unwrap_or_default());
    format!(
        "WITH
page (url, text) AS (
  SELECT v.url, c.{column} FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN version c ON c.id = f.version
  WHERE v.run = {RUN} AND {INDEXABLE} {KEPT}
),
shared (text, copies) AS (
  SELECT text, count(*) FROM page WHERE text <> '' GROUP BY text HAVING count(*) > 1 {KEPT}
),
judged (url, text, problem) AS (
  SELECT url, text, 'missing' FROM page WHERE ifnull(text, '') = ''
  UNION ALL SELECT url, text, 'duplicate' FROM page WHERE text IN (SELECT text FROM shared)
  UNION ALL SELECT url, text, 'too long' FROM page WHERE length(text) > {most}
  UNION ALL SELECT url, text, 'too short' FROM page WHERE length(text) BETWEEN 1 AND {least} - 1
)
SELECT u.text AS url, j.text AS {column}, ifnull(length(j.text), 0) AS length, j.problem AS problem, ifnull(s.copies, 1) AS copies
FROM judged j
JOIN url u ON u.id = j.url
LEFT JOIN shared s ON s.text = j.text
ORDER BY j.problem, copies DESC, j.text, u.text"
    )
}
