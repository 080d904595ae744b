//! `resolve`: addresses that the user gives for a name and port, as curl's `--resolve` takes them.

use std::net::IpAddr;

use super::ConfigError;
use crate::canonical::CanonicalUrl;

/// Where connections to one name and port go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Resolved {
    /// Reads `host:port:address`, or more addresses with commas between them; IPv6 with or without
    /// brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let bad = |message: &str| ConfigError::value("fetch.resolve", text, message);
        let form = "is not of the form name:port:address, such as example.com:443:192.0.2.7";
        let mut parts = text.splitn(3, ':');
        let (Some(name), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(bad(form));
        };
        let url = CanonicalUrl::parse(&format!("http://{name}/")).map_err(|_| bad(form))?;
        if !matches!(url.as_url().host(), Some(url::Host::Domain(_))) || url.path() != "/" {
            return Err(bad("does not begin with a name"));
        }
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
            bare.unwrap_or(text).parse().map_err(|_| bad(form))
        };
        Ok(Self {
            name: url.hostname().to_owned(),
            port: port.parse().map_err(|_| bad(form))?,
            addresses: addresses
                .split(',')
                .map(address)
                .collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, name, port, addresses) in [
            (
                "Example.com:443:192.0.2.7",
                "example.com",
                443,
                &["192.0.2.7"][..],
            ),
            ("localhost:8080:[::1]", "localhost", 8080, &["::1"]),
            ("a.example:80:::1", "a.example", 80, &["::1"]),
            (
                "a.example:80:127.0.0.1,[::1]",
                "a.example",
                80,
                &["127.0.0.1", "::1"],
            ),
        ] {
            let read = Resolved::parse(text).expect(text);
            let shown: Vec<String> = read.addresses.iter().map(ToString::to_string).collect();
            assert_eq!((read.name.as_str(), read.port), (name, port), "{text}");
            assert_eq!(shown, addresses, "{text}");
        }
        for text in [
            "",
            "a.example",
            "a.example:80",
            "a.example:80:",
            "a.example:80:b.example",
            "a.example:x:127.0.0.1",
            "127.0.0.1:80:127.0.0.2",
            "a/b:80:127.0.0.1",
        ] {
            assert!(Resolved::parse(text).is_err(), "{text}");
        }
    }
}
