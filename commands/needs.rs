//! Options that have no effect without another one: clap refuses them alone.

use clap::{ArgGroup, Command};

/// An option or a group of options, and those that have no effect without it. An option that a
/// command does not have is skipped.
const NEEDS: [(&str, &[&str]); 6] = [
    (
        "kafka",
        &[
            "brokers",
            "properties",
            "file",
            "group",
            "transactional_id",
            "topic",
            "create_topics",
            "from",
            "exit_eof",
            "at_least_once",
            "wait",
            "tick",
            "max_replay",
            "log_topic",
            "without_replay",
        ],
    ),
    ("create_topics", &["partitions", "replication"]),
    ("http", &["http_host"]),
    ("simulate", &["p", "beta", "first_mark"]),
    (RECORDED, &["seconds_per_unit"]),
    (
        CASCADES,
        &["sources", "live", "start_range", "timeline", "tail", "exact_times", "limit", "speed"],
    ),
];

/// Cascades that were recorded.
const RECORDED: &str = "recorded";
/// Cascades from anywhere.
const CASCADES: &str = "cascades";
const GROUPS: [(&str, &[&str]); 2] =
    [(RECORDED, &["history", "data"]), (CASCADES, &["history", "data", "simulate"])];

/// Options that have no effect with another one.
const EXCLUDES: [(&str, &[&str]); 1] = [("no_learn", &["newest", "trees", "target", "aggregate"])];

/// The command with these rules.
pub(crate) fn with_needs(mut command: Command) -> Command {
    let has = |command: &Command, id: &str| command.get_arguments().any(|it| it.get_id() == id);
    for (group, members) in GROUPS {
        if members.iter().all(|member| has(&command, member)) {
            command = command.group(ArgGroup::new(group).args(members).multiple(true));
        }
    }
    for (needed, options) in NEEDS {
        let exists =
            has(&command, needed) || command.get_groups().any(|group| group.get_id() == needed);
        for option in options.iter().filter(|_| exists) {
            if has(&command, option) {
                command = command.mut_arg(option, |arg| arg.requires(needed));
            }
        }
    }
    for (option, others) in EXCLUDES {
        for other in others {
            if has(&command, option) && has(&command, other) {
                command = command.mut_arg(other, |arg| arg.conflicts_with(option));
            }
        }
    }
    command
}

/// The options without which the option of that id has no effect; empty if it has one alone.
pub(crate) fn needed_by(id: &str) -> &'static [&'static str] {
    let Some((needed, _)) = NEEDS.iter().find(|(_, options)| options.contains(&id)) else {
        return &[];
    };
    match GROUPS.iter().find(|(group, _)| group == needed) {
        Some((_, members)) => members,
        None => NEEDS
            .iter()
            .find(|(it, _)| it == needed)
            .map_or(&[], |(it, _)| std::slice::from_ref(it)),
    }
}
