//! `-h` on one screen, the end of `--help`, and the manual page. `--help` itself is made of `args.rs`.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Result;
use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, CommandFactory};
use crawl::config::nearest;

use super::args::{Cli, ManArgs};
use super::{FINISHED, USAGE, write_out};

/// What matters most, in forty lines of eighty columns. A test holds its flags to those that there are.
pub(super) const SHORT: &str = "\
Turns a site, or a thousand of them, into one SQLite database.

Usage: crawl --seed URL [OPTIONS]
       crawl COMMAND

  -s, --seed URL         where to begin; again for more than one
  -i, --input-file FILE  a file of seeds, one a line; - for standard input
      --sitemap URL      a sitemap, index or feed whose entries are followed
  -c, --config FILE      settings [default: crawl.toml where no seed is given]
  -o, --output DIR       where crawl.db and pages/ go [default: crawl-out]
      --fresh            move an output that is there aside and begin anew
      --no-files         write no bodies to files
      --scope SCOPE      page, prefix, host, domain or any [default: host]
      --include RE       only URLs that match this regular expression
      --exclude RE       no URL that matches this one
      --max-depth N      links followed from a seed at the most
      --max-pages N      pages at the most
      --time-limit DUR   time at the most, such as 90s, 5m, 2h
      --rate RATE        requests to one host [default: 5/s]
      --concurrency N    requests in flight in all [default: 64]
      --ignore-robots    neither ask for robots.txt nor obey it
      --user-agent TEXT  its first word is the name that robots.txt knows
      --dry-run          show settings, seeds and what robots.txt says
  -q, -v, -vv            say less, events, every request
      --help             all options, exit codes and more examples

Commands, on an output that is there:
  query, search      ask in SQL, or by the name of a report; find words
  status, why        where it stands; how a URL was found, what came of it
  report, diff       one page of it, checks for CI; what has changed since
  refresh, prune     ask again for what may have changed; remove old runs
  export, cat, rank  CSV, texts, a mirror…; what is stored of a URL; PageRank
  audit, check       requests against robots.txt and limits; database and files
 Others: index, extract (tries selectors), init, config, completions, man, help

Examples:
  crawl --seed https://example.com/ --max-pages 100
  crawl query \"SELECT url, status, title FROM pages\"
  crawl --config site.toml --output site -v";

const EXIT_CODES: [(u8, &str); 8] = [
    (0, "finished"),
    (
        1,
        "failed (the disk is full, the database is damaged, moved or held by another program); audit, check: something is not as it should be",
    ),
    (2, "bad usage or config"),
    (3, "finished, but every seed failed"),
    (4, "ended with deferred URLs: the same command tries again"),
    (
        5,
        "report --fail-on: a check failed; diff --exit-code, --fail-on: there is a difference",
    ),
    (11, "stopped by a limit: the same command goes on"),
    (130, "stopped by a signal: the same command goes on"),
];

const EXAMPLES: [(&str, &str); 5] = [
    (
        "a hundred pages of a site",
        "crawl --seed https://example.com/ --max-pages 100",
    ),
    (
        "what it would do, without doing it",
        "crawl --seed example.com --dry-run",
    ),
    (
        "many sites, gently, each for itself",
        "crawl --input-file seeds.txt --rate 30/min -o many",
    ),
    (
        "the documentation alone, without files",
        "crawl --seed example.com/docs/ --scope prefix --no-files",
    ),
    (
        "what is broken, and where it is linked",
        "crawl query broken-links",
    ),
];

/// The end of `crawl query --help`.
pub(super) const OF_QUERY: &str = "\
Examples:
  # pages by status
  crawl query \"SELECT status, count(*) FROM pages GROUP BY status\"
  # a view, to be read by a spreadsheet
  crawl query broken-links -f csv > broken.csv
  # a report with a parameter, and the SQL that it is
  crawl query slow-pages -p ms=500
  crawl query --sql slow-pages
  # beside a crawl that runs
  crawl query --watch 2s \"SELECT host, queued, requests, failed FROM hosts\"

Beyond SQLite's own there are the functions scheme, host, domain, path, segment, query and
param (of URLs), urldecode, urlencode and regexp (text REGEXP pattern).

Exit codes: 0 answered; 1 the database cannot be read, or --timeout is over; 2 the question
cannot be answered; 130 stopped by Ctrl-C.";

/// The whole command line. Its `-h` and `--help` are our own, so the subcommands need theirs back.
pub(super) fn command() -> Command {
    let help = || {
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::HelpShort)
            .help("Print this")
    };
    Cli::command()
        .mut_subcommands(|sub| sub.arg(help()).mut_subcommands(|inner| inner.arg(help())))
        .mut_subcommand("refresh", |sub| {
            let shown = |arg: Arg| {
                let name = arg.get_long().unwrap_or_default();
                let hide = !OF_REFRESH.contains(&name);
                arg.hide(hide)
            };
            sub.mut_args(shown).after_help(MORE_OF_REFRESH)
        })
}

/// What `refresh --help` shows of the options that a crawl has, too.
const OF_REFRESH: [&str; 13] = [
    "budget",
    "help",
    "config",
    "output",
    "max-age",
    "only-changed",
    "rate",
    "time-limit",
    "max-pages",
    "quiet",
    "verbose",
    "progress",
    "dry-run",
];
const MORE_OF_REFRESH: &str = "\
All other options of a crawl are taken as well (crawl --help); none given, they are those of the last start.
Sitemaps are asked for first: what they name anew, and what they say has changed, comes before the rest.
--dry-run lists what would be asked for, each with how likely it is to have changed, and asks for nothing.
A tenth of the budget goes to what was asked for the longest ago: so each URL has its turn.
Exit codes: as a crawl's, but never 3. Cut off, the same command goes on; crawl need not wait for it.

Example:
  crawl refresh --budget 500 --only-changed -q";

/// The end of `--help`.
pub(super) fn after() -> String {
    let mut text =
        "A switch that crawl.toml has on is put off by =false: --insecure=false\n\nExit codes:\n"
            .to_owned();
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(text, "  {code:<5}{meaning}");
    }
    text += "\nExamples:";
    for (what, command) in EXAMPLES {
        let _ = write!(text, "\n  # {what}\n  {command}");
    }
    text
}

/// `crawl man`: a page of the manual, in roff.
pub(super) fn man(args: &ManArgs) -> Result<u8> {
    // What stands at the end of --help gets sections of its own.
    let mut command = command()
        .after_help(Resettable::Reset)
        .disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    if let Some(name) = &args.command {
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let Some(sub) = command.find_subcommand(name) else {
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("no such command; did you mean {near:?}?"),
                None => format!("no such command; there are {}", names.join(", ")),
            };
            say!("crawl: man {name}: {hint}");
            return Ok(USAGE);
        };
        let sub = sub.clone().display_name(format!("crawl-{name}"));
        clap_mangen::Man::new(sub).render(&mut page)?;
    } else {
        clap_mangen::Man::new(command).render(&mut page)?;
        writeln!(page, ".SH \"EXIT STATUS\"")?;
        for (code, meaning) in EXIT_CODES {
            writeln!(page, ".TP\n{code}\n{meaning}")?;
        }
        writeln!(page, ".SH EXAMPLES")?;
        for (what, command) in EXAMPLES {
            writeln!(
                page,
                ".TP\n{what}\n.nf\n{}\n.fi",
                command.replace('-', "\\-")
            )?;
        }
    }
    write_out(&page)?;
    Ok(FINISHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_screen_that_names_what_there_is() {
        assert!(SHORT.lines().count() <= 40);
        assert!(SHORT.lines().all(|line| line.chars().count() < 80));
        let command = command();
        let flags: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
        let named = SHORT.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        for flag in named.filter_map(|word| word.strip_prefix("--")) {
            assert!(flags.contains(&flag), "--{flag}");
        }
        let (_, commands) = SHORT.split_once("Commands").expect("commands");
        for name in [
            "query",
            "search",
            "status",
            "why",
            "report",
            "diff",
            "refresh",
            "prune",
            "export",
            "cat",
            "rank",
            "audit",
            "check",
            "index",
            "extract",
            "init",
            "config",
            "completions",
            "man",
        ] {
            assert!(
                command.find_subcommand(name).is_some() && commands.contains(name),
                "{name}"
            );
        }
    }

    /// `--help` shows everything in its group, a line or two each.
    #[test]
    fn long_help_hides_nothing() {
        for arg in command().get_arguments() {
            let of_values = arg.get_possible_values();
            let long = arg.get_long_help().is_some()
                || of_values.iter().any(|value| value.get_help().is_some());
            assert!(!arg.is_hide_short_help_set() && !long, "{arg}");
            assert!(
                arg.get_help_heading().is_some()
                    || arg.get_id() == "help"
                    || arg.get_id() == "version",
                "{arg} has no group"
            );
        }
    }
}
