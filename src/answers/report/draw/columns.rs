//! Columns that stand, of one or several colours, and a line over time.

use super::axis::{every, mark, ticks};
use super::{At, Svg};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 214.0;
/// The field within its axes.
const LEFT: f64 = 40.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// Width that a letter takes.
const LETTER: f64 = 7.0;

/// A column: classes and heights from below, and what it says where it is pointed at.
pub(in super::super) struct Stack {
    pub(in super::super) parts: Vec<(&'static str, f64)>,
    pub(in super::super) says: String,
}

/// What stands along the lower axis.
pub(in super::super) enum Labels {
    /// A text below each column.
    Below(Vec<String>),
    /// A text at each end of a column: one more than there are columns.
    Between(Vec<String>),
}

impl Labels {
    fn texts(&self) -> &[String] {
        match self {
            Self::Below(texts) | Self::Between(texts) => texts,
        }
    }
}

/// The field, with its marks.
struct Field {
    svg: Svg,
    highest: f64,
}

impl Field {
    fn new(most: f64, (x_title, y_title): (&str, &str)) -> Self {
        let mut svg = Svg::new(WIDTH, HEIGHT);
        let ticks = ticks(most);
        let highest = ticks.last().copied().unwrap_or(1.0);
        for tick in ticks {
            let y = y_of(tick, highest);
            svg.line("grid", [LEFT, y, WIDTH - RIGHT, y]);
            svg.text("t", (LEFT - 5.0, y + 4.0), At::End, &mark(tick));
        }
        svg.text("t", (0.0, 10.0), At::Start, y_title);
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        svg.text("t", (middle, HEIGHT - 4.0), At::Middle, x_title);
        Self { svg, highest }
    }

    fn labels(&mut self, labels: &Labels, columns: usize) {
        let step = step(columns);
        let texts = labels.texts();
        let longest = texts
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(1);
        let width = longest as f64 * LETTER + 8.0;
        let each = every(texts.len(), step * columns as f64, width);
        for (index, text) in texts.iter().enumerate().step_by(each) {
            let shift = if matches!(labels, Labels::Below(_)) {
                0.5
            } else {
                0.0
            };
            let x = LEFT + (index as f64 + shift) * step;
            // The last one ends with the drawing.
            let (x_of_text, at) = if x + width / 2.0 > WIDTH {
                (WIDTH, At::End)
            } else {
                (x, At::Middle)
            };
            self.svg
                .text("t", (x_of_text, HEIGHT - BOTTOM + 15.0), at, text);
            if matches!(labels, Labels::Between(_)) {
                let y = HEIGHT - BOTTOM;
                self.svg.line("axis", [x, y, x, y + 3.0]);
            }
        }
    }

    fn end(mut self) -> Svg {
        let y = HEIGHT - BOTTOM;
        self.svg.line("axis", [LEFT, y, WIDTH - RIGHT, y]);
        self.svg
    }
}

fn y_of(value: f64, highest: f64) -> f64 {
    let room = HEIGHT - BOTTOM - TOP;
    HEIGHT - BOTTOM - (value / highest).clamp(0.0, 1.0) * room
}

fn step(columns: usize) -> f64 {
    (WIDTH - LEFT - RIGHT) / columns.max(1) as f64
}

/// Draws columns beside each other; at `marks` a line stands before the column.
pub(in super::super) fn columns(
    stacks: &[Stack],
    labels: &Labels,
    titles: (&str, &str),
    marks: &[usize],
) -> Svg {
    let whole = |stack: &Stack| stack.parts.iter().map(|part| part.1).sum::<f64>();
    let most = stacks.iter().map(whole).fold(0.0, f64::max);
    let mut field = Field::new(most, titles);
    let step = step(stacks.len());
    let gap = (step * 0.12).min(4.0);
    for (index, stack) in stacks.iter().enumerate() {
        let x = LEFT + index as f64 * step + gap / 2.0;
        let mut below = HEIGHT - BOTTOM;
        for (class, value) in stack.parts.iter().filter(|part| part.1 > 0.0) {
            let height = (HEIGHT - BOTTOM - y_of(*value, field.highest)).max(1.0);
            // Columns of few values are no blocks.
            let width = (step - gap).min(48.0);
            let x = x + (step - gap - width) / 2.0;
            let area = [x, below - height, width, height];
            field.svg.rect(class, area, &stack.says);
            below -= height;
        }
    }
    for mark in marks {
        let x = LEFT + *mark as f64 * step;
        field.svg.line("mark", [x, TOP, x, HEIGHT - BOTTOM]);
    }
    field.labels(labels, stacks.len());
    field.end()
}

/// Draws a line through values at the ends of steps, from nothing on.
pub(in super::super) fn line(values: &[f64], labels: &Labels, titles: (&str, &str)) -> Svg {
    let most = values.iter().copied().fold(0.0, f64::max);
    let mut field = Field::new(most, titles);
    let step = step(values.len());
    let mut points = vec![(LEFT, HEIGHT - BOTTOM)];
    for (index, value) in values.iter().enumerate() {
        points.push((
            LEFT + (index + 1) as f64 * step,
            y_of(*value, field.highest),
        ));
    }
    let last = points.last().map_or(LEFT, |point| point.0);
    let mut area = points.clone();
    area.extend([(last, HEIGHT - BOTTOM), (LEFT, HEIGHT - BOTTOM)]);
    field.svg.path("area", &area);
    field.svg.path("curve", &points);
    field.labels(labels, values.len());
    field.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of a drawing lies within it, whatever the values.
    #[test]
    fn nothing_is_drawn_outside() {
        for values in [
            vec![],
            vec![0.0],
            vec![1.0],
            vec![3.0; 60],
            vec![1e300, 1.0, 0.0],
            vec![f64::NAN, 2.0],
        ] {
            let stacks: Vec<Stack> = values
                .iter()
                .map(|value| Stack {
                    parts: vec![("ok", *value), ("failed", 0.5 * *value)],
                    says: String::new(),
                })
                .collect();
            let labels =
                Labels::Between((0..=values.len()).map(|label| label.to_string()).collect());
            let below = Labels::Below((0..values.len()).map(|label| label.to_string()).collect());
            for svg in [
                columns(&stacks, &labels, ("x", "y"), &[0]),
                columns(&stacks, &below, ("x", "y"), &[]),
                line(&values, &labels, ("x", "y")),
            ] {
                for attribute in [
                    " x=\"",
                    " x1=\"",
                    " x2=\"",
                    " y=\"",
                    " y1=\"",
                    " y2=\"",
                    " width=\"",
                    " height=\"",
                ] {
                    for rest in svg.body.split(attribute).skip(1) {
                        let number: f64 = rest
                            .split('"')
                            .next()
                            .expect("a value")
                            .parse()
                            .expect("a number");
                        assert!(
                            (0.0..=WIDTH).contains(&number),
                            "{values:?} {attribute} {number}"
                        );
                    }
                }
                assert!(
                    !svg.body.contains("NaN") && !svg.body.contains("inf"),
                    "{values:?}"
                );
            }
        }
    }
}
