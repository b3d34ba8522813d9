//! Draws the view.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{
    Axis, Block, Chart, Dataset, GraphType, LegendPosition, Paragraph, Row, Table,
};
use tweetoscope::event;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::ErrorPoint;

use super::screen::Screen;
use crate::dashboard::figures::short;
use crate::monitor::plot::top;
use crate::monitor::table::{HEADS, WIDTHS, cells, legend};

const KEYS: &str = "q quit  p pause  up, down select a window  ? explain the columns";

/// Draws the screen.
pub(super) fn screen(frame: &mut Frame<'_>, screen: &mut Screen<'_>) {
    // Two lines of heads, and as many windows as leave room for the plots.
    let rows = (screen.reports.len() as u16).min((frame.area().height / 2).saturating_sub(4)) + 2;
    let text = if screen.help { legend(&screen.reports) } else { KEYS.to_owned() };
    let text = wrapped(&text, usize::from(frame.area().width));
    let explained = text.lines().count() as u16;
    let [head, middle, plot, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(rows),
        Constraint::Fill(1),
        Constraint::Length(explained),
    ])
    .areas(frame.area());
    frame.render_widget(header(screen), head);
    frame.render_widget(Paragraph::new(text).dark_gray(), foot);
    if screen.reports.is_empty() {
        let text = "\n\nno stats yet: a prediction is scored when its final size is emitted";
        frame.render_widget(Paragraph::new(text).alignment(Alignment::Center), plot);
        return;
    }
    figures(frame, middle, screen);
    let Some((report, history)) = screen.selected() else { return };
    let [errors, coverage] =
        Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(plot);
    error_course(frame, errors, report, history, screen.last);
    coverage_course(frame, coverage, report, history);
}

/// Text whose lines are at most `width` wide, broken between words.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let start = lines.len();
        for word in line.split(' ') {
            match lines[start..].last_mut() {
                Some(last) if last.len() + 1 + word.len() <= width => {
                    last.push(' ');
                    last.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
    }
    lines.join("\n")
}

fn header(screen: &Screen<'_>) -> Line<'static> {
    let state = match (screen.paused, (screen.over)()) {
        (true, _) => Span::styled(" paused ", Style::new().reversed().yellow()),
        (_, true) => Span::styled(" end of input ", Style::new().reversed()),
        _ => Span::styled(" live ", Style::new().reversed().green()),
    };
    let counts = format!("  {} predictions scored", screen.scored);
    Line::from(vec![Span::from("tweetoscope monitor ").bold(), state, Span::from(counts)])
}

fn figures(frame: &mut Frame<'_>, area: Rect, screen: &mut Screen<'_>) {
    let cells: Vec<_> = screen.reports.iter().map(cells).collect();
    let columns = fitting(&cells, usize::from(area.width));
    let rows = screen.reports.iter().zip(&cells);
    let rows = rows.map(|(report, cells)| line(report, cells, &columns)).collect::<Vec<_>>();
    // The last column is aligned left and takes the remaining width.
    let widths = columns.iter().map(|&(column, width)| match column {
        11 => Constraint::Fill(1),
        _ => Constraint::Length(width as u16),
    });
    let head = columns.iter().map(|&(column, _)| {
        aligned(&format!("{}\n{}", HEADS[0][column], HEADS[1][column]), column)
    });
    let table = Table::new(rows, widths)
        .column_spacing(0)
        .header(Row::new(head).height(2).bold())
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut screen.table);
}

/// The columns in the order in which they are omitted where the terminal is too narrow; window, scored, mean
/// and verdict remain.
const OMITTED: [usize; 8] = [10, 9, 7, 8, 5, 3, 6, 4];

/// The columns that fit into `room` with all their digits, and their widths.
fn fitting(cells: &[[String; 12]], room: usize) -> Vec<(usize, usize)> {
    // Each cell is preceded by a blank, the verdict by two.
    let width = |column: usize| match column {
        11 => HEADS[1][11].len() + 2,
        _ => cells.iter().map(|it| it[column].len() + 1).fold(WIDTHS[column], usize::max),
    };
    let mut columns: Vec<_> = (0..WIDTHS.len()).map(|column| (column, width(column))).collect();
    for omitted in OMITTED {
        if columns.iter().map(|(_, width)| width).sum::<usize>() <= room {
            break;
        }
        columns.retain(|(column, _)| *column != omitted);
    }
    columns
}

/// Numbers are aligned right, text left.
fn aligned(text: &str, column: usize) -> Text<'static> {
    match column {
        0 => Text::from(text.to_owned()),
        11 => Text::from(text.lines().map(|it| format!("  {it}")).collect::<Vec<_>>().join("\n")),
        _ => Text::from(text.to_owned()).alignment(Alignment::Right),
    }
}

fn line(report: &Report, cells: &[String; 12], columns: &[(usize, usize)]) -> Row<'static> {
    let colour = match report.verdict.as_str() {
        "ok" => Color::Green,
        "young" => Color::Reset,
        _ => Color::Red,
    };
    let cells = columns.iter().map(|&(column, _)| {
        let text = &cells[column];
        let cell = aligned(text, column);
        match column {
            2 => cell.bold(),
            7..=9 if text.starts_with(['-', '<']) && text.len() > 1 => cell.fg(Color::Red),
            11 => cell.fg(colour).bold(),
            _ => cell,
        }
    });
    Row::new(cells.collect::<Vec<_>>())
}

/// A series of points over the predictions scored.
fn set<'a>(name: &'a str, data: &'a [(f64, f64)], colour: Color) -> Dataset<'a> {
    Dataset::default()
        .name(name)
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::new().fg(colour))
        .data(data)
}

fn series(history: &[ErrorPoint], value: impl Fn(&ErrorPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    history.iter().filter_map(|it| Some((it.scored as f64, value(it)?))).collect()
}

/// The mean error over all and over the last stats, red where it drifted.
fn error_course(
    frame: &mut Frame<'_>,
    area: Rect,
    report: &Report,
    history: &[ErrorPoint],
    last: usize,
) {
    let highest = top(history);
    let inside = |value: f64| Some(value.min(highest));
    let all = series(history, |it| inside(it.mean_are));
    let late = series(history, |it| inside(it.last_mean_are));
    let drifted = series(history, |it| it.drifted.then_some(()).and(inside(it.last_mean_are)));
    let named = format!("last {last}");
    let mut sets = vec![set(&named, &late, Color::Cyan), set("all", &all, Color::Yellow)];
    if !drifted.is_empty() {
        sets.push(set("drift", &drifted, Color::Red).graph_type(GraphType::Scatter));
    }
    let title = format!(" {}: mean ARE ", event::Span(report.t_obs as f64));
    let labels = [0.0, highest / 2.0, highest].map(|it| format!("{it:.2}"));
    frame.render_widget(
        chart(sets, title, report.scored, area.width).y_axis(
            Axis::default().bounds([0.0, highest]).labels(labels).style(Style::new().dark_gray()),
        ),
        area,
    );
}

/// The share of final sizes inside their interval, and the nominal share.
fn coverage_course(frame: &mut Frame<'_>, area: Rect, report: &Report, history: &[ErrorPoint]) {
    let held = series(history, |it| it.last_covered);
    let end = report.scored as f64;
    let nominal: Vec<_> =
        report.level.iter().flat_map(|level| [(1.0, *level), (end.max(1.0), *level)]).collect();
    let sets = vec![set("nominal", &nominal, Color::DarkGray), set("covered", &held, Color::Cyan)];
    let labels = ["0%", "50%", "100%"];
    frame.render_widget(
        chart(sets, " share inside the interval ".to_owned(), report.scored, area.width).y_axis(
            Axis::default().bounds([0.0, 1.0]).labels(labels).style(Style::new().dark_gray()),
        ),
        area,
    );
}

/// The labels of the predictions scored. Where a label does not fit, ratatui cuts its first digits: then it is shorter, or
/// there is none.
fn labels(scored: u64, width: u16) -> Vec<String> {
    // Border, axis and its labels take about 9 columns; each of two labels has half of the others.
    let room = usize::from(width.saturating_sub(9)) / 2;
    let number = short(scored as f64);
    let forms = [format!("{scored} scored"), format!("{number} scored"), number];
    let label = forms.into_iter().find(|it| it.len() <= room);
    label.map_or_else(Vec::new, |label| vec!["1".to_owned(), label])
}

fn chart<'a>(sets: Vec<Dataset<'a>>, title: String, scored: u64, width: u16) -> Chart<'a> {
    let end = scored.max(2) as f64;
    let axis = Axis::default().bounds([1.0, end]).labels(labels(scored, width));
    Chart::new(sets)
        .block(Block::bordered().title(title).border_style(Style::new().dark_gray()))
        .legend_position(Some(LegendPosition::BottomLeft))
        .hidden_legend_constraints((Constraint::Percentage(60), Constraint::Percentage(60)))
        .x_axis(axis.style(Style::new().dark_gray()))
}
