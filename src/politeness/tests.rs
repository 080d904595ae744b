//! The pace of a host on a clock of the test's own.

use super::*;

fn try_start(pace: &mut Pace, now: Instant) -> When {
    let when = pace.check(now);
    if when == When::Now {
        pace.begin(now);
    }
    when
}

fn limits() -> Limits {
    Limits::from(&config::Politeness::default())
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The starts within a time, in milliseconds, of a host that always has something to ask.
fn starts(pace: &mut Pace, begin: Instant, until: Duration) -> Vec<u64> {
    let (mut now, mut out) = (begin, Vec::new());
    while now < begin + until {
        match try_start(pace, now) {
            When::Now => {
                out.push(u64::try_from((now - begin).as_millis()).expect("short"));
                pace.finish(Answer::Fine, now);
            }
            When::At(at) => {
                assert!(at > now, "time goes on");
                now = at;
            }
            When::AfterOne => panic!("nothing is in flight"),
        }
    }
    out
}

#[test]
fn rate_and_burst() {
    let begin = Instant::now();
    assert_eq!(
        starts(&mut Pace::new(limits(), begin), begin, ms(1000)),
        [0, 200, 400, 600, 800]
    );
    let burst = Limits {
        burst: 3,
        ..limits()
    };
    assert_eq!(
        starts(&mut Pace::new(burst, begin), begin, ms(700)),
        [0, 0, 0, 200, 400, 600]
    );
    assert_eq!(
        starts(&mut Pace::resumed(burst, begin), begin, ms(700)),
        [200, 400, 600]
    );
}

#[test]
fn crawl_delay_is_a_gap_and_one_at_a_time() {
    let begin = Instant::now();
    let mut pace = Pace::new(limits(), begin);
    assert_eq!(
        pace.set_crawl_delay(Some(ms(99_000))),
        Some(ms(30_000)),
        "clamped"
    );
    assert_eq!(pace.set_crawl_delay(Some(ms(1500))), Some(ms(1500)));
    assert_eq!(try_start(&mut pace, begin), When::Now);
    assert_eq!(try_start(&mut pace, begin + ms(9000)), When::AfterOne);
    pace.finish(Answer::Fine, begin + ms(100));
    // It had to open a connection: the next counts from its answer.
    assert_eq!(
        try_start(&mut pace, begin + ms(100)),
        When::At(begin + ms(1600))
    );
    assert_eq!(
        starts(&mut pace, begin + ms(1600), ms(4000)),
        [0, 1500, 3000]
    );
}

#[test]
fn random_waits_are_longer_than_the_rate_asks() {
    let begin = Instant::now();
    let random = Limits {
        random_wait: true,
        burst: 9,
        ..limits()
    };
    for (delay, least) in [(None, 200), (Some(ms(1000)), 1000)] {
        let mut pace = Pace::new(random, begin);
        pace.set_crawl_delay(delay);
        let starts = starts(&mut pace, begin, ms(200_000));
        let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.len() > 80, "{gaps:?}");
        assert!(
            gaps.iter().all(|gap| (least..=2 * least + 1).contains(gap)),
            "{gaps:?}"
        );
        let (short, long) = (gaps.iter().min(), gaps.iter().max());
        assert!(
            short < Some(&(least * 5 / 4)) && long > Some(&(least * 7 / 4)),
            "{gaps:?}"
        );
    }
}

#[test]
fn a_resumed_host_waits_its_delay_first() {
    let begin = Instant::now();
    let mut pace = Pace::resumed(
        Limits {
            interval: None,
            ..limits()
        },
        begin,
    );
    pace.set_crawl_delay(Some(ms(4000)));
    assert_eq!(starts(&mut pace, begin, ms(9000)), [4000, 8000]);
}

#[test]
fn cap_in_flight() {
    let begin = Instant::now();
    let mut pace = Pace::new(
        Limits {
            interval: None,
            ..limits()
        },
        begin,
    );
    assert_eq!(
        [
            try_start(&mut pace, begin),
            try_start(&mut pace, begin),
            try_start(&mut pace, begin)
        ],
        [When::Now, When::Now, When::AfterOne]
    );
    pace.finish(Answer::Silent, begin);
    assert_eq!(try_start(&mut pace, begin), When::Now);
}

#[test]
fn throttling_holds_the_host() {
    let begin = Instant::now();
    let mut pace = Pace::new(limits(), begin);
    try_start(&mut pace, begin);
    let consequence = pace.finish(Answer::Throttled(Some(ms(120_000))), begin);
    assert!(
        matches!(consequence, Consequence::Hold(wait, _) if wait == ms(120_000)),
        "{consequence:?}"
    );
    assert_eq!(
        try_start(&mut pace, begin + ms(119_999)),
        When::At(begin + ms(120_000))
    );
    assert_eq!(try_start(&mut pace, begin + ms(120_000)), When::Now);
    // Without a time, each further one doubles the hold.
    let mut pace = Pace::new(limits(), begin);
    let mut now = begin;
    for seconds in [1, 2, 4, 8] {
        try_start(&mut pace, now);
        let consequence = pace.finish(Answer::Throttled(None), now);
        assert!(
            matches!(consequence, Consequence::Hold(wait, _) if wait == ms(seconds * 1000)),
            "{consequence:?}"
        );
        now += ms(seconds * 1000);
    }
    // Longer than we wait: the host is set aside, not asked early.
    let consequence = pace.finish(Answer::Throttled(Some(ms(3_600_000))), now);
    assert!(
        matches!(consequence, Consequence::SetAside(wait, _) if wait == ms(600_000)),
        "{consequence:?}"
    );
}

#[test]
fn failures_slow_a_host_and_set_it_aside() {
    let begin = Instant::now();
    let mut pace = Pace::new(
        Limits {
            interval: None,
            ..limits()
        },
        begin,
    );
    let (mut now, mut gaps) = (begin, Vec::new());
    let aside = loop {
        match try_start(&mut pace, now) {
            When::Now => match pace.finish(Answer::Failed, now) {
                Consequence::SetAside(_, why) => break why,
                _ => gaps.push(0),
            },
            When::At(at) => {
                *gaps.last_mut().expect("a failure before") = (at - now).as_millis();
                now = at;
            }
            When::AfterOne => panic!("nothing is in flight"),
        }
    };
    assert_eq!(aside, "20 failures in a row");
    assert_eq!(gaps[..5], [0, 100, 200, 400, 800]);
    assert_eq!((gaps.len(), gaps[18]), (19, 30_000));
}

#[test]
fn retry_after() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
    for (value, seconds) in [
        ("120", Some(120)),
        (" 2 ", Some(2)),
        ("99999999999999999999", Some(u64::from(u32::MAX))),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(
            parse_retry_after(value, now),
            seconds.map(Duration::from_secs),
            "{value}"
        );
    }
}

#[test]
fn retry_waits_double_with_jitter() {
    for (attempt, random, millis) in [
        (0, 0.5, 1000),
        (1, 0.5, 2000),
        (2, 0.0, 2000),
        (2, 1.0, 6000),
        (40, 0.5, 600_000),
    ] {
        assert_eq!(
            retry_wait(ms(1000), attempt, random),
            ms(millis),
            "{attempt} {random}"
        );
    }
}

proptest::proptest! {
    /// Whatever the times at which one asks: in no window are there more starts than burst + rate x time.
    #[test]
    fn never_more_than_the_bucket_allows(waits in proptest::collection::vec(0_u64..400, 1..200), burst in 1_u32..5) {
        let begin = Instant::now();
        let mut pace = Pace::new(Limits { burst, concurrency: 1000, ..limits() }, begin);
        let (mut now, mut started) = (begin, Vec::new());
        for wait in waits {
            now += ms(wait);
            if try_start(&mut pace, now) == When::Now {
                started.push(now);
            }
        }
        for (index, from) in started.iter().enumerate() {
            for (count, to) in started[index..].iter().enumerate() {
                let allowed = f64::from(burst) + (*to - *from).as_secs_f64() * 5.0;
                proptest::prop_assert!(count as f64 + 1.0 <= allowed + 1e-6);
            }
        }
    }
}

/// What happens to a host next.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Start,
    End(Answer, Option<u64>),
    Delay(Option<u64>),
    Hold(u64),
    Share(u64),
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let answer = prop_oneof![
        4 => Just(Answer::Fine),
        1 => Just(Answer::Failed),
        1 => Just(Answer::Strained),
        1 => Just(Answer::Silent),
        1 => proptest::option::of(0_u64..3000).prop_map(|asked| Answer::Throttled(asked.map(ms))),
    ];
    let step = prop_oneof![
        6 => (0_u64..400).prop_map(Step::Wait),
        1 => (0_u64..60_000).prop_map(Step::Wait),
        8 => Just(Step::Start),
        6 => (answer, proptest::option::of(0_u64..900)).prop_map(|(answer, head)| Step::End(answer, head)),
        1 => proptest::option::of(0_u64..3000).prop_map(Step::Delay),
        1 => (0_u64..5000).prop_map(Step::Hold),
        1 => (1_u64..2000).prop_map(Step::Share),
    ];
    proptest::collection::vec(step, 1..150)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever comes in between: no start while a hold lasts, none sooner after another than a Crawl-delay or
    /// the strain of the host asks for, never more in flight than may be, and the time that is named is enough.
    #[test]
    fn never_sooner_whatever_happens(
        steps in steps(),
        interval in proptest::option::of(1_u64..1000),
        (burst, concurrency) in (1_u32..4, 1_u32..4),
        (random_wait, adaptive) in (proptest::bool::ANY, proptest::bool::ANY),
    ) {
        let begin = Instant::now();
        let limits = Limits {
            interval: interval.map(ms),
            burst, concurrency, random_wait, adaptive,
            max_crawl_delay: ms(2000),
            max_failures: u32::MAX,
            ..limits()
        };
        let mut pace = Pace::new(limits, begin);
        let (mut now, mut held, mut last) = (begin, begin, None);
        let (mut gap, mut flying) = (Duration::ZERO, Vec::new());
        // With the interval that was the longest since, as tokens of a shorter one are not given back.
        let mut starts: Vec<Instant> = Vec::new();
        let mut least = limits.interval.unwrap_or_default();
        for step in steps {
            match step {
                Step::Wait(millis) => now += ms(millis),
                Step::Start => {
                    let strain = pace.strain().unwrap_or_default();
                    match pace.check(now) {
                        When::Now => {
                            pace.begin(now);
                            proptest::prop_assert!(now >= held, "in a hold");
                            let next = last.map(|last: Instant| last + gap.max(strain));
                            proptest::prop_assert!(next.is_none_or(|next| now >= next), "too soon");
                            flying.push(now);
                            last = Some(now);
                            starts.push(now);
                            let most = if gap.is_zero() { concurrency } else { 1 };
                            let before = flying.len() as u32;
                            proptest::prop_assert!(before <= most.max(1) || before <= concurrency);
                            proptest::prop_assert_eq!(pace.in_flight(), before);
                        }
                        When::At(at) => proptest::prop_assert!(at > now, "it has to wait until then"),
                        When::AfterOne => proptest::prop_assert!(!flying.is_empty(), "for nothing"),
                    }
                }
                Step::End(answer, head) => if let Some(started) = flying.pop() {
                    let total = now - started;
                    let ending = Ending { answer, head: head.map(ms).map(|head| head.min(total)), total, stays: true };
                    if let Consequence::Hold(wait, _) | Consequence::SetAside(wait, _) = pace.finish(ending, now) {
                        held = held.max(now + wait);
                    }
                },
                Step::Delay(asked) => gap = pace.set_crawl_delay(asked.map(ms)).unwrap_or_default(),
                Step::Hold(millis) => {
                    pace.hold(now + ms(millis));
                    held = held.max(now + ms(millis));
                }
                Step::Share(millis) => {
                    pace.share(Limits { interval: Some(ms(millis)), ..limits }, now);
                    least = least.max(ms(millis));
                    // From now on at this rate.
                    starts.clear();
                }
            }
        }
        for (index, from) in starts.iter().enumerate().filter(|_| !least.is_zero()) {
            for (count, to) in starts[index..].iter().enumerate() {
                let allowed = f64::from(burst) + (*to - *from).as_secs_f64() / least.as_secs_f64();
                proptest::prop_assert!(count as f64 + 1.0 <= allowed + 1e-6, "{} in {:?}", count + 1, *to - *from);
            }
        }
        // In the end one may go: nothing waits for ever.
        for started in std::mem::take(&mut flying) {
            pace.finish(Ending { answer: Answer::Fine, head: None, total: now - started, stays: true }, now);
        }
        let mut tries = 0;
        while let When::At(at) = pace.check(now) {
            proptest::prop_assert!(at > now);
            (now, tries) = (at, tries + 1);
            proptest::prop_assert!(tries < 10, "the time that is named is not enough");
        }
        proptest::prop_assert_eq!(pace.check(now), When::Now);
    }

    /// No setting that is accepted makes a bucket that gives too much, or nothing for ever.
    #[test]
    fn buckets_of_any_size(size in -7.0_f64..6.0, burst in 1_u32..=10_000) {
        let rate: crate::config::Rate = match format!("{}/s", 10_f64.powf(size)).parse() {
            Ok(rate) => rate,
            Err(_) => return Ok(()),
        };
        let (begin, interval) = (Instant::now(), rate.interval().expect("a limit"));
        let mut bucket = Bucket::full(Some(interval), burst, begin);
        let in_a_century = (3.2e9 / interval.as_secs_f64()).max(1.0);
        for _ in 0..burst.min(in_a_century as u32) {
            proptest::prop_assert_eq!(bucket.take(begin), Ok(()));
        }
        let at = bucket.take(begin).expect_err("it is empty");
        proptest::prop_assert!(at > begin && at <= begin + interval + ms(1), "{:?}", at - begin);
        let mut empty = Bucket::empty(Some(interval), burst, begin);
        proptest::prop_assert!(empty.take(begin).is_err());
    }
}
