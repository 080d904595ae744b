//! Fields by CSS selector: a small shop crawled, its values asked for with SQL, selectors tried on one page.

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

const FIELDS: &str = r#"
[[field]]
set = "product"
name = "title"
selector = "h1"
urls = "/p/"
required = true

[[field]]
set = "product"
name = "price"
selector = ".price"
as = "number"
urls = "/p/"
required = true

[[field]]
set = "product"
name = "tags"
selector = ".tags li"
all = true
urls = "/p/"

[[field]]
set = "product"
name = "image"
selector = "img"
take = "url:src"
urls = "/p/"

[[field]]
set = "product"
name = "since"
selector = "time"
take = "attr:datetime"
as = "date"
urls = "/p/"

[[field]]
name = "heading"
selector = "h1"
"#;

fn product(title: &str, price: &str, rest: &str) -> String {
    format!("<title>{title}</title><h1>{title}</h1><span class=price>{price}</span>{rest}")
}

fn shop() -> Site {
    let site = Site::start();
    site.page(
        "/",
        "<h1>Shop</h1><a href=/p/1>1</a><a href=/p/2>2</a><a href=/p/3>3</a>",
    );
    site.page(
        "/p/1",
        &product(
            "Cup",
            "1.234,50 €",
            "<ul class=tags><li>red<li>round</ul><img src=cup.png><time datetime=2026-11-21>now</time>",
        ),
    );
    site.page("/p/2", &product("Plate", "sold out", ""));
    site.page("/p/3", "<p>nothing");
    site
}

/// A crawl of the shop with these fields.
fn crawl(site: &Site, fields: &str) -> Crawl {
    let crawl = Crawl::new().args(["--config", "c.toml"]);
    configure(&crawl, site, fields);
    crawl
}

fn configure(crawl: &Crawl, site: &Site, fields: &str) {
    let text = format!(
        "[seeds]\nseed = [\"{}\"]\n[politeness]\nrate = \"unlimited\"\n[fetch]\nretries = 0\n[output]\noutput = \"out\"\n{fields}",
        site.url("/")
    );
    crawl.file("c.toml", &text);
}

/// The rows of a view, each URL by its path alone.
fn view(crawl: &Crawl, sql: &str) -> Vec<String> {
    rows(
        &crawl.dir().join("out"),
        &sql.replace("PATH", "substr(url, instr(substr(url, 8), '/') + 7)"),
    )
}

#[test]
fn values_answer_to_select() {
    let site = shop();
    let crawl = crawl(&site, FIELDS);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(
        view(
            &crawl,
            "SELECT PATH, title, price, typeof(price), tags, replace(image, rtrim(image, replace(image, '/', '')), ''), since FROM fields_product ORDER BY 1"
        ),
        [
            "/p/1 Cup 1234.5 real [\"red\",\"round\"] cup.png 2026-11-21",
            "/p/2 Plate - null [] - -",
        ]
    );
    assert_eq!(
        view(
            &crawl,
            "SELECT PATH, field_set, name, position, value FROM fields WHERE url LIKE '%/p/1' ORDER BY 2, 3, 4"
        ),
        [
            "/p/1 page heading 0 Cup".to_owned(),
            format!("/p/1 product image 0 {}", site.url("/p/cup.png")),
            "/p/1 product price 0 1234.5".to_owned(),
            "/p/1 product since 0 2026-11-21".to_owned(),
            "/p/1 product tags 0 red".to_owned(),
            "/p/1 product tags 1 round".to_owned(),
            "/p/1 product title 0 Cup".to_owned(),
        ]
    );
    assert_eq!(
        view(
            &crawl,
            "SELECT PATH, name, problem, value FROM field_problems ORDER BY 1, 2"
        ),
        [
            "/p/2 price not a number: sold out -",
            "/p/3 price missing -",
            "/p/3 title missing -",
        ]
    );
    assert_eq!(
        view(&crawl, "SELECT PATH, heading FROM fields_page ORDER BY 1").len(),
        3
    );
    expect_sound(&out);
    let named = crawl
        .run_args(["query", "-o", "out", "fields-product", "-f", "csv"])
        .expect_code(0);
    assert!(
        named
            .stdout
            .starts_with("url,title,price,tags,image,since\n"),
        "{}",
        named.stdout
    );
    let listed = crawl.run_args(["query", "-o", "out"]).expect_code(0);
    assert!(
        listed
            .stdout
            .lines()
            .any(|line| line.starts_with("fields-product ")
                && line.contains(" the fields of the set")),
        "{}",
        listed.stdout
    );
    let near = crawl
        .run_args(["query", "-o", "out", "field-product"])
        .expect_code(2);
    assert!(
        near.stderr.contains("did you mean \"fields_product\"?"),
        "{}",
        near.stderr
    );
}

#[test]
fn other_selectors_read_unchanged_pages_anew() {
    let site = shop();
    site.reply(
        "/p/1",
        Reply::html(product("Cup", "1", "<b>2</b>")).header("ETag", "\"1\""),
    );
    let crawl = crawl(&site, FIELDS);
    crawl.run().expect_code(0);
    let price = "SELECT PATH, price FROM fields_product ORDER BY 1";
    assert_eq!(view(&crawl, price), ["/p/1 1", "/p/2 -"]);
    // Unchanged by its ETag: the values stay, as the content does.
    crawl.run().expect_code(0);
    let conditional = "SELECT count(*) FROM requests WHERE status = 304";
    assert_eq!(number(&crawl.dir().join("out"), conditional), 1);
    assert_eq!(view(&crawl, price), ["/p/1 1", "/p/2 -"]);
    // Another selector: the page is asked for whole, and its values are the new ones.
    configure(&crawl, &site, &FIELDS.replace("\".price\"", "\"b\""));
    crawl.run().expect_code(0);
    assert_eq!(view(&crawl, price), ["/p/1 2", "/p/2 -"]);
    assert_eq!(
        number(
            &crawl.dir().join("out"),
            "SELECT count(*) FROM version WHERE title = 'Cup'"
        ),
        1
    );
    // A failure keeps the values, a page that is gone has none.
    site.reply("/p/1", Reply::new(500));
    site.reply("/p/2", Reply::new(404));
    configure(&crawl, &site, FIELDS);
    crawl.run().expect_code(0);
    assert_eq!(
        view(&crawl, "SELECT PATH, title FROM fields_product ORDER BY 1"),
        ["/p/1 Cup"]
    );
    // Fields that are gone take their views along; a view of the user's own is left alone.
    let own = "CREATE VIEW Fields_Mine AS SELECT 1 AS one; CREATE VIEW my_own AS /* made of [[field]] */ SELECT 2 AS two";
    let file = crawl.dir().join("out/crawl.db");
    tokio_rusqlite::rusqlite::Connection::open(&file)
        .expect("opened")
        .execute_batch(own)
        .expect("made");
    configure(
        &crawl,
        &site,
        "[[field]]\nset = \"mine\"\nname = \"a\"\nselector = \"h1\"",
    );
    let output = crawl.run().expect_code(0);
    assert!(
        output.stderr.contains("something else has this name"),
        "{}",
        output.stderr
    );
    assert_eq!(
        rows(
            &crawl.dir().join("out"),
            "SELECT name FROM sqlite_schema WHERE name GLOB 'fields_*'"
        ),
        [""; 0]
    );
    assert_eq!(
        view(&crawl, "SELECT one, two FROM fields_mine, my_own"),
        ["1 2"]
    );
    expect_sound(&crawl.dir().join("out"));
}

#[test]
fn a_bad_selector_is_an_error_of_the_config() {
    let site = shop();
    let crawl = crawl(&site, "[[field]]\nname = \"a\"\nselector = \"p >\"");
    let output = crawl.run().expect_code(2);
    assert!(
        output
            .stderr
            .starts_with("crawl: c.toml, line 11: field.selector = \"p >\": is no CSS selector"),
        "{}",
        output.stderr
    );
    assert!(site.hits().is_empty() && !crawl.dir().join("out").exists());
}

#[test]
fn hostile_pages_end_soon_and_say_so() {
    let site = Site::start();
    site.page(
        "/",
        "<h1>x</h1><a href=/deep>x</a><a href=/large>x</a><a href=/raw>x</a>",
    );
    site.page("/deep", &"<div>".repeat(100_000));
    site.page(
        "/large",
        &format!("<h1>x</h1>{}", "<i>x</i>".repeat(600_000)),
    );
    site.reply(
        "/raw",
        Reply::new(200)
            .header("Content-Type", "image/png")
            .body("<h1>x</h1>"),
    );
    let crawl = crawl(
        &site,
        "[[field]]\nname = \"a\"\nselector = \"h1\"\n[[field]]\nname = \"b\"\nselector = \"div div div p\"",
    );
    crawl.run().expect_code(0);
    assert_eq!(view(&crawl, "SELECT PATH, a FROM fields_page"), ["/ x"]);
    assert_eq!(
        view(
            &crawl,
            "SELECT PATH, name, problem FROM field_problems ORDER BY 1, 2"
        ),
        [
            "/deep a the page is nested too deeply",
            "/deep b the page is nested too deeply",
            "/large a the page is too large for a tree",
            "/large b the page is too large for a tree",
        ]
    );
}

#[test]
fn selectors_are_tried_on_one_page() {
    let site = shop();
    site.robots("User-agent: *\nDisallow: /p/3");
    let crawl = crawl(&site, FIELDS);
    crawl.file("cup.html", &product("Cup", "5", "<img src=c.png>"));
    let url = site.url("/p/2");
    let args = [
        "extract",
        "cup.html",
        &url,
        "--config",
        "c.toml",
        "--url",
        "http://shop.example/p/9",
        "-f",
        "csv",
    ];
    let output = crawl.run_args(args).expect_code(0);
    assert_eq!(
        output.stdout.lines().collect::<Vec<_>>(),
        [
            "page,field_set,name,position,value,problem",
            "cup.html,product,title,0,Cup,",
            "cup.html,product,price,0,5,",
            "cup.html,product,image,0,http://shop.example/p/c.png,",
            "cup.html,page,heading,0,Cup,",
            "cup.html,product,tags,0,,nothing found",
            "cup.html,product,since,0,,nothing found",
            &format!("{url},product,title,0,Plate,"),
            &format!("{url},product,price,0,,not a number: sold out"),
            &format!("{url},page,heading,0,Plate,"),
            &format!("{url},product,tags,0,,nothing found"),
            &format!("{url},product,image,0,,nothing found"),
            &format!("{url},product,since,0,,nothing found"),
        ]
    );
    assert!(!crawl.dir().join("out").exists(), "nothing is stored");
    let args = [
        "extract",
        "cup.html",
        "--field",
        "image=img[src]",
        "--field",
        "name=h1",
    ];
    let output = crawl.run_args(args).expect_code(0);
    assert!(
        output.stdout.contains("Cup") && !output.stdout.contains("price"),
        "{}",
        output.stdout
    );
    for (args, code, wanted) in [
        (
            vec![site.url("/p/3")],
            3,
            "robots.txt forbids it (Disallow: /p/3)",
        ),
        (vec![site.url("/none")], 3, "/none: status 404"),
        (vec!["none.html".into()], 3, "none.html: cannot be read: "),
        (
            vec!["cup.html".into(), "--field".into(), "h1".into()],
            2,
            "field = \"h1\": is not of the form NAME=SELECTOR",
        ),
        (
            vec!["cup.html".into(), "--field".into(), "a=p[".into()],
            2,
            "field.selector = \"p[\": is no CSS selector",
        ),
        (
            vec!["cup.html".into(), "--field".into(), "a=nav".into()],
            0,
            "nothing found",
        ),
    ] {
        let mut all = vec!["extract".to_owned()];
        if !args.contains(&"--field".to_owned()) {
            all.extend(["--config".to_owned(), "c.toml".to_owned()]);
        }
        all.extend(args);
        let output = crawl.run_args(&all).expect_code(code);
        let said = output.stdout.clone() + &output.stderr;
        assert!(said.contains(wanted), "{said}");
    }
    // A page that comes without a name is a page all the same; what is none is said.
    let piped = Crawl::new().stdin("<?xml version='1.0'?><html><h1>Cup</h1></html>");
    let output = piped
        .run_args(["extract", "-", "--field", "a=h1"])
        .expect_code(0);
    assert!(output.stdout.contains("Cup"), "{}", output.stderr);
    piped.file("a.png", "x");
    let output = piped
        .run_args(["extract", "a.png", "--field", "a=h1"])
        .expect_code(0);
    assert!(
        output.stderr.contains("a.png: is no HTML"),
        "{}",
        output.stderr
    );
    let none = Crawl::new();
    none.file("a.html", "x");
    let output = none.run_args(["extract", "a.html"]).expect_code(2);
    assert!(
        output.stderr.contains("no field: give --field"),
        "{}",
        output.stderr
    );
}
