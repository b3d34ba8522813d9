//! The sections of the page.
//!
//! Long because each section of the page is a short function of the same content.

use std::collections::HashMap;
use std::fmt::Write as _;

use tweetoscope::event::Span;
use tweetoscope::learn::{ScoredDistribution, Step};
use tweetoscope::math;
use tweetoscope::score::quantile;
use tweetoscope::stage::evaluate::{
    CalibrationRow, Case, CurveRow, EvaluateOptions, FinishedCascade, PIT_BINS, Predictor, Row,
};

use super::svg::{Axis, Mark, figure};

use crate::calibration;
use crate::html::escaped;

const STYLE: &str = include_str!("style.css");

/// Methods in figures, with the classes of their colours.
const DRAWN: [(Predictor, &str); 5] = [
    (Predictor::Model, "a"),
    (Predictor::GrowthLaw, "b"),
    (Predictor::MedianRatio, "c"),
    (Predictor::LogLinear, "d"),
    (Predictor::NoGrowth, "e"),
];

/// What the report shows.
pub(crate) struct Content<'a> {
    pub(crate) past: &'a [FinishedCascade],
    pub(crate) options: &'a EvaluateOptions,
    pub(crate) cases: &'a [Case],
    pub(crate) rows: &'a [Row],
    pub(crate) calibration: &'a [CalibrationRow],
    pub(crate) curve: &'a [CurveRow],
    /// How the cascades are divided, in a sentence.
    pub(crate) split: String,
}

/// The page.
pub(crate) fn html(content: &Content<'_>) -> String {
    let body = [
        summary(content),
        data(content),
        errors(content),
        learning(content),
        calibrated(content),
        scatter(content),
        misses(content),
        card(content),
    ]
    .concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Evaluation of predicted cascade sizes</title>\n<style>\n{STYLE}</style></head>\n\
         <body>\n<header><h1>Evaluation of predicted cascade sizes</h1></header>\n<main>\n{body}</main></body></html>\n"
    )
}

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title}</h2>\n{body}</section>\n")
}

/// A table that scrolls where the page is narrow; the classes of the rows come first.
fn table(name: &str, heads: &[&str], rows: &[(String, Vec<String>)]) -> String {
    let head: String = heads.iter().map(|it| format!("<th scope=\"col\">{it}</th>")).collect();
    let mut text = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">\
         <table><thead><tr>{head}</tr></thead><tbody>\n"
    );
    for (class, cells) in rows {
        let cells: String = cells.iter().map(|it| format!("<td>{}</td>", escaped(it))).collect();
        let _ = writeln!(text, "<tr class=\"{class}\">{cells}</tr>");
    }
    text.push_str("</tbody></table></div>\n");
    text
}

fn list(items: &[(&str, String)]) -> String {
    let item =
        |(name, value): &(&str, String)| format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(value));
    format!("<dl>{}</dl>\n", items.iter().map(item).collect::<String>())
}

fn span(seconds: u64) -> String {
    Span(seconds as f64).to_string()
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn of(rows: &[Row], t_obs: u64, predictor: Predictor) -> Option<&Row> {
    rows.iter().find(|row| row.t_obs == t_obs && row.predictor == predictor)
}

fn summary(content: &Content<'_>) -> String {
    let mut lines = String::new();
    for window in &content.options.windows {
        let Some(model) = of(content.rows, *window, Predictor::Model) else { continue };
        let baselines = DRAWN[2..].iter().filter_map(|(it, _)| of(content.rows, *window, *it));
        let best = baselines.min_by(|a, b| a.scores.mean_are.0.total_cmp(&b.scores.mean_are.0));
        let Some(best) = best else { continue };
        let (own, other) = (model.scores.mean_are.0, best.scores.mean_are.0);
        let skill = if other > 0.0 { 1.0 - own / other } else { 0.0 };
        let _ = writeln!(
            lines,
            "<li>After {}: mean error {} of the final size ({} cascades); the best baseline, {}, has {} (skill {:+.0}%).</li>",
            span(*window),
            percent(own),
            model.scores.count,
            best.predictor.name(),
            percent(other),
            skill * 100.0
        );
    }
    let text = format!(
        "<p>{}</p><p>The error is the absolute relative error (ARE), |predicted - final| / final. \
         Skill is 1 - error / error of the baseline: above 0, the model is better.</p><ul>{lines}</ul>\n",
        escaped(&content.split)
    );
    section("summary", "Summary", &text)
}

fn data(content: &Content<'_>) -> String {
    let Content { past, options, cases, .. } = content;
    let until = |it: &FinishedCascade| {
        it.points.partition_point(|point| point.time <= options.max_age) as f64
    };
    let sizes: Vec<f64> = past.iter().map(until).collect();
    let at = |share: f64| format!("{:.0}", quantile(sizes.clone(), share));
    let marked = |it: &&FinishedCascade| it.points.iter().any(|point| point.magnitude != 1.0);
    let items = [
        ("Cascades", past.len().to_string()),
        // The sum of no numbers is -0.
        ("Events", format!("{:.0}", sizes.iter().sum::<f64>() + 0.0)),
        ("Predictions", cases.len().to_string()),
        (
            "Final sizes",
            format!(
                "smallest {}, quartiles {}, {} and {}, largest {}",
                at(0.0),
                at(0.25),
                at(0.5),
                at(0.75),
                at(1.0)
            ),
        ),
        ("Cascades with marks", past.iter().filter(marked).count().to_string()),
        ("Cascades with Unix times", past.iter().filter(|it| it.t0.is_some()).count().to_string()),
        ("Final size counts events", format!("up to {} after the first", Span(options.max_age))),
        ("Smallest scored cascade", format!("{} events in the window", options.min_size)),
    ];
    section("data", "Data", &list(&items))
}

fn errors(content: &Content<'_>) -> String {
    let rows: Vec<(String, Vec<String>)> = content
        .rows
        .iter()
        .map(|row| {
            let it = &row.scores;
            let optional = |value: Option<f64>, as_text: fn(f64) -> String| {
                value.map_or("-".to_owned(), as_text)
            };
            let cells = vec![
                format!("{} {}", span(row.t_obs), row.predictor.name()),
                it.count.to_string(),
                format!("{:.3}", it.mean_are.0),
                format!("{:.3} to {:.3}", it.mean_are.1[0], it.mean_are.1[1]),
                format!("{:.3}", it.median_are.0),
                format!("{:.3}", it.p95_are),
                optional(it.tau, |value| format!("{value:.3}")),
                format!("{:+.3}", it.bias),
                optional(row.covered, percent),
            ];
            let class = if row.predictor == Predictor::Model { "ours" } else { "" };
            (class.to_owned(), cells)
        })
        .collect();
    let heads = [
        "Window and method",
        "Scored",
        "Mean ARE",
        "95% interval",
        "Median ARE",
        "95th percentile",
        "Kendall's tau",
        "Bias (log)",
        "In interval",
    ];
    let windows = &content.options.windows;
    let highest = |rows: &[Row]| {
        let drawn = rows.iter().filter(|row| DRAWN.iter().any(|(it, _)| *it == row.predictor));
        (drawn.map(|row| row.scores.mean_are.0).fold(0.1, f64::max) * 10.0).ceil() / 10.0
    };
    let line = |(predictor, class): (Predictor, &'static str)| {
        let point = |window: &u64| {
            let row = of(content.rows, *window, predictor)?;
            Some((*window as f64 / 60.0, row.scores.mean_are.0))
        };
        let points = windows.iter().filter_map(point).collect();
        Mark::Line { class, name: predictor.name(), points }
    };
    let minutes = |window: Option<&u64>| window.map_or(1.0, |it| *it as f64 / 60.0);
    let x = Axis {
        name: "window, minutes",
        from: minutes(windows.first()) / 1.1,
        to: minutes(windows.last()) * 1.1,
        log: true,
    };
    let y = Axis { name: "mean ARE", from: 0.0, to: highest(content.rows).min(2.0), log: false };
    let about = "Mean absolute relative error by window, of the model and of the baselines.";
    let drawn = figure("Error by window", about, x, y, &DRAWN.map(line));
    section("errors", "Errors", &(drawn + &table("Errors by window and method", &heads, &rows)))
}

fn learning(content: &Content<'_>) -> String {
    if content.curve.is_empty() {
        return String::new();
    }
    let counts: Vec<usize> = content.curve.iter().map(|row| row.cascades).collect();
    let value = |row: &CurveRow| row.average(|cell| Some(cell.mean_are));
    let line = |(predictor, class): (Predictor, &'static str)| {
        let own = content.curve.iter().filter(|row| row.predictor == predictor);
        let point = |row: &CurveRow| Some(((row.cascades + 1) as f64, value(row)?));
        Mark::Line { class, name: predictor.name(), points: own.filter_map(point).collect() }
    };
    let drawn = content.curve.iter().filter(|row| DRAWN.iter().any(|(it, _)| *it == row.predictor));
    let highest = drawn.filter_map(value).fold(0.1, f64::max);
    let largest = counts.iter().max().copied().unwrap_or(1);
    let x = Axis { name: "finished cascades + 1", from: 1.0, to: (largest + 1) as f64, log: true };
    let y = Axis {
        name: "mean ARE",
        from: 0.0,
        to: ((highest * 10.0).ceil() / 10.0).min(2.0),
        log: false,
    };
    let about =
        "Mean error over the windows by the number of finished cascades that were learned from.";
    let figure = figure("Learning curve", about, x, y, &DRAWN.map(line));
    let figures = |row: &&CurveRow| DRAWN.iter().any(|(it, _)| *it == row.predictor);
    let rows: Vec<(String, Vec<String>)> = content
        .curve
        .iter()
        .filter(figures)
        .map(|row| {
            let figure = value(row).map_or("-".to_owned(), |it| format!("{it:.3}"));
            let covered = row.average(|cell| cell.covered).map_or("-".to_owned(), percent);
            let name = row.predictor.name().to_owned();
            let class = if row.predictor == Predictor::Model { "ours" } else { "" };
            (class.to_owned(), vec![format!("{} {name}", row.cascades), figure, covered])
        })
        .collect();
    let heads = ["Cascades and method", "Mean ARE", "In interval"];
    section("learning", "Learning curve", &(figure + &table("Learning curve", &heads, &rows)))
}

fn calibrated(content: &Content<'_>) -> String {
    let heads: Vec<String> = ["Window and method", "Scored"]
        .map(str::to_owned)
        .into_iter()
        .chain(ScoredDistribution::LEVELS.map(|level| format!("In {:.0}%", level * 100.0)))
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let cells = |row: &CalibrationRow| {
        let name = format!("{} {}", calibration::window(row), row.predictor.name());
        let mut cells = vec![name, row.scored.to_string()];
        cells.extend(row.covered.map(percent));
        let class = if row.predictor == Predictor::Model { "ours" } else { "" };
        (class.to_owned(), cells)
    };
    let rows: Vec<_> = content.calibration.iter().map(cells).collect();
    let whole = |predictor: Predictor| {
        content.calibration.iter().find(|row| row.t_obs.is_none() && row.predictor == predictor)
    };
    let Some(model) = whole(Predictor::Model) else { return String::new() };
    let share = |name, to| Axis { name, from: 0.0, to, log: false };
    let mut marks =
        vec![Mark::Line { class: "e", name: "nominal", points: vec![(0.0, 0.0), (1.0, 1.0)] }];
    for (predictor, class) in [(Predictor::Model, "a"), (Predictor::GrowthLaw, "b")] {
        if let Some(row) = whole(predictor) {
            let points = ScoredDistribution::LEVELS.into_iter().zip(row.covered).collect();
            marks.push(Mark::Line { class, name: predictor.name(), points });
        }
    }
    let about = "Share of final sizes in intervals of the nominal level, over all windows; on the diagonal, both are equal.";
    let coverage = figure("Coverage", about, share("nominal", 1.0), share("covered", 1.0), &marks);
    let bar = |(bin, height): (usize, f64)| {
        let (from, to) = (bin as f64 / PIT_BINS as f64, (bin + 1) as f64 / PIT_BINS as f64);
        Mark::Bar { class: "a", from, to, height }
    };
    let most = model.pit.into_iter().fold(0.2, f64::max);
    let mut bars: Vec<Mark<'_>> = model.pit.into_iter().enumerate().map(bar).collect();
    bars.push(Mark::Line { class: "e", name: "uniform", points: vec![(0.0, 0.1), (1.0, 0.1)] });
    let about = "Where final sizes lie in the predicted distribution of the model (PIT): uniform where the distribution is right.";
    let pit = figure(
        "PIT histogram",
        about,
        share("predicted probability of a smaller size", 1.0),
        share("share of the cascades", most),
        &bars,
    );
    let text = format!(
        "<div class=\"figures\">{coverage}{pit}</div>\n{}",
        table("Coverage", &heads, &rows)
    );
    section("calibration", "Calibration", &text)
}

fn scatter(content: &Content<'_>) -> String {
    const MAX_POINTS: usize = 1500;
    let mut text = String::new();
    for window in &content.options.windows {
        let here: Vec<&Case> = content.cases.iter().filter(|it| it.t_obs == *window).collect();
        if here.is_empty() {
            continue;
        }
        let every = here.len().div_ceil(MAX_POINTS);
        let points: Vec<(f64, f64)> =
            here.iter().step_by(every).map(|it| (it.n_tot as f64, it.ours().n_tot)).collect();
        let all = || points.iter().flat_map(|(a, b)| [*a, *b]);
        let from = math::pow(10_f64, math::log10(all().fold(f64::MAX, f64::min).max(1.0)).floor());
        let to = math::pow(10_f64, math::log10(all().fold(10.0, f64::max)).ceil());
        let axis = |name| Axis { name, from, to, log: true };
        let marks = [
            Mark::Line { class: "e", name: "exact", points: vec![(from, from), (to, to)] },
            Mark::Dots { class: "a", points },
        ];
        let title = format!("Predicted after {}", span(*window));
        let about = format!(
            "Predicted against final sizes after {}, one dot for each cascade.",
            span(*window)
        );
        text += &figure(&title, &about, axis("final size"), axis("predicted size"), &marks);
    }
    let text = format!("<div class=\"figures\">{text}</div>");
    section("scatter", "Predicted against final size", &text)
}

fn misses(content: &Content<'_>) -> String {
    const WORST: usize = 10;
    let past: HashMap<&str, &FinishedCascade> =
        content.past.iter().map(|it| (&*it.cid, it)).collect();
    let log_error = |case: &Case| math::ln(case.ours().n_tot / case.n_tot.max(1) as f64).abs();
    let mut worst: Vec<&Case> = content.cases.iter().collect();
    worst.sort_by(|a, b| log_error(b).total_cmp(&log_error(a)));
    worst.truncate(WORST);
    let mut figures = String::new();
    let mut rows = Vec::new();
    for case in worst {
        let predicted = case.ours().n_tot;
        let interval = case.ours().interval;
        let range = interval.map_or("-".to_owned(), |[low, high]| format!("{low:.0} to {high:.0}"));
        let factor = predicted / case.n_tot.max(1) as f64;
        let step = case.step.map_or("untrained", Step::name);
        rows.push((
            String::new(),
            vec![
                case.cid.clone(),
                span(case.t_obs),
                case.n_obs.to_string(),
                format!("{predicted:.0}"),
                range,
                case.n_tot.to_string(),
                format!("x{factor:.2}"),
                step.to_owned(),
            ],
        ));
        if let Some(past) = past.get(&*case.cid) {
            figures += &growth(case, past, content.options.max_age);
        }
    }
    let heads =
        ["Cascade", "Window", "Observed", "Predicted", "Interval", "Final", "Factor", "Method"];
    let text = table("The ten worst misses", &heads, &rows)
        + &format!("<div class=\"figures\">{figures}</div>");
    section("misses", "The ten worst misses, by factor", &text)
}

/// The figure of a case: the growth of its cascade beside the prediction. The largest age is in seconds.
fn growth(case: &Case, past: &FinishedCascade, max_age: f64) -> String {
    const POINTS: usize = 120;
    let times = past.points.iter().map(|it| it.time);
    let events: Vec<f64> = times.filter(|it| *it <= max_age).collect();
    let every = events.len().div_ceil(POINTS).max(1);
    let mut grown: Vec<(f64, f64)> = events
        .iter()
        .enumerate()
        .filter(|(i, _)| i % every == 0 || i + 1 == events.len())
        .map(|(i, t)| (t.max(1.0) / 60.0, (i + 1) as f64))
        .collect();
    let end = max_age / 60.0;
    if let Some((_, last)) = grown.last().copied() {
        grown.push((end, last));
    }
    let (window, predicted) = (case.t_obs as f64 / 60.0, case.ours().n_tot);
    let top = predicted.max(case.n_tot as f64);
    let marks = [
        Mark::Line { class: "c", name: "events", points: grown },
        Mark::Line {
            class: "e",
            name: "end of the window",
            points: vec![(window, 1.0), (window, top)],
        },
        Mark::Line {
            class: "a",
            name: "predicted",
            points: vec![(window, predicted), (end, predicted)],
        },
    ];
    let about = format!(
        "Cascade {} after {}: {:.0} predicted, {} final.",
        case.cid,
        span(case.t_obs),
        predicted,
        case.n_tot
    );
    let x = Axis { name: "age, minutes", from: (window / 20.0).min(1.0), to: end, log: true };
    let y = Axis { name: "events", from: 0.0, to: top * 1.05, log: false };
    figure(&format!("Cascade {}", case.cid), &about, x, y, &marks)
}

fn card(content: &Content<'_>) -> String {
    let options = content.options;
    let mut steps: Vec<(&str, usize)> = Vec::new();
    for case in content.cases {
        let name = case.step.map_or("untrained", Step::name);
        match steps.iter_mut().find(|(own, _)| *own == name) {
            Some((_, count)) => *count += 1,
            None => steps.push((name, 1)),
        }
    }
    let steps: Vec<String> = steps.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    let items = [
        ("Program", format!("tweetoscope {}", env!("CARGO_PKG_VERSION"))),
        ("Purpose", "Predict the number of events of a retweet cascade in the end, from its first minutes, with an interval.".to_owned()),
        ("Method", "Growth law of six constants; with finished cascades its intercept, then a linear correction (MAP law), then a forest with small networks, blended by the number of samples.".to_owned()),
        ("Predictions by method", steps.join(", ")),
        ("Input", "Times and marks of the events in the window; no text, no account data but the marks.".to_owned()),
        ("Evaluation", content.split.clone()),
        ("Windows", options.windows.iter().map(|it| span(*it)).collect::<Vec<_>>().join(", ")),
        ("Trees, random seed", format!("{}, {}", options.learn.trees, options.learn.seed)),
        ("Nominal level of intervals", percent(options.predict.level)),
        ("Limits", "The errors hold for cascades like those of the data section. A model of another platform, of other selection by size or of another time can be worse; a cascade that is shared by an account with many followers after the window is not foreseen. Predictions are bounded by the largest size of the documentation.".to_owned()),
    ];
    section("card", "Model card", &list(&items))
}
