//! A graph as `GraphML` or GEXF, written from its beginning to its end.

use std::io::{self, Write};

use super::super::super::cell;
use super::GraphForm;

/// What a node or an edge is told of: name and type.
pub(super) type Key = (&'static str, Type);

/// The types of both formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Whole,
    Real,
    Flag,
}

/// A value of such a type; what is empty is left out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Text(String),
    Whole(i64),
    Real(f64),
    Flag(bool),
}

impl Type {
    fn word(self, form: GraphForm) -> &'static str {
        match (self, form) {
            (Self::Text, _) => "string",
            (Self::Whole, _) => "long",
            (Self::Real, _) => "double",
            (Self::Flag, _) => "boolean",
        }
    }
}

/// Writes a graph.
pub(super) struct Xml<W> {
    out: W,
    form: GraphForm,
    nodes: &'static [Key],
    edges: &'static [Key],
    count: u64,
}

impl<W: Write> Xml<W> {
    /// Writes the head.
    pub(super) fn begin(
        mut out: W,
        form: GraphForm,
        nodes: &'static [Key],
        edges: &'static [Key],
    ) -> io::Result<Self> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        match form {
            GraphForm::GraphMl => {
                writeln!(
                    out,
                    "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">"
                )?;
                for (of, keys) in [("node", nodes), ("edge", edges)] {
                    for (name, kind) in keys {
                        let (id, kind) = (&of[..1], kind.word(form));
                        writeln!(
                            out,
                            "<key id=\"{id}_{name}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>"
                        )?;
                    }
                }
                writeln!(out, "<graph edgedefault=\"directed\">")?;
            }
            GraphForm::Gexf => {
                writeln!(
                    out,
                    "<gexf xmlns=\"http://www.gexf.net/1.2draft\" version=\"1.2\">"
                )?;
                writeln!(out, "<graph defaultedgetype=\"directed\" mode=\"static\">")?;
                for (of, keys) in [("node", nodes), ("edge", edges)] {
                    writeln!(out, "<attributes class=\"{of}\">")?;
                    for (name, kind) in keys {
                        let (id, kind) = (&of[..1], kind.word(form));
                        writeln!(
                            out,
                            "<attribute id=\"{id}_{name}\" title=\"{name}\" type=\"{kind}\"/>"
                        )?;
                    }
                    writeln!(out, "</attributes>")?;
                }
                writeln!(out, "<nodes>")?;
            }
        }
        Ok(Self {
            out,
            form,
            nodes,
            edges,
            count: 0,
        })
    }

    pub(super) fn node(&mut self, id: i64, label: &str, values: &[Value]) -> io::Result<()> {
        write!(self.out, "<node id=\"n{id}\"")?;
        if self.form == GraphForm::Gexf {
            write!(self.out, " label=\"{}\"", escaped(label))?;
        }
        write!(self.out, ">")?;
        self.values("n", self.nodes, values)?;
        writeln!(self.out, "</node>")
    }

    /// All nodes come before the first edge.
    pub(super) fn end_of_nodes(&mut self) -> io::Result<()> {
        match self.form {
            GraphForm::GraphMl => Ok(()),
            GraphForm::Gexf => writeln!(self.out, "</nodes>\n<edges>"),
        }
    }

    pub(super) fn edge(
        &mut self,
        from: i64,
        to: i64,
        weight: Option<u64>,
        values: &[Value],
    ) -> io::Result<()> {
        let id = self.count;
        self.count += 1;
        write!(
            self.out,
            "<edge id=\"e{id}\" source=\"n{from}\" target=\"n{to}\""
        )?;
        if let (Some(weight), GraphForm::Gexf) = (weight, self.form) {
            write!(self.out, " weight=\"{weight}\"")?;
        }
        write!(self.out, ">")?;
        self.values("e", self.edges, values)?;
        writeln!(self.out, "</edge>")
    }

    /// Writes the end. Answers with how many edges there were.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        match self.form {
            GraphForm::GraphMl => writeln!(self.out, "</graph>\n</graphml>")?,
            GraphForm::Gexf => writeln!(self.out, "</edges>\n</graph>\n</gexf>")?,
        }
        self.out.flush()?;
        Ok(self.count)
    }

    fn values(&mut self, of: &str, keys: &[Key], values: &[Value]) -> io::Result<()> {
        let gexf = self.form == GraphForm::Gexf;
        let mut some = false;
        for ((name, _), value) in keys.iter().zip(values) {
            let text = match value {
                Value::None => continue,
                Value::Text(text) => escaped(text),
                Value::Whole(number) => number.to_string(),
                Value::Real(number) => format!("{number:?}"),
                Value::Flag(flag) => flag.to_string(),
            };
            if gexf {
                let before = if some { "" } else { "<attvalues>" };
                write!(
                    self.out,
                    "{before}<attvalue for=\"{of}_{name}\" value=\"{text}\"/>"
                )?;
            } else {
                write!(self.out, "<data key=\"{of}_{name}\">{text}</data>")?;
            }
            some = true;
        }
        if gexf && some {
            write!(self.out, "</attvalues>")?;
        }
        Ok(())
    }
}

/// Text for a place between tags and for one in quotes. XML cannot hold all characters, whatever they are written as.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c < ' ' => out.push('\u{fffd}'),
            // Such as turn text round, or steer a terminal: the same character, and seen.
            c if cell::is_harmless(c) => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold() {
        for (given, wanted) in [
            ("a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c'"),
            (
                "\0\u{1}\u{1b}\u{ffff}\u{fffe}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("a\n\t\r", "a&#10;&#9;&#13;"),
            ("ü漢😀", "ü漢😀"),
            ("\u{202e}\u{85}\u{7f}", "&#8238;&#133;&#127;"),
            ("]]>", "]]&gt;"),
        ] {
            assert_eq!(escaped(given), wanted);
        }
    }

    #[test]
    fn whole_documents() {
        const NODES: &[Key] = &[("url", Type::Text), ("depth", Type::Whole)];
        const EDGES: &[Key] = &[("nofollow", Type::Flag)];
        for (form, wanted) in [
            (
                GraphForm::GraphMl,
                "<node id=\"n1\"><data key=\"n_url\">&lt;</data></node>\n<edge id=\"e0\" source=\"n1\" target=\"n1\"><data key=\"e_nofollow\">true</data></edge>\n</graph>\n</graphml>\n",
            ),
            (
                GraphForm::Gexf,
                "<node id=\"n1\" label=\"&quot;\"><attvalues><attvalue for=\"n_url\" value=\"&lt;\"/></attvalues></node>\n</nodes>\n<edges>\n<edge id=\"e0\" source=\"n1\" target=\"n1\" weight=\"3\"><attvalues><attvalue for=\"e_nofollow\" value=\"true\"/></attvalues></edge>\n</edges>\n</graph>\n</gexf>\n",
            ),
        ] {
            let mut out = Vec::new();
            let mut xml = Xml::begin(&mut out, form, NODES, EDGES).expect("in memory");
            xml.node(1, "\"", &[Value::Text("<".to_owned()), Value::None])
                .expect("in memory");
            xml.end_of_nodes().expect("in memory");
            xml.edge(1, 1, Some(3), &[Value::Flag(true)])
                .expect("in memory");
            assert_eq!(xml.finish().expect("in memory"), 1);
            let text = String::from_utf8(out).expect("text");
            assert!(text.ends_with(wanted), "{text}");
        }
    }
}
