//! One site under two hosts: `--map https://staging.example=https://example.com`.

use std::str::FromStr;

/// URLs that begin with the one text are compared as if they began with the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    from: String,
    to: String,
}

impl FromStr for Map {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(from, to)| {
            let is_url = |text: &str| text.starts_with("http://") || text.starts_with("https://");
            is_url(from) && is_url(to)
        });
        let Some((from, to)) = parts else {
            return Err(
                "it must be FROM=TO, such as https://staging.example=https://example.com"
                    .to_owned(),
            );
        };
        // With or without a slash at the end, the same is meant.
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        Ok(Self {
            from: bare(from),
            to: bare(to),
        })
    }
}

/// The names that a URL may have where it is not mapped, and where it is.
pub(super) fn others(maps: &[Map], url: &str) -> Vec<String> {
    let back = maps.iter().map(|map| Map {
        from: map.to.clone(),
        to: map.from.clone(),
    });
    let mut others: Vec<String> = back.map(|map| apply(&[map], url.to_owned())).collect();
    others.push(apply(maps, url.to_owned()));
    others.retain(|other| other != url);
    others
}

/// A URL as the first map that fits it has it.
pub(super) fn apply(maps: &[Map], url: String) -> String {
    for map in maps {
        if let Some(rest) = url.strip_prefix(&map.from)
            && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
        {
            return format!("{}{rest}", map.to);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_hosts_and_folders_alone() {
        let maps: Vec<Map> = [
            "https://staging.example/=https://example.com",
            "http://a.example/v2=http://a.example/v1/",
        ]
        .iter()
        .map(|text| text.parse().expect(text))
        .collect();
        for (url, wanted) in [
            ("https://staging.example/", "https://example.com/"),
            ("https://staging.example/x?y", "https://example.com/x?y"),
            (
                "https://staging.example.org/",
                "https://staging.example.org/",
            ),
            ("https://staging.example:81/", "https://staging.example:81/"),
            ("http://a.example/v2/x", "http://a.example/v1/x"),
            ("http://a.example/v22", "http://a.example/v22"),
            ("http://other.example/", "http://other.example/"),
        ] {
            assert_eq!(apply(&maps, url.to_owned()), wanted);
        }
        for text in ["", "a=b", "https://a.example", "https://a.example=b"] {
            assert!(text.parse::<Map>().is_err(), "{text}");
        }
    }
}
