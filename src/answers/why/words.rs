//! Rules and outcomes in words that somebody understands who knows the settings, but not the program.

use crate::config::Reach;

/// What a rule means, as far as its name does not say it.
pub(super) fn meaning(rule: &str) -> Option<String> {
    let (first, rest) = rule.split_once(' ').unwrap_or((rule, ""));
    let text = match (first, rest) {
        ("seed", "") => "a seed is never kept out",
        ("scope", reach) => within(reach)?,
        ("outside", rest) => beyond(rest.strip_prefix("scope ")?)?,
        ("include", _) => "it matches this --include",
        ("no", "include matches") => "none of the --include patterns matches it",
        ("exclude", _) => "it matches this --exclude, and that wins",
        ("extra-hops", _) => "it is out of scope, but so many links beyond are followed",
        ("asset", _) => "pages are made of it, and --assets is on",
        ("assets", _) => "a chain of assets that is longer is not followed",
        ("check-external", _) => "it is out of scope, and only asked whether it is there",
        ("redirect", "of a seed") => "where a seed leads is as good as the seed",
        ("redirect", "") => "it is of the kind of what redirects to it",
        ("in", "the last run") => "nothing leads to it in this run: it is asked whether it is gone",
        ("max-depth", _) => "every way to it that is known is longer",
        ("max-redirects", _) => "more redirects in a row lead to it",
        ("nofollow", "") => {
            "every link to it that is known is marked nofollow; --ignore-nofollow follows those"
        }
        ("not", "followed: no page") => "links of this kind lead to no page",
        ("not", "followed: an asset") => "pages are made of it; --assets fetches it",
        ("not", "followed: not of a page") => "what links to it is itself no page of the crawl",
        ("the", "budget of a refresh") => {
            "when it was found the budget was spoken for: the next refresh, or a crawl, asks for it"
        }
        ("rule", _) => "a rule of the program's own",
        _ => return None,
    };
    Some(text.to_owned())
}

fn within(reach: &str) -> Option<&'static str> {
    REACHES
        .iter()
        .find(|row| row.0.as_str() == reach)
        .map(|row| row.1)
}

fn beyond(reach: &str) -> Option<&'static str> {
    REACHES
        .iter()
        .find(|row| row.0.as_str() == reach)
        .map(|row| row.2)
}

/// What it means to be within reach, and not to be.
const REACHES: [(Reach, &str, &str); 5] = [
    (Reach::Page, "it is a seed", "it is no seed"),
    (
        Reach::Prefix,
        "it is in the folder of a seed",
        "it is in the folder of no seed",
    ),
    (
        Reach::Host,
        "it is on the host of a seed",
        "it is on the host of no seed",
    ),
    (
        Reach::Domain,
        "it is on the domain of a seed",
        "it is on the domain of no seed",
    ),
    (
        Reach::Any,
        "everything is in scope",
        "everything is in scope",
    ),
];

/// What a decision that keeps a URL out comes to in a line; those that are not known here by their own word.
pub(super) fn kept_out(decision: &str, rule: Option<&str>) -> String {
    let rule = rule.unwrap_or("a rule that was not kept");
    match decision {
        "excluded" => format!("kept out by: {rule}"),
        "cut" => format!("cut off by: {rule}"),
        "linked" => format!("only linked; {rule}"),
        "disallowed" => format!("forbidden by robots.txt: {rule}"),
        "trapped" => format!("put aside as a {rule}"),
        other => format!("{other} by: {rule}"),
    }
}

/// A number of things.
pub(super) fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_words() {
        for (rule, wanted) in [
            ("scope domain", Some("it is on the domain of a seed")),
            (
                "outside scope prefix",
                Some("it is in the folder of no seed"),
            ),
            (
                r"exclude \.pdf$",
                Some("it matches this --exclude, and that wins"),
            ),
            ("exclude", Some("it matches this --exclude, and that wins")),
            ("not followed: a thing to come", None),
            ("outside the world", None),
            ("Disallow: /x", None),
            ("", None),
        ] {
            assert_eq!(meaning(rule).as_deref(), wanted, "{rule}");
        }
    }

    #[test]
    fn decisions_in_words() {
        for (decision, rule, wanted) in [
            (
                "excluded",
                Some(r"exclude \.pdf$"),
                r"kept out by: exclude \.pdf$",
            ),
            (
                "disallowed",
                Some("Disallow: /x"),
                "forbidden by robots.txt: Disallow: /x",
            ),
            (
                "linked",
                Some("not followed: an asset"),
                "only linked; not followed: an asset",
            ),
            (
                "trapped",
                Some("trap: repeated path segments"),
                "put aside as a trap: repeated path segments",
            ),
            ("caught", Some("calendar"), "caught by: calendar"),
            ("cut", None, "cut off by: a rule that was not kept"),
        ] {
            assert_eq!(kept_out(decision, rule), wanted);
        }
    }
}
