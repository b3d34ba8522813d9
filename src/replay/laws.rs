//! The laws of a replay, over many seeds.

use std::collections::{BTreeMap, BTreeSet};

use super::testing::{Given, below, cascades, replay};
use super::*;
use crate::cascade::Point;
use crate::event::Span;
use crate::input::*;

const SEEDS: std::ops::Range<u64> = 0..300;

/// A plan by chance, on the timeline given.
fn plan(seed: u64, timeline: Timeline) -> Plan {
    let rng = &mut chance(seed, 98);
    Plan {
        seed,
        sources: 1 + below(rng, 4) as u32,
        live: 1 + below(rng, 4) as u32,
        start_range: Span([0.0, 10.0, 600.0][below(rng, 3) as usize]),
        timeline,
        exact_times: below(rng, 2) == 0,
        seconds_per_unit: [1.0, 0.5, 60.0][below(rng, 3) as usize],
        ..Plan::default()
    }
}

fn both(seed: u64) -> [Plan; 2] {
    [Timeline::Real, Timeline::Dealt].map(|timeline| plan(seed, timeline))
}

fn events(given: &[Given]) -> impl Iterator<Item = &Event<'static>> {
    given.iter().filter_map(|it| if let Given::Event(event, _) = it { Some(event) } else { None })
}

fn of_source(given: &[Given], name: &str) -> Vec<Given> {
    let is_its = |it: &&Given| match it {
        Given::Event(event, _) => event.source == name,
        Given::Watermark(watermark) => watermark.source == name,
        Given::Refused(_) => false,
    };
    given.iter().filter(is_its).cloned().collect()
}

#[test]
fn every_event_of_every_cascade_is_given_once_and_in_order() {
    for seed in SEEDS {
        for plan in both(seed) {
            let cascades = cascades(seed);
            let (given, summary) = replay(cascades.clone(), plan, usize::MAX);
            let mut told: BTreeMap<&str, Vec<&Event<'_>>> = BTreeMap::new();
            events(&given).for_each(|event| told.entry(&event.cid).or_default().push(event));
            assert_eq!(told.len(), cascades.len(), "seed {seed}");
            assert_eq!(summary.cascades, cascades.len() as u64, "seed {seed}");
            assert_eq!(summary.events, events(&given).count() as u64, "seed {seed}");
            assert!(!summary.cut && summary.refused == 0, "seed {seed}");
            for cascade in &cascades {
                let events = &told[cascade.cid.as_str()];
                check_cascade(cascade, events, &plan, seed);
            }
        }
    }
}

/// One source, one root that carries the texts, and the times and marks of the history.
fn check_cascade(cascade: &HistoryCascade, events: &[&Event<'_>], plan: &Plan, seed: u64) {
    assert_eq!(events.len(), cascade.points.len(), "seed {seed}");
    let start = events[0].time.seconds();
    for (i, (event, point)) in events.iter().zip(&cascade.points).enumerate() {
        assert_eq!(event.root, i == 0, "seed {seed}");
        assert_eq!(event.source, events[0].source, "seed {seed}");
        assert_eq!(event.magnitude, point.magnitude, "seed {seed}");
        let texts = if i == 0 {
            (format!("text of {}", cascade.cid), format!("cascade={}", cascade.cid))
        } else {
            Default::default()
        };
        let (msg, info) = (event.msg.text(), event.info.text());
        assert_eq!((&*msg, &*info), (&*texts.0, &*texts.1), "seed {seed}");
        let since = event.time.seconds() - start;
        let exact = point.time * plan.seconds_per_unit;
        match (plan.exact_times, plan.timeline) {
            (true, _) => assert!((since - exact).abs() < 1e-9, "seed {seed}: {since} {exact}"),
            // The start is a whole number, so only the difference is rounded.
            (false, Timeline::Dealt) => assert_eq!(since, exact.round(), "seed {seed}"),
            (false, _) => assert!((since - exact).abs() <= 1.0, "seed {seed}: {since} {exact}"),
        }
        assert!(plan.exact_times || event.time.seconds().fract() == 0.0, "seed {seed}");
    }
}

#[test]
fn time_never_goes_back_and_the_watermark_is_last() {
    for seed in SEEDS {
        for plan in both(seed) {
            let plan = Plan { tail: Span(77.0), ..plan };
            let (given, _) = replay(cascades(seed), plan, usize::MAX);
            assert!(events(&given).map(|event| event.time).is_sorted(), "seed {seed}");
            let sources: BTreeSet<&str> = events(&given).map(|event| &*event.source).collect();
            let watermarks = given.iter().filter(|it| matches!(it, Given::Watermark(_))).count();
            assert_eq!(watermarks, sources.len(), "seed {seed}");
            for source in sources {
                assert!(source.parse::<u32>().unwrap() < plan.sources);
                let its = of_source(&given, source);
                let [.., Given::Event(last, _), Given::Watermark(end)] = &its[..] else {
                    panic!("seed {seed}: source {source} does not end with its watermark");
                };
                assert_eq!(end.t, last.time.seconds() + 77.0, "seed {seed}");
            }
        }
    }
}

#[test]
fn no_more_cascades_are_live_than_the_plan_says_and_each_follows_another_soon() {
    for seed in SEEDS {
        let plan = plan(seed, Timeline::Dealt);
        let cascades = cascades(seed);
        let size = |cid: &str| cascades.iter().find(|c| c.cid == cid).unwrap().points.len();
        let (given, _) = replay(cascades.clone(), plan, usize::MAX);
        for source in 0..plan.sources {
            let its = of_source(&given, &source.to_string());
            let mut left: BTreeMap<&str, usize> = BTreeMap::new();
            // The source begins with as many cascades as can be live, each one's end makes room for one.
            let mut room = vec![0.0; plan.live as usize];
            for event in events(&its) {
                let now = event.time.seconds();
                if event.root {
                    left.insert(&event.cid, size(&event.cid));
                    let free = room.iter().position(|since| {
                        (since - 0.5..=since + plan.start_range.0 + 0.5).contains(&now)
                    });
                    room.remove(free.unwrap_or_else(|| panic!("seed {seed}: {now} {room:?}")));
                }
                let left_of_it = left.get_mut(&*event.cid).unwrap();
                *left_of_it -= 1;
                if *left_of_it == 0 {
                    left.remove(&*event.cid);
                    room.push(now);
                }
                assert!(left.len() <= plan.live as usize, "seed {seed}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_and_another_one_something_else() {
    let mut same = 0;
    for seed in SEEDS {
        let plan = plan(seed, Timeline::Dealt);
        let first = replay(cascades(seed), plan, usize::MAX);
        assert_eq!(first, replay(cascades(seed), plan, usize::MAX), "seed {seed}");
        let other = Plan { seed: seed + 1, ..plan };
        same += u32::from(first == replay(cascades(seed), other, usize::MAX));
    }
    assert!(same < 45, "{same} of 300 plans give the same under another seed"); // nothing, or one cascade
}

#[test]
fn a_source_does_not_feel_its_neighbours() {
    for seed in SEEDS {
        for plan in both(seed) {
            let before = cascades(seed);
            let (given, _) = replay(before.clone(), plan, usize::MAX);
            for source in 0..plan.sources {
                let its = of_source(&given, &source.to_string());
                let cids: BTreeSet<&str> = events(&its).map(|event| &*event.cid).collect();
                let mut after = before.clone();
                for other in after.iter_mut().filter(|it| !cids.contains(it.cid.as_str())) {
                    other.points = vec![Point { time: 0.0, magnitude: 1.0 }; 3];
                }
                let (given, _) = replay(after, plan, usize::MAX);
                assert_eq!(of_source(&given, &source.to_string()), its, "seed {seed}");
            }
        }
    }
}

#[test]
fn sources_share_the_cascades_evenly_and_by_chance() {
    let mut met = BTreeSet::new();
    for seed in SEEDS {
        let plan = plan(seed, Timeline::Dealt);
        let cascades = cascades(seed);
        let (given, _) = replay(cascades.clone(), plan, usize::MAX);
        let mut shares = vec![0; plan.sources as usize];
        for event in events(&given).filter(|event| event.root) {
            shares[event.source.parse::<usize>().unwrap()] += 1;
            met.insert((event.cid.clone(), event.source.clone()));
        }
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "seed {seed}");
    }
    for cid in 0..20 {
        for source in 0..4 {
            let pair = (format!("c{cid}").into(), source.to_string().into());
            assert!(met.contains(&pair), "{pair:?} never met");
        }
    }
}

#[test]
fn the_real_timeline_is_all_events_sorted_by_their_true_times() {
    for seed in SEEDS {
        let plan = Plan { exact_times: true, ..plan(seed, Timeline::Real) };
        let mut cascades = cascades(seed);
        let (given, _) = replay(cascades.clone(), plan, usize::MAX);
        cascades.sort_by(|a, b| a.t0.partial_cmp(&b.t0).unwrap());
        let mut slow: Vec<(f64, &str)> = Vec::new();
        for cascade in &cascades {
            let time = |point: &Point| cascade.t0.unwrap() + point.time * plan.seconds_per_unit;
            slow.extend(cascade.points.iter().map(|point| (time(point), cascade.cid.as_str())));
        }
        slow.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap());
        let told: Vec<_> = events(&given).map(|it| (it.time.seconds(), &*it.cid)).collect();
        assert_eq!(told, slow, "seed {seed}");
        let whole = replay(cascades.clone(), Plan { exact_times: false, ..plan }, usize::MAX).0;
        let whole: Vec<_> = events(&whole).map(|it| (it.time.seconds(), &*it.cid)).collect();
        let slow: Vec<_> = slow.into_iter().map(|(time, cid)| (time.round(), cid)).collect();
        assert_eq!(whole, slow, "seed {seed}");
    }
}

#[test]
fn auto_is_real_where_every_cascade_is_dated() {
    let mut all = cascades(3);
    let is_real = |cascades: &[HistoryCascade], timeline| {
        let told = Box::new(testing::Told(cascades.to_vec()));
        Replay::new(told, Plan { timeline, ..Plan::default() }).map(|replay| replay.is_real())
    };
    assert_eq!(is_real(&all, Timeline::Auto), Ok(true));
    assert_eq!(is_real(&all, Timeline::Dealt), Ok(false));
    all[2].t0 = None;
    assert_eq!(is_real(&all, Timeline::Auto), Ok(false));
    let error = is_real(&all, Timeline::Real).unwrap_err().to_string();
    assert_eq!(error, "told:3: the real timeline needs t0, the time of the root");
}

#[test]
fn a_limit_or_a_reader_that_leaves_cuts_and_changes_nothing_before() {
    for seed in SEEDS {
        for plan in both(seed) {
            let (all, summary) = replay(cascades(seed), plan, usize::MAX);
            let limit = below(&mut chance(seed, 97), summary.events + 2);
            let limited = Plan { limit: Some(limit), ..plan };
            let (cut, after) = replay(cascades(seed), limited, usize::MAX);
            assert_eq!(after.events, limit.min(summary.events), "seed {seed}");
            assert_eq!(after.cut, limit < summary.events, "seed {seed}");
            assert_eq!(cut, all[..cut.len()], "seed {seed}");
            if !all.is_empty() {
                let (left, after) = replay(cascades(seed), plan, all.len() / 2 + 1);
                assert_eq!(left, all[..all.len() / 2 + 1], "seed {seed}");
                assert!(after.cut, "seed {seed}");
            }
        }
    }
}

#[test]
fn what_is_refused_is_told_and_the_rest_goes_on() {
    for seed in SEEDS {
        for plan in both(seed) {
            let mut cascades = cascades(seed);
            let rng = &mut chance(seed, 96);
            let mut bad = BTreeSet::new();
            for (i, cascade) in cascades.iter_mut().enumerate() {
                match below(rng, 4) {
                    0 => cascade.points.clear(),
                    1 => cascade.points.push(Point { time: 4e12, magnitude: 1.0 }),
                    _ => continue,
                }
                bad.insert(i as u64 + 1);
            }
            let sound = cascades.len() - bad.len();
            let (given, summary) = replay(cascades, plan, usize::MAX);
            let refused = given.iter().filter_map(|it| match it {
                Given::Refused(refused) => refused.line,
                _ => None,
            });
            let lines: Vec<u64> = refused.collect();
            assert_eq!(lines.len(), bad.len(), "seed {seed}");
            assert_eq!(summary.refused, bad.len() as u64, "seed {seed}");
            assert!(lines.iter().all(|line| bad.contains(line)), "seed {seed}");
            let told: BTreeSet<_> = events(&given).map(|event| &event.cid).collect();
            assert_eq!(told.len(), sound, "seed {seed}");
            let sources: BTreeSet<_> = events(&given).map(|event| &event.source).collect();
            let ends = given.iter().filter(|it| matches!(it, Given::Watermark(_))).count();
            assert_eq!(ends, sources.len(), "seed {seed}");
        }
    }
}

#[test]
fn a_pace_counts_real_seconds_from_the_first_event() {
    for timeline in [Timeline::Real, Timeline::Dealt] {
        let plan = Plan { speed: Some(4.0), ..plan(7, timeline) };
        let (given, _) = replay(cascades(7), plan, usize::MAX);
        let first = events(&given).next().unwrap().time.seconds();
        for it in given {
            let Given::Event(event, due) = it else { continue };
            assert_eq!(due, (event.time.seconds() - first) / 4.0);
        }
    }
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let refuses = |plan: Plan| Replay::new(Box::new(testing::Told(cascades(1))), plan).is_err();
    assert!(!refuses(Plan::default()));
    assert!(refuses(Plan { sources: 0, ..Plan::default() }));
    assert!(refuses(Plan { live: 0, ..Plan::default() }));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refuses(Plan { seconds_per_unit: bad, ..Plan::default() }));
        assert!(refuses(Plan { speed: Some(bad), ..Plan::default() }));
    }
    for timeline in [Timeline::Auto, Timeline::Real, Timeline::Dealt] {
        assert_eq!(timeline.to_string().parse(), Ok(timeline));
    }
}
