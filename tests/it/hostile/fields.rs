//! `crawl extract` on hostile pages.

use super::markup;
use crate::support::{Crawl, Site};

/// Each page is read, or said why not, in its time; none takes the program down.
#[test]
fn one_page_at_a_time() {
    let site = Site::start();
    for case in markup::cases().into_iter().chain(markup::whole()) {
        if ![
            "/nested",
            "/nested-svg",
            "/one-attribute",
            "/attributes",
            "/formatting",
        ]
        .contains(&case.path.as_str())
        {
            continue;
        }
        site.reply(&case.path, case.reply);
        let crawl = Crawl::new().args(["extract", &site.url(&case.path)]);
        crawl.file(
            "crawl.toml",
            "[[field]]\nname = \"a\"\nselector = \"div ~ div p\"\n",
        );
        let output = crawl.run();
        assert!(
            matches!(output.code, Some(0 | 1)),
            "{}: {output}",
            case.path
        );
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
}
