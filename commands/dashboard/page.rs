//! The page: our own HTML, CSS and JavaScript, live by server-sent events.
//!
//! Texts of tweets are hostile. The server escapes them, the script sets them as text only, and
//! the policy forbids all that is not ours, also to a browser that was tricked.

mod data;
mod html;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tweetoscope::stage::dashboard::{Key, Query, Sort};
use tweetoscope::telemetry::{Answer, Feed, PageRequest, Site};

use super::{MARK, Shared};

/// Rows that the script gets, to filter and sort among.
const ROWS: usize = 200;
/// How often the page is told of changes.
const OFTEN: Duration = Duration::from_millis(250);

const POLICY: &[(&str, &str)] = &[(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
)];

/// What the page shows.
pub(super) struct View {
    shared: Shared,
    top: usize,
    above: Option<f64>,
    feed: Feed,
}

impl View {
    pub(super) fn new(shared: Shared, top: usize, above: Option<f64>) -> Self {
        Self { shared, top, above, feed: Feed::default() }
    }

    /// Tells the page of changes until it is told to stop.
    pub(super) fn serve(&self, stop: &AtomicBool) {
        let mut told = None;
        let mut marked: Option<Instant> = None;
        while !stop.load(Ordering::Relaxed) {
            let mut board = self.shared.board();
            if board.predicted() > 0 && marked.is_none_or(|at| at.elapsed() > MARK) {
                board.mark();
                marked = Some(now());
            }
            let state = (board.version(), self.shared.is_over());
            drop(board);
            if told != Some(state) {
                self.feed.send("board", &data::board(self));
                told = Some(state);
            }
            std::thread::sleep(OFTEN);
        }
    }

    fn page(&self, query: &str) -> Answer {
        let asked = |name| html::parameter(query, name).unwrap_or_default();
        let query = Query {
            text: asked("q"),
            sort: Sort::named(&asked("sort")).unwrap_or_default(),
            above: self.above,
            hide_ended: !asked("open").is_empty(),
        };
        let board = self.shared.board();
        let rows = board.top(self.top, &query);
        let counts = (board.alerts(), board.predicted());
        drop(board);
        whole("text/html; charset=utf-8", html::board(&rows, &query, counts, self))
    }

    fn cascade(&self, query: &str, as_data: bool) -> Answer {
        let (source, cid) = (html::parameter(query, "source"), html::parameter(query, "cid"));
        let (Some(source), Some(cid)) = (source, cid) else { return Answer::missing() };
        let detail = self.shared.board().detail(&Key { source, cid }, self.above);
        match detail {
            None => Answer::missing(),
            Some(detail) if as_data => whole("application/json", data::detail(&detail)),
            Some(detail) => whole("text/html; charset=utf-8", html::detail(&detail)),
        }
    }
}

fn whole(media: &'static str, body: String) -> Answer {
    Answer::Page { status: 200, media, headers: POLICY, body: body.into() }
}

/// The pages of the board, before those of health.
pub(super) fn site(view: Arc<View>, health: Arc<dyn Site>) -> Arc<dyn Site> {
    Arc::new(Pages { view, health })
}

struct Pages {
    view: Arc<View>,
    health: Arc<dyn Site>,
}

impl Site for Pages {
    fn answer(&self, asked: &PageRequest<'_>) -> Answer {
        let script = "text/javascript; charset=utf-8";
        match asked.path {
            "/" => self.view.page(asked.query),
            "/cascade" => self.view.cascade(asked.query, false),
            "/cascade.json" => self.view.cascade(asked.query, true),
            "/events" => self.view.feed.answer(),
            "/page.js" => whole(script, include_str!("assets/page.js").to_owned()),
            "/plot.js" => whole(script, include_str!("assets/plot.js").to_owned()),
            "/parts.js" => whole(script, include_str!("assets/parts.js").to_owned()),
            "/style.css" => {
                whole("text/css; charset=utf-8", include_str!("assets/style.css").to_owned())
            }
            "/icon.svg" => whole("image/svg+xml", include_str!("assets/icon.svg").to_owned()),
            _ => self.health.answer(asked),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "changes are told against some real time ago")]
fn now() -> Instant {
    Instant::now()
}
