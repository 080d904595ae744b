//! Links, redirects and everything else that a page can have the crawler ask for.

use std::net::IpAddr;

use super::{OURS, addresses, all, crawl, errors, nobody_was_let_in, victims};
use crate::support::{Reply, Site, World, number, rows};

/// Names of the attacker's, all his own to set.
fn dns(name: &str, _before: usize) -> Vec<IpAddr> {
    addresses(match name {
        "a.test" | "robots.test" | "sitemap.test" | "page.test" => &["93.184.216.34"],
        "six.test" => &["2606:2800:220:1::1"],
        "inner.test" | "other-name.test" => &["10.0.0.5"],
        "loop.test" => &["127.0.0.1"],
        "loop6.test" => &["::1"],
        "any.test" => &["0.0.0.0"],
        "any6.test" => &["::"],
        "meta.test" => &["169.254.169.254"],
        "meta6.test" => &["fd00:ec2::254"],
        "azure.test" => &["168.63.129.16"],
        "mapped.test" => &["::ffff:10.0.0.5"],
        "nat64.test" => &["64:ff9b::10.0.0.5"],
        "mixed.test" => &["93.184.216.34", "10.0.0.5"],
        "mixed6.test" => &["93.184.216.34", "fd00::5"],
        _ => &[],
    })
}

/// What an attacker writes where a URL may stand.
fn targets() -> Vec<String> {
    let names = [
        "inner.test",
        "loop.test",
        "loop6.test",
        "any.test",
        "any6.test",
        "meta.test",
        "meta6.test",
        "azure.test",
        "mapped.test",
        "nat64.test",
        "mixed.test",
        "mixed6.test",
        "localhost",
        "a.localhost",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "[::]",
        "[::1]",
        "[::ffff:10.0.0.5]",
        "[::ffff:0a00:5]",
        "%31%30.0.0.5",
        "１０。０。０。５",
        "me:you@10.0.0.5",
        "93.184.216.34@10.0.0.5",
    ];
    let literals = OURS.map(|text| {
        if text.contains(':') {
            format!("[{text}]")
        } else {
            text.to_owned()
        }
    });
    let hosts = names.map(str::to_owned).into_iter().chain(literals);
    hosts
        .flat_map(|host| [format!("http://{host}/x"), format!("http://{host}:8080/x")])
        .collect()
}

/// The attacker's site: every target, in every place that leads somewhere.
fn attack(site: &Site) -> i64 {
    let targets = targets();
    let (mut page, mut links) = (
        "<base href=//10.0.0.5/based/><a href=x>based</a>".to_owned(),
        Vec::new(),
    );
    for (number, target) in targets.iter().enumerate() {
        page += &format!(
            "<a href='{target}/a'>x</a><img src='{target}/i' srcset='{target}/s 2x'><script src='{target}/j'></script>
             <link rel=stylesheet href='{target}/c'><iframe src='{target}/f'></iframe><video src='{target}/v'></video>
             <a href='http://a.test/hop/{number}'>x</a><a href='http://a.test/refresh/{number}'>x</a>
             <style>@import '{target}/m'; a {{ background: url({target}/u) }}</style>"
        );
        links.push(format!("<{target}/l>; rel=next"));
        for (status, code) in [("hop", 302), ("hop", 307)] {
            let path = format!("/{status}/{number}");
            let reply = Reply::new(code).header("Location", &format!("{target}/r{code}"));
            site.reply(&path, reply);
        }
        let refresh = format!("<meta http-equiv=refresh content='0;url={target}/m'>");
        site.page(&format!("/refresh/{number}"), &refresh);
    }
    let mut start = Reply::html(page)
        .header(
            "Alt-Svc",
            "h2=\"10.0.0.5:8080\", h3=\"10.0.0.5:8080\"; ma=86400; persist=1",
        )
        .header("Link", "<http://10.0.0.5/p>; rel=preconnect")
        .header("Refresh", "1; url=http://10.0.0.5/refreshed");
    for chunk in links.chunks(20) {
        start = start.header("Link", &chunk.join(", "));
    }
    site.reply("/", start);
    site.reply(
        "/robots.txt",
        Reply::new(200)
            .header("Content-Type", "text/plain")
            .body("User-agent: *\nAllow: /\nSitemap: http://10.0.0.5/sitemap.xml\nSitemap: http://meta.test/sitemap.xml\nSitemap: http://a.test/index.xml\n"),
    );
    site.reply(
        "/index.xml",
        Reply::new(200).header("Content-Type", "text/xml").body(
            "<sitemapindex><sitemap><loc>http://loop.test/s.xml</loc></sitemap><sitemap><loc>http://a.test/hop/0</loc></sitemap></sitemapindex>",
        ),
    );
    targets.len() as i64
}

#[test]
fn every_way_out_of_a_page() {
    let Some(_world) = World::enter("guard::addresses::every_way_out_of_a_page", &all(), dns)
    else {
        return;
    };
    let (victims, site) = (victims(), Site::at("93.184.216.34:80"));
    let count = attack(&site);
    let seed = ["--seed", "http://a.test/", "--retries", "2"];
    for (args, places) in [
        (
            &["--scope", "any", "--assets"][..],
            "a i s j c f v l m u r307",
        ),
        (&["--check-external", "--ignore-robots"], "a f l m r307"),
        (
            &[
                "--extra-hops",
                "2",
                "--assets",
                "--check-external",
                "--cookies",
            ],
            "a i s j c f v l m u r307",
        ),
    ] {
        let crawl = crawl(&[&seed, args].concat());
        // A second run asks again for what it knows: by its stored URLs.
        for _ in 0..2 {
            crawl.run().expect_code(0);
            nobody_was_let_in(&victims);
            let out = crawl.dir().join("out");
            for place in places.split(' ') {
                let refused = format!(
                    "SELECT count(DISTINCT url) FROM requests WHERE error = 'private_address' AND url GLOB '*/x/{place}'"
                );
                // Many spellings are one address.
                assert!(
                    number(&out, &refused) > count / 2,
                    "{place}: {}",
                    number(&out, &refused)
                );
            }
            let other = "SELECT url, error FROM pages WHERE error IS NOT 'private_address' AND url NOT GLOB 'http://a.test/*'";
            assert_eq!(rows(&out, other), [""; 0]);
            let sent = "SELECT count(*) FROM requests WHERE peer IS NOT NULL AND peer NOT LIKE '93.184.216.34:%'";
            assert_eq!(number(&out, sent), 0);
        }
    }
}

/// robots.txt may redirect to any host; not to ours.
#[test]
fn hops_of_robots_and_of_single_requests() {
    let Some(_world) = World::enter(
        "guard::addresses::hops_of_robots_and_of_single_requests",
        &all(),
        dns,
    ) else {
        return;
    };
    let (victims, site) = (victims(), Site::at("93.184.216.34:80"));
    for target in [
        "http://10.0.0.5/robots.txt",
        "http://meta.test/",
        "http://[::1]:8080/",
    ] {
        site.reply("/robots.txt", Reply::new(301).header("Location", target));
        site.reply("/", Reply::new(301).header("Location", target));
        for args in [&[][..], &["--ignore-robots"], &["--dry-run"]] {
            let crawl = crawl(&["--seed", "http://robots.test/", "--scope", "any"]).args(args);
            crawl.run();
            nobody_was_let_in(&victims);
        }
        let crawl = crawl(&[]);
        for args in [&[][..], &["--ignore-robots"]] {
            let page = ["extract", "http://page.test/", "--field", "title=title"];
            let said = crawl
                .run_args([&page[..], args].concat())
                .expect_code(3)
                .stderr;
            nobody_was_let_in(&victims);
            assert!(args.is_empty() || said.contains("private"), "{said}");
        }
    }
    // What the user names himself is his.
    let crawl = crawl(&[]);
    let page = [
        "extract",
        "http://inner.test:8080/",
        "--field",
        "title=title",
        "--format",
        "csv",
    ];
    let said = crawl.run_args(page).expect_code(0).stdout;
    assert!(said.contains("Secret"), "{said}");
}

/// A seed lets through its own name and port, and nothing else that is there.
#[test]
fn a_private_seed_names_itself_alone() {
    let Some(_world) = World::enter(
        "guard::addresses::a_private_seed_names_itself_alone",
        &all(),
        dns,
    ) else {
        return;
    };
    let victims = victims();
    let inner = |port| {
        victims
            .iter()
            .find(|site| site.port() == port)
            .expect("10.0.0.5")
    };
    let links = [
        "http://inner.test:8080/",
        "http://other-name.test/",
        "http://10.0.0.5/",
        "http://inner.test./",
        "http://fd00--5.test/",
        "http://[::ffff:10.0.0.5]/",
        "https://inner.test/",
        "http://INNER.test/again",
        "http://you:me@inner.test/user",
        "http://inner.test:80/port",
    ];
    let page: String = links
        .iter()
        .map(|link| format!("<a href='{link}'>x</a>"))
        .collect();
    inner(80).page("/", &page);
    let crawl = crawl(&[
        "--seed",
        "http://inner.test/",
        "--scope",
        "any",
        "--ignore-robots",
    ]);
    crawl.run().expect_code(0);
    let mut asked: Vec<String> = inner(80).hits().into_iter().map(|hit| hit.path).collect();
    asked.sort();
    assert_eq!(asked, ["/", "/again", "/port", "/user"]);
    assert!(inner(8080).hits().is_empty());
    assert_eq!(
        errors(&crawl),
        [
            "http://10.0.0.5/ private_address",
            "http://[::ffff:a00:5]/ private_address",
            "http://fd00--5.test/ dns",
            "http://inner.test./ private_address",
            "http://inner.test:8080/ private_address",
            "http://other-name.test/ private_address",
            "https://inner.test/ private_address",
        ]
    );
}

/// A name that a stranger may own does not lead to a cloud's secrets by being a seed; written out, it does.
#[test]
fn a_seed_does_not_lead_to_metadata_by_its_name() {
    let Some(_world) = World::enter(
        "guard::addresses::a_seed_does_not_lead_to_metadata_by_its_name",
        &all(),
        dns,
    ) else {
        return;
    };
    let victims = victims();
    for name in ["meta.test", "meta6.test", "azure.test"] {
        let crawl = crawl(&["--seed", &format!("http://{name}/")]);
        let said = crawl.run().expect_code(3).stderr;
        assert!(said.contains("--allow-private lets it through"), "{said}");
    }
    nobody_was_let_in(&victims);
    crawl(&["--seed", "http://169.254.169.254/"])
        .run()
        .expect_code(0);
    crawl(&["--seed", "http://meta.test/", "--allow-private"])
        .run()
        .expect_code(0);
}

/// Too many names are not looked up at the start: those that are private say what to do.
#[test]
fn of_very_many_seeds_none_is_let_through_by_itself() {
    let answers = |name: &str, before| {
        if name.starts_with("many") {
            addresses(&["93.184.216.34"])
        } else {
            dns(name, before)
        }
    };
    let Some(world) = World::enter(
        "guard::addresses::of_very_many_seeds_none_is_let_through_by_itself",
        &all(),
        answers,
    ) else {
        return;
    };
    let (victims, site) = (victims(), Site::at("93.184.216.34:80"));
    site.dynamic(|_, _| Some(Reply::html("x")));
    let crawl = crawl(&[
        "--seed",
        "http://many-{1..256}.test/",
        "--seed",
        "http://inner.test/",
        "-v",
    ]);
    let said = crawl.run().expect_code(0).stderr;
    nobody_was_let_in(&victims);
    assert!(said.contains("too many seeds to look up"), "{said}");
    assert_eq!(errors(&crawl), ["http://inner.test/ private_address"]);
    assert!(
        said.contains("http://inner.test/ failed: inner.test is a private"),
        "{said}"
    );
    assert!(world.lookups("inner.test") > 0);
}

/// `--resolve` lets through the name and port that it gives.
#[test]
fn an_address_by_hand_is_of_one_name_and_port() {
    let Some(_world) = World::enter(
        "guard::addresses::an_address_by_hand_is_of_one_name_and_port",
        &all(),
        dns,
    ) else {
        return;
    };
    let (victims, site) = (victims(), Site::at("93.184.216.34:80"));
    site.page(
        "/",
        "<a href=http://hand.test/>x</a><a href=http://hand.test:8080/>x</a><a href=http://inner.test/>x</a>
         <a href=http://10.0.0.5/>x</a><a href=http://hand.test./>x</a>",
    );
    let crawl = crawl(&["--seed", "http://a.test/", "--scope", "any"]);
    let crawl = crawl.args(["--resolve", "hand.test:80:10.0.0.5", "--ignore-robots"]);
    crawl.run().expect_code(0);
    let hits: Vec<String> = victims
        .iter()
        .flat_map(|victim| victim.hits())
        .map(|hit| hit.header("host").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(hits, ["hand.test"]);
    assert_eq!(
        errors(&crawl),
        [
            "http://10.0.0.5/ private_address",
            "http://hand.test./ dns",
            "http://hand.test:8080/ dns",
            "http://inner.test/ private_address",
        ]
    );
}
