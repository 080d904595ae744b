//! The `crawl` program: everything it does is in the library of the same name, everything it says in
//! [`cli`].

#![expect(
    clippy::exit,
    reason = "ending is what the program does; the library does not"
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
