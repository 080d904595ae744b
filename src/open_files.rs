//! How the files that may be open (`ulimit -n`) are shared out: connections are files, too.

use rustix::process::{Resource, getrlimit};

use crate::config::{Config, ConfigError};

/// What the program needs for itself: database, log, lock, what the runtime waits by, lookups, pages that are
/// being written.
const OWN: usize = 26;
/// With fewer there is no crawl.
const LEAST: usize = 32;
/// Hosts whose connections may be kept at once, where files are plenty.
const MOST_KEPT: usize = 2048;

/// What a crawl may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenFiles {
    /// Files in all; `None` for no limit.
    pub(crate) limit: Option<usize>,
    /// Requests in flight.
    pub(crate) concurrency: usize,
    /// Hosts whose connections are kept for the next request.
    pub(crate) kept: usize,
}

impl OpenFiles {
    /// By the limit that the system has set.
    ///
    /// # Errors
    /// When that is too low for any crawl.
    pub(crate) fn of(config: &Config) -> Result<Self, ConfigError> {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.map(|files| usize::try_from(files).unwrap_or(usize::MAX));
        let politeness = &config.politeness;
        Self::within(
            limit,
            politeness.concurrency as usize,
            politeness.host_concurrency as usize,
        )
        .ok_or_else(|| {
            let files = limit.unwrap_or_default();
            ConfigError::value(
                "politeness",
                "concurrency",
                format!("only {files} files may be open (ulimit -n), {LEAST} are needed at least"),
            )
        })
    }

    /// Says so where less goes at once than the settings want.
    pub(crate) fn say(&self, config: &Config) {
        let wanted = config.politeness.concurrency as usize;
        if let Some(limit) = self.limit.filter(|_| self.concurrency < wanted) {
            tracing::warn!(
                "only {limit} files may be open (ulimit -n): concurrency is {} instead of {wanted}",
                self.concurrency
            );
        }
    }

    /// Half of what is left to requests in flight, a quarter to connections that wait for the next one.
    fn within(limit: Option<usize>, concurrency: usize, by_host: usize) -> Option<Self> {
        let left = match limit {
            None => usize::MAX,
            Some(limit) if limit < LEAST => return None,
            Some(limit) => limit - OWN,
        };
        Some(Self {
            limit,
            concurrency: concurrency.min(left / 2),
            kept: (left / 4 / by_host.max(1)).min(MOST_KEPT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_out() {
        for (limit, by_host, shares) in [
            (None, 2, Some((64, 2048))),
            (Some(65_536), 2, Some((64, 2048))),
            (Some(1024), 2, Some((64, 124))),
            (Some(64), 2, Some((19, 4))),
            (Some(64), 64, Some((19, 0))),
            (Some(32), 2, Some((3, 0))),
            (Some(31), 2, None),
            (Some(0), 2, None),
        ] {
            let within = OpenFiles::within(limit, 64, by_host);
            let found = within.map(|files| (files.concurrency, files.kept));
            assert_eq!(found, shares, "{limit:?} {by_host}");
        }
    }
}
