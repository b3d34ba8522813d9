//! Draws the view.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{
    Axis, Block, Chart, Dataset, GraphType, LegendPosition, Paragraph, Row, Table, Wrap,
};
use tweetoscope::stage::dashboard::{Change, Detail, Entry};
use tweetoscope::stream::printable;

use super::columns::{self, Column, cut};
use super::screen::Screen;
use crate::dashboard::figures::{count, hidden, in_parentheses, percent, short, span};

const HELP: [&str; 8] = [
    "q quit",
    "p pause",
    "s sort",
    "/ filter",
    "e include cascades that are over",
    "up, down select",
    "Enter open",
    "Esc back",
];

/// Draws the screen.
pub(super) fn screen(frame: &mut Frame<'_>, screen: &mut Screen) {
    let foot = footer(screen, frame.area().width);
    let height = foot.height().try_into().unwrap_or(u16::MAX);
    let parts =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(height)]);
    let [head, middle, bottom] = parts.areas(frame.area());
    frame.render_widget(header(screen), head);
    frame.render_widget(foot, bottom);
    match &screen.detail {
        Some(it) if screen.open.is_some() => detail(frame, middle, it),
        _ if screen.rows.is_empty() => {
            let remedy = "e includes them";
            let text = match hidden(if screen.query.ended { 0 } else { screen.ended }, remedy) {
                _ if !screen.query.text.is_empty() => "no cascade matches the filter".to_owned(),
                Some(text) => text,
                None => "no alerts yet".to_owned(),
            };
            frame.render_widget(
                Paragraph::new(format!("\n{text}"))
                    .alignment(Alignment::Center)
                    .wrap(Wrap { trim: true }),
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

fn footer(screen: &Screen, width: u16) -> Text<'static> {
    if screen.typing {
        return Line::from(format!("filter: {}_", printable(&screen.query.text))).bold().into();
    }
    if screen.help {
        let lines = filled(&HELP.map(str::to_owned), usize::from(width));
        return lines.into_iter().map(Line::from).collect();
    }
    let filter = match screen.query.text.as_str() {
        "" => String::new(),
        text => format!("filter: {}   ", printable(text)),
    };
    let keys = "q quit  p pause  s sort  / filter  Enter open  ? keys";
    Line::from(vec![Span::from(filter).bold(), Span::from(keys).dark_gray()]).into()
}

fn board(frame: &mut Frame<'_>, area: Rect, screen: &mut Screen) {
    let table = columns::Columns::fitting(&screen.rows, usize::from(area.width));
    let head = Row::new(table.heads.iter().map(|(column, head)| aligned(head, *column))).bold();
    let rows = screen.rows.iter().zip(&table.cells).map(|(entry, cells)| line(entry, cells));
    let widths = table.widths.iter().map(|width| Constraint::Length(*width as u16));
    let table = Table::new(rows, widths)
        .header(head)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut screen.table);
}

/// Numbers are aligned right, text left.
fn aligned(text: &str, column: Column) -> Text<'static> {
    let left = matches!(column, Column::Change | Column::Cascade | Column::Activity);
    let alignment = if left { Alignment::Left } else { Alignment::Right };
    Text::from(text.to_owned()).alignment(alignment)
}

fn line(entry: &Entry, cells: &[(Column, String)]) -> Row<'static> {
    let colour = match entry.change {
        Some(Change::By(places)) if places > 0 => Color::Green,
        Some(Change::By(places)) if places < 0 => Color::Red,
        Some(Change::New) => Color::Cyan,
        _ => Color::Reset,
    };
    let cells = cells.iter().map(|(column, text)| {
        let cell = aligned(text, *column);
        match column {
            Column::Change => cell.fg(colour),
            Column::Predicted => cell.bold(),
            _ => cell,
        }
    });
    let row = Row::new(cells.collect::<Vec<_>>());
    if entry.ended.is_some() { row.dark_gray() } else { row }
}

fn detail(frame: &mut Frame<'_>, area: Rect, detail: &Detail) {
    let entry = &detail.entry;
    let reaches = detail.reaches.iter().map(|(size, age)| match age {
        _ if *size <= entry.observed as f64 => format!("{}: reached", count(*size)),
        None => format!("{}: not expected", count(*size)),
        Some(age) => format!("{}: at {}", count(*size), span(*age)),
    });
    let facts = [
        format!(
            "predicted {}{}{}",
            count(entry.predicted),
            if entry.exceeded { " (exceeded)" } else { "" },
            in_parentheses(entry)
        ),
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
    if !entry.msg.is_empty() {
        text.push(Line::from(cut(&name, width)).dark_gray());
    }
    text.extend(filled(&facts, width).into_iter().map(Line::from));
    let reasons = detail.reasons.iter().map(|it| printable(it));
    text.extend(
        filled(&reasons.collect::<Vec<_>>(), width).into_iter().map(|it| Line::from(it).cyan()),
    );
    let reaches = filled(&reaches.collect::<Vec<_>>(), width);
    text.extend(reaches.into_iter().map(|it| Line::from(it).dark_gray()));
    text.extend(filled(&alerts(detail), width).into_iter().map(|it| Line::from(it).dark_gray()));
    let parts = Layout::vertical([Constraint::Length(text.len() as u16), Constraint::Fill(1)]);
    let [head, plot] = parts.areas(area);
    frame.render_widget(Paragraph::new(text), head);
    chart(frame, plot, detail);
}

/// Window and predicted size of the newest alerts, where there are several.
fn alerts(detail: &Detail) -> Vec<String> {
    const SHOWN: usize = 8;
    let newest = detail.history.iter().skip(detail.history.len().saturating_sub(SHOWN));
    let one = |(window, n_tot): &(u64, f64)| {
        format!("{} predicted {}", span(*window as f64), count(*n_tot))
    };
    if detail.history.len() > 1 { newest.map(one).collect() } else { Vec::new() }
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
    // Where an age does not fit, ratatui cuts its first digits. Border, axis and sizes take up to 9 columns.
    let room = usize::from(area.width.saturating_sub(9)) / 3;
    let mut ages = labels(right, span).to_vec();
    if ages.iter().any(|age| age.len() > room) {
        ages.clear();
    }
    let chart = Chart::new(sets)
        .block(Block::bordered().title(" growth: events by age "))
        .legend_position(Some(LegendPosition::TopLeft))
        .hidden_legend_constraints((Constraint::Percentage(50), Constraint::Percentage(50)))
        .x_axis(Axis::default().bounds([0.0, right]).labels(ages))
        .y_axis(Axis::default().bounds([0.0, top]).labels(labels(top, short)));
    frame.render_widget(chart, area);
}
