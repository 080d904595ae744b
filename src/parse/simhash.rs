//! Whether two texts are nearly the same, by a hash of 64 bits each.
//!
//! M. Charikar: Similarity Estimation Techniques from Rounding Algorithms (2002). A text is taken for its shingles:
//! each run of three words. Each has a hash, and a bit of the text's is what most of theirs say. So two texts that
//! have nearly all shingles in common differ in few bits.

use super::segment::each_word;

/// Words of a shingle.
const SHINGLE: usize = 3;

/// A text, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simhash {
    /// Its words; in what is written without spaces its characters.
    pub(crate) words: u64,
    /// 0 where there are none.
    pub(crate) hash: u64,
}

impl Simhash {
    pub(crate) fn of(text: &str) -> Self {
        let mut sums = [0_i32; 64];
        let mut last = [0_u64; SHINGLE];
        let mut words = 0_usize;
        let mut add = |last: &[u64; SHINGLE]| {
            let hash = last.iter().fold(0, |sum, word| mix(sum, *word));
            for (bit, sum) in sums.iter_mut().enumerate() {
                *sum += ((hash >> bit & 1) as i32) * 2 - 1;
            }
        };
        each_word(text, |word| {
            last.rotate_left(1);
            last[SHINGLE - 1] = of_word(word);
            words += 1;
            if words >= SHINGLE {
                add(&last);
            }
        });
        if (1..SHINGLE).contains(&words) {
            add(&last);
        }
        let bits = sums.iter().enumerate();
        let hash = bits.fold(0, |hash, (bit, sum)| hash | u64::from(*sum > 0) << bit);
        Self {
            words: words as u64,
            hash,
        }
    }
}

/// FNV-1a, of 64 bits. It is kept in databases: it must not change.
fn of_word(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Takes one more into a hash: the finish of `SplitMix64`, so that each bit hangs on every other.
fn mix(hash: u64, other: u64) -> u64 {
    let mut mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(other);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many words that are not in any other text.
    fn text(seed: u64, words: usize) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        let word = |_| format!("w{} ", random.u32(..5000));
        (0..words).map(word).collect()
    }

    #[test]
    fn near_and_far() {
        let base = text(1, 1000);
        let one = Simhash::of(&base);
        assert_eq!(one.words, 1000);
        assert_eq!(one, Simhash::of(&base.to_uppercase().replace(' ', ",\n")));
        let distance = |other: &str| (one.hash ^ Simhash::of(other).hash).count_ones();
        assert!(distance(&format!("{base} and three more")) <= 3);
        assert!(distance(&text(2, 1000)) >= 16);
    }

    #[test]
    fn few_words() {
        for (text, words) in [
            ("", 0),
            ("one", 1),
            ("one two", 2),
            ("one two three", 3),
            ("日本語", 3),
        ] {
            let found = Simhash::of(text);
            assert_eq!(found.words, words, "{text}");
            assert_eq!(found.hash == 0, words == 0, "{text}");
        }
    }

    /// What is stored stays comparable with what is worked out later.
    #[test]
    fn it_stays_the_same() {
        let found = Simhash::of("It was the best of times, it was the worst of times");
        assert_eq!(format!("{:016x}", found.hash), "881765303d7260c2");
    }
}
