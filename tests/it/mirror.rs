//! `crawl export mirror`: a site in files, whose links lead to each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Crawl, Output, Reply, Site, edit, rows};

fn css(text: &str) -> Reply {
    Reply::new(200)
        .header("Content-Type", "text/css")
        .body(text)
}

fn typed(kind: &str, body: &[u8]) -> Reply {
    Reply::new(200)
        .header("Content-Type", kind)
        .body(body.to_vec())
}

fn crawl_of(site: &Site) -> Crawl {
    let seed = site.url("/");
    Crawl::new().args([
        "--seed",
        &seed,
        "--assets",
        "--rate",
        "unlimited",
        "-o",
        "out",
    ])
}

/// The mirror of a crawl that is there.
fn mirror(crawl: &Crawl, to: &str) -> Output {
    crawl.run_args(["export", "mirror", to, "-o", "out"])
}

/// All files below a folder, by their paths.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(inner) = todo.pop() {
        for entry in std::fs::read_dir(folder.join(&inner)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = inner.join(entry.file_name());
            let kind = entry.file_type().expect("a kind");
            assert!(!kind.is_symlink(), "{}", path.display());
            if kind.is_dir() {
                todo.push(path);
            } else {
                let body = std::fs::read(entry.path()).expect("read");
                found.insert(path.to_string_lossy().into_owned(), body);
            }
        }
    }
    found
}

fn text<'f>(files: &'f BTreeMap<String, Vec<u8>>, name: &str) -> &'f str {
    let body = files
        .get(name)
        .unwrap_or_else(|| panic!("{name} is none of {:?}", files.keys()));
    std::str::from_utf8(body).expect("text")
}

/// A site with each way in which one thing of it leads to another.
fn site() -> Site {
    let site = Site::start();
    site.page(
        "/",
        "<!DOCTYPE html><link rel=stylesheet href=/a/main.css integrity=x><link rel=canonical href=/>\
         <a href='d/'>dir</a><a href=/d/two?x=1&amp;y=2#f>query</a><a href=/old>moved</a><a href=/gone>gone</a>\
         <a href='http://elsewhere.invalid/'>out</a><img src=pic srcset='pic 1x, /i/big%20one.png 2x'>\
         <p style='background:url(/i/b.png)'></p><form action=/search></form><a href=/D/Two>case</a><a href=index.html>i</a>\
         <svg><image href=i/b.png /></svg><a href=/base.html>base</a>",
    );
    site.page("/index.html", "<title>other</title>");
    site.page("/d/", "<title>d</title><a href=../>up</a>");
    site.page(
        "/d/two?x=1&y=2",
        "<title>two</title><a href=two?x=1&amp;y=2>self</a>",
    );
    site.page("/D/Two", "<title>Two</title>");
    site.page(
        "/base.html",
        "<base href=/d/><a href=two?x=1&amp;y=2>q</a><a href='#f'>f</a>",
    );
    site.reply("/old", Reply::new(301).header("Location", "/older"));
    site.reply("/older", Reply::new(302).header("Location", "/d/"));
    site.reply(
        "/a/main.css",
        css("@import 'deep/more.css'; a{b:url(../i/b.png)}"),
    );
    site.reply(
        "/a/deep/more.css",
        css("x{y:url(/pic)} z{w:url(/gone.png)}"),
    );
    site.reply(
        "/pic",
        typed(
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/i/b.png'/></svg>",
        ),
    );
    site.reply(
        "/i/big%20one.png",
        typed("image/png", b"\x89PNG\r\n\x1a\nbig\0\xff"),
    );
    site.reply("/i/b.png", typed("image/png", b"\x89PNG\r\n\x1a\nb\0\xff"));
    site
}

#[test]
fn links_lead_to_files() {
    let site = site();
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let said = mirror(&crawl, "m").expect_code(0);
    let (host, root) = (format!("127.0.0.1_{}", site.port()), site.url(""));
    assert!(
        said.stdout
            .contains(&format!("open      m/{host}/index.html")),
        "{said}"
    );
    // gone.png alone.
    assert!(said.stdout.contains("1 images, style sheets"), "{said}");
    let found = files(&crawl.dir().join("m").join(&host));
    let other = found
        .keys()
        .find(|name| name.starts_with("index~"))
        .expect("another index");
    // A folder is spelled as it was first.
    let upper = "d/Two.html";
    assert_eq!(
        text(&found, "index.html"),
        format!(
            "<!DOCTYPE html><link rel=stylesheet href=\"a/main.css\" ><link rel=canonical href=\"{root}/\">\
             <a href='d/index.html'>dir</a><a href=\"d/two@x=1%26y=2.html#f\">query</a>\
             <a href=\"d/index.html\">moved</a><a href=\"{root}/gone\">gone</a>\
             <a href='http://elsewhere.invalid/'>out</a><img src=\"pic.svg\" srcset='pic.svg 1x, i/big%20one.png 2x'>\
             <p style='background:url(i/b.png)'></p><form action=\"{root}/search\"></form><a href=\"{upper}\">case</a><a href=\"{other}\">i</a>\
             <svg><image href=i/b.png /></svg><a href=\"base.html\">base</a>"
        )
    );
    for (name, wanted) in [
        (
            "d/index.html",
            "<title>d</title><a href=\"../index.html\">up</a>",
        ),
        (
            "base.html",
            "<base href=\"\"><a href=\"d/two@x=1%26y=2.html\">q</a><a href='d/index.html#f'>f</a>",
        ),
        (
            "a/main.css",
            "@import 'deep/more.css'; a{b:url(../i/b.png)}",
        ),
        (
            "pic.svg",
            "<svg xmlns='http://www.w3.org/2000/svg'><image href='i/b.png'/></svg>",
        ),
    ] {
        assert_eq!(text(&found, name), wanted);
    }
    let more = text(&found, "a/deep/more.css");
    assert_eq!(
        more,
        format!("x{{y:url(../../pic.svg)}} z{{w:url({root}/gone.png)}}")
    );
    assert_eq!(found["i/big one.png"], b"\x89PNG\r\n\x1a\nbig\0\xff");
}

/// A mirror that is served, crawled and mirrored again is the same but for its host; and so is what that would lead to.
#[test]
fn a_mirror_of_a_mirror_changes_nothing() {
    let first = site();
    let crawl = crawl_of(&first);
    crawl.run().expect_code(0);
    mirror(&crawl, "m").expect_code(0);
    let before = files(
        &crawl
            .dir()
            .join("m")
            .join(format!("127.0.0.1_{}", first.port())),
    );

    let served = before.clone();
    let second = Site::start();
    second.dynamic(move |path, _| {
        let path = path
            .split('?')
            .next()
            .unwrap_or_default()
            .trim_start_matches('/');
        let path = percent_decoded(if path.is_empty() { "index.html" } else { path });
        let kind = match path.rsplit_once('.').map(|(_, kind)| kind) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css",
            Some("svg") => "image/svg+xml",
            _ => "image/png",
        };
        Some(typed(kind, served.get(&path)?))
    });
    let again = crawl_of(&second);
    again.run().expect_code(0);
    mirror(&again, "m").expect_code(0);
    let after = files(
        &again
            .dir()
            .join("m")
            .join(format!("127.0.0.1_{}", second.port())),
    );
    for (name, body) in &before {
        let now = after
            .get(name)
            .unwrap_or_else(|| panic!("{name} is none of {:?}", after.keys()));
        assert_eq!(
            String::from_utf8_lossy(now),
            String::from_utf8_lossy(body),
            "{name}"
        );
    }
    assert_eq!(before.len(), after.len());
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escape = escape.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(escape)) = (byte, escape) {
            out.push(escape);
            rest = &after[2..];
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(out).expect("text")
}

/// What a failed request has left of an earlier run is there; what leads elsewhere now, or is gone, is not.
#[test]
fn the_last_good_content() {
    let site = Site::start();
    site.page("/", "<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>");
    for path in ["/a", "/b", "/c"] {
        site.page(path, &format!("<title>{path}</title>"));
    }
    let crawl = crawl_of(&site).args(["--retries", "0"]);
    crawl.run().expect_code(0);
    site.reply("/a", Reply::new(500));
    site.reply("/b", Reply::new(404));
    site.reply("/c", Reply::new(301).header("Location", "/"));
    crawl.run().expect_code(0);
    mirror(&crawl, "m").expect_code(0);
    let found = files(&crawl.dir().join(format!("m/127.0.0.1_{}", site.port())));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["a.html", "index.html"]);
    let wanted = format!(
        "<a href=\"a.html\">a</a><a href=\"{}\">b</a><a href=\"index.html\">c</a>",
        site.url("/b")
    );
    assert_eq!(text(&found, "index.html"), wanted);
}

/// Names out of a database that somebody has doctored lead out of neither tree, and no link is followed.
#[test]
fn nothing_escapes() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a><a href=/d>d</a>",
    );
    for path in ["/a", "/b", "/c", "/d"] {
        site.page(path, &format!("<title>{path}</title>"));
    }
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    crawl.file("secret", "secret");
    let of = |path: &str, what: &str| {
        let url = site.url(path);
        edit(
            &out,
            &format!(
                "UPDATE version SET file = {what} WHERE url = (SELECT id FROM url WHERE text = '{url}')"
            ),
        );
    };
    of("/a", "'pages/../../secret'");
    of("/b", "'../secret'");
    let file = &rows(
        &out,
        &format!("SELECT file FROM pages WHERE url = '{}'", site.url("/c")),
    )[0];
    std::fs::remove_file(out.join(file)).expect("removed");
    std::os::unix::fs::symlink(crawl.dir().join("secret"), out.join(file)).expect("linked");
    // A URL that is none as it stands, and one whose path would lead upwards if it were taken as it is.
    let url = site.url("/d");
    edit(
        &out,
        &format!(
            "UPDATE url SET text = 'http://a.example/%2e%2e/..%2f..%2fetc/%2e%2e%5cx/' WHERE text = '{url}'"
        ),
    );
    let said = mirror(&crawl, "m").expect_code(0);
    assert!(
        said.stdout.contains("3 bodies are not in their files"),
        "{said}"
    );
    let found = files(&crawl.dir().join("m"));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let home = format!("127.0.0.1_{}/index.html", site.port());
    assert_eq!(names, [&*home, "a.example/..%2F..%2Fetc/..%5Cx/index.html"]);
    assert!(found.values().all(|body| !body.starts_with(b"secret")));
}

#[test]
fn what_is_there_is_not_lost() {
    let site = Site::start();
    site.page("/", "<title>one</title>");
    let crawl = crawl_of(&site);
    let none = mirror(&crawl, "m").expect_code(2);
    assert!(none.stderr.contains("out"), "{none}");
    crawl.run().expect_code(0);
    std::fs::create_dir(crawl.dir().join("m")).expect("made");
    crawl.file("m/mine", "mine");
    let said = mirror(&crawl, "m").expect_code(1);
    assert!(said.stderr.contains("--force"), "{said}");
    let said = crawl
        .run_args(["export", "mirror", "m", "-o", "out", "--force"])
        .expect_code(0);
    assert!(said.stdout.contains("what was there is m.1 now"), "{said}");
    assert_eq!(
        std::fs::read(crawl.dir().join("m.1/mine")).expect("kept"),
        b"mine"
    );
    assert_eq!(files(&crawl.dir().join("m")).len(), 1);

    let bare = ["--seed", &site.url("/"), "--no-files", "-q", "-o", "bare"];
    crawl.run_args(bare).expect_code(0);
    let said = crawl
        .run_args(["export", "mirror", "n", "-o", "bare"])
        .expect_code(2);
    assert!(said.stderr.contains("no bodies are stored"), "{said}");
    let mut names: Vec<String> = std::fs::read_dir(crawl.dir())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["bare", "m", "m.1", "out"]);
}

/// Parameters that settings leave out are left out of links, too.
#[test]
fn rewritten_urls() {
    let site = Site::start();
    site.page("/", "<a href='/a?utm_source=x#f'>a</a>");
    site.page("/a", "<title>a</title>");
    let crawl = crawl_of(&site).args(["--strip-params", "tracking"]);
    crawl.run().expect_code(0);
    mirror(&crawl, "m").expect_code(0);
    let found = files(&crawl.dir().join(format!("m/127.0.0.1_{}", site.port())));
    assert_eq!(text(&found, "index.html"), "<a href='a.html#f'>a</a>");
}
