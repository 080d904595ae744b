//! The graph of hosts, or of sections of sites: small enough to be looked at. Each page is remembered by two numbers
//! while its links are counted.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::super::super::Reader;
use super::super::Result;
use super::xml::{Key, Type, Value, Xml};
use super::{By, GraphForm, PAGE, Part, edges_sql, text};
use crate::canonical::CanonicalUrl;

/// Groups at the most; what is beyond is one more.
const MOST: usize = 20_000;
/// What that is called.
const OTHERS: &str = "(others)";

const NODES: &[Key] = &[
    ("name", Type::Text),
    ("pages", Type::Whole),
    ("ok", Type::Whole),
    ("failed", Type::Whole),
    ("pagerank", Type::Real),
];
const EDGES: &[Key] = &[("weight", Type::Whole), ("nofollow", Type::Whole)];

/// Pages that are one node.
#[derive(Debug, Default)]
struct Group {
    name: String,
    pages: i64,
    ok: i64,
    failed: i64,
    pagerank: Option<f64>,
}

/// Links from one group to another.
#[derive(Debug, Default, Clone, Copy)]
struct Links {
    all: u64,
    nofollow: u64,
}

pub(super) fn write<W: Write>(
    reader: &Reader,
    part: Part,
    form: GraphForm,
    by: By,
    out: W,
) -> Result<u64> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut of: HashMap<i64, u32> = HashMap::new();
    let sql = format!(
        "SELECT v.url, u.text, f.status, f.error, k.pagerank FROM visit v JOIN url u ON u.id = v.url
         JOIN fetch f ON f.id = v.last_fetch LEFT JOIN rank k ON k.run = v.run AND k.url = v.url WHERE {PAGE}"
    );
    part.each(reader, &sql, |row| {
        let mut name = name_of(&text(row, 1)?.unwrap_or_default(), by);
        if groups.len() >= MOST && !numbers.contains_key(&name) {
            OTHERS.clone_into(&mut name);
        }
        let number = *numbers.entry(name).or_insert_with_key(|name| {
            let name = name.clone();
            groups.push(Group {
                name,
                ..Group::default()
            });
            groups.len() as u32 - 1
        });
        let status: Option<i64> = row.get(2)?;
        let failed =
            row.get::<_, Option<i64>>(3)?.is_some() || status.is_none_or(|status| status >= 400);
        let rank: Option<f64> = row.get(4)?;
        if let Some(group) = groups.get_mut(number as usize) {
            group.pages += 1;
            group.failed += i64::from(failed);
            group.ok += i64::from(!failed);
            if let Some(rank) = rank {
                *group.pagerank.get_or_insert(0.0) += rank;
            }
        }
        of.insert(row.get(0)?, number);
        Ok(Ok(()))
    })?;
    let links = count(reader, part, &of)?;
    let mut xml = Xml::begin(out, form, NODES, EDGES)?;
    for (id, group) in (0..).zip(&groups) {
        let values = [
            Value::Text(group.name.clone()),
            Value::Whole(group.pages),
            Value::Whole(group.ok),
            Value::Whole(group.failed),
            group.pagerank.map_or(Value::None, Value::Real),
        ];
        xml.node(id, &group.name, &values)?;
    }
    xml.end_of_nodes()?;
    for ((from, to), links) in links {
        let values = [
            Value::Whole(links.all as i64),
            Value::Whole(links.nofollow as i64),
        ];
        xml.edge(from.into(), to.into(), Some(links.all), &values)?;
    }
    Ok(xml.finish()?)
}

fn count(
    reader: &Reader,
    part: Part,
    of: &HashMap<i64, u32>,
) -> Result<BTreeMap<(u32, u32), Links>> {
    let mut links: BTreeMap<(u32, u32), Links> = BTreeMap::new();
    part.each(reader, &edges_sql(), |row| {
        if let (Some(from), Some(to)) = (of.get(&row.get(0)?), of.get(&row.get(1)?)) {
            let rel = text(row, 3)?.unwrap_or_default();
            let links = links.entry((*from, *to)).or_default();
            links.all += 1;
            links.nofollow +=
                u64::from(rel.split_ascii_whitespace().any(|word| word == "nofollow"));
        }
        Ok(Ok(()))
    })?;
    Ok(links)
}

/// The host of a URL; or that and the first folder of its path, what stands in none being `/`.
fn name_of(url: &str, by: By) -> String {
    let Ok(url) = CanonicalUrl::parse(url) else {
        return OTHERS.to_owned();
    };
    let host = url.host();
    let path = url.path().trim_start_matches('/');
    match (by, path.split_once('/')) {
        (By::Host, _) => host.as_str().to_owned(),
        (_, Some((section, _))) => format!("{host}/{section}/"),
        (_, None) => format!("{host}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups() {
        for (url, host, section) in [
            ("http://a.example/", "a.example", "a.example/"),
            ("http://a.example:81/x", "a.example:81", "a.example:81/"),
            ("https://a.example/x/", "a.example", "a.example/x/"),
            ("http://a.example/x/y/z?a/b", "a.example", "a.example/x/"),
            ("no URL", "(others)", "(others)"),
        ] {
            assert_eq!(name_of(url, By::Host), host, "{url}");
            assert_eq!(name_of(url, By::Section), section, "{url}");
        }
    }
}
