//! What shortens or enables the replay of a command, for messages.

/// The message that a restart would replay many records, with the options that reduce their number.
pub(crate) fn long_replay(command: &str, topic: &str, records: u64) -> String {
    let remedy = match command {
        "collect" => "; a lower --max-age reduces the number of open cascades",
        "predict" => "; lower --max-pending, or --max-age of collect",
        "train" => "; lower --newest",
        _ => "",
    };
    format!("topic {topic}: a restart would replay {records} records{remedy}")
}

/// The time above which the retention of the input of a command must be.
pub(crate) fn shortest_retention(command: &str) -> &'static str {
    match command {
        "collect" => "--max-age",
        "predict" => "--max-age of collect",
        _ => "the longest time for which the service is stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_replay_names_options_of_its_command() {
        let text = |command| long_replay(command, "t", 7);
        assert!(text("collect").contains("replay 7 records; a lower --max-age"));
        assert!(text("predict").contains("--max-pending"));
        assert!(text("train").ends_with("; lower --newest"));
        assert!(text("fit").ends_with("7 records"));
        assert_eq!(shortest_retention("collect"), "--max-age");
        assert!(!shortest_retention("fit").contains("--max-age"));
    }
}
