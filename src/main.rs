//! The `crawl` program: everything it does is in the library of the same name, everything it says in
//! [`cli`].

#![expect(
    clippy::exit,
    reason = "ending is what the program does; the library does not"
)]

mod cli;

use std::process::ExitCode;

/// Files that may be open at once.
const FILES: u64 = 65_536;

fn main() -> ExitCode {
    give_memory_back();
    have_files();
    cli::main()
}

/// Connections are files: as many as the system allows, where a shell's limit is lower.
fn have_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(FILES, |most| most.min(FILES));
    if limit.current.is_some_and(|files| files < most) {
        limit.current = Some(most);
        // Where that is refused, the limit stays what it was, and is reckoned with.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// With fewer addresses than this, heaps would take them all.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ADDRESSES: u64 = 4 << 30;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_short_of_addresses() -> bool {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As)
        .current
        .is_some_and(|bytes| bytes < ADDRESSES)
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
        // Each thread's heap reserves 64 MiB of addresses: where these are few (ulimit -v), all share one.
        if is_short_of_addresses() {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}
