//! Properties of a replay, over many seeds.

use std::collections::{BTreeMap, BTreeSet};

use super::testing::{Emitted, InMemory, WithSources, below, cascades, replay, replay_of};
use super::*;
use crate::cascade::Point;
use crate::event::Span;
use crate::input::*;
use crate::random::seeded_rng;

const SEEDS: std::ops::Range<u64> = 0..300;

/// Random options with the items timeline.
fn options(seed: u64, timeline: Timeline) -> ReplayOptions {
    let rng = &mut seeded_rng(seed, 98);
    ReplayOptions {
        seed,
        sources: 1 + below(rng, 4) as u32,
        live: 1 + below(rng, 4) as u32,
        start_range: Span([0.0, 10.0, 600.0][below(rng, 3) as usize]),
        timeline,
        exact_times: below(rng, 2) == 0,
        seconds_per_unit: [1.0, 0.5, 60.0][below(rng, 3) as usize],
        ..ReplayOptions::default()
    }
}

fn both(seed: u64) -> [ReplayOptions; 2] {
    [Timeline::Real, Timeline::Dealt].map(|timeline| options(seed, timeline))
}

fn events(items: &[Emitted]) -> impl Iterator<Item = &Event<'static>> {
    items.iter().filter_map(|it| if let Emitted::Event(event, _) = it { Some(event) } else { None })
}

fn of_source(items: &[Emitted], name: &str) -> Vec<Emitted> {
    let is_its = |it: &&Emitted| match it {
        Emitted::Event(event, _) => event.source == name,
        Emitted::Watermark(watermark) => watermark.source == name,
        Emitted::Refused(_) => false,
    };
    items.iter().filter(is_its).cloned().collect()
}

#[test]
fn every_event_of_every_cascade_is_emitted_once_and_in_order() {
    for seed in SEEDS {
        for options in both(seed) {
            let cascades = cascades(seed);
            let (items, summary) = replay(cascades.clone(), options, usize::MAX);
            let mut by_cascade: BTreeMap<&str, Vec<&Event<'_>>> = BTreeMap::new();
            events(&items).for_each(|event| by_cascade.entry(&event.cid).or_default().push(event));
            assert_eq!(by_cascade.len(), cascades.len(), "seed {seed}");
            assert_eq!(summary.cascades, cascades.len() as u64, "seed {seed}");
            assert_eq!(summary.events, events(&items).count() as u64, "seed {seed}");
            assert!(!summary.cut && summary.refused == 0, "seed {seed}");
            for cascade in &cascades {
                let events = &by_cascade[cascade.cid.as_str()];
                check_cascade(cascade, events, &options, seed);
            }
        }
    }
}

/// Checks that the events have one source, one root with the texts, and the times and marks of the history.
fn check_cascade(
    cascade: &HistoryCascade,
    events: &[&Event<'_>],
    options: &ReplayOptions,
    seed: u64,
) {
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
        let exact = point.time * options.seconds_per_unit;
        match (options.exact_times, options.timeline) {
            (true, _) => assert!((since - exact).abs() < 1e-9, "seed {seed}: {since} {exact}"),
            // The start is an integer, so only the difference is rounded.
            (false, Timeline::Dealt) => assert_eq!(since, exact.round(), "seed {seed}"),
            (false, _) => assert!((since - exact).abs() <= 1.0, "seed {seed}: {since} {exact}"),
        }
        assert!(options.exact_times || event.time.seconds().fract() == 0.0, "seed {seed}");
    }
}

#[test]
fn times_ascend_and_the_watermark_is_last() {
    for seed in SEEDS {
        for options in both(seed) {
            let options = ReplayOptions { tail: Span(77.0), ..options };
            let (items, _) = replay(cascades(seed), options, usize::MAX);
            assert!(events(&items).map(|event| event.time).is_sorted(), "seed {seed}");
            let sources: BTreeSet<&str> = events(&items).map(|event| &*event.source).collect();
            let watermarks = items.iter().filter(|it| matches!(it, Emitted::Watermark(_))).count();
            assert_eq!(watermarks, sources.len(), "seed {seed}");
            for source in sources {
                assert!(source.parse::<u32>().unwrap() < options.sources);
                let its = of_source(&items, source);
                let [.., Emitted::Event(last, _), Emitted::Watermark(end)] = &its[..] else {
                    panic!("seed {seed}: source {source} has no final watermark");
                };
                assert_eq!(end.t, last.time.seconds() + 77.0, "seed {seed}");
            }
        }
    }
}

#[test]
fn at_most_live_cascades_are_live_and_the_next_begins_within_the_start_range() {
    for seed in SEEDS {
        let options = options(seed, Timeline::Dealt);
        let cascades = cascades(seed);
        let size = |cid: &str| cascades.iter().find(|c| c.cid == cid).unwrap().points.len();
        let (items, _) = replay(cascades.clone(), options, usize::MAX);
        for source in 0..options.sources {
            let its = of_source(&items, &source.to_string());
            let mut remaining: BTreeMap<&str, usize> = BTreeMap::new();
            // Times at which a place for a live cascade became free.
            let mut room = vec![0.0; options.live as usize];
            for event in events(&its) {
                let now = event.time.seconds();
                if event.root {
                    remaining.insert(&event.cid, size(&event.cid));
                    let free = room.iter().position(|since| {
                        (since - 0.5..=since + options.start_range.0 + 0.5).contains(&now)
                    });
                    room.remove(free.unwrap_or_else(|| panic!("seed {seed}: {now} {room:?}")));
                }
                let count = remaining.get_mut(&*event.cid).unwrap();
                *count -= 1;
                if *count == 0 {
                    remaining.remove(&*event.cid);
                    room.push(now);
                }
                assert!(remaining.len() <= options.live as usize, "seed {seed}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_replay_and_another_seed_a_different_one() {
    let mut same = 0;
    for seed in SEEDS {
        let options = options(seed, Timeline::Dealt);
        let first = replay(cascades(seed), options, usize::MAX);
        assert_eq!(first, replay(cascades(seed), options, usize::MAX), "seed {seed}");
        let other = ReplayOptions { seed: seed + 1, ..options };
        same += u32::from(first == replay(cascades(seed), other, usize::MAX));
    }
    assert!(same < 45, "{same} of 300 replays are equal under another seed"); // no cascade, or one
}

#[test]
fn a_source_does_not_depend_on_other_sources() {
    for seed in SEEDS {
        for options in both(seed) {
            let before = cascades(seed);
            let (items, _) = replay(before.clone(), options, usize::MAX);
            for source in 0..options.sources {
                let its = of_source(&items, &source.to_string());
                let cids: BTreeSet<&str> = events(&its).map(|event| &*event.cid).collect();
                let mut after = before.clone();
                for other in after.iter_mut().filter(|it| !cids.contains(it.cid.as_str())) {
                    other.points = vec![Point { time: 0.0, magnitude: 1.0 }; 3];
                }
                let (items, _) = replay(after, options, usize::MAX);
                assert_eq!(of_source(&items, &source.to_string()), its, "seed {seed}");
            }
        }
    }
}

#[test]
fn cascades_are_replayed_in_the_sources_that_the_input_names() {
    for seed in SEEDS {
        for options in both(seed) {
            let cascades = cascades(seed);
            let rng = &mut seeded_rng(seed, 97);
            let names = cascades.iter().map(|_| format!("s{}", below(rng, 5)));
            let names: Vec<String> = names.collect();
            let named = WithSources(InMemory(cascades.clone()), names.clone());
            let (items, summary) = replay_of(Box::new(named), options, usize::MAX);
            assert_eq!(summary.cascades, cascades.len() as u64, "seed {seed}");
            assert!(events(&items).map(|event| event.time).is_sorted(), "seed {seed}");
            let mut ends = 0;
            for name in names.iter().collect::<BTreeSet<_>>() {
                let its = of_source(&items, name);
                assert!(matches!(its.last(), Some(Emitted::Watermark(_))), "seed {seed}");
                let mut open: BTreeMap<String, usize> = BTreeMap::new();
                let own = cascades.iter().zip(&names).filter(|(_, of)| *of == name);
                let mut left: BTreeMap<String, usize> =
                    own.map(|(it, _)| (it.cid.clone(), it.points.len())).collect();
                for event in events(&its) {
                    let cid = event.cid.to_string();
                    if let Some(count) = left.remove(&cid) {
                        open.insert(cid.clone(), count);
                    }
                    let count = open.get_mut(&cid).unwrap();
                    *count -= 1;
                    if *count == 0 {
                        open.remove(&cid);
                    }
                    let is_few =
                        options.timeline == Timeline::Real || open.len() <= options.live as usize;
                    assert!(is_few, "seed {seed}");
                }
                assert!(left.is_empty() && open.is_empty(), "seed {seed}: {left:?} {open:?}");
                ends += its.len();
            }
            assert_eq!(ends, items.len(), "seed {seed}");
        }
    }
}

#[test]
fn cascades_are_distributed_evenly_and_at_random() {
    let mut pairs = BTreeSet::new();
    for seed in SEEDS {
        let options = options(seed, Timeline::Dealt);
        let cascades = cascades(seed);
        let (items, _) = replay(cascades.clone(), options, usize::MAX);
        let mut shares = vec![0; options.sources as usize];
        for event in events(&items).filter(|event| event.root) {
            shares[event.source.parse::<usize>().unwrap()] += 1;
            pairs.insert((event.cid.clone(), event.source.clone()));
        }
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "seed {seed}");
    }
    for cid in 0..20 {
        for source in 0..4 {
            let pair = (format!("c{cid}").into(), source.to_string().into());
            assert!(pairs.contains(&pair), "{pair:?} does not occur");
        }
    }
}

#[test]
fn the_real_timeline_is_all_events_sorted_by_recorded_time() {
    for seed in SEEDS {
        let options = ReplayOptions { exact_times: true, ..options(seed, Timeline::Real) };
        let mut cascades = cascades(seed);
        let (items, _) = replay(cascades.clone(), options, usize::MAX);
        cascades.sort_by(|a, b| a.t0.partial_cmp(&b.t0).unwrap());
        let mut expected: Vec<(f64, &str)> = Vec::new();
        for cascade in &cascades {
            let time = |point: &Point| cascade.t0.unwrap() + point.time * options.seconds_per_unit;
            expected.extend(cascade.points.iter().map(|point| (time(point), cascade.cid.as_str())));
        }
        expected.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap());
        let times: Vec<_> = events(&items).map(|it| (it.time.seconds(), &*it.cid)).collect();
        assert_eq!(times, expected, "seed {seed}");
        let whole =
            replay(cascades.clone(), ReplayOptions { exact_times: false, ..options }, usize::MAX).0;
        let whole: Vec<_> = events(&whole).map(|it| (it.time.seconds(), &*it.cid)).collect();
        let rounded: Vec<_> = expected.into_iter().map(|(time, cid)| (time.round(), cid)).collect();
        assert_eq!(whole, rounded, "seed {seed}");
    }
}

#[test]
fn auto_is_real_where_every_cascade_is_dated() {
    let mut all = cascades(3);
    let is_real = |cascades: &[HistoryCascade], timeline| {
        let cascades = Box::new(testing::InMemory(cascades.to_vec()));
        Replay::new(cascades, ReplayOptions { timeline, ..ReplayOptions::default() })
            .map(|replay| replay.is_real())
    };
    assert_eq!(is_real(&all, Timeline::Auto), Ok(true));
    assert_eq!(is_real(&all, Timeline::Dealt), Ok(false));
    all[2].t0 = None;
    assert_eq!(is_real(&all, Timeline::Auto), Ok(false));
    let error = is_real(&all, Timeline::Real).unwrap_err().to_string();
    assert_eq!(error, "memory:3: the real timeline requires t0, the time of the initial tweet");
}

#[test]
fn final_watermarks_follow_the_last_event_of_all_sources() {
    for seed in SEEDS {
        for options in both(seed) {
            let (items, summary) = replay(cascades(seed), options, usize::MAX);
            let is_event = |item: &Emitted| matches!(item, Emitted::Event(..));
            let last = items.iter().rposition(is_event).map_or(0, |last| last + 1);
            let before = items[..last].iter().filter(|it| matches!(it, Emitted::Watermark(_)));
            assert_eq!(before.count(), 0, "seed {seed}");
            assert_eq!(items[last..].is_empty(), summary.events == 0, "seed {seed}");
        }
    }
}

#[test]
fn a_limit_or_a_stop_truncates_the_replay_and_changes_no_earlier_item() {
    for seed in SEEDS {
        for options in both(seed) {
            let (all, summary) = replay(cascades(seed), options, usize::MAX);
            let limit = below(&mut seeded_rng(seed, 97), summary.events + 2);
            let limited = ReplayOptions { limit: Some(limit), ..options };
            let (cut, after) = replay(cascades(seed), limited, usize::MAX);
            assert_eq!(after.events, limit.min(summary.events), "seed {seed}");
            assert_eq!(after.cut, limit < summary.events, "seed {seed}");
            assert_eq!(cut, all[..cut.len()], "seed {seed}");
            if !all.is_empty() {
                let (left, after) = replay(cascades(seed), options, all.len() / 2 + 1);
                assert_eq!(left, all[..all.len() / 2 + 1], "seed {seed}");
                assert!(after.cut, "seed {seed}");
            }
        }
    }
}

#[test]
fn refused_cascades_are_reported_and_the_others_replayed() {
    for seed in SEEDS {
        for options in both(seed) {
            let mut cascades = cascades(seed);
            let rng = &mut seeded_rng(seed, 96);
            let mut invalid = BTreeSet::new();
            for (i, cascade) in cascades.iter_mut().enumerate() {
                match below(rng, 4) {
                    0 => cascade.points.clear(),
                    1 => cascade.points.push(Point { time: 4e12, magnitude: 1.0 }),
                    _ => continue,
                }
                invalid.insert(i as u64 + 1);
            }
            let accepted = cascades.len() - invalid.len();
            let (items, summary) = replay(cascades, options, usize::MAX);
            let refused = items.iter().filter_map(|it| match it {
                Emitted::Refused(refused) => refused.line,
                _ => None,
            });
            let lines: Vec<u64> = refused.collect();
            assert_eq!(lines.len(), invalid.len(), "seed {seed}");
            assert_eq!(summary.refused, invalid.len() as u64, "seed {seed}");
            assert!(lines.iter().all(|line| invalid.contains(line)), "seed {seed}");
            let cids: BTreeSet<_> = events(&items).map(|event| &event.cid).collect();
            assert_eq!(cids.len(), accepted, "seed {seed}");
            let sources: BTreeSet<_> = events(&items).map(|event| &event.source).collect();
            let ends = items.iter().filter(|it| matches!(it, Emitted::Watermark(_))).count();
            assert_eq!(ends, sources.len(), "seed {seed}");
        }
    }
}

#[test]
fn a_speed_sets_real_time_from_the_first_event() {
    for timeline in [Timeline::Real, Timeline::Dealt] {
        let options = ReplayOptions { speed: Some(4.0), ..options(7, timeline) };
        let (items, _) = replay(cascades(7), options, usize::MAX);
        let first = events(&items).next().unwrap().time.seconds();
        for it in items {
            let Emitted::Event(event, due) = it else { continue };
            assert_eq!(due, (event.time.seconds() - first) / 4.0);
        }
    }
}

#[test]
fn invalid_options_are_refused() {
    let refuses = |options: ReplayOptions| {
        Replay::new(Box::new(testing::InMemory(cascades(1))), options).is_err()
    };
    assert!(!refuses(ReplayOptions::default()));
    assert!(refuses(ReplayOptions { sources: 0, ..ReplayOptions::default() }));
    assert!(refuses(ReplayOptions { live: 0, ..ReplayOptions::default() }));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refuses(ReplayOptions { seconds_per_unit: bad, ..ReplayOptions::default() }));
        assert!(refuses(ReplayOptions { speed: Some(bad), ..ReplayOptions::default() }));
    }
    for timeline in [Timeline::Auto, Timeline::Real, Timeline::Dealt] {
        assert_eq!(timeline.to_string().parse(), Ok(timeline));
    }
}
