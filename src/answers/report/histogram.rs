//! Values by their size, in ranges that grow: what is spread over powers of ten has a shape that can be seen.

use super::figures::{Bin, Histogram};

/// Ends of ranges, of which each is the beginning of the next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// 1, 2, 5, 10, 20, 50, …
    Decades,
    /// 1, 2, 4, 8, …
    Doublings,
}

impl Scale {
    /// The end of the range that begins at `from`.
    fn next(self, from: u64) -> u64 {
        let doubled = from.saturating_mul(2);
        match (self, from) {
            (_, 0) => 1,
            (Self::Doublings, _) => doubled,
            // 2, 20, 200, …: their fives are not their doubles.
            (Self::Decades, _) => match leading_digit(from) {
                2 => (from / 2).saturating_mul(5),
                _ => doubled,
            },
        }
    }

    /// The beginning of the range that a value lies in.
    fn start(self, value: u64) -> u64 {
        let mut from = 0;
        loop {
            let next = self.next(from);
            if next > value || next == from || next == u64::MAX {
                return from;
            }
            from = next;
        }
    }
}

fn leading_digit(mut number: u64) -> u64 {
    while number >= 10 {
        number /= 10;
    }
    number
}

/// The histogram of some values. Ranges below `least` are one, so that what is tiny is not spread out.
pub(super) fn histogram(mut values: Vec<u64>, scale: Scale, least: u64) -> Histogram {
    values.sort_unstable();
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return Histogram::default();
    };
    let floor = scale.start(least);
    let start = |value: u64| match scale.start(value) {
        start if start < floor => 0,
        start => start,
    };
    let (mut from, end) = (start(*first), start(*last));
    let (mut bins, mut at) = (Vec::new(), 0);
    loop {
        let to = if from < floor {
            floor
        } else {
            scale.next(from)
        };
        let upto = values.partition_point(|value| *value < to);
        // The last range takes what no number is beyond.
        let upto = if from >= end { values.len() } else { upto };
        bins.push(Bin {
            from,
            to,
            count: (upto - at) as u64,
        });
        at = upto;
        if from >= end {
            break;
        }
        from = to;
    }
    Histogram {
        bins,
        count: values.len() as u64,
        median: quantile(&values, 50),
        p95: quantile(&values, 95),
        largest: *last,
        sum: values
            .iter()
            .fold(0, |sum, value| sum.saturating_add(*value)),
    }
}

/// The least of the sorted values than which so many of a hundred are no larger.
fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (scale, value, from, to) in [
            (Scale::Decades, 0, 0, 1),
            (Scale::Decades, 1, 1, 2),
            (Scale::Decades, 4, 2, 5),
            (Scale::Decades, 9, 5, 10),
            (Scale::Decades, 199, 100, 200),
            (Scale::Decades, 200, 200, 500),
            (Scale::Decades, 99_999, 50_000, 100_000),
            (Scale::Doublings, 1023, 512, 1024),
            (Scale::Doublings, 1024, 1024, 2048),
        ] {
            assert_eq!(scale.start(value), from, "{scale:?} {value}");
            assert_eq!(scale.next(from), to, "{scale:?} {value}");
        }
        for scale in [Scale::Decades, Scale::Doublings] {
            let start = scale.start(u64::MAX);
            assert!(start > 1 << 60, "{scale:?} {start}");
        }
    }

    #[test]
    fn each_value_is_in_one_range() {
        let values: Vec<u64> = vec![0, 1, 1, 2, 3, 7, 30, 31, 400, u64::MAX];
        for (scale, least) in [
            (Scale::Decades, 0),
            (Scale::Decades, 10),
            (Scale::Doublings, 0),
            (Scale::Doublings, 256),
        ] {
            let histogram = histogram(values.clone(), scale, least);
            let counted: u64 = histogram.bins.iter().map(|bin| bin.count).sum();
            assert_eq!(counted, values.len() as u64);
            for (bin, next) in histogram.bins.iter().zip(histogram.bins.iter().skip(1)) {
                assert!(bin.from < bin.to && bin.to == next.from, "{bin:?} {next:?}");
            }
            for bin in &histogram.bins[..histogram.bins.len() - 1] {
                let inside = values.iter().filter(|v| (bin.from..bin.to).contains(v));
                assert_eq!(inside.count() as u64, bin.count, "{scale:?} {bin:?}");
            }
            assert_eq!((histogram.median, histogram.p95), (3, u64::MAX));
        }
        let one = histogram(vec![7], Scale::Decades, 0);
        assert_eq!((one.bins.len(), one.bins[0].from, one.median), (1, 5, 7));
        assert_eq!(histogram(vec![], Scale::Decades, 0), Histogram::default());
    }
}
