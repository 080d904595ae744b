//! Axes: where their marks stand.

/// The marks of an axis from 0 to at least `most`: some four, each a number that one would say.
pub(super) fn ticks(most: f64) -> Vec<f64> {
    if most.is_nan() || most <= 0.0 || most.is_infinite() {
        return vec![0.0, 1.0];
    }
    let rough = most / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = nice
        .iter()
        .map(|nice| nice * power)
        .find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let count = (most / step).ceil().max(1.0) as usize;
    (0..=count).map(|index| index as f64 * step).collect()
}

/// Each how manieth of some labels is shown, for all of them to have room.
pub(super) fn every(labels: usize, room: f64, width: f64) -> usize {
    if labels == 0 {
        return 1;
    }
    let fit = (room / width.max(1.0)).floor().max(1.0) as usize;
    labels.div_ceil(fit).max(1)
}

/// A number on an axis: `1,500`, `20k`, `1.5M`.
pub(super) fn mark(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e4 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_enough() {
        for most in [
            1e-3, 0.7, 1.0, 3.0, 4.0, 7.0, 12.0, 99.0, 101.0, 5302.0, 1e6, 1.23e9, 1e300,
        ] {
            let ticks = ticks(most);
            let last = ticks.last().copied().unwrap_or(0.0);
            assert!((3..=6).contains(&ticks.len()), "{most}: {ticks:?}");
            assert!(
                last >= most * 0.999 && last < most * 2.0,
                "{most}: {ticks:?}"
            );
        }
        for most in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ticks(most), [0.0, 1.0]);
        }
        assert_eq!(ticks(100.0), [0.0, 25.0, 50.0, 75.0, 100.0]);
    }

    #[test]
    fn labels_have_room() {
        for (labels, room, width, wanted) in [
            (10, 100.0, 10.0, 1),
            (10, 100.0, 11.0, 2),
            (60, 300.0, 40.0, 9),
            (0, 1.0, 1.0, 1),
        ] {
            assert_eq!(every(labels, room, width), wanted);
        }
        for (value, wanted) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1500.0, "1500"),
            (20_000.0, "20k"),
            (1.5e6, "1.5M"),
        ] {
            assert_eq!(mark(value), wanted);
        }
    }
}
