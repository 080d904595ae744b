//! How likely a URL has changed since it was last asked for, worked out from what its earlier answers said; and which
//! URLs a refresh with a budget asks for. Pure: time is an argument.
//!
//! A page is taken to change by a Poisson process: at a rate of its own, whenever. How likely each rate is follows by
//! Bayes' rule from the intervals between its answers (changed or not in each) over a grid of rates. J. Cho,
//! H. Garcia-Molina: Estimating Frequency of Change (2003), has the likelihoods, with and without `Last-Modified`.
//! Where a URL begins, before it has a history, is what the URLs around it have come to: [`Pool`].

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::LazyLock;

pub use trust::{LEFT, Tried, Trust, is_news, likelier};

mod trust;

/// Rates on the grid, from one change in ten years to four an hour, evenly on a logarithmic scale.
const RATES: usize = 24;
const SLOWEST: f64 = 1.0 / (3652.5 * DAY);
const FASTEST: f64 = 4.0 / 3600.0;
const DAY: f64 = 86_400.0;

/// A `Last-Modified` this close to the answer is the answer's own time: it says nothing of the page.
const JUST_NOW: f64 = 60.0;
/// So many URLs without a history stand behind what is thought of a group at first.
const WEIGHT: f64 = 8.0;
/// Groups that are told apart; what comes after belongs to no group but all.
const GROUPS: usize = 20_000;
/// Of a budget, the part that goes to whatever was not asked for the longest: one in so many.
const PATIENCE: u64 = 10;

/// A number for each rate of the grid.
type Grid = [f64; RATES];

/// The rates of the grid, a second.
static GRID: LazyLock<Grid> = LazyLock::new(|| {
    std::array::from_fn(|place| {
        SLOWEST * (FASTEST / SLOWEST).powf(place as f64 / (RATES - 1) as f64)
    })
});

/// What the answers of one URL have said, in the order in which they came. Times are in seconds.
#[derive(Debug, Clone)]
pub struct History {
    /// The logarithm of how likely what was seen is, at each rate.
    likely: Grid,
    last: Option<f64>,
    intervals: u32,
}

impl Default for History {
    fn default() -> Self {
        Self {
            likely: [0.0; RATES],
            last: None,
            intervals: 0,
        }
    }
}

impl History {
    /// An answer came: whether it was another one than before, and when the page was changed last, if that was said.
    pub fn see(&mut self, at: f64, changed: bool, modified: Option<f64>) {
        let since = self.last.map(|last| (at - last).max(0.0));
        // What was changed before the answer before is no news, and what is changed with each answer none at all.
        let modified = modified.filter(|modified| *modified <= at - JUST_NOW);
        let still = modified.map(|modified| at - modified);
        for (likely, &rate) in self.likely.iter_mut().zip(&*GRID) {
            *likely += match (since, changed) {
                (Some(since), false) => -rate * since,
                (Some(since), true) => match still.filter(|still| *still < since) {
                    Some(still) => rate.ln() - rate * still,
                    None => (-(-rate * since).exp_m1()).max(f64::MIN_POSITIVE).ln(),
                },
                (None, _) => still.map_or(0.0, |still| rate.ln() - rate * still),
            };
        }
        self.intervals += u32::from(since.is_some() || still.is_some());
        self.last = Some(at);
    }

    /// When the last answer came.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.last
    }

    /// How likely each rate is, beginning with what was thought of it before.
    fn weigh(&self, before: &Grid) -> Grid {
        let most = self.likely.iter().copied().fold(f64::MIN, f64::max);
        let mut weights = *before;
        for (weight, likely) in weights.iter_mut().zip(&self.likely) {
            *weight *= (likely - most).exp();
        }
        let all: f64 = weights.iter().sum();
        if all > 0.0 {
            weights.map(|weight| weight / all)
        } else {
            *before
        }
    }

    /// How likely the next answer is another one than the last. What was never seen is news in any case.
    #[must_use]
    pub fn chance(&self, before: &Prior, now: f64) -> f64 {
        let Some(last) = self.last else { return 1.0 };
        let since = (now - last).max(0.0);
        let weights = self.weigh(&before.0);
        let changed = |rate: f64| -(-rate * since).exp_m1();
        let each = weights.iter().zip(&*GRID);
        each.map(|(weight, rate)| weight * changed(*rate)).sum()
    }
}

/// How likely each rate is before anything was seen of a URL.
#[derive(Debug, Clone)]
pub struct Prior(Grid);

impl Default for Prior {
    /// Every rate is as likely as any other.
    fn default() -> Self {
        Self([1.0 / RATES as f64; RATES])
    }
}

/// What the histories of URLs say of the URLs around them: those of a group (a host's section and depth) have more to
/// do with one another than with the rest.
#[derive(Debug, Default)]
pub struct Pool {
    groups: HashMap<u64, (Grid, f64)>,
    all: (Grid, f64),
}

impl Pool {
    /// Takes in a URL.
    pub fn add(&mut self, group: u64, history: &History) {
        if history.intervals == 0 {
            return;
        }
        let weights = history.weigh(&Prior::default().0);
        add(&mut self.all, &weights);
        if self.groups.len() < GROUPS || self.groups.contains_key(&group) {
            add(self.groups.entry(group).or_default(), &weights);
        }
    }

    /// What is thought of the URLs of a group.
    #[must_use]
    pub fn prior(&self, group: u64) -> Prior {
        let all = blend(&Prior::default().0, &self.all);
        Prior(
            self.groups
                .get(&group)
                .map_or(all, |found| blend(&all, found)),
        )
    }
}

fn add(into: &mut (Grid, f64), weights: &Grid) {
    for (sum, weight) in into.0.iter_mut().zip(weights) {
        *sum += weight;
    }
    into.1 += 1.0;
}

fn blend(before: &Grid, (sums, count): &(Grid, f64)) -> Grid {
    let mut blended = *before;
    for (weight, sum) in blended.iter_mut().zip(sums) {
        *weight = (*weight * WEIGHT + sum) / (WEIGHT + count);
    }
    blended
}

/// How many requests of a budget go to what was not asked for the longest.
#[must_use]
pub fn share_of_oldest(budget: u64) -> u64 {
    budget.div_ceil(PATIENCE)
}

/// After how many refreshes with this budget every one of so many URLs was asked for: the longest that any of them
/// waits, whatever is thought of it. `None` where nothing is ever asked for.
#[must_use]
pub fn patience(urls: u64, budget: u64) -> Option<u64> {
    let share = share_of_oldest(budget);
    (share > 0).then(|| urls.div_ceil(share))
}

/// A URL that may be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    chance: f64,
    /// When it was asked for last, whatever came of that.
    asked: i64,
    url: i64,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The likeliest first; of two that are alike the one that has waited longer.
    fn cmp(&self, other: &Self) -> Ordering {
        self.chance
            .total_cmp(&other.chance)
            .then(other.asked.cmp(&self.asked))
            .then(other.url.cmp(&self.url))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Chooses among URLs that come one after another, in memory for as many as are chosen: a tenth of the budget for
/// those that were not asked for the longest, the rest for those that are the likeliest to have changed.
#[derive(Debug)]
pub struct Choice {
    budget: usize,
    oldest: BinaryHeap<(i64, i64)>,
    likeliest: BinaryHeap<Reverse<Candidate>>,
    seen: u64,
}

impl Choice {
    /// Chooses as many as this.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        Self {
            budget: usize::try_from(budget).unwrap_or(usize::MAX),
            oldest: BinaryHeap::new(),
            likeliest: BinaryHeap::new(),
            seen: 0,
        }
    }

    /// A URL, how likely it has changed, and when it was asked for last.
    pub fn add(&mut self, url: i64, chance: f64, asked: i64) {
        self.seen += 1;
        let share = share_of_oldest(self.budget as u64) as usize;
        self.oldest.push((asked, url));
        if self.oldest.len() > share {
            self.oldest.pop();
        }
        self.likeliest
            .push(Reverse(Candidate { chance, asked, url }));
        if self.likeliest.len() > self.budget {
            self.likeliest.pop();
        }
    }

    /// How many there were to choose from.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What was chosen, by number.
    #[must_use]
    pub fn chosen(self) -> Vec<i64> {
        let mut chosen: Vec<i64> = self.oldest.into_iter().map(|(_, url)| url).collect();
        let mut met: HashSet<i64> = chosen.iter().copied().collect();
        // The likeliest come last of a heap turned round, and first of it sorted.
        for Reverse(candidate) in self.likeliest.into_sorted_vec() {
            if chosen.len() >= self.budget {
                break;
            }
            if met.insert(candidate.url) {
                chosen.push(candidate.url);
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod experiment;

#[cfg(test)]
mod tests {
    use super::*;

    fn history(answers: &[(f64, bool, Option<f64>)]) -> History {
        let mut history = History::default();
        for (day, changed, modified) in answers {
            history.see(day * DAY, *changed, modified.map(|day| day * DAY));
        }
        history
    }

    fn alike(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-12
    }

    #[test]
    fn what_changes_often_is_likelier_to_have_changed() {
        let chance = |answers: &[(f64, bool, Option<f64>)]| {
            history(answers).chance(&Prior::default(), 6.0 * DAY)
        };
        let days = |changed: [bool; 5]| -> Vec<(f64, bool, Option<f64>)> {
            let days = changed.into_iter().zip(1_u8..);
            days.map(|(changed, day)| (f64::from(day), changed, None))
                .collect()
        };
        let always = chance(&days([true; 5]));
        let twice = chance(&days([false, true, false, true, false]));
        let never = chance(&days([false; 5]));
        assert!(
            always > 0.85 && twice > 0.3 && twice < 0.6 && never < 0.15,
            "{always} {twice} {never}"
        );
        assert!(alike(chance(&[]), 1.0));
        // The same answers, and a page that says it was not touched for a year.
        let old = chance(&[(5.0, false, Some(-360.0))]);
        let new = chance(&[(5.0, false, Some(4.9))]);
        let unsaid = chance(&[(5.0, false, None)]);
        assert!(old < unsaid && unsaid < new, "{old} {unsaid} {new}");
        // What is stamped with the moment of the answer says nothing.
        assert!(alike(chance(&[(5.0, false, Some(5.0))]), unsaid));
    }

    #[test]
    fn chances_grow_with_time() {
        let seen = history(&[(0.0, false, None), (1.0, true, None), (2.0, false, None)]);
        let prior = Prior::default();
        let chances: Vec<f64> = [2.0, 2.1, 3.0, 30.0, 3000.0]
            .iter()
            .map(|day| seen.chance(&prior, day * DAY))
            .collect();
        assert!(
            chances.is_sorted() && alike(chances[0], 0.0) && chances[4] > 0.99,
            "{chances:?}"
        );
    }

    #[test]
    fn what_is_around_counts_where_there_is_little_history() {
        let mut pool = Pool::default();
        for _ in 0..100 {
            let often: Vec<_> = (0..5).map(|day| (f64::from(day), true, None)).collect();
            let never: Vec<_> = (0..5).map(|day| (f64::from(day), false, None)).collect();
            pool.add(1, &history(&often));
            pool.add(2, &history(&never));
        }
        let new = history(&[(5.0, false, None)]);
        let chance = |group| new.chance(&pool.prior(group), 6.0 * DAY);
        assert!(
            chance(1) > 0.8 && chance(2) < 0.2 && chance(3) > chance(2) && chance(3) < chance(1)
        );
    }

    #[test]
    fn a_tenth_goes_to_the_oldest_and_the_rest_to_the_likeliest() {
        let mut choice = Choice::new(10);
        for url in 0..100 {
            // The likeliest were asked for last.
            choice.add(
                url,
                f64::from(u8::try_from(url).expect("small")) / 100.0,
                url,
            );
        }
        assert_eq!(choice.seen(), 100);
        assert_eq!(choice.chosen(), [0, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
        // Alike: the oldest.
        let mut choice = Choice::new(3);
        for url in (0..9).rev() {
            choice.add(url, 0.5, url);
        }
        assert_eq!(choice.chosen(), [0, 1, 2]);
        let mut few = Choice::new(10);
        few.add(7, f64::NAN, 0);
        assert_eq!(few.chosen(), [7]);
        assert_eq!(Choice::new(0).chosen(), [0; 0]);
    }

    #[test]
    fn how_long_the_longest_waits() {
        for (urls, budget, wanted) in [
            (10_000, 1_000, Some(100)),
            (10_000, 1, Some(10_000)),
            (5, 100, Some(1)),
            (0, 1, Some(0)),
            (5, 0, None),
        ] {
            assert_eq!(patience(urls, budget), wanted, "{urls} {budget}");
        }
    }
}
