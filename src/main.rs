//! The `crawl` program: everything it does is in the library of the same name, everything it says in
//! [`cli`].

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
