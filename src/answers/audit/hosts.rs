//! The hosts that were asked, and which of them share their limits.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::report::HostFigures;
use crate::canonical::{CanonicalUrl, Host, registrable_domain};
use crate::config::By;

/// Who answers for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    Unknown,
    One(IpAddr),
    /// Several. By which of them the crawler counted it the log does not tell.
    Many,
}

/// A host.
#[derive(Debug)]
struct Known {
    host: Host,
    address: Address,
    figures: HostFigures,
}

/// All hosts that were asked.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    list: Vec<Known>,
    by_id: HashMap<i64, u32>,
}

impl Hosts {
    /// The place of a host that has this number in the database.
    pub(super) fn of(&mut self, id: i64, name: &str) -> u32 {
        if let Some(known) = self.by_id.get(&id) {
            return *known;
        }
        let place = self.list.len() as u32;
        self.list.push(Known {
            host: Host::from_stored(name),
            address: Address::Unknown,
            figures: HostFigures {
                host: name.to_owned(),
                ..HostFigures::default()
            },
        });
        self.by_id.insert(id, place);
        place
    }

    pub(super) fn host(&self, place: u32) -> &Host {
        &self.list[place as usize].host
    }

    pub(super) fn figures(&mut self, place: u32) -> &mut HostFigures {
        &mut self.list[place as usize].figures
    }

    /// Takes note of who answered for a host. Who answers on another port than was asked is a proxy.
    pub(super) fn answered(&mut self, place: u32, url: &CanonicalUrl, peer: &str) {
        let known = &mut self.list[place as usize];
        let Ok(peer) = peer.parse::<SocketAddr>() else {
            return;
        };
        let address = Address::One(peer.ip().to_canonical());
        if peer.port() == url.port() && known.address != address {
            known.address = match known.address {
                Address::Unknown => address,
                _ => Address::Many,
            };
        }
    }

    /// The name of what shares limits with a host: that of the host, if nobody does.
    pub(super) fn group_of(&self, place: u32, by: By) -> String {
        let known = &self.list[place as usize];
        let name = known.host.name_and_port().0;
        match (by, known.address) {
            // To the Public Suffix List an address is a name like any other.
            (By::Domain, _) if is_address(name) => name.to_owned(),
            (By::Domain, _) => registrable_domain(name).unwrap_or(name).to_owned(),
            (By::Ip, Address::One(address)) => address.to_string(),
            (By::Host | By::Ip, _) => known.host.as_str().to_owned(),
        }
    }

    /// The hosts that share limits with others, group by group.
    pub(super) fn groups(&self, by: By) -> Vec<(String, Vec<u32>)> {
        let mut groups: HashMap<String, Vec<u32>> = HashMap::new();
        for place in 0..self.list.len() as u32 {
            groups
                .entry(self.group_of(place, by))
                .or_default()
                .push(place);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.retain(|(_, hosts)| hosts.len() > 1);
        groups.sort();
        groups
    }

    pub(super) fn into_figures(self) -> Vec<HostFigures> {
        self.list.into_iter().map(|known| known.figures).collect()
    }
}

fn is_address(name: &str) -> bool {
    name.starts_with('[') || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shares_with_whom() {
        let mut hosts = Hosts::default();
        for (id, (url, peer)) in [
            ("https://a.example.com/", "192.0.2.1:443"),
            ("http://b.example.com:8080/", "192.0.2.2:8080"),
            ("http://c.example.org/", "[::ffff:192.0.2.1]:80"),
            // By a proxy: who it is is not known.
            ("http://d.example.net/", "192.0.2.1:3128"),
            ("http://192.0.2.9/", "192.0.2.9:80"),
            ("http://several.example/", "192.0.2.2:80"),
        ]
        .into_iter()
        .enumerate()
        {
            let url = CanonicalUrl::parse(url).expect(url);
            let place = hosts.of(id as i64 + 7, url.host().as_str());
            hosts.answered(place, &url, peer);
        }
        let several = CanonicalUrl::parse("http://several.example/").expect("a URL");
        for peer in ["192.0.2.1:80", "192.0.2.1:80"] {
            hosts.answered(5, &several, peer);
        }
        for (by, wanted) in [
            (By::Host, vec![]),
            (By::Domain, vec![("example.com".to_owned(), vec![0, 1])]),
            (By::Ip, vec![("192.0.2.1".to_owned(), vec![0, 2])]),
        ] {
            assert_eq!(hosts.groups(by), wanted, "{by:?}");
        }
        assert_eq!(hosts.group_of(1, By::Host), "b.example.com:8080");
        assert_eq!(hosts.group_of(4, By::Host), "192.0.2.9");
        assert_eq!(hosts.group_of(4, By::Domain), "192.0.2.9");
    }
}
