//! `crawl why`: what became of a URL, the answer first, the reasons after it.

mod words;

use std::io::{BufWriter, Write};

use anyhow::Result;
use crawl::answers::why::{self, Why};
use crawl::answers::{Reader, plain_json, printable};

use super::args::WhyArgs;
use super::settings::output;
use super::{FINISHED, crawl::counted};
use words::{attempt, content, decision, hop, host, next, robots, scope, step, time};

/// Lines of one matter that are shown; of more, the first and the last of them.
const MOST_LINES: usize = 30;

pub(super) fn why(args: &WhyArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let why = why::read(&reader, &args.url, args.all)?;
    let mut out = Lines(BufWriter::new(std::io::stdout().lock()));
    if args.json {
        writeln!(out.0, "{}", plain_json(&serde_json::to_string(&why)?))?;
    } else {
        show(&mut out, &why)?;
    }
    out.0.flush()?;
    Ok(FINISHED)
}

/// Lines with a word at their left that says what they are about.
struct Lines<W: Write>(W);

impl<W: Write> Lines<W> {
    /// A line; what a server may have written is made harmless.
    fn line(&mut self, word: &str, text: &str) -> std::io::Result<()> {
        writeln!(self.0, "{word:<10}{}", printable(text))
    }

    /// Lines of one matter: the word stands at the first.
    fn all(&mut self, word: &str, lines: &[String]) -> std::io::Result<()> {
        let left_out = lines.len().saturating_sub(MOST_LINES);
        for (index, line) in lines.iter().enumerate() {
            let word = if index == 0 { word } else { "" };
            if left_out > 0 && index == MOST_LINES / 2 {
                self.line(word, &format!("… {left_out} more (--json has all)"))?;
            }
            if left_out == 0 || index < MOST_LINES / 2 || index >= MOST_LINES / 2 + left_out {
                self.line(word, line)?;
            }
        }
        Ok(())
    }
}

fn show<W: Write>(out: &mut Lines<W>, why: &Why) -> std::io::Result<()> {
    writeln!(out.0, "{}", printable(&why.answer))?;
    out.line("url", &why.url)?;
    out.all("", &why.notes)?;
    if let Some(key) = &why.key {
        out.line("", &format!("known by {key}"))?;
    }
    out.all("similar", &why.similar.iter().map(hop).collect::<Vec<_>>())?;
    out.all("found", &why.route.iter().map(step).collect::<Vec<_>>())?;
    out.all("decision", &decision(why))?;
    out.all("scope", &scope(why))?;
    out.all("robots", &robots(&why.robots))?;
    out.all(
        "attempts",
        &why.attempts.iter().map(attempt).collect::<Vec<_>>(),
    )?;
    if why.requests_unread > 0 {
        let unread = counted(why.requests_unread, "request");
        let for_what = "for more attempts and for what redirects here";
        out.line(
            "log",
            &format!("{unread} not looked through {for_what}: --all does"),
        )?;
    }
    out.all(
        "leads to",
        &why.redirects.iter().map(hop).collect::<Vec<_>>(),
    )?;
    out.all("led here", &why.redirected_from)?;
    out.all("content", &content(why))?;
    if let Some(waits) = &why.waits {
        out.all("next", &next(why, waits))?;
    }
    if why.waits.is_some() || why.decided.is_none() {
        out.all("host", &host(why))?;
    }
    let earlier = why.earlier.iter();
    let earlier = earlier.map(|earlier| {
        let at = earlier
            .outcome
            .at
            .as_deref()
            .map(|at| format!(", {}", time(at)));
        format!(
            "run {}: {}{}",
            earlier.run,
            earlier.outcome.words(),
            at.unwrap_or_default()
        )
    });
    out.all("earlier", &earlier.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let lines: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let mut out = Lines(Vec::new());
        out.all("found", &lines[..2]).expect("written");
        assert_eq!(out.0, b"found     0\n          1\n");
        let mut out = Lines(Vec::new());
        out.all("found", &lines).expect("written");
        let text = String::from_utf8(out.0).expect("text");
        assert_eq!(text.lines().count(), MOST_LINES + 1);
        assert!(
            text.contains("14\n          … 10 more (--json has all)\n          25\n"),
            "{text}"
        );
    }
}
