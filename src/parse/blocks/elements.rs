//! What elements are to somebody who reads a page, and by which names sites call what is on every page.

use crate::parse::attributes::{Attributes, Name};
use crate::parse::elements::{pack, tags};

tags! {
    /// An element that makes a difference to a reader.
    Element:
    A = b"a",
    Article = b"article",
    Aside = b"aside",
    Base = b"base",
    Blockquote = b"blockquote",
    Br = b"br",
    // What is worked with, not read.
    Button = b"button" | b"select" | b"datalist" | b"output" | b"progress" | b"meter",
    Caption = b"caption",
    Cell = b"td",
    Code = b"code" | b"kbd" | b"samp" | b"tt",
    Del = b"del" | b"s" | b"strike",
    Dd = b"dd",
    Dialog = b"dialog",
    Div = b"div",
    Dl = b"dl",
    Dt = b"dt",
    Em = b"em" | b"i" | b"cite" | b"dfn" | b"var",
    // Blocks without a meaning of their own.
    Figure = b"figure" | b"figcaption" | b"details" | b"summary" | b"address" | b"center" | b"fieldset"
        | b"legend" | b"hgroup" | b"search",
    Footer = b"footer",
    Form = b"form",
    H1 = b"h1",
    H2 = b"h2",
    H3 = b"h3",
    H4 = b"h4",
    H5 = b"h5",
    H6 = b"h6",
    Header = b"header",
    HeaderCell = b"th",
    Hr = b"hr",
    Img = b"img",
    Li = b"li",
    Main = b"main",
    Nav = b"nav",
    Ol = b"ol",
    P = b"p",
    Pre = b"pre" | b"listing",
    Quote = b"q",
    Row = b"tr",
    // What has no text, or none that is shown.
    Silent = b"noscript" | b"template" | b"object" | b"audio" | b"video" | b"canvas" | b"map" | b"rp"
        | b"noembed" | b"noframes",
    Section = b"section",
    Span = b"span",
    Strong = b"strong" | b"b",
    Table = b"table",
    TablePart = b"thead" | b"tbody" | b"tfoot",
    Ul = b"ul" | b"menu" | b"dir",
}

/// How many of these there are.
pub(super) const ELEMENTS: usize = Element::Other as usize + 1;

impl Element {
    /// Looks a name up, letter case aside.
    pub(super) fn of(name: &str) -> Self {
        known(pack(name.as_bytes()))
    }

    /// The level of a heading.
    pub(super) fn level(self) -> Option<u8> {
        Some(match self {
            Self::H1 => 1,
            Self::H2 => 2,
            Self::H3 => 3,
            Self::H4 => 4,
            Self::H5 => 5,
            Self::H6 => 6,
            _ => return None,
        })
    }

    /// Whether it stands within a line.
    pub(super) fn is_inline(self) -> bool {
        matches!(
            self,
            Self::A
                | Self::Button
                | Self::Code
                | Self::Del
                | Self::Em
                | Self::Quote
                | Self::Silent
                | Self::Span
                | Self::Strong
        )
    }

    /// Whether it does nothing but set the lines within it, so that a block may begin in it and end behind it.
    pub(super) fn is_style(self) -> bool {
        self.is_inline() && !matches!(self, Self::Button | Self::Silent)
    }

    /// Whether it is on every page of its site, by what it is.
    fn is_furniture(self) -> bool {
        matches!(
            self,
            Self::Aside | Self::Button | Self::Dialog | Self::Footer | Self::Form | Self::Nav
        )
    }

    /// Whether its name or class says something of what it is for.
    fn is_container(self) -> bool {
        matches!(
            self,
            Self::A
                | Self::Div
                | Self::Dl
                | Self::Figure
                | Self::Header
                | Self::Ol
                | Self::P
                | Self::Section
                | Self::Table
                | Self::Ul
        )
    }
}

/// Roles (WAI-ARIA 1.2 §5.3.4, landmarks, and what is worked with) of what is on every page.
const ROLES: [&str; 12] = [
    "alertdialog",
    "banner",
    "complementary",
    "contentinfo",
    "dialog",
    "menu",
    "menubar",
    "navigation",
    "search",
    "tablist",
    "toolbar",
    "tooltip",
];

/// What sites call it, as a class or an id of its own; by [`pack`], so 15 bytes at the most.
const NAMES: [u128; 41] = {
    let names: [&[u8]; 41] = [
        b"breadcrumb",
        b"breadcrumbs",
        b"bottomnav",
        b"cookie-banner",
        b"cookie-consent",
        b"cookie-notice",
        b"footer",
        b"globaltoc",
        b"headerlink",
        b"linenodiv",
        b"localtoc",
        b"masthead",
        b"menu",
        b"nav",
        b"navbar",
        b"navfooter",
        b"navheader",
        b"navigation",
        b"page-footer",
        b"page-nav",
        b"pager",
        b"pagination",
        b"post-nav",
        b"related",
        b"related-posts",
        b"share",
        b"share-buttons",
        b"sharing",
        b"sidebar",
        b"sidebar-nav",
        b"site-footer",
        b"site-header",
        b"site-nav",
        b"skip-link",
        b"skip-nav",
        b"skip-to-content",
        b"sphinxsidebar",
        b"subnav",
        b"toc",
        b"topnav",
        b"widget-area",
    ];
    let mut packed = [0; 41];
    let mut at = 0;
    while at < names.len() {
        packed[at] = pack(names[at]);
        at += 1;
    }
    packed
};

/// What the attributes of a start tag say of an element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// It is the page's own matter.
    pub(super) main: bool,
    /// It is on every page of its site: a menu, a footer, a form.
    pub(super) furniture: bool,
    /// It is not shown.
    pub(super) hidden: bool,
}

/// Reads them. `inside` says whether it stands within what the page calls its main matter.
pub(super) fn said(element: Element, attributes: &Attributes<'_>, inside: bool) -> Said {
    let has_role = |roles: &[&str]| {
        attributes.get(Name::Role).is_some_and(|role| {
            let mut words = role.split_ascii_whitespace();
            words.any(|word| roles.iter().any(|known| word.eq_ignore_ascii_case(known)))
        })
    };
    let main = matches!(element, Element::Main | Element::Article) || has_role(&["main"]);
    let named = || {
        element.is_container()
            && [Name::Class, Name::Id].iter().any(|name| {
                let value = attributes.raw(*name).unwrap_or_default();
                let mut words = value.split_ascii_whitespace();
                words.any(|word| NAMES.contains(&pack(word.as_bytes())))
            })
    };
    let furniture = !main
        && (element.is_furniture()
            || element == Element::Header && !inside
            || attributes.is(Name::AriaHidden, "true")
            || has_role(&ROLES)
            || named());
    Said {
        main,
        furniture,
        hidden: element == Element::Silent || attributes.has(Name::Hidden) || is_unseen(attributes),
    }
}

fn is_unseen(attributes: &Attributes<'_>) -> bool {
    let Some(style) = attributes.raw(Name::Style) else {
        return false;
    };
    let mut declarations = style.split(';').filter_map(|one| one.split_once(':'));
    declarations.any(|(property, value)| {
        let value = value.split('!').next().unwrap_or_default();
        property.trim().eq_ignore_ascii_case("display") && value.trim().eq_ignore_ascii_case("none")
    })
}

/// The language of code, as highlighters name it in a class.
pub(super) fn language<'a>(attributes: &Attributes<'a>) -> Option<&'a str> {
    let class = attributes.raw(Name::Class)?;
    let mut words = class.split_ascii_whitespace();
    words.find_map(|word| {
        let name = ["language-", "lang-", "highlight-source-", "highlight-"]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-#._".contains(&byte);
        let known = !matches!(name, "" | "default" | "none" | "text" | "plaintext");
        (known && name.len() <= 32 && name.bytes().all(plain)).then_some(name)
    })
}
