//! The page before its script runs, or without script.

use tweetoscope::stage::dashboard::{Detail, Entry, Key, Query, Sort};
use tweetoscope::stream::printable;

use crate::dashboard::figures::{
    change, count, hidden, in_parentheses, interval, percent, span, threshold,
};
use crate::html;

const FRAME: &str = include_str!("../assets/frame.html");
const BOARD: &str = include_str!("../assets/board.html");

/// The value of a parameter of a query, decoded.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The address of the page of a cascade.
pub(super) fn link(key: &Key) -> String {
    let encoded = |text: &str| -> String {
        let one = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect()
    };
    format!("/cascade?source={}&cid={}", encoded(&key.source), encoded(&key.cid))
}

/// Printable text as HTML, in an element or an attribute.
fn escaped(text: &str) -> String {
    html::escaped(&printable(text))
}

/// `template` with every given `{name}` replaced; inserted text is not searched for names.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let named = after.split_once('}').and_then(|(name, after)| {
            Some((values.iter().find(|(key, _)| *key == name)?.1, after))
        });
        let (value, after) = named.unwrap_or(("{", after));
        text.push_str(value);
        rest = after;
    }
    text + rest
}

/// Numbers in the frame and form of the page.
pub(super) struct Status {
    pub(super) alerts: u64,
    pub(super) cascades: usize,
    /// Cascades that are over.
    pub(super) ended: usize,
    /// Whether the input has ended.
    pub(super) over: bool,
    /// Rows that the table shows at most.
    pub(super) top: usize,
}

/// The table, the form, and the state of the stream.
pub(super) fn board(rows: &[Entry], query: &Query, status: &Status) -> String {
    let option = |sort: Sort| {
        let chosen = if sort == query.sort { " selected" } else { "" };
        format!("<option value=\"{0}\"{chosen}>{0}</option>", sort.name())
    };
    let options: String = Sort::ALL.into_iter().map(option).collect();
    let above = threshold(rows).map_or("N".to_owned(), count);
    let (alerts, cascades) = (count(status.alerts as f64), count(status.cascades as f64));
    let over = if status.over { ", end of input" } else { "" };
    let state = format!("{alerts} alerts, {cascades} cascades{over}");
    let ended = if query.ended || !query.text.is_empty() { 0 } else { status.ended };
    let none = hidden(ended, "tick \"include cascades that are over\"");
    let none = none.unwrap_or_else(|| match query.text.is_empty() || status.cascades == 0 {
        true => "No alerts yet.".to_owned(),
        false => "No cascade matches the filter.".to_owned(),
    });
    let body = filled(
        BOARD,
        &[
            ("options", &options),
            ("sort", query.sort.name()),
            ("q", &escaped(&query.text)),
            ("ended", if query.ended { " checked" } else { "" }),
            ("above", &above),
            ("top", &status.top.to_string()),
            ("rows", &rows.iter().map(row).collect::<String>()),
            ("none", &escaped(&none)),
            ("empty", if rows.is_empty() { "" } else { " hidden" }),
        ],
    );
    let refresh = "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>";
    let script = "<script type=\"module\" src=\"/page.js\"></script>";
    let head = format!("{refresh}{script}");
    let values = [("title", "Largest predictions"), ("head", &head), ("state", &state)];
    filled(FRAME, &[&values[..], &[("body", &body)]].concat())
}

fn row(row: &Entry) -> String {
    let text = if row.msg.is_empty() { "(no text)" } else { &row.msg };
    let above = row.above.map_or_else(String::new, |(_, p)| percent(p));
    let age = row.age.map_or_else(String::new, span);
    let over = if row.ended.is_some() { "<span class=\"wide\"> final</span>" } else { "" };
    // A narrow page has no headings: "9,444 events, over, 21d23h".
    let events = if row.observed == 1 { " event" } else { " events" };
    let ended = if row.ended.is_some() { ", over" } else { "" };
    let comma = if age.is_empty() { "" } else { "," };
    let narrow = format!("<span class=\"narrow\">{events}{ended}{comma}</span>");
    let exceeded = if row.exceeded { " <em class=\"exceeded\">exceeded</em>" } else { "" };
    let cells = [
        ("rank", row.rank.to_string()),
        ("change", change(row.change)),
        (
            "text",
            format!(
                "<a href=\"{}\"><bdi>{}</bdi></a><span class=\"name\">{}/{}</span>",
                escaped(&link(&row.key)),
                escaped(text),
                escaped(&row.key.source),
                escaped(&row.key.cid)
            ),
        ),
        ("observed", count(row.observed as f64) + over + &narrow),
        (
            "predicted",
            format!(
                "<b>{}</b>{exceeded} <span class=\"interval\">{}</span>",
                count(row.predicted),
                interval(row)
            ),
        ),
        ("above", escaped(&above)),
        ("age", age),
        ("spark", String::new()),
    ];
    let cell = |(class, content): &(&str, String)| {
        format!("<td role=\"cell\" class=\"{class}\">{content}</td>")
    };
    format!("<tr role=\"row\">{}</tr>\n", cells.iter().map(cell).collect::<String>())
}

/// The page of one cascade, without script.
pub(super) fn detail(detail: &Detail) -> String {
    let entry = &detail.entry;
    let line = |head: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr><th scope=\"row\">{head}</th>{cells}</tr>\n")
    };
    let every = detail.growth.len().div_ceil(20).max(1);
    let seen = detail.growth.iter().step_by(every);
    let seen = seen.map(|(age, events)| line(&span(*age), &[count(*events as f64), String::new()]));
    let expected = detail.continuation.iter().map(|it| {
        line(&span(it.age), &[count(it.events), format!("{}-{}", count(it.low), count(it.high))])
    });
    let reaches = detail.reaches.iter().map(|(size, age)| {
        let when = match age {
            _ if *size <= entry.observed as f64 => "reached".to_owned(),
            None => "not expected".to_owned(),
            Some(age) => format!("expected at the age of {}", span(*age)),
        };
        line(&count(*size), &[when])
    });
    let reaches = match reaches.collect::<String>() {
        rows if rows.is_empty() => rows,
        rows => format!("<h3>Expected time to reach a size</h3>\n<table>{rows}</table>\n"),
    };
    let alerts = detail.history.iter();
    let alerts = alerts.map(|(window, n_tot)| line(&span(*window as f64), &[count(*n_tot)]));
    let alerts =
        format!("<h3>Predictions by window</h3>\n<table>{}</table>\n", alerts.collect::<String>());
    let reason = |it: &String| format!("<li>{}</li>\n", escaped(&printable(it)));
    let reasons = match detail.reasons.iter().map(reason).collect::<String>() {
        items if items.is_empty() => items,
        items => format!("<h3>Largest contributions</h3>\n<ul>{items}</ul>\n"),
    };
    let name = escaped(&format!("{}/{}", entry.key.source, entry.key.cid));
    let title = format!("Cascade {name}");
    let body = format!(
        "<main class=\"page\"><p><a href=\"/\">All cascades</a></p>\n\
         <h2><bdi>{}</bdi></h2>\n<p class=\"name\">{name}</p>\n\
         <p>Predicted {}{}{}, {} {}, rank {}.</p>\n\
         {}{}{}\
         <h3>Growth</h3>\n<table><thead><tr><th scope=\"col\">age</th>\
         <th scope=\"col\">events</th><th scope=\"col\">interval</th></tr></thead>\n\
         <tbody>{}{}</tbody></table></main>",
        escaped(if entry.msg.is_empty() { "(no text)" } else { &entry.msg }),
        count(entry.predicted),
        if entry.exceeded { " (exceeded)" } else { "" },
        escaped(&in_parentheses(entry)),
        if entry.ended.is_some() { "final size" } else { "observed" },
        count(entry.observed as f64),
        entry.rank,
        reasons,
        reaches,
        alerts,
        seen.collect::<String>(),
        expected.collect::<String>(),
    );
    filled(FRAME, &[("title", &title), ("head", ""), ("state", ""), ("body", &body)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_ids_survive_links() {
        for text in
            ["<script>alert(1)</script>", "\" onmouseover=\"x", "a'b&c", "{rows}{", "%41+&=#?"]
        {
            let safe = escaped(text);
            assert!(!safe.contains(['<', '>', '"', '\'']), "{safe}");
            let key = Key { source: text.to_owned(), cid: format!("\u{202e}é{text}") };
            let query = link(&key);
            let query = query.split_once('?').unwrap().1;
            assert_eq!(parameter(query, "source").as_ref(), Some(&key.source));
            assert_eq!(parameter(query, "cid").as_ref(), Some(&key.cid));
        }
        assert_eq!(escaped("\u{202e}\u{1b}"), "\\u{202e}\\u{1b}");
        assert_eq!(parameter("q=%", "q"), None);
        assert_eq!(parameter("q=%ff", "q"), None);
        assert_eq!(filled("a {x} {y} {", &[("x", "{y}"), ("y", "2")]), "a {y} 2 {");
    }
}
