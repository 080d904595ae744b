//! The experiment: a web of 10,000 URLs whose rates of change lie between one an hour and one a year (evenly on a
//! logarithmic scale), each asked for five times before; then refreshes of 1,000 requests. What they find beside what
//! round-robin finds (the oldest first), and beside what one would who knew every rate. No time passes but in
//! numbers, and the same numbers come each time. `docs/refresh.md` quotes what
//! `cargo test --lib experiment -- --nocapture` prints.

#![expect(clippy::print_stdout, reason = "the figures are for the reader")]

use super::{Choice, DAY, History, Pool, Prior, Tried, Trust, likelier, patience};

const URLS: usize = 10_000;
const BUDGET: u64 = 1_000;
const SEEDS: u64 = 20;
const EARLIER: usize = 5;
const HOUR: f64 = 3600.0;
const YEAR: f64 = 365.25 * DAY;

/// What a site writes into its sitemap for the `lastmod` of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dates {
    /// There is no sitemap.
    None,
    /// A time long ago.
    Old,
    /// When it was changed.
    True,
    /// The time of now.
    Now,
    /// When it was changed, and the time of now on so many pages besides.
    Partly(f64),
}

/// How URLs are chosen.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The oldest first.
    RoundRobin,
    /// As `crawl refresh` does.
    Estimate,
    /// By the true rates.
    Oracle,
}

#[derive(Clone)]
struct Page {
    rate: f64,
    history: History,
    /// When it was asked for last, and how many refreshes ago.
    asked: f64,
    waited: u64,
    /// Whether it has changed since, where that is drawn beforehand; and whether its sitemap says so.
    changed: Option<bool>,
    told: bool,
    tried: Tried,
}

#[derive(Clone)]
struct Web {
    pages: Vec<Page>,
    random: fastrand::Rng,
    now: f64,
    dates: Dates,
}

impl Web {
    /// Each page asked for five times, `every` so often; when within that is by chance.
    fn new(seed: u64, every: f64, dates: Dates) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let pages = (0..URLS)
            .map(|_| {
                let rate = (YEAR / HOUR).powf(random.f64()) / YEAR;
                Page {
                    rate,
                    history: History::default(),
                    asked: 0.0,
                    waited: 0,
                    changed: None,
                    told: false,
                    tried: Tried::default(),
                }
            })
            .collect();
        let mut web = Self {
            pages,
            random,
            now: 0.0,
            dates,
        };
        for visit in 0..EARLIER {
            for url in 0..URLS {
                let at = (visit as f64 + web.random.f64()) * every;
                web.date(url, at);
                web.ask(url, at);
            }
        }
        web.now = EARLIER as f64 * every;
        web
    }

    /// Reads what the sitemap says of a page.
    fn date(&mut self, url: usize, at: f64) {
        if self.dates == Dates::None {
            return;
        }
        let changed = self.changed(url, at);
        let told = match self.dates {
            Dates::None | Dates::Old => false,
            Dates::True => changed,
            Dates::Now => true,
            Dates::Partly(share) => changed || self.random.f64() < share,
        };
        let page = &mut self.pages[url];
        (page.changed, page.told) = (Some(changed), told && page.history.last().is_some());
    }

    fn changed(&mut self, url: usize, at: f64) -> bool {
        let page = &self.pages[url];
        let quiet = (-page.rate * (at - page.asked)).exp();
        page.history.last().is_some() && self.random.f64() >= quiet
    }

    /// Asks for a page. Whether it has changed since.
    fn ask(&mut self, url: usize, at: f64) -> bool {
        let drawn = self.pages[url].changed.take();
        let changed = drawn.unwrap_or_else(|| self.changed(url, at));
        let page = &mut self.pages[url];
        if std::mem::take(&mut page.told) {
            page.tried.see(changed);
        }
        page.history.see(at, changed, None);
        (page.asked, page.waited) = (at, 0);
        changed
    }

    /// A refresh. How many changes it has found.
    fn refresh(&mut self, way: Way) -> u64 {
        (0..URLS).for_each(|url| self.date(url, self.now));
        let chosen = match way {
            Way::RoundRobin => self.first(|a, b| a.asked.total_cmp(&b.asked)),
            Way::Oracle => {
                let quiet = |page: &Page| page.rate * (self.now - page.asked);
                self.first(|a, b| quiet(b).total_cmp(&quiet(a)))
            }
            Way::Estimate => self.estimate(),
        };
        assert_eq!(chosen.len() as u64, BUDGET);
        for page in &mut self.pages {
            page.waited += 1;
        }
        let now = self.now;
        chosen
            .into_iter()
            .map(|url| u64::from(self.ask(usize::try_from(url).expect("one of ours"), now)))
            .sum()
    }

    /// As many as the budget allows, in an order of their own.
    fn first(&self, order: impl Fn(&Page, &Page) -> std::cmp::Ordering) -> Vec<i64> {
        let mut all: Vec<usize> = (0..URLS).collect();
        all.sort_by(|a, b| order(&self.pages[*a], &self.pages[*b]));
        all.truncate(usize::try_from(BUDGET).expect("small"));
        all.into_iter().map(|url| url as i64).collect()
    }

    fn estimate(&self) -> Vec<i64> {
        let (mut pool, mut trust) = (Pool::default(), Trust::default());
        for page in &self.pages {
            pool.add(0, &page.history);
            trust.add(0, page.tried);
        }
        let prior: Prior = pool.prior(0);
        let mut choice = Choice::new(BUDGET);
        for (url, page) in self.pages.iter().enumerate() {
            let chance = page.history.chance(&prior, self.now);
            let chance = if page.told {
                likelier(chance, trust.of(0))
            } else {
                chance
            };
            choice.add(url as i64, chance, (page.asked * 1e6) as i64);
        }
        choice.chosen()
    }
}

/// Changes found in `rounds` refreshes, one `every` so often, by each way, on average over the webs.
fn found(every: f64, rounds: u64, seeds: u64) -> [f64; 3] {
    let mut sums = [0; 3];
    for seed in 0..seeds {
        let web = Web::new(seed, every, Dates::None);
        for (way, sum) in [Way::RoundRobin, Way::Estimate, Way::Oracle]
            .into_iter()
            .zip(&mut sums)
        {
            let mut web = web.clone();
            for _ in 0..rounds {
                *sum += web.refresh(way);
                web.now += every;
            }
        }
    }
    sums.map(|sum| sum as f64 / seeds as f64)
}

/// Prints and answers with the ratio to round-robin.
fn compare(words: &str, every: f64, rounds: u64, seeds: u64) -> f64 {
    let [round_robin, estimate, oracle] = found(every, rounds, seeds);
    println!(
        "{words}: round-robin {round_robin:.0}, estimate {estimate:.0} ({:.2} x), who knows every rate {oracle:.0} ({:.2} x)",
        estimate / round_robin,
        oracle / round_robin
    );
    estimate / round_robin
}

#[test]
fn it_finds_half_as_many_changes_again_as_round_robin() {
    for (words, every) in [("an hour", HOUR), ("6 hours", 6.0 * HOUR), ("a day", DAY)] {
        let ratio = compare(
            &format!("one refresh, visits {words} apart"),
            every,
            1,
            SEEDS,
        );
        assert!(ratio >= 1.5, "{words}: {ratio}");
    }
    compare("one refresh, visits a week apart", 7.0 * DAY, 1, SEEDS);
}

/// A sitemap that says what is so has nearly the whole budget find changes; one that says nothing of use costs nothing.
#[test]
fn a_sitemap_is_believed_as_far_as_it_is_right() {
    for (words, every) in [("an hour", HOUR), ("a day", DAY)] {
        let found = [Dates::Old, Dates::True, Dates::Partly(0.2), Dates::Now].map(|dates| {
            let seeds =
                (0..SEEDS / 4).map(|seed| Web::new(seed, every, dates).refresh(Way::Estimate));
            seeds.sum::<u64>() as f64 / (SEEDS / 4) as f64
        });
        let [old, right, partly, now] = found;
        println!(
            "visits {words} apart: with dates that say nothing {old:.0}, with true dates {right:.0}, with now on a fifth besides {partly:.0}, with now on all {now:.0}"
        );
        assert!(right > 1.05 * old && partly > old, "{found:?}");
        // The same changes: what is said of all tells none from the others.
        assert!((now - old).abs() < 0.01 * old, "{found:?}");
    }
}

#[test]
fn it_does_so_for_long() {
    for (words, every, least) in [
        ("an hour", HOUR, 1.5),
        ("6 hours", 6.0 * HOUR, 1.5),
        ("a day", DAY, 1.4),
    ] {
        let ratio = compare(&format!("30 refreshes, one every {words}"), every, 30, 2);
        assert!(ratio >= least, "{words}: {ratio}");
    }
}

#[test]
fn no_url_waits_for_longer_than_is_said() {
    let bound = patience(URLS as u64, BUDGET).expect("a bound");
    assert_eq!(bound, 100);
    let mut web = Web::new(1, DAY, Dates::None);
    let mut longest = 0;
    for _ in 0..bound + 30 {
        web.refresh(Way::Estimate);
        web.now += DAY;
        longest = web
            .pages
            .iter()
            .map(|page| page.waited)
            .max()
            .unwrap_or(0)
            .max(longest);
    }
    println!("the longest wait: {longest} refreshes of {bound}");
    assert!(longest > bound / 2 && longest < bound, "{longest}");
}
