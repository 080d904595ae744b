//! Which elements matter, and which of their attributes are links of which kind.

use crate::record::LinkKind;

use super::attributes::Name;

/// Names elements, and makes the function that finds them by their packed names.
macro_rules! tags {
    ($(#[$about:meta])* $enum:ident: $($variant:ident = $($text:literal)|+),* $(,)?) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $enum { $($variant,)* /** Any other. */ Other }

        fn known(packed: u128) -> $enum {
            $(if $(packed == const { crate::parse::elements::pack($text) })||+ { return $enum::$variant; })*
            $enum::Other
        }
    };
}
pub(super) use tags;

tags! {
    /// An element that this crawler treats in its own way.
    Tag:
    A = b"a",
    AnnotationXml = b"annotation-xml",
    Area = b"area",
    Audio = b"audio",
    Base = b"base",
    // Elements that may have the old `background` attribute (HTML Standard §15.3.3, §15.3.10).
    Body = b"body",
    Br = b"br",
    Button = b"button",
    Cell = b"td" | b"th",
    Embed = b"embed",
    FeImage = b"feimage",
    Font = b"font",
    Form = b"form",
    Frame = b"frame",
    Html = b"html",
    Iframe = b"iframe",
    // In HTML the tree builder renames it to `<img>` (§13.2.6.4.7), in SVG it is an element of its own.
    Image = b"image",
    Img = b"img",
    Input = b"input",
    Link = b"link",
    MarkOrGlyph = b"malignmark" | b"mglyph",
    Math = b"math",
    MathText = b"mi" | b"mn" | b"mo" | b"ms" | b"mtext",
    Meta = b"meta",
    Noscript = b"noscript",
    Object = b"object",
    P = b"p",
    Plaintext = b"plaintext",
    RawText = b"noembed" | b"noframes" | b"xmp",
    Script = b"script",
    Source = b"source",
    Style = b"style",
    Svg = b"svg",
    SvgText = b"desc" | b"foreignobject",
    Table = b"table",
    TablePart = b"tbody" | b"tfoot" | b"thead" | b"tr",
    Template = b"template",
    Textarea = b"textarea",
    Title = b"title",
    Track = b"track",
    Use = b"use",
    Video = b"video",
    // These part words that stand in different ones, and end SVG and MathML (§13.2.6.5).
    Block = b"blockquote" | b"center" | b"dd" | b"div" | b"dl" | b"dt" | b"h1" | b"h2" | b"h3" | b"h4"
        | b"h5" | b"h6" | b"hr" | b"li" | b"listing" | b"menu" | b"ol" | b"pre" | b"ul",
    // These end SVG and MathML, too, but stand within a line.
    Phrase = b"b" | b"big" | b"code" | b"em" | b"head" | b"i" | b"nobr" | b"ruby" | b"s"
        | b"small" | b"span" | b"strong" | b"strike" | b"sub" | b"sup" | b"tt" | b"u" | b"var",
    // These do not, but where one of them is closed an SVG within it is, too.
    Holder = b"article" | b"aside" | b"figure" | b"footer" | b"header" | b"label" | b"main" | b"nav"
        | b"section" | b"summary",
}

/// A name of up to 15 bytes in lower case as one number, 0 for a longer one. Comparing numbers lets the
/// compiler make a search of the table; slices it compares one after the other.
pub(super) const fn pack(name: &[u8]) -> u128 {
    if name.len() > 15 {
        return 0;
    }
    // The one in front tells a name from the same after a NUL.
    let mut packed = 1;
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        packed = packed << 8 | byte.to_ascii_lowercase() as u128;
        rest = after;
    }
    packed
}

impl Tag {
    /// Looks a name up, letter case aside.
    pub(super) fn of(name: &str) -> Self {
        known(pack(name.as_bytes()))
    }

    /// Whether the element parts words like white space.
    pub(super) fn parts_words(self) -> bool {
        matches!(
            self,
            Self::Block | Self::Br | Self::Cell | Self::P | Self::Table | Self::TablePart
        )
    }
}

/// What an attribute's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// One URL; empty, it is the page itself.
    Url,
    /// One URL; empty, the Standard fetches nothing.
    Source,
    /// A `srcset`.
    Set,
}

/// The links of an element in the HTML namespace, in the order in which they are recorded. `<link>`,
/// `<meta>`, `<base>` and `<input>` are not here: what theirs mean depends on other attributes.
pub(super) fn links_of(tag: Tag) -> &'static [(Name, Value, LinkKind)] {
    match tag {
        Tag::A => &[(Name::Href, Value::Url, LinkKind::A)],
        Tag::Area => &[(Name::Href, Value::Url, LinkKind::Area)],
        Tag::Audio | Tag::Track | Tag::Embed => &[(Name::Src, Value::Source, LinkKind::Media)],
        Tag::Video => &[
            (Name::Src, Value::Source, LinkKind::Media),
            (Name::Poster, Value::Source, LinkKind::Media),
        ],
        Tag::Body | Tag::Cell | Tag::Table | Tag::TablePart => {
            &[(Name::Background, Value::Source, LinkKind::Img)]
        }
        Tag::Button => &[(Name::Formaction, Value::Source, LinkKind::Form)],
        Tag::Form => &[(Name::Action, Value::Url, LinkKind::Form)],
        Tag::Frame => &[(Name::Src, Value::Source, LinkKind::Frame)],
        Tag::Iframe => &[(Name::Src, Value::Source, LinkKind::Iframe)],
        Tag::Image | Tag::Img => &[
            (Name::Src, Value::Source, LinkKind::Img),
            (Name::Srcset, Value::Set, LinkKind::Img),
        ],
        Tag::Object => &[(Name::Data, Value::Source, LinkKind::Media)],
        Tag::Script => &[(Name::Src, Value::Source, LinkKind::Script)],
        // In `<picture>` a source has `srcset`, in `<video>` and `<audio>` it has `src`.
        Tag::Source => &[
            (Name::Src, Value::Source, LinkKind::Media),
            (Name::Srcset, Value::Set, LinkKind::Img),
        ],
        _ => &[],
    }
}

/// The kind of `href` on an SVG element (SVG 2 §16.1, linking attributes).
pub(super) fn svg_link(tag: Tag) -> Option<LinkKind> {
    match tag {
        Tag::A => Some(LinkKind::A),
        Tag::Image | Tag::Use | Tag::FeImage => Some(LinkKind::Img),
        Tag::Script => Some(LinkKind::Script),
        _ => None,
    }
}

/// The kind of a `<link>` or a `Link` header with these relations (folded, lower case). Where there are
/// several the one that decides what is loaded comes first; `None` where none is known.
pub(super) fn relation(rel: &str) -> Option<LinkKind> {
    let has = |words: &[&str]| rel.split(' ').any(|word| words.contains(&word));
    [
        (&["canonical"][..], LinkKind::Canonical),
        // `alternate stylesheet` is a style sheet, no other form of the page.
        (&["stylesheet"], LinkKind::Stylesheet),
        (
            &[
                "icon",
                "apple-touch-icon",
                "apple-touch-icon-precomposed",
                "mask-icon",
                "fluid-icon",
            ],
            LinkKind::Icon,
        ),
        (&["next"], LinkKind::Next),
        (&["prev", "previous"], LinkKind::Prev),
        (&["alternate"], LinkKind::Alternate),
    ]
    .into_iter()
    .find_map(|(words, kind)| has(words).then_some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, wanted) in [
            ("a", Tag::A),
            ("FORM", Tag::Form),
            ("foreignObject", Tag::SvgText),
            ("annotation-xml", Tag::AnnotationXml),
            ("h3", Tag::Block),
            ("metafoo", Tag::Other),
            ("", Tag::Other),
            ("a-name-that-is-longer-than-any", Tag::Other),
        ] {
            assert_eq!(Tag::of(name), wanted, "{name}");
        }
    }

    #[test]
    fn relations() {
        for (rel, wanted) in [
            ("canonical", Some(LinkKind::Canonical)),
            ("alternate stylesheet", Some(LinkKind::Stylesheet)),
            ("shortcut icon", Some(LinkKind::Icon)),
            ("nofollow next", Some(LinkKind::Next)),
            ("previous", Some(LinkKind::Prev)),
            ("alternate", Some(LinkKind::Alternate)),
            ("preload", None),
            ("nextish", None),
            ("", None),
        ] {
            assert_eq!(relation(rel), wanted, "{rel}");
        }
    }
}
