//! What the board does not show, reported at the end with the remedy.

use tweetoscope::stage::dashboard::{Dashboard, MAX_CASCADES};

use super::figures::count;

/// Sizes that a message lists.
const LISTED: usize = 10;

/// The numbers of cascades and records that were dropped.
pub(super) fn dropped(board: &Dashboard) -> Vec<String> {
    let (evicted, long) = (board.evicted(), board.long_names());
    let evicted = (evicted > 0).then(|| {
        let held = count(MAX_CASCADES as f64);
        let what = if evicted == 1 { "cascade was" } else { "cascades were" };
        format!(
            "{} {what} evicted, since about {held} are held: first those that are over, then those of the \
             smallest predictions; read fewer records at once to see them",
            count(evicted as f64)
        )
    });
    let long = (long > 0).then(|| {
        let what = if long == 1 { "record was" } else { "records were" };
        format!(
            "{} {what} dropped, since the name of the source or cascade is longer than 1,000 bytes; \
             shorten the names",
            count(long as f64)
        )
    });
    evicted.into_iter().chain(long).collect()
}

/// That no alert has the probability of `--above`, with the sizes that there are.
pub(super) fn without_probability(board: &Dashboard, above: Option<f64>) -> Option<String> {
    let above = above.filter(|_| board.predicted() > 0)?;
    let sizes = board.sizes();
    if sizes.contains(&above) {
        return None;
    }
    let listed: Vec<_> = sizes.iter().take(LISTED).map(f64::to_string).collect();
    let further = if sizes.len() > LISTED { ", ..." } else { "" };
    let remedy = match listed.is_empty() {
        true => format!("predict --above {above} writes it"),
        false => format!("they have {}{further}", listed.join(", ")),
    };
    Some(format!("no alert has the probability of more than {above}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tweetoscope::record::read;
    use tweetoscope::stage::RecordRef;

    #[test]
    fn what_is_not_shown_is_reported_with_the_remedy() {
        let mut board = Dashboard::new(1);
        let mut give = |cid: &str, above: &str| {
            let line = format!(
                "{{\"type\":\"alert\",\"cid\":\"{cid}\",\"source\":\"1\",\"t\":600,\"msg\":\"\",\"T_obs\":600,\
                 \"n_obs\":3,\"n_tot\":4,\"p_above\":{{{above}}},\"status\":\"ok\",\"model\":\"x\",\"method\":\"hawkes\"}}"
            );
            let item = read(line.as_bytes(), None, Dashboard::TAKES).unwrap();
            board.take(&[RecordRef { position: 0, item }]);
            (dropped(&board), without_probability(&board, Some(777.0)))
        };
        let (dropped, missing) = give("a", "");
        assert!(dropped.is_empty(), "{dropped:?}");
        let without =
            "no alert has the probability of more than 777; predict --above 777 writes it";
        assert_eq!(missing.as_deref(), Some(without));
        // The board holds one, and evicts the other.
        let (dropped, missing) = give("b", "\"1000\":0.1,\"5000\":0.01");
        assert!(dropped[0].starts_with("1 cascade was evicted"), "{dropped:?}");
        let others = "no alert has the probability of more than 777; they have 1000, 5000";
        assert_eq!(missing.as_deref(), Some(others));
        let (dropped, missing) = give(&"x".repeat(1_001), "");
        assert!(dropped[1].starts_with("1 record was dropped"), "{dropped:?}");
        assert_eq!(missing.as_deref(), Some(others));
        let (_, missing) = give("c", "\"777\":0.1");
        assert_eq!(missing, None);
        assert_eq!(without_probability(&Dashboard::default(), Some(777.0)), None);
    }
}
