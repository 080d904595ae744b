//! The `crawl` program: everything it does is in the library of the same name, everything it says in
//! [`cli`].

#![expect(
    clippy::exit,
    reason = "ending is what the program does; the library does not"
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    give_memory_back();
    cli::main()
}

/// What is large goes back to the system when it is freed. Left to itself, glibc raises the size from which
/// that is so to that of the largest page met, and keeps as much in each thread's heap.
fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "no safe way is known, and it takes a third off the peak: docs/performance.md"
    )]
    // SAFETY: a setting of the allocator, made before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
    }
}
