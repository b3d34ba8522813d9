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
const GROUPS: [(&str, &[&str]); 2] = [
    (RECORDED, &["history", "data", "files"]),
    (CASCADES, &["history", "data", "files", "simulate"]),
];

/// Options that have no effect with another one. Clap does not require an option that conflicts with a
/// given one, so that those of a simulation are excluded by the other inputs.
const EXCLUDES: [(&str, &[&str]); 4] = [
    ("no_learn", &["newest", "trees", "target", "aggregate", "on_drift"]),
    ("history", &["p", "beta", "first_mark"]),
    ("data", &["p", "beta", "first_mark"]),
    ("simulate", &["seconds_per_unit"]),
];

/// The command with these rules.
pub(crate) fn with_needs(mut command: Command) -> Command {
    let has = |command: &Command, id: &str| command.get_arguments().any(|it| it.get_id() == id);
    for (group, members) in GROUPS {
        if members.iter().all(|member| has(&command, member)) {
            command = command.group(ArgGroup::new(group).args(members).multiple(true));
        }
    }
    let exists = |needed: &str| {
        has(&command, needed) || command.get_groups().any(|group| group.get_id() == needed)
    };
    let needs: Vec<_> = NEEDS.into_iter().filter(|(needed, _)| exists(needed)).collect();
    let excludes: Vec<_> = EXCLUDES.into_iter().filter(|(it, _)| has(&command, it)).collect();
    // All at once: to change a single argument would move it to the end of the help.
    command.mut_args(|arg| {
        let is_in = |options: &&[&str]| options.contains(&arg.get_id().as_str());
        let needed = needs.iter().find(|(_, options)| is_in(options)).map(|(needed, _)| *needed);
        let excluding = excludes.iter().filter(|(_, others)| is_in(others)).map(|(it, _)| *it);
        let excluding: Vec<_> = excluding.collect();
        let arg = match needed {
            Some(needed) => arg.requires(needed),
            None => arg,
        };
        arg.conflicts_with_all(excluding)
    })
}

/// The options of a command that have no effect beside those that `is_given` finds.
pub(crate) fn idle(command: &Command, is_given: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let has = |id: &str| command.get_arguments().any(|it| it.get_id() == id);
    let given = |needed: &str| match GROUPS.iter().find(|(group, _)| *group == needed) {
        Some((_, members)) => members.iter().any(|member| is_given(member)),
        None => is_given(needed),
    };
    let exists = |needed: &str| match GROUPS.iter().find(|(group, _)| *group == needed) {
        Some((_, members)) => members.iter().all(|member| has(member)),
        None => has(needed),
    };
    let needing = NEEDS.into_iter().filter(|(needed, _)| exists(needed) && !given(needed));
    let excluded = EXCLUDES.into_iter().filter(|(option, _)| has(option) && is_given(option));
    needing.chain(excluded).flat_map(|(_, options)| options).copied().collect()
}
