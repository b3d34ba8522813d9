//! Weibo cascades as DeepHawkes and CasFlow publish them: one cascade a line, five fields separated by tabs.
//!
//! `ID USER TIME COUNT PATHS`, where a path is `USER/.../USER:SECONDS` and paths are separated by blanks. The
//! path of one user is the root; every further path is a repost by its last user.

use std::borrow::Cow;

use super::post::{self, Passed, Post, Role, Take};
use crate::input::time::EARLIEST_UNIX;
use crate::record::Refusal;

/// Whether a line has this form.
pub(super) fn matches(line: &str) -> bool {
    let fields: Vec<&str> = line.trim_end().split('\t').collect();
    fields.len() == 5
        && fields[2].parse::<f64>().is_ok()
        && fields[4].split_ascii_whitespace().next().is_some_and(|first| path(first).is_some())
}

/// Whether a path has one user, and its seconds.
fn path(text: &str) -> Option<(bool, f64)> {
    let (users, seconds) = text.rsplit_once(':')?;
    let seconds: f64 = seconds.parse().ok().filter(|seconds| (0.0..1e10).contains(seconds))?;
    (!users.is_empty()).then_some((!users.contains('/'), seconds))
}

/// Reads a line.
pub(super) fn read<'a>(line: &'a str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
    let line = line.trim_end();
    if line.is_empty() {
        return Ok(Passed::None);
    }
    let fields: Vec<&str> = line.split('\t').collect();
    let [cid, _, published, _, paths] = fields[..] else {
        let detail = format!("{} fields separated by tabs instead of 5", fields.len());
        return Err(Refusal::new("field", detail));
    };
    if cid.is_empty() {
        return Err(Refusal::new("field", "no id in the first field"));
    }
    let published =
        published.parse::<f64>().ok().filter(|time| (EARLIEST_UNIX..1e11).contains(time));
    let published =
        published.ok_or_else(|| Refusal::new("field", "the third field is not a Unix time"))?;
    let mut parsed = Vec::new();
    for text in paths.split_ascii_whitespace() {
        let path = path(text);
        parsed.push(path.ok_or_else(|| {
            Refusal::new("field", format!("{text:?} is not a path of users and its seconds"))
        })?);
    }
    parsed.sort_by(|a, b| a.1.total_cmp(&b.1));
    let root = parsed.iter().position(|(single, _)| *single);
    // The root is first also among events of the same time.
    let order = root.into_iter().chain((0..parsed.len()).filter(|place| Some(*place) != root));
    for place in order {
        let role = if Some(place) == root { Role::Root } else { Role::Repost(None) };
        take(Post {
            cid: Cow::Borrowed(cid),
            id: Cow::Borrowed(""),
            time: published + parsed[place].1,
            followers: Some(post::UNKNOWN_MARK),
            text: Default::default(),
            role,
        });
    }
    Ok(Passed::None)
}
