//! URLs that no site means: too long, too deep, or the same folders again and again. A matter of the URL
//! alone, whatever came before it.

use crate::canonical::CanonicalUrl;
use crate::config::ScopeConfig;

/// A sequence of at most so many folders
const LONGEST_REPEAT: usize = 4;
/// that stands in a row so many times is a mistake in a relative link.
const REPEATS: usize = 4;

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    url_length: Option<u32>,
    path_segments: Option<u32>,
}

impl Growth {
    /// As the settings say; `None` where they let everything through.
    pub(crate) fn new(config: &ScopeConfig) -> Option<Self> {
        (!config.ignore_traps).then_some(Self {
            url_length: config.max_url_length.0,
            path_segments: config.max_path_segments.0,
        })
    }

    /// The rule by which a URL is too much, if it is.
    pub(crate) fn rule(self, url: &CanonicalUrl) -> Option<String> {
        let over = |most: Option<u32>, count: usize| most.filter(|most| count > *most as usize);
        if let Some(most) = over(self.url_length, url.as_str().len()) {
            return Some(format!("trap: longer than max-url-length {most}"));
        }
        let slashes = url.path().bytes().filter(|byte| *byte == b'/').count();
        if let Some(most) = over(self.path_segments, slashes) {
            return Some(format!("trap: more than max-path-segments {most}"));
        }
        (slashes >= REPEATS && repeats(url.path()))
            .then(|| "trap: repeated path segments".to_owned())
    }
}

/// Whether a path has a sequence of folders several times in a row. Numbers do repeat (`/0/0/0/0/`).
fn repeats(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    (1..=LONGEST_REPEAT).any(|length| {
        let mut same = 0;
        (length..parts.len()).any(|at| {
            same = if parts[at] == parts[at - length] {
                same + 1
            } else {
                0
            };
            same >= length * (REPEATS - 1) && !parts[at + 1 - length..=at].iter().all(is_number)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limit;

    fn rule(path: &str) -> Option<String> {
        let url = CanonicalUrl::parse(&format!("http://a.example{path}")).expect(path);
        let config = ScopeConfig {
            max_url_length: Limit(Some(80)),
            max_path_segments: Limit(Some(10)),
            ..ScopeConfig::default()
        };
        Growth::new(&config)?.rule(&url)
    }

    #[test]
    fn rules() {
        let long = "x".repeat(80);
        for (path, wanted) in [
            ("/", None),
            ("/a/a/a", None),
            ("/a/a/a/a", Some("trap: repeated path segments")),
            ("/x/a/b/a/b/a/b/a/b?q", Some("trap: repeated path segments")),
            ("/a/b/a/b/a/b/a/c", None),
            ("/0/0/0/0/0/x", None),
            ("/1/2/1/2/1/2/1/2", None),
            (
                "/1/2/3/4/5/6/7/8/9/10/11",
                Some("trap: more than max-path-segments 10"),
            ),
            (
                &format!("/?{long}"),
                Some("trap: longer than max-url-length 80"),
            ),
        ] {
            assert_eq!(rule(path).as_deref(), wanted, "{path}");
        }
        assert!(
            Growth::new(&ScopeConfig {
                ignore_traps: true,
                ..ScopeConfig::default()
            })
            .is_none()
        );
    }
}
