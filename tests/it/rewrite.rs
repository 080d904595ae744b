//! URLs that are asked for in another form than they are written in: parameters left out, names folded.

use crate::support::{Crawl, Reply, Site, expect_sound, rows};

fn crawl(site: &Site, path: &str) -> Crawl {
    Crawl::new().args([
        "--seed",
        &site.url(path),
        "--rate",
        "unlimited",
        "-o",
        "out",
    ])
}

/// Paths that were asked for, each once, robots.txt left out.
fn asked(site: &Site) -> Vec<String> {
    let hits = site.hits().into_iter().map(|hit| hit.path);
    let mut paths: Vec<String> = hits.filter(|path| path != "/robots.txt").collect();
    paths.sort_unstable();
    paths
}

fn redirect(to: &str) -> Reply {
    Reply::new(302).header("Location", to)
}

/// A shop that writes a new session id into every link, and a campaign into some.
fn shop(site: &Site) {
    site.dynamic(|path, hit| {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let links = match path {
            "/" => "/a ;x=1 /b? /moved /form".to_owned(),
            "/a" | "/b" => "/ /a /b?page=1&".to_owned(),
            "/moved" => return Some(redirect(&format!("/landed?sid={hit}&utm_medium=r"))),
            "/form" if !query.contains("sid=") => return Some(redirect("/form?sid=first")),
            _ => String::new(),
        };
        let link = |to: &str| match to.split_once('?') {
            Some((path, query)) => format!("<a href='{path}?{query}sid={hit}'>x</a>"),
            None => format!("<a href='{to};jsessionid={hit}?utm_source=x{hit}'>x</a>"),
        };
        Some(Reply::html(links.split(' ').map(link).collect::<String>()))
    });
}

const LIST: &str = "sid,jsessionid,tracking";

#[test]
fn session_ids_and_campaigns_are_left_out() {
    let site = Site::start();
    shop(&site);
    let crawl = crawl(&site, "/?utm_campaign=start").args(["--strip-params", LIST]);
    let dry = crawl.run_args([
        "--seed",
        &site.url("/?utm_campaign=start"),
        "--strip-params",
        LIST,
        "--dry-run",
    ]);
    let seed = format!(
        "# {} is asked for as {} (strip-params utm_*)",
        site.url("/?utm_campaign=start"),
        site.url("/")
    );
    assert!(dry.stdout.contains(&seed), "{}", dry.stdout);
    crawl.run().expect_code(0);
    let wanted = [
        "/",
        "/;x=1",
        "/a",
        "/b",
        "/b?page=1",
        "/form",
        "/form?sid=first",
        "/landed",
        "/moved",
    ];
    assert_eq!(asked(&site), wanted);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    let written = |path: &str| {
        let sql = format!(
            "SELECT written, rule FROM rewrites WHERE url = '{}'",
            site.url(path)
        );
        rows(&out, &sql).join("\n")
    };
    assert!(written("/").ends_with("/?utm_campaign=start strip-params utm_*"));
    assert!(written("/landed").ends_with("&utm_medium=r strip-params sid, strip-params utm_*"));
    assert!(written("/a").contains("/a;jsessionid="));
    assert_eq!(written("/form?sid=first"), "");
    // Seeds are kept as they were given: the same ones again are the same crawl.
    site.forget();
    crawl.run().expect_code(0);
    assert_eq!(asked(&site), wanted);
}

/// Links that are stored from a start without the setting lead to the new forms; a new run reads pages anew.
#[test]
fn asked_for_later() {
    let site = Site::start();
    let page = |path: &str, html: &str| {
        site.reply(path, Reply::html(html).header("ETag", "\"1\""));
    };
    page("/", "<a href='/1?sid=a'>1</a><a href='/2?sid=a'>2</a>");
    for path in ["/1?sid=a", "/1", "/2"] {
        page(path, "<a href='/3?sid=b'>3</a>");
    }
    page("/3", "");
    let first = crawl(&site, "/").args(["--max-pages", "2", "--concurrency", "1"]);
    first.run().expect_code(11);
    assert_eq!(asked(&site), ["/", "/1?sid=a"]);
    site.forget();
    let seed = site.url("/");
    let args = [
        "--seed",
        &seed,
        "--rate",
        "unlimited",
        "-o",
        "out",
        "--strip-params",
        "sid",
    ];
    let said = first.run_args(args).expect_code(0).stderr;
    assert!(
        said.contains(
            "scope.strip-params was [], is [\"sid\"]; what belongs to the crawl was decided anew"
        ),
        "{said}"
    );
    assert_eq!(asked(&site), ["/1", "/2", "/3"]);
    let out = first.dir().join("out");
    expect_sound(&out);
    let sql = "SELECT rule FROM urls WHERE url LIKE '%/1?sid=a'";
    assert_eq!(rows(&out, sql), ["not reached under the present settings"]);
    // A new run asks for the forms alone, and for pages that were read otherwise without conditions.
    site.forget();
    first.run_args(args).expect_code(0);
    assert_eq!(asked(&site), ["/", "/1", "/2", "/3"]);
    let conditional = |path: &str| site.hits_of(path)[0].header("if-none-match").is_some();
    assert_eq!([conditional("/"), conditional("/1")], [false, true]);
}

#[test]
fn www_is_folded_into_what_the_seed_has() {
    let site = Site::start();
    let port = site
        .url("/")
        .rsplit(':')
        .next()
        .expect("a port")
        .trim_end_matches('/')
        .to_owned();
    let host = |name: &str| format!("http://{name}:{port}");
    site.page(
        "/",
        &format!("<a href='{}/a'>a</a><a href='/b'>b</a>", host("a.example")),
    );
    site.reply("/a", redirect(&format!("{}/a2", host("a.example"))));
    // A server that insists on the other name gets it.
    let bare = host("a.example");
    site.guard({
        let port = port.clone();
        move |hit| {
            let www = hit.header("host") == Some(&format!("www.a.example:{port}"));
            (hit.path == "/b" && www).then(|| redirect(&format!("{bare}/b")))
        }
    });
    site.page("/a2", "a");
    site.page("/b", "b");
    let crawl = Crawl::new().args([
        "--seed",
        &host("www.a.example"),
        "--fold-www",
        "--scope",
        "domain",
        "--rate",
        "unlimited",
        "-o",
        "out",
        "--resolve",
        &format!("www.a.example:{port}:127.0.0.1"),
        "--resolve",
        &format!("a.example:{port}:127.0.0.1"),
    ]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let wanted = [
        format!("{}/b 200", host("a.example")),
        format!("{}/ 200", host("www.a.example")),
        format!("{}/a 302", host("www.a.example")),
        format!("{}/a2 200", host("www.a.example")),
        format!("{}/b 302", host("www.a.example")),
    ];
    assert_eq!(
        rows(&out, "SELECT url, status FROM pages ORDER BY url"),
        wanted
    );
}

#[test]
fn bad_names_are_refused() {
    for (list, message) in [
        (
            "utm_*,a=b",
            "scope.strip-params = \"a=b\": is not the name of a parameter such as sid or utm_*",
        ),
        ("u*m", "may have a * at its start and its end only"),
    ] {
        let run = Crawl::new().args(["--seed", "http://127.0.0.1:9/", "--strip-params", list]);
        let said = run.run().expect_code(2);
        assert!(said.stderr.contains(message), "{}", said.stderr);
    }
}
