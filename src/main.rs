//! The `crawl` program: everything it does is in the library of the same name, everything it says in
//! [`cli`].

#![expect(
    clippy::exit,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "talking and ending is what the program is for; the library does neither"
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
