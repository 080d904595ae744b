//! Bars that lie: a name, a length, a number.

use super::super::super::cell;
use super::{At, Svg};

/// Width of a drawing, in its own units: what a telephone shows in full size.
const WIDTH: f64 = 400.0;
/// Height of a row.
const ROW: f64 = 24.0;
/// Where bars begin, and the room of the longest.
const BEGIN: f64 = 132.0;
const ROOM: f64 = 150.0;
/// Letters that a name has room for.
const LETTERS: usize = 17;

/// A row.
pub(in super::super) struct Bar {
    pub(in super::super) name: String,
    /// Classes and lengths, one after the other.
    pub(in super::super) parts: Vec<(&'static str, u64)>,
    /// What stands behind it.
    pub(in super::super) value: String,
}

/// Draws bars below each other.
pub(in super::super) fn bars(rows: &[Bar]) -> Svg {
    let mut svg = Svg::new(WIDTH, rows.len() as f64 * ROW + 4.0);
    let whole = |row: &Bar| {
        row.parts
            .iter()
            .map(|part| part.1)
            .fold(0, u64::saturating_add)
    };
    let most = rows.iter().map(whole).max().unwrap_or(0).max(1) as f64;
    for (index, row) in rows.iter().enumerate() {
        let top = index as f64 * ROW + 4.0;
        let name = cell::fit_url(&cell::printable(&row.name), LETTERS);
        svg.text("t", (BEGIN - 8.0, top + 13.0), At::End, &name);
        let mut x = BEGIN;
        for (class, length) in row.parts.iter().filter(|part| part.1 > 0) {
            // What is there is seen.
            let width = (*length as f64 / most * ROOM).max(1.5);
            let says = format!("{}: {}", row.name, row.value);
            svg.rect(class, [x, top, width, ROW - 7.0], &says);
            x += width;
        }
        svg.text("v", (x + 6.0, top + 13.0), At::Start, &row.value);
    }
    svg.line("axis", [BEGIN, 0.0, BEGIN, rows.len() as f64 * ROW + 2.0]);
    svg
}
