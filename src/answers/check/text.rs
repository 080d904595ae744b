//! What a check has found, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Check, Finding, Kind};
use crate::answers::{plain_json, printable};

/// Things of a kind that are shown; of more, only how many.
const SHOWN: usize = 20;

/// Gathers what is shown of what is found: the first of each kind.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<Kind, Vec<Finding>>);

impl Table {
    /// Takes a finding.
    pub fn take(&mut self, finding: &Finding) {
        let of_kind = self.0.entry(finding.kind).or_default();
        if of_kind.len() < SHOWN {
            of_kind.push(finding.clone());
        }
    }

    /// Writes what was gathered, by kind, each with its count.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, check: &Check, out: &mut dyn Write) -> io::Result<()> {
        for (kind, count) in &check.found {
            writeln!(out, "{:<12}{count:>6}  {}", kind.as_str(), kind.meaning())?;
            for finding in self.0.get(kind).into_iter().flatten() {
                let about: Vec<String> = [&finding.file, &finding.url]
                    .into_iter()
                    .flatten()
                    .map(|text| printable(text))
                    .collect();
                let about = about.join(" of ");
                let what = printable(&finding.what);
                let between = if about.is_empty() { "" } else { ": " };
                writeln!(out, "{:20}{about}{between}{what}", "")?;
            }
            if *count > SHOWN as u64 {
                writeln!(
                    out,
                    "{:20}… {} more (--format json has all)",
                    "",
                    count - SHOWN as u64
                )?;
            }
        }
        Ok(())
    }
}

/// What it comes to, in a few lines.
#[must_use]
pub fn summary(check: &Check) -> Vec<String> {
    let number =
        |count: u64, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
    let mut lines = Vec::new();
    if let Some(pid) = check.pid {
        lines.push(format!(
            "running     a crawl writes here (pid {pid}): files of its last minute were not judged, and rows are those of one moment"
        ));
    }
    lines.push(format!(
        "read        {} in {}, {} bytes",
        number(check.contents, "content"),
        number(check.files, "file"),
        check.bytes
    ));
    if check.left_over > 0 {
        lines.push(format!(
            "cut off     {} of the start that was cut off, which no row names: the next one removes them",
            number(check.left_over, "file")
        ));
    }
    if let Some(salvaged) = &check.salvaged {
        lines.push(format!(
            "salvaged    {} in a new crawl.db; the damaged one is {} now",
            number(salvaged.rows, "row"),
            printable(&salvaged.aside.to_string_lossy())
        ));
    }
    if let Some(repaired) = &check.repaired {
        lines.push(format!(
            "put right   {} asked for again by the next crawl; {} removed; {} without a file now",
            number(repaired.again, "URL"),
            number(repaired.removed, "file"),
            number(repaired.without_file, "content")
        ));
    }
    let found: u64 = check.found.values().sum();
    lines.push(match (found, check.left, check.repaired.is_some()) {
        (0, ..) => "sound".to_owned(),
        (_, 0, true) => "sound now".to_owned(),
        (_, left, true) => format!(
            "not sound: {} cannot be put right here",
            number(left, "thing")
        ),
        (_, left, false) if check.advice.is_some() => {
            format!("not sound: {}", number(left, "thing"))
        }
        (_, left, false) => format!(
            "not sound: {}; --repair puts right what can be",
            number(left, "thing")
        ),
    });
    lines.extend(check.advice.map(|advice| format!("advice      {advice}")));
    lines
}

/// A finding as JSON, to stand in an array: with what comes before it.
#[must_use]
pub fn json_of(finding: &Finding, is_first: bool) -> String {
    let before = if is_first {
        "{\"findings\": [\n "
    } else {
        ",\n "
    };
    let text = serde_json::to_string(finding).unwrap_or_default();
    format!("{before}{}", plain_json(&text))
}

/// What comes after the findings.
#[must_use]
pub fn json_end(check: &Check) -> String {
    let found: BTreeMap<&str, u64> = check
        .found
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let before = if found.is_empty() {
        "{\"findings\": ["
    } else {
        ""
    };
    let rest = serde_json::json!({
        "sound": check.is_sound(),
        "counts": found,
        "contents": check.contents,
        "files": check.files,
        "bytes": check.bytes,
        "pid": check.pid,
        "left_over": check.left_over,
        "repaired": check.repaired,
        "salvaged": check.salvaged,
        "left": check.left,
        "advice": check.advice,
    });
    let rest = plain_json(&rest.to_string());
    format!("{before}], {}", &rest[1..])
}
