use super::*;

/// What leads where: files of the page's own host and `b.example`, but those whose path has `gone`.
fn lead(url: &CanonicalUrl, _: LinkKind) -> Option<String> {
    let path = url.path_and_query();
    match url.hostname() {
        _ if path.contains("gone") => None,
        "a.example" => Some(format!("L{}", path.replace(['?', '/'], "_"))),
        "b.example" => Some(format!("../b{path}")),
        _ => None,
    }
}

fn page() -> CanonicalUrl {
    CanonicalUrl::parse("http://a.example/d/p").expect("a URL")
}

fn relinked(text: &str, language: Language) -> String {
    let out = relink(text.as_bytes(), language, Some("utf-8"), &page(), &mut lead);
    String::from_utf8(out.into_owned()).expect("text")
}

const HTML: Language = Language::Html { xml: false };
const XML: Language = Language::Html { xml: true };

#[test]
fn references_of_html() {
    for (given, wanted) in [
        // Attributes in quotes of either kind, and in none.
        ("<a href=\"x\">t</a>", "<a href=\"L_d_x\">t</a>"),
        ("<a href='x'>t</a>", "<a href='L_d_x'>t</a>"),
        ("<a href=x>t</a>", "<a href=\"L_d_x\">t</a>"),
        ("<A HREF = x/y/>", "<A HREF = \"L_d_x_y_\">"),
        ("<a href=\n'x\n'>", "<a href=\n'L_d_x'>"),
        // Fragments, queries, what is not there, what stays.
        ("<a href='x#f'>", "<a href='L_d_x#f'>"),
        (
            "<a href='x?q=1&amp;r#f ü'>",
            "<a href='L_d_x_q=1&amp;r#f%20%C3%BC'>",
        ),
        (
            "<a href='gone?a&amp;b#f'>",
            "<a href='http://a.example/d/gone?a&amp;b#f'>",
        ),
        ("<a href='//c.example/x'>", "<a href='http://c.example/x'>"),
        (
            "<a href='HTTP://me:pw@c.example/x#y'>",
            "<a href='HTTP://me:pw@c.example/x#y'>",
        ),
        ("<a href='http://b.example/x'>", "<a href='../b/x'>"),
        (
            "<a href='gone/&#39;x'>",
            "<a href='http://a.example/d/gone/&#39;x'>",
        ),
        (
            "<a href='#f'><a href=''><a href>",
            "<a href='#f'><a href=''><a href>",
        ),
        (
            "<a href='mailto:a@b'><a href='JavaScript:x'>",
            "<a href='mailto:a@b'><a href='JavaScript:x'>",
        ),
        (
            "<a href='data:,x'><a href='http://['>",
            "<a href='data:,x'><a href='http://['>",
        ),
    ] {
        assert_eq!(relinked(given, HTML), wanted, "{given}");
    }
}

#[test]
fn elements_of_html() {
    for (given, wanted) in [
        // Elements.
        (
            "<img src=x srcset='y 1x, gone 2x,z'>",
            "<img src=\"L_d_x\" srcset='L_d_y 1x, http://a.example/d/gone 2x,L_d_z'>",
        ),
        (
            "<img srcset='/gone,?a,b, x'>",
            "<img srcset='http://a.example/gone,?a,b, L_d_x'>",
        ),
        (
            "<source srcset=x><video poster=p src=v><track src=t>",
            "<source srcset=\"L_d_x\"><video poster=\"L_d_p\" src=\"L_d_v\"><track src=\"L_d_t\">",
        ),
        (
            "<object data=x><embed src=x><frame src=x><iframe src=x></iframe>",
            "<object data=\"L_d_x\"><embed src=\"L_d_x\"><frame src=\"L_d_x\"><iframe src=\"L_d_x\"></iframe>",
        ),
        (
            "<body background=x><td background=y>",
            "<body background=\"L_d_x\"><td background=\"L_d_y\">",
        ),
        (
            "<area href=x><input type=image src=x><input src=x>",
            "<area href=\"L_d_x\"><input type=image src=\"L_d_x\"><input src=x>",
        ),
        (
            "<form action=x><form action='http://a.example/x'><button formaction=y>",
            "<form action=\"http://a.example/d/x\"><form action='http://a.example/x'><button formaction=\"http://a.example/d/y\">",
        ),
        (
            "<link rel=stylesheet href=x><link rel=icon href=x><link href=x>",
            "<link rel=stylesheet href=\"L_d_x\"><link rel=icon href=\"L_d_x\"><link href=\"L_d_x\">",
        ),
        (
            "<link rel=canonical href=x><link rel=canonical href='http://a.example/x'>",
            "<link rel=canonical href=\"http://a.example/d/x\"><link rel=canonical href='http://a.example/x'>",
        ),
        (
            "<link rel=preload as=image imagesrcset='x 1x'>",
            "<link rel=preload as=image imagesrcset='L_d_x 1x'>",
        ),
    ] {
        assert_eq!(relinked(given, HTML), wanted, "{given}");
    }
}

#[test]
fn what_would_be_in_the_way() {
    for (given, wanted) in [
        // What is not granted, or has another digest, would not be loaded.
        (
            "<script src=x integrity='sha256-x' crossorigin>",
            "<script src=\"L_d_x\"  >",
        ),
        (
            "<script CROSSORIGIN=anonymous integrity=y src='http://c.example/'>",
            "<script CROSSORIGIN=anonymous integrity=y src='http://c.example/'>",
        ),
        (
            "<link crossorigin = \"\" rel=stylesheet href=x>",
            "<link  rel=stylesheet href=\"L_d_x\">",
        ),
        (
            "<img crossorigin src=x srcset=y>",
            "<img  src=\"L_d_x\" srcset=\"L_d_y\">",
        ),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\">",
            "<meta http-equiv='Content-Security-Policy' content=\"\">",
        ),
        (
            "<meta http-equiv=refresh content='0; url=x'>",
            "<meta http-equiv=refresh content='0; url=L_d_x'>",
        ),
        (
            "<meta http-equiv=refresh content=\"5;URL='x#f'\">",
            "<meta http-equiv=refresh content=\"5;URL=&#39;L_d_x#f&#39;\">",
        ),
        (
            "<meta http-equiv=refresh content=5><meta name=refresh content='0;url=x'>",
            "<meta http-equiv=refresh content=5><meta name=refresh content='0;url=x'>",
        ),
        // A base is taken away, and all that it moved is told.
        (
            "<base href='/o/' target=x><a href=y><a href='#f'>",
            "<base href='' target=x><a href=\"L_o_y\"><a href='L_o_#f'>",
        ),
        (
            "<a href=y><base href=http://b.example/o/>",
            "<a href=\"../b/o/y\"><base href=\"\">",
        ),
        (
            "<base href='http://c.example/'><a href=''><a href='x'>",
            "<base href=''><a href='http://c.example/'><a href='http://c.example/x'>",
        ),
        (
            "<base target=_top><a href=x>",
            "<base target=_top><a href=\"L_d_x\">",
        ),
        // CSS.
        ("<p style='a: url(x)'>", "<p style='a: url(L_d_x)'>"),
        (
            "<p style=\"a: url('x') url(&quot;gone&quot;)/*ü*/\">",
            "<p style=\"a: url(&#39;L_d_x&#39;) url(&quot;http://a.example/d/gone&quot;)/*&#252;*/\">",
        ),
        (
            "<style>@import 'x'; a{b:url( y )}</style>",
            "<style>@import 'L_d_x'; a{b:url( L_d_y )}</style>",
        ),
        (
            "<svg><style>a{b:url(y)}</style><image xlink:href=x /><use href='x#s'/><a href=z></svg>",
            "<svg><style>a{b:url(L_d_y)}</style><image xlink:href=\"L_d_x\" /><use href='L_d_x#s'/><a href=\"L_d_z\"></svg>",
        ),
    ] {
        assert_eq!(relinked(given, HTML), wanted, "{given}");
    }
}

#[test]
fn what_is_no_link_and_what_would_be_more() {
    for (given, wanted) in [
        // What is no markup stays.
        (
            "<!-- <a href=x> --><script>'<a href=x>'</script>",
            "<!-- <a href=x> --><script>'<a href=x>'</script>",
        ),
        (
            "<textarea><a href=x></textarea><title><a href=x></title>",
            "<textarea><a href=x></textarea><title><a href=x></title>",
        ),
        (
            "<template><a href='{{x}}'></template><a href=x>",
            "<template><a href='{{x}}'></template><a href=\"L_d_x\">",
        ),
        (
            "<noscript><img src=x></noscript>",
            "<noscript><img src=\"L_d_x\"></noscript>",
        ),
        ("<a href=x", "<a href=x"),
        (
            "<p title='href=x' data-href=x>a < b",
            "<p title='href=x' data-href=x>a < b",
        ),
        ("<a href='x' href='y'>", "<a href='L_d_x' href='y'>"),
        // Nothing gets out of an attribute.
        (
            "<a href='gone?\"><script>alert(1)</script>'>",
            "<a href='http://a.example/d/gone?%22%3E%3Cscript%3Ealert(1)%3C/script%3E'>",
        ),
        (
            "<a href='gone#&quot;&#39;><b>'>",
            "<a href='http://a.example/d/gone#%22&#39;%3E%3Cb%3E'>",
        ),
        (
            "<a href=gone#'`x>",
            "<a href=\"http://a.example/d/gone#&#39;%60x\">",
        ),
    ] {
        assert_eq!(relinked(given, HTML), wanted, "{given}");
    }
}

#[test]
fn references_of_xml_and_css() {
    for (given, wanted) in [
        (
            "<svg xmlns='s'><image href='x'/><style>a{b:url(y)}</style></svg>",
            "<svg xmlns='s'><image href='L_d_x'/><style>a{b:url(L_d_y)}</style></svg>",
        ),
        (
            "<svg><![CDATA[<image href='x'/>]]></svg>",
            "<svg><![CDATA[<image href='x'/>]]></svg>",
        ),
        (
            "<html><script/><a href='x'/></html>",
            "<html><script/><a href='L_d_x'/></html>",
        ),
    ] {
        assert_eq!(relinked(given, XML), wanted, "{given}");
    }
    for (given, wanted) in [
        (
            "@import url(x) screen; @import\"y\";",
            "@import url(L_d_x) screen; @import\"L_d_y\";",
        ),
        ("a{b:url(  'x' )}", "a{b:url(  'L_d_x' )}"),
        ("a{b:url(\\78)}", "a{b:url(L_d_x)}"),
        (
            "a{b:url(gone\\(1\\))}",
            "a{b:url(http://a.example/d/gone\\(1\\))}",
        ),
        (
            "a{b:url(\"gone'\")}",
            "a{b:url(\"http://a.example/d/gone\\'\")}",
        ),
        (
            "a{b:url(#f) url() url(data:,x)}",
            "a{b:url(#f) url() url(data:,x)}",
        ),
        (
            "/* url(x) */ a{content:'url(x)'}",
            "/* url(x) */ a{content:'url(x)'}",
        ),
        ("@namespace url(x);", "@namespace url(x);"),
        ("é{b:url(é)}", "é{b:url(L_d_%C3%A9)}"),
        ("a{b:url(x#f)}", "a{b:url(L_d_x#f)}"),
        ("a{b:url(x", "a{b:url(L_d_x"),
    ] {
        assert_eq!(relinked(given, Language::Css), wanted, "{given}");
    }
}

/// Everything but the reference is what it was, byte for byte.
#[test]
fn charsets() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        let bytes = |unit: u16| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        units.flat_map(bytes).collect()
    };
    let marked = |text: &str, big| utf16(&format!("\u{feff}{text}"), big);
    let page = "<a title='x' href='y'>";
    let wanted = "<a title='x' href='L_d_y'>";
    let rows: [(&str, Vec<u8>, Vec<u8>); 10] = [
        (
            "windows-1252",
            b"\xe4<a href='y'>\xf6".into(),
            b"\xe4<a href='L_d_y'>\xf6".into(),
        ),
        (
            "windows-1252",
            b"<a href='\xe4'>".into(),
            b"<a href='L_d_%C3%A4'>".into(),
        ),
        (
            "windows-1252",
            b"<a href='?\xe4'>".into(),
            b"<a href='L_d_p_%E4'>".into(),
        ),
        (
            "shift_jis",
            b"\x83\x5c<a href='y'>\x83\x5c".into(),
            b"\x83\x5c<a href='L_d_y'>\x83\x5c".into(),
        ),
        // A byte that begins nothing, right before a tag.
        (
            "shift_jis",
            b"\x81<a href='y'>\x81".into(),
            b"\x81<a href='L_d_y'>\x81".into(),
        ),
        (
            "utf-8",
            b"\xff\xc3<a href='y'>\xe2\x82".into(),
            b"\xff\xc3<a href='L_d_y'>\xe2\x82".into(),
        ),
        (
            "utf-8",
            b"\xef\xbb\xbf<a href='y'>".into(),
            b"\xef\xbb\xbf<a href='L_d_y'>".into(),
        ),
        (
            "iso-2022-jp",
            b"\x1b$B$3\x1b(B<a href='y'>\x1b$B$3".into(),
            b"\x1b$B$3\x1b(B<a href='L_d_y'>\x1b$B$3".into(),
        ),
        ("utf-16le", marked(page, false), marked(wanted, false)),
        ("utf-16be", utf16(page, true), utf16(wanted, true)),
    ];
    for (label, given, wanted) in rows {
        let out = relink(&given, HTML, Some(label), &self::page(), &mut lead);
        assert_eq!(out, wanted, "{label} {given:?}");
    }
}

#[test]
fn nothing_to_do_is_nothing_copied() {
    let text = "<p>no link</p>";
    let out = relink(text.as_bytes(), HTML, None, &page(), &mut lead);
    assert!(matches!(out, Cow::Borrowed(_)));
}
