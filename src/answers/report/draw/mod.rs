//! Charts as SVG, which need no script. Each comes with the table of what it shows.

mod axis;
mod bars;
mod columns;
mod matrix;
mod palette;

use std::fmt::Write as _;

pub(super) use bars::{Bar, bars};
pub(super) use columns::{Labels, Stack, columns, line};
pub(super) use matrix::matrix;
pub(super) use palette::variables;

use super::super::cell;

/// A chart, and the same in a table.
pub(super) struct Chart {
    pub(super) title: String,
    /// What it says, in a sentence.
    pub(super) says: String,
    pub(super) svg: Svg,
    /// Classes and words of what is coloured, where it is more than one thing.
    pub(super) legend: Vec<(&'static str, &'static str)>,
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A drawing under way.
pub(super) struct Svg {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) body: String,
}

/// Where a text stands in relation to its point.
#[derive(Clone, Copy)]
pub(super) enum At {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// A rectangle with a text that is shown where it is pointed at.
    pub(super) fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], says: &str) {
        let (x, y) = (number(x), number(y));
        let (width, height) = (number(width.max(0.0)), number(height.max(0.0)));
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">"
        );
        if !says.is_empty() {
            let _ = write!(self.body, "<title>{}</title>", cell::html(says));
        }
        self.body.push_str("</rect>");
    }

    pub(super) fn line(&mut self, class: &str, [x1, y1, x2, y2]: [f64; 4]) {
        let _ = write!(
            self.body,
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            number(x1),
            number(y1),
            number(x2),
            number(y2)
        );
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), at: At, text: &str) {
        let anchor = match at {
            At::Start => "",
            At::Middle => " text-anchor=\"middle\"",
            At::End => " text-anchor=\"end\"",
        };
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"{anchor}>{}</text>",
            number(x),
            number(y),
            cell::html(text)
        );
    }

    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let _ = write!(self.body, "<path class=\"{class}\" d=\"");
        for (index, (x, y)) in points.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            let _ = write!(self.body, "{letter}{} {}", number(*x), number(*y));
        }
        self.body.push_str("\"/>");
    }
}

/// A coordinate; what is no number is nowhere.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_drawing_is_markup() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.rect("ok", [0.0, 0.04, -1.0, f64::NAN], "</title><script>'");
        svg.text("t", (1.0, 2.25), At::End, "<b>\u{202e}");
        assert_eq!(
            svg.body,
            "<rect class=\"ok\" x=\"0\" y=\"0\" width=\"0\" height=\"0\"><title>&lt;/title&gt;&lt;script&gt;&#39;</title></rect>\
             <text class=\"t\" x=\"1\" y=\"2.2\" text-anchor=\"end\">&lt;b&gt;\\u{202e}</text>"
        );
    }
}
