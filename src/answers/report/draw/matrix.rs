//! Who links to whom: a row for each part of a site, a column for each that it leads to, darker where there are more links.

use super::super::super::cell;
use super::super::figures::Sections;
use super::super::words;
use super::{At, Svg};

const LEFT: f64 = 196.0;
const TOP: f64 = 24.0;
const CELL: f64 = 20.0;
/// Letters that a name has room for.
const LETTERS: usize = 22;
/// Shades.
const STEPS: usize = 6;

/// Draws the links between the parts of a site.
pub(in super::super) fn matrix(sections: &Sections) -> Svg {
    let size = sections.nodes.len();
    let side = size as f64 * CELL;
    let mut svg = Svg::new(LEFT + side + 4.0, TOP + side + 4.0);
    let most = sections
        .edges
        .iter()
        .map(|edge| edge.links)
        .max()
        .unwrap_or(1);
    for (index, node) in sections.nodes.iter().enumerate() {
        let at = index as f64 * CELL;
        let name = cell::fit_url(&cell::printable(&node.name), LETTERS);
        let number = (index + 1).to_string();
        svg.text("t", (LEFT - 26.0, TOP + at + 14.0), At::End, &name);
        svg.text("n", (LEFT - 5.0, TOP + at + 14.0), At::End, &number);
        svg.text(
            "n",
            (LEFT + at + CELL / 2.0, TOP - 6.0),
            At::Middle,
            &number,
        );
        svg.rect("self", [LEFT + at, TOP + at, CELL, CELL], "");
    }
    for edge in &sections.edges {
        let (Some(from), Some(to)) = (sections.nodes.get(edge.from), sections.nodes.get(edge.to))
        else {
            continue;
        };
        let class = format!("q{}", shade(edge.links, most));
        let says = format!(
            "{} → {}: {}",
            from.name,
            to.name,
            words::counted(edge.links, "link", "links")
        );
        let (x, y) = (LEFT + edge.to as f64 * CELL, TOP + edge.from as f64 * CELL);
        svg.rect(&class, [x + 1.0, y + 1.0, CELL - 2.0, CELL - 2.0], &says);
    }
    for index in 0..=size {
        let at = index as f64 * CELL;
        svg.line("grid", [LEFT, TOP + at, LEFT + side, TOP + at]);
        svg.line("grid", [LEFT + at, TOP, LEFT + at, TOP + side]);
    }
    svg
}

/// By powers, since a few edges have most of the links.
fn shade(links: u64, most: u64) -> usize {
    let whole = (most as f64).ln_1p().max(f64::MIN_POSITIVE);
    let part = (links as f64).ln_1p() / whole;
    ((part * STEPS as f64) as usize).min(STEPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades() {
        assert_eq!(shade(0, 0), 0);
        assert_eq!(shade(1, 1), STEPS - 1);
        for most in [1_u64, 10, 1000, u64::MAX] {
            let shades: Vec<usize> = [1, most / 100, most / 2, most]
                .map(|links| shade(links, most))
                .to_vec();
            assert!(shades.is_sorted() || most < 100, "{shades:?}");
            assert_eq!(shades[3], STEPS - 1);
        }
    }
}
