//! Proxies that the environment names: a crawl goes their way without a word of it in its settings.

/// The variables, as curl and others read them.
const VARIABLES: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
];

/// Those that are set, each with its value, which may hold a password.
pub(crate) fn of_environment() -> impl Iterator<Item = (&'static str, String)> {
    let set = |name| Some((name, std::env::var(name).ok()?));
    VARIABLES
        .into_iter()
        .filter_map(set)
        .filter(|(_, value)| !value.is_empty())
}

/// The names of those that are set.
#[must_use]
pub fn proxy_variables() -> Vec<&'static str> {
    of_environment().map(|(name, _)| name).collect()
}
