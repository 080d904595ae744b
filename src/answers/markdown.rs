//! Text of a server's in Markdown: nothing of it becomes markup, nor a link but by what stands here. For `CommonMark`,
//! and what `GitHub` and others have added to it.

use super::cell;

/// Marks that may mean something. Those of HTML are references: not all who read Markdown know a backslash before them.
const MARKS: &str = "\\`*_{}[]|~$#@^";

/// Text that is nothing but text, in one line and also within a table.
pub(super) fn text(text: &str) -> String {
    let shown = cell::printable(text);
    let mut out = String::with_capacity(shown.len() + 16);
    let mut rest = shown.as_str();
    while let Some(c) = rest.chars().next() {
        // Addresses are links by themselves to many who read Markdown: what makes them one is escaped, too.
        let begins_link = rest.starts_with("://") || c == '.' && ends_with_www(&out);
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if begins_link || MARKS.contains(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn ends_with_www(text: &str) -> bool {
    let last = text.len().checked_sub(3).and_then(|at| text.get(at..));
    last.is_some_and(|last| last.eq_ignore_ascii_case("www"))
}

/// A URL: a link where it is one of the web that leads where it says, else text.
pub(super) fn url(url: &str) -> String {
    link(url).unwrap_or_else(|| text(url))
}

/// A link, where a text is a URL of the web, of letters that mean nothing within one.
pub(super) fn link(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c);
    // What looks like a character reference would be read as one.
    let is_reference = url.contains('&') && url.contains(';');
    let is_link = !rest.is_empty() && rest.chars().all(is_plain) && !is_reference;
    is_link.then(|| format!("<{url}>"))
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What a table of Markdown has in its one cell: its text, its links, and whether there is anything else.
    fn read(cell: &str) -> (String, Vec<String>, bool) {
        let source = format!("| head |\n|---|\n| {cell} |\n");
        let mut options = Options::all();
        // It makes other quotes of quotes, and hides nothing.
        options.remove(Options::ENABLE_SMART_PUNCTUATION);
        let (mut shown, mut links, mut other) = (String::new(), Vec::new(), false);
        for event in Parser::new_ext(&source, options) {
            match event {
                Event::Text(part) => shown.push_str(&part),
                Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.to_string()),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell)
                | Event::End(_) => {}
                _ => other = true,
            }
        }
        let shown = shown.strip_prefix("head").unwrap_or(&shown).to_owned();
        (shown, links, other)
    }

    #[test]
    fn nothing_of_a_server_is_markup() {
        for (given, wanted) in [
            ("plain, (words)! - 1.5", "plain, (words)! - 1.5"),
            ("a|b\\|c", "a\\|b\\\\\\|c"),
            (
                "**b** _i_ `c` ~~s~~",
                "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\~\\~s\\~\\~",
            ),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("![x](javascript:y)", "!\\[x\\](javascript:y)"),
            ("&lt;", "&amp;lt;"),
            ("$x$ @me #1 a^2^", "\\$x\\$ \\@me \\#1 a\\^2\\^"),
            ("see http://a.example", "see http\\://a.example"),
            ("ftp://a b://c", "ftp\\://a b\\://c"),
            ("www.a WWW.b wwww.c", "www\\.a WWW\\.b wwww\\.c"),
            ("ww.a éww.b", "ww.a éww.b"),
            ("a\nb\u{202e}", "a\\\\u\\{a\\}b\\\\u\\{202e\\}"),
            ("", ""),
        ] {
            assert_eq!(text(given), wanted, "{given}");
            let shown = (cell::printable(given), Vec::new(), false);
            assert_eq!(read(&text(given)), shown, "{given}");
        }
    }

    #[test]
    fn links_lead_where_they_say() {
        for (given, wanted) in [
            ("http://a.example/b?c=d&e", "<http://a.example/b?c=d&e>"),
            (
                "https://a.example/_b_*c*~d~$e$",
                "<https://a.example/_b_*c*~d~$e$>",
            ),
            ("http://a.example/?a&lt;b", "http\\://a.example/?a&amp;lt;b"),
            ("http://a.example/|", "http\\://a.example/\\|"),
            ("http://a.example/`>", "http\\://a.example/\\`&gt;"),
            ("http://", "http\\://"),
            ("http://a> <b", "http\\://a&gt; &lt;b"),
            ("javascript:x", "javascript:x"),
            ("http://a.example/ü", "http\\://a.example/ü"),
        ] {
            assert_eq!(url(given), wanted, "{given}");
            let links = link(given).map(|_| given.to_owned());
            let shown = (given.to_owned(), links.into_iter().collect(), false);
            assert_eq!(read(&url(given)), shown, "{given}");
        }
    }

    #[test]
    fn whatever_it_is() {
        let parts = [
            "http://a", "www.", "<", ">", "[", "](b)", "![", "`", "``", "*", "**", "_", "~~", "\\",
            "&amp;", "&#64;", "|", "$", "{", "}", "#", "^", "@x", "=", "-", "+", "1.", "a", "b",
            "é", "漢", "\u{202e}", "\n", ":", "/", "<!--", "-->", "</td>", "[^1]", "[[", "]]",
        ];
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..5000 {
            let count = random.usize(1..12);
            let given: String = (0..count)
                .map(|_| random.choice(parts).unwrap_or(""))
                .collect();
            let written = text(&given);
            assert_eq!(
                read(&written),
                (cell::printable(&given), Vec::new(), false),
                "{given}"
            );
            let bare = written.to_lowercase().replace("\\:", "");
            assert!(!bare.contains("://") && !bare.contains("www."), "{written}");
            assert!(!written.contains(['<', '>']), "{written}");
        }
    }
}
