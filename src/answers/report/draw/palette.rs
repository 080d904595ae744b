//! The colours of the page, light and dark. A test holds them to what eyes can tell apart, colour-blind ones too.

use std::fmt::Write as _;

/// A colour by its name, light and dark.
type Named = (&'static str, &'static str, &'static str);

/// What is behind everything.
const GROUNDS: [Named; 2] = [
    ("ground", "#ffffff", "#14171b"),
    ("panel", "#f5f6f8", "#1d2126"),
];
/// What is written, on any ground.
const INKS: [Named; 6] = [
    ("ink", "#1c1e21", "#e8eaed"),
    ("soft", "#545c66", "#a9b1ba"),
    ("link", "#0a58a8", "#7db8f5"),
    ("error", "#a30d28", "#ff8f9c"),
    ("warning", "#7a4b00", "#f7b955"),
    ("notice", "#3f4a56", "#b9c3ce"),
];
/// What shapes are filled with, one beside the other.
const SHAPES: [Named; 5] = [
    ("ok", "#028eee", "#65b0f7"),
    ("redirect", "#7e8688", "#606e80"),
    ("client", "#c47c03", "#fab30a"),
    ("failed", "#b30a2a", "#e10f2e"),
    ("forbidden", "#0e131b", "#f0f4f6"),
];
/// Lines that only help.
const LINES: [Named; 1] = [("line", "#d3d8de", "#3a414a")];
/// From few to many; in the dark, many is bright.
const STEPS: [Named; 6] = [
    ("q0", "#e3eefb", "#1f2d3d"),
    ("q1", "#bcd8f5", "#234a70"),
    ("q2", "#86b9ec", "#2c6aa6"),
    ("q3", "#4b93da", "#4a90d6"),
    ("q4", "#1e68b4", "#82bbf2"),
    ("q5", "#0b3a70", "#d2e8ff"),
];

/// The colours as variables of CSS.
pub(in super::super) fn variables(dark: bool) -> String {
    let mut css = String::new();
    let all = GROUNDS
        .iter()
        .chain(&INKS)
        .chain(&SHAPES)
        .chain(&LINES)
        .chain(&STEPS);
    for (name, of_light, of_dark) in all {
        let _ = write!(css, "--{name}:{};", if dark { of_dark } else { of_light });
    }
    let scheme = if dark { "dark" } else { "light" };
    let _ = write!(css, "color-scheme:{scheme};");
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green and blue by their light, not by their number.
    fn linear(hex: &str) -> [f64; 3] {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&hex[at..at + 2], 16).expect(hex);
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        [channel(1), channel(3), channel(5)]
    }

    /// WCAG 2.2, "contrast ratio".
    fn contrast(a: &str, b: &str) -> f64 {
        let light = |hex| {
            let [r, g, b] = linear(hex);
            0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        };
        let (a, b) = (light(a), light(b));
        a.max(b) / a.min(b)
    }

    /// Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009),
    /// severity 1.0; first the eyes of most people.
    const EYES: [(&str, [[f64; 3]; 3]); 4] = [
        (
            "all cones",
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        ),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// CIE L*a*b*, of what such eyes see.
    fn seen(hex: &str, eyes: &[[f64; 3]; 3]) -> [f64; 3] {
        let light = linear(hex);
        let [r, g, b] = eyes.map(|row| {
            let sum: f64 = row.iter().zip(light).map(|(a, b)| a * b).sum();
            sum.clamp(0.0, 1.0)
        });
        let curve = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let white = [0.950_47, 1.0, 1.088_83];
        let xyz = [
            0.4124 * r + 0.3576 * g + 0.1805 * b,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            0.0193 * r + 0.1192 * g + 0.9505 * b,
        ];
        let bent = [0, 1, 2].map(|at| curve(xyz[at] / white[at]));
        [
            116.0 * bent[1] - 16.0,
            500.0 * (bent[0] - bent[1]),
            200.0 * (bent[1] - bent[2]),
        ]
    }

    fn in_theme(dark: bool) -> impl Fn(&Named) -> &'static str {
        move |named| if dark { named.2 } else { named.1 }
    }

    /// WCAG 2.2: 4.5 for text (1.4.3), 3 for what a picture says (1.4.11).
    #[test]
    fn contrasts() {
        for dark in [false, true] {
            let hex = in_theme(dark);
            for ground in &GROUNDS {
                for (colours, least) in [(&INKS[..], 4.5), (&SHAPES[..], 3.0)] {
                    for colour in colours {
                        let found = contrast(hex(colour), hex(ground));
                        assert!(found >= least, "{} on {}: {found:.2}", colour.0, ground.0);
                    }
                }
            }
        }
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    }

    /// 20 is ten times what is just noticed.
    #[test]
    fn shapes_are_told_apart_by_all_eyes() {
        for dark in [false, true] {
            let hex = in_theme(dark);
            for (eyes, matrix) in &EYES {
                for (index, one) in SHAPES.iter().enumerate() {
                    for other in &SHAPES[index + 1..] {
                        let (a, b) = (seen(hex(one), matrix), seen(hex(other), matrix));
                        let apart: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                        let apart = apart.sqrt();
                        assert!(
                            apart > 20.0,
                            "{eyes}, dark {dark}: {} {}: {apart:.1}",
                            one.0,
                            other.0
                        );
                    }
                }
            }
        }
    }

    /// Few to many goes by lightness alone, so that all eyes read it.
    #[test]
    fn steps_go_one_way() {
        for dark in [false, true] {
            let hex = in_theme(dark);
            let lights: Vec<f64> = STEPS
                .iter()
                .map(|step| seen(hex(step), &EYES[0].1)[0])
                .collect();
            for pair in lights.windows(2) {
                let up = pair[1] - pair[0];
                assert!(if dark { up > 6.0 } else { up < -6.0 }, "{lights:?}");
            }
        }
    }
}
