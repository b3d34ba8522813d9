//! Draws the view.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{
    Axis, Block, Chart, Dataset, GraphType, LegendPosition, Paragraph, Row, Table,
};
use tweetoscope::stage::dashboard::{Change, Detail, Entry};
use tweetoscope::stream::printable;

use super::screen::Screen;
use crate::dashboard::figures::{change, count, interval, percent, span, threshold};

const HELP: &str = "q quit   p pause   s sort   / filter   e hide terminated cascades   \
                    up, down select   Enter open   Esc back";

/// Draws the screen.
pub(super) fn screen(frame: &mut Frame<'_>, screen: &mut Screen) {
    let parts =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]);
    let [head, middle, foot] = parts.areas(frame.area());
    frame.render_widget(header(screen), head);
    frame.render_widget(footer(screen), foot);
    match &screen.detail {
        Some(it) if screen.open.is_some() => detail(frame, middle, it),
        _ if screen.rows.is_empty() => {
            let text = if screen.query.text.is_empty() {
                "no alerts yet"
            } else {
                "no cascade matches the filter"
            };
            frame.render_widget(
                Paragraph::new(format!("\n{text}")).alignment(Alignment::Center),
                middle,
            );
        }
        _ => board(frame, middle, screen),
    }
}

fn header(screen: &Screen) -> Line<'static> {
    let state = match (screen.paused, screen.over) {
        (true, _) => Span::styled(" paused ", Style::new().reversed().yellow()),
        (_, true) => Span::styled(" end of input ", Style::new().reversed()),
        _ => Span::styled(" live ", Style::new().reversed().green()),
    };
    let counts = format!(
        "  {} alerts, {} cascades, by {}",
        count(screen.alerts as f64),
        count(screen.cascades as f64),
        screen.query.sort.name()
    );
    Line::from(vec![Span::from("tweetoscope ").bold(), state, Span::from(counts)])
}

fn footer(screen: &Screen) -> Line<'static> {
    if screen.typing {
        return Line::from(format!("filter: {}_", printable(&screen.query.text))).bold();
    }
    if screen.help {
        return Line::from(HELP);
    }
    let filter = match screen.query.text.as_str() {
        "" => String::new(),
        text => format!("filter: {}   ", printable(text)),
    };
    let keys = "q quit  p pause  s sort  / filter  Enter open  ? keys";
    Line::from(vec![Span::from(filter).bold(), Span::from(keys).dark_gray()])
}

fn board(frame: &mut Frame<'_>, area: Rect, screen: &mut Screen) {
    let above = threshold(&screen.rows).map_or("P>N".to_owned(), |it| format!("P>{}", count(it)));
    // Without probabilities in the alerts the column would be empty.
    let has_above = screen.rows.iter().any(|row| row.above.is_some());
    let wide = area.width >= 100;
    // The width of the other columns and the blanks between them.
    let taken = 49 + if has_above { 8 } else { 0 } + if wide { 17 } else { 0 };
    let room = usize::from(area.width).saturating_sub(taken);
    // A narrow terminal has no room for the activity.
    let mut heads = vec!["#", "+/-", "cascade", "observed", "predicted", "interval", &above, "age"];
    let mut widths = vec![3, 4, 0, 8, 9, 13, 7, 6];
    if wide {
        heads.push("activity");
        widths.push(16);
    }
    let shown = move |column: &usize| *column != ABOVE || has_above;
    let columns: Vec<usize> = (0..heads.len()).filter(shown).collect();
    let head = Row::new(columns.iter().map(|&i| aligned(heads[i], i))).bold();
    let rows = screen.rows.iter().map(|row| line(row, &columns, room));
    let widths = columns.iter().map(|&i| match widths[i] {
        0 => Constraint::Fill(1),
        width => Constraint::Length(width),
    });
    let table = Table::new(rows, widths)
        .header(head)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut screen.table);
}

/// The column of the probability of more than a size.
const ABOVE: usize = 6;

/// Numbers are aligned right, text left.
fn aligned(text: &str, column: usize) -> Text<'static> {
    let right = matches!(column, 0 | 3..=7);
    let alignment = if right { Alignment::Right } else { Alignment::Left };
    Text::from(text.to_owned()).alignment(alignment)
}

/// Text that ends in an ellipsis where it is cut.
fn cut(text: &str, room: usize) -> String {
    if Span::raw(text).width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if Span::raw(kept.as_str()).width() >= room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

fn line(entry: &Entry, columns: &[usize], room: usize) -> Row<'static> {
    let text = if entry.msg.is_empty() { &entry.key.cid } else { &entry.msg };
    let cells = [
        entry.rank.to_string(),
        change(entry.change),
        cut(&printable(text), room),
        count(entry.observed as f64),
        count(entry.predicted),
        interval(entry),
        entry.above.map_or_else(String::new, |(_, p)| percent(p)),
        entry.age.map_or_else(String::new, span),
        bars(&entry.spark),
    ];
    let colour = match entry.change {
        Some(Change::By(places)) if places > 0 => Color::Green,
        Some(Change::By(places)) if places < 0 => Color::Red,
        Some(Change::New) => Color::Cyan,
        _ => Color::Reset,
    };
    let cells = columns.iter().map(|&column| {
        let cell = aligned(&cells[column], column);
        match column {
            1 => cell.fg(colour),
            4 => cell.bold(),
            _ => cell,
        }
    });
    let row = Row::new(cells.collect::<Vec<_>>());
    if entry.ended.is_some() { row.dark_gray() } else { row }
}

/// A sparkline in one line of text.
fn bars(counts: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = counts.iter().max().copied().unwrap_or(0).max(1);
    let bar = |n: &u64| if *n == 0 { ' ' } else { BARS[(n * 7 / highest) as usize] };
    counts.iter().map(bar).collect()
}

fn detail(frame: &mut Frame<'_>, area: Rect, detail: &Detail) {
    let entry = &detail.entry;
    let reaches = detail.reaches.iter().map(|(size, age)| match age {
        None => format!("{}: not expected", count(*size)),
        Some(age) if *age <= entry.window as f64 => format!("{}: reached", count(*size)),
        Some(age) => format!("{}: at {}", count(*size), span(*age)),
    });
    let facts = [
        format!("predicted {} ({})", count(entry.predicted), interval(entry)),
        format!(
            "{} {}",
            if entry.ended.is_some() { "final size" } else { "observed" },
            count(entry.observed as f64)
        ),
        entry.above.map_or_else(String::new, |(n, p)| format!("P>{} {}", count(n), percent(p))),
        entry.age.map_or_else(String::new, |age| format!("age {}", span(age))),
        format!("rank {}", entry.rank),
        format!("model {}", printable(&entry.model)),
    ];
    let facts: Vec<_> = facts.into_iter().filter(|it| !it.is_empty()).collect();
    let width = usize::from(area.width);
    let name = printable(&format!("{}/{}", entry.key.source, entry.key.cid));
    let title = if entry.msg.is_empty() { name.clone() } else { printable(&entry.msg) };
    let mut text = vec![Line::from(cut(&title, width)).bold()];
    text.extend(filled(&facts, width).into_iter().map(Line::from));
    let reaches = filled(&reaches.collect::<Vec<_>>(), width);
    text.extend(reaches.into_iter().map(|it| Line::from(it).dark_gray()));
    let parts = Layout::vertical([Constraint::Length(text.len() as u16), Constraint::Fill(1)]);
    let [head, plot] = parts.areas(area);
    frame.render_widget(Paragraph::new(text), head);
    chart(frame, plot, detail);
}

/// Parts side by side, in as many lines as they need.
fn filled(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width => {
                line.push_str("   ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

fn chart(frame: &mut Frame<'_>, area: Rect, detail: &Detail) {
    let seen: Vec<_> = detail.growth.iter().map(|&(age, n)| (age, n as f64)).collect();
    let expected: Vec<_> = detail.continuation.iter().map(|it| (it.age, it.events)).collect();
    let edge = |of: fn(&tweetoscope::stage::dashboard::Expected) -> f64| -> Vec<_> {
        detail.continuation.iter().map(|it| (it.age, of(it))).collect()
    };
    let (low, high) = (edge(|it| it.low), edge(|it| it.high));
    // Until 95 % of the predicted size, but at most twelve windows, so that the observed part stays
    // visible.
    const WINDOWS: f64 = 12.0;
    let enough = 0.95 * detail.entry.predicted;
    let far = expected.iter().find(|it| it.1 >= enough).or(expected.last()).map_or(0.0, |it| it.0);
    let window = detail.entry.window as f64;
    let far = far.min(WINDOWS * window);
    let right = seen.last().map_or(0.0, |it| it.0).max(far).max(window);
    let limit = 2.0 * detail.entry.predicted.max(detail.entry.observed as f64).max(1.0);
    let top = high.iter().map(|it| it.1).fold(limit / 2.0, f64::max).min(limit);
    let set = |data, colour| {
        let set = Dataset::default().marker(Marker::Braille).data(data);
        set.graph_type(GraphType::Line).style(Style::new().fg(colour))
    };
    let sets = vec![
        set(&low, Color::DarkGray),
        set(&high, Color::DarkGray).name("interval"),
        set(&expected, Color::Yellow).name("expected"),
        set(&seen, Color::Cyan).name("observed"),
    ];
    let labels = |end: f64, text: fn(f64) -> String| [0.0, end / 2.0, end].map(text);
    let chart = Chart::new(sets)
        .block(Block::bordered().title(" growth: events by age "))
        .legend_position(Some(LegendPosition::TopLeft))
        .hidden_legend_constraints((Constraint::Percentage(50), Constraint::Percentage(50)))
        .x_axis(Axis::default().bounds([0.0, right]).labels(labels(right, span)))
        .y_axis(Axis::default().bounds([0.0, top]).labels(labels(top, count)));
    frame.render_widget(chart, area);
}
