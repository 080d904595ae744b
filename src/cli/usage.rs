//! What to say of a command line that cannot be understood, where clap's own words would not help.

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use crawl::answers::printable;

use super::{USAGE, help};

/// What Rust says of a number that is none.
const NO_NUMBER: [&str; 2] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
];

/// Says what is wrong. Ends as clap does: 0 for `--help` and `--version`, 2 for bad usage.
pub(super) fn refuse(error: &clap::Error) -> ExitCode {
    if let Some(words) = meant(error) {
        say!("crawl: {words}");
        return ExitCode::from(USAGE);
    }
    let plain = error.render().to_string();
    if NO_NUMBER.iter().any(|words| plain.contains(words)) {
        let [one, other] = NO_NUMBER;
        let number = "it must be a whole number";
        let said = plain.replace(one, number).replace(other, number);
        say!("{}", said.trim_end());
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// What was probably meant by a word that stands where a subcommand would.
fn meant(error: &clap::Error) -> Option<String> {
    // A word after flags is taken for a subcommand that may not stand there.
    let beside = error.kind() == ErrorKind::ArgumentConflict;
    if error.kind() != ErrorKind::InvalidSubcommand && !beside {
        return None;
    }
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let word = of(ContextKind::InvalidSubcommand).or_else(|| of(ContextKind::InvalidArg))?;
    let command = help::command();
    let is_command = command
        .get_subcommands()
        .any(|command| command.get_name() == word);
    let address = word.contains(['.', ':', '/']) || word == "localhost";
    if is_command || !(address || beside) || word.starts_with('-') {
        return None;
    }
    // User and password of a URL are not repeated.
    let shown = if word.contains('@') {
        "URL".to_owned()
    } else {
        printable(word)
    };
    let flag = if Path::new(word).is_file() {
        "--input-file"
    } else {
        "--seed"
    };
    Some(format!(
        "{shown} is no subcommand; did you mean: crawl {flag} {shown}"
    ))
}
