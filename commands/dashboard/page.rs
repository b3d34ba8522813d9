//! The page: HTML, CSS and JavaScript from this binary, updated by server-sent events.
//!
//! Texts of tweets are hostile. The server escapes them, the script sets them as text only, and the
//! content security policy forbids all other sources.

mod data;
mod html;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tweetoscope::stage::dashboard::{Key, Query, Sort};
use tweetoscope::telemetry::{Answer, Feed, PageRequest, Site};

use super::shared::{MARK, Shared};

/// Time between two updates of the page.
const OFTEN: Duration = Duration::from_millis(250);

const POLICY: &[(&str, &str)] = &[(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
)];

/// The board and the options of the page.
pub(super) struct View {
    shared: Shared,
    top: usize,
    above: Option<f64>,
    ended: bool,
    feed: Feed,
}

impl View {
    pub(super) fn new(shared: Shared, top: usize, above: Option<f64>, ended: bool) -> Self {
        Self { shared, top, above, ended, feed: Feed::default() }
    }

    /// Sends changes to the open pages until `stop` is set.
    pub(super) fn serve(&self, stop: &AtomicBool) {
        let mut sent = None;
        let mut marked: Option<Instant> = None;
        while !stop.load(Ordering::Relaxed) {
            let mut board = self.shared.board();
            if board.predicted() > 0 && marked.is_none_or(|at| at.elapsed() > MARK) {
                board.save_ranks();
                marked = Some(now());
            }
            let state = (board.version(), self.shared.is_over());
            drop(board);
            if sent != Some(state) {
                self.feed.send("board", &data::board(&self.shared, self.top, self.above));
                sent = Some(state);
            }
            std::thread::sleep(OFTEN);
        }
    }

    fn page(&self, query: &str) -> Answer {
        let value = |name| html::parameter(query, name).unwrap_or_default();
        let query = Query {
            text: value("q"),
            sort: Sort::named(&value("sort")).unwrap_or_default(),
            above: self.above,
            // A form without a checked box sends nothing for it: `sort` shows that there was a form.
            ended: !value("ended").is_empty() || (self.ended && value("sort").is_empty()),
        };
        let board = self.shared.board();
        let rows = board.top(self.top, &query);
        let (alerts, cascades, ended) = (board.alerts(), board.predicted(), board.ended());
        drop(board);
        let over = self.shared.is_over();
        let status = html::Status { alerts, cascades, ended, over, top: self.top };
        whole("text/html; charset=utf-8", html::board(&rows, &query, &status))
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

/// The pages of the board and those of health.
pub(super) fn site(view: Arc<View>, health: Arc<dyn Site>) -> Arc<dyn Site> {
    Arc::new(Pages { view, health })
}

struct Pages {
    view: Arc<View>,
    health: Arc<dyn Site>,
}

impl Site for Pages {
    fn answer(&self, request: &PageRequest<'_>) -> Answer {
        let script = "text/javascript; charset=utf-8";
        match request.path {
            "/" => self.view.page(request.query),
            "/cascade" => self.view.cascade(request.query, false),
            "/cascade.json" => self.view.cascade(request.query, true),
            "/events" => self.view.feed.answer(),
            "/page.js" => whole(script, include_str!("assets/page.js").to_owned()),
            "/plot.js" => whole(script, include_str!("assets/plot.js").to_owned()),
            "/parts.js" => whole(script, include_str!("assets/parts.js").to_owned()),
            "/style.css" => {
                whole("text/css; charset=utf-8", include_str!("assets/style.css").to_owned())
            }
            "/icon.svg" => whole("image/svg+xml", include_str!("assets/icon.svg").to_owned()),
            _ => self.health.answer(request),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "changes of rank refer to a real time")]
fn now() -> Instant {
    Instant::now()
}
