//! What can be checked where a proxy looks names up, and what goes past a proxy.

use std::net::IpAddr;

use super::{addresses, all, crawl, errors, nobody_was_let_in, victims};
use crate::support::{Proxy, Reply, Site, World, rows};

/// Names and addresses that no proxy is asked for.
const REFUSED: [&str; 12] = [
    "10.0.0.1",
    "127.1",
    "[::1]",
    "[::ffff:169.254.169.254]",
    "localhost",
    "x.localhost.",
    "metadata.google.internal",
    "metadata",
    "host.docker.internal",
    "printer.local",
    "wiki",
    "router.home.arpa",
];

#[test]
fn a_proxy_is_asked_for_nothing_private() {
    let site = Site::start();
    let links: String = REFUSED
        .iter()
        .map(|host| format!("<a href=http://{host}/>x</a>"))
        .collect();
    site.dynamic(move |path, _| (path == "/").then(|| Reply::html(links.clone())));
    for begin in ["http://", "socks5h://"] {
        for by_environment in [false, true] {
            let proxy = Proxy::start(None, site.port());
            let url = proxy.url(begin);
            let mut crawl = crawl(&["--seed", "http://public.example/", "--scope", "any"]);
            let variable = if begin == "http://" {
                "http_proxy"
            } else {
                "ALL_PROXY"
            };
            crawl = if by_environment {
                crawl.env(variable, &url)
            } else {
                crawl.args(["--proxy", &url])
            };
            let said = crawl.run().expect_code(0).stderr;
            assert!(said.contains("cannot be checked by name"), "{said}");
            assert_eq!(errors(&crawl).len(), REFUSED.len(), "{:?}", errors(&crawl));
            let asked = proxy.asked();
            assert!(
                asked.iter().all(|line| line.contains("public.example")),
                "{asked:?}"
            );
            // What cannot be checked is stored, too.
            let config = rows(&crawl.dir().join("out"), "SELECT config FROM runs");
            let stored = if by_environment {
                format!("# environment: {variable};")
            } else {
                url
            };
            assert!(config[0].contains(&stored), "{config:?}");
        }
    }
}

/// What a user names is let through to the proxy, which knows where it is.
#[test]
fn a_seed_behind_a_proxy() {
    let site = Site::start();
    site.page("/", "<title>Wiki</title><a href=http://other/>x</a>");
    let proxy = Proxy::start(None, site.port());
    let crawl = crawl(&[
        "--seed",
        "http://wiki/",
        "--scope",
        "any",
        "--proxy",
        &proxy.url("http://"),
    ]);
    crawl.run().expect_code(0);
    assert_eq!(errors(&crawl), ["http://other/ private_address"]);
}

/// The proxy's own address is let through for connections to the proxy, and for nothing else; a proxy that has
/// us look names up gets checked addresses.
#[test]
fn what_goes_past_a_proxy() {
    let dns = |name: &str, _| -> Vec<IpAddr> {
        addresses(match name {
            "proxy.test" => &["127.0.0.1"],
            "a.test" => &["93.184.216.34"],
            "inner.test" => &["10.0.0.5"],
            _ => &[],
        })
    };
    let Some(_world) = World::enter("guard::proxies::what_goes_past_a_proxy", &all(), dns) else {
        return;
    };
    let (victims, site) = (victims(), Site::at("93.184.216.34:80"));
    site.page(
        "/",
        "<a href=http://proxy.test/>x</a><a href=http://proxy.test:8080/>x</a><a href=http://inner.test/>x</a>",
    );
    // It leads all to one port of this machine; nobody is there.
    let proxy = Proxy::start(None, 9);
    let url = proxy.url("http://").replace("127.0.0.1", "proxy.test");
    for (variable, no_proxy) in [
        ("http_proxy", "*"),
        ("http_proxy", "a.test,proxy.test,inner.test"),
        ("https_proxy", ""),
    ] {
        let crawl = crawl(&["--seed", "http://a.test/", "--scope", "any"]);
        let crawl = crawl.env(variable, &url).env("NO_PROXY", no_proxy);
        crawl.run().expect_code(0);
        nobody_was_let_in(&victims);
        assert_eq!(errors(&crawl).len(), 3, "{:?}", errors(&crawl));
    }
    let proxy = Proxy::start(None, 9);
    let url = proxy.url("socks5://").replace("127.0.0.1", "proxy.test");
    let crawl = crawl(&[
        "--seed",
        "http://inner.test/a",
        "--seed",
        "http://10.0.0.5:8080/",
        "--scope",
        "any",
        "--proxy",
        &url,
    ]);
    crawl.run();
    let asked = proxy.asked();
    let named = |line: &String| line.starts_with("socks 10.0.0.5:");
    assert!(!asked.is_empty() && asked.iter().all(named), "{asked:?}");
    let other = super::crawl(&["--seed", "http://a.test/", "--proxy", &url]);
    other.run();
    assert!(proxy.asked().contains(&"socks 93.184.216.34:80".to_owned()));
}
