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

use super::shared::{RANKING_INTERVAL, Shared};

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
            if board.predicted() > 0 && marked.is_none_or(|at| at.elapsed() > RANKING_INTERVAL) {
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

    /// The query of the form.
    fn query(&self, query: &str) -> Query {
        let value = |name| html::parameter(query, name).unwrap_or_default();
        Query {
            text: value("q"),
            sort: Sort::named(&value("sort")).unwrap_or_default(),
            above: self.above,
            // A form without a checked box sends nothing for it: `sort` shows that there was a form.
            ended: !value("ended").is_empty() || (self.ended && value("sort").is_empty()),
        }
    }

    fn page(&self, query: &str) -> Answer {
        let query = self.query(query);
        let board = self.shared.board();
        let rows = board.top(self.top, &query);
        let (alerts, cascades, ended) = (board.alerts(), board.predicted(), board.ended());
        drop(board);
        let over = self.shared.is_over();
        let status = html::Status { alerts, cascades, ended, over, top: self.top };
        whole("text/html; charset=utf-8", html::board(&rows, &query, &status))
    }

    /// The rows of a query of the script, which has the largest ones alone.
    fn rows(&self, query: &str) -> Answer {
        let query = self.query(query);
        let rows = self.shared.board().top(self.top, &query);
        whole("application/json", data::rows(&rows))
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
            "/rows.json" => self.view.rows(request.query),
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

#[cfg(test)]
mod tests {
    use tweetoscope::stage::RecordRef;
    use tweetoscope::stage::dashboard::Dashboard;

    use super::*;

    /// A view of alerts of cascades with ever larger predictions.
    fn view(count: u64) -> View {
        let shared = Shared::default();
        for cid in 0..count {
            for (window, size) in [(600, 100 + cid), (3600, 120 + cid)] {
                let line = format!(
                    r#"{{"type":"alert","cid":"{cid}","source":"1","t":{window},"msg":"number {cid}.","T_obs":{window},"n_obs":12,"n_tot":{size},"p_above":{{"10":1,"5000":0}},"curve":[[600,{size}]],"status":"ok","model":"x","method":"hawkes"}}"#
                );
                let item =
                    tweetoscope::record::read(line.as_bytes(), None, Dashboard::TAKES).unwrap();
                shared.board().take(&[RecordRef { position: 0, item }]);
            }
        }
        View::new(shared, 10, None, false)
    }

    fn body(answer: Answer) -> String {
        match answer {
            Answer::Page { status: 200, body, .. } => String::from_utf8(body.to_vec()).unwrap(),
            _ => panic!("no page"),
        }
    }

    #[test]
    fn the_server_finds_rows_beyond_those_that_the_script_has() {
        let view = view(300);
        let sent = data::board(&view.shared, view.top, view.above);
        assert!(
            sent.contains("number 299.") && !sent.contains("number 7."),
            "the largest are sent"
        );
        let found = body(view.rows("q=number+7.&sort=predicted"));
        assert!(found.contains("number 7.") && !found.contains("number 299."), "{found}");
        assert_eq!(body(view.rows("q=nowhere&sort=youth")), "[]");
    }

    #[test]
    fn pages_without_script_identify_cascades_and_report_a_filter_without_match() {
        let text = body(view(1).cascade("source=1&cid=0", false));
        assert!(
            text.contains("<p class=\"name\">1/0</p>") && text.contains("Cascade 1/0"),
            "{text}"
        );
        assert!(text.contains("Predicted 120, observed") && !text.contains("()"), "{text}");
        let text = body(view(1).page("q=nowhere&sort=youth"));
        assert!(text.contains("No cascade matches the filter."), "{text}");
        assert!(text.contains("aria-label=\"Cascades, by youth\""), "{text}");
        assert!(body(view(0).page("q=x&sort=youth")).contains("No alerts yet."));
        assert!(body(view(9).rows("q=1/7&sort=predicted")).contains("number 7."));
    }

    #[test]
    fn the_page_of_a_cascade_has_its_alerts_and_the_sizes_that_it_has_reached() {
        let text = body(view(1).cascade("source=1&cid=0", false));
        for wanted in [
            "Predictions by window",
            "<th scope=\"row\">10m00s</th><td>100</td>",
            "<th scope=\"row\">1h00m</th><td>120</td>",
            "<th scope=\"row\">10</th><td>reached</td>",
            "<th scope=\"row\">5,000</th><td>not expected</td>",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }
}
