//! Options that have no effect without another one: clap refuses them alone.

use clap::parser::ValueSource;
use clap::{ArgGroup, ArgMatches, Command};

use crate::flags::option;

/// An option or a group of options, and those that have no effect without it. An option that a
/// command does not have is skipped.
const NEEDS: [(&str, &[&str]); 7] = [
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
    ("data", &["index"]),
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
const EXCLUDES: [(&str, &[&str]); 11] = [
    ("no_learn", &["newest", "trees", "target", "aggregate", "on_drift"]),
    ("history", &["p", "beta", "first_mark", "simulate", "index"]),
    ("data", &["p", "beta", "first_mark", "simulate"]),
    ("files", &["p", "beta", "first_mark", "simulate", "index"]),
    ("simulate", &["seconds_per_unit"]),
    // A table has no column for them.
    ("csv", &["curve", "explain", "above"]),
    ("parquet", &["curve", "explain", "above"]),
    // An evaluation takes whole cascades, not a stream of tweets.
    (
        "folds",
        &[
            "sources",
            "live",
            "start_range",
            "timeline",
            "tail",
            "exact_times",
            "limit",
            "max_jump",
            "lateness",
            "at_end",
            "terminated",
            "max_pending",
            "on_drift",
        ],
    ),
    ("folds", LIMITS),
    ("split", LIMITS),
    ("curve_by", LIMITS),
];

/// Limits of the collector.
const LIMITS: &[&str] = &["max_open_cascades", "max_events_per_cascade", "max_sources"];

/// The commands that only read topics.
const READERS: [&str; 3] = ["dashboard", "log", "monitor"];

/// Options of `--kafka` that have no effect in a command, because it only reads topics, only writes to one, or has
/// no state.
fn unused(command: &Command) -> &'static [&'static str] {
    match command.get_name() {
        "generate" => &["from", "exit_eof", "max_replay", "without_replay"],
        "fit" => &["max_replay"],
        name if READERS.contains(&name) => {
            &["group", "transactional_id", "at_least_once", "tick", "max_replay", "without_replay"]
        }
        _ => &[],
    }
}

/// The help of an option in a command for which that of the other commands is not true.
fn help(command: &str, option: &str) -> Option<&'static str> {
    Some(match (command, option) {
        ("generate", "kafka") => {
            "Write to Kafka topics instead of stdout; with --transactional-id exactly once, also after a restart"
        }
        ("generate", "group") => {
            "Name under which the position of this replay is committed (default: tweetoscope-generate); one for each \
             generate of a topic"
        }
        // Their collector does not run with --kafka.
        ("run" | "train", "max_age") => "Terminate a cascade at this age (default: 7d)",
        ("run" | "train", "at_end") => {
            "Action at the end of the input; after SIGINT or SIGTERM, always drop"
        }
        ("predict" | "train", "max_replay") => {
            "Log a WARNING when a restart would replay more than twice this number of records"
        }
        (reader, option) if READERS.contains(&reader) => match option {
            "kafka" => "Read Kafka topics, until SIGINT or SIGTERM",
            "partitions" => "Number of partitions of created topics, at most 10000",
            "from" => {
                "Start position: earliest, latest (the next record that is written), or group:NAME for the committed \
                 offsets of a group"
            }
            "exit_eof" => "Exit when all partitions have been read to their ends",
            _ => return None,
        },
        _ => return None,
    })
}

/// The command with these rules; needed options of which --params gives a value need not be given.
pub(crate) fn with_needs(mut command: Command, from_params: &[&str]) -> Command {
    let unused = unused(&command);
    let name = command.get_name().to_owned();
    let has = |command: &Command, id: &str| command.get_arguments().any(|it| it.get_id() == id);
    for (group, members) in GROUPS {
        if members.iter().all(|member| has(&command, member)) {
            command = command.group(ArgGroup::new(group).args(members).multiple(true));
        }
    }
    let exists = |needed: &str| {
        has(&command, needed) || command.get_groups().any(|group| group.get_id() == needed)
    };
    let has_value = |needed: &str| match GROUPS.iter().find(|(group, _)| *group == needed) {
        Some((_, members)) => members.iter().any(|member| from_params.contains(member)),
        None => from_params.contains(&needed),
    };
    let needs = NEEDS.into_iter().filter(|(needed, _)| exists(needed) && !has_value(needed));
    let needs: Vec<_> = needs.collect();
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
        let arg = arg.conflicts_with_all(excluding);
        let id = arg.get_id().as_str();
        if unused.contains(&id) {
            return arg.hide(true);
        }
        match help(&name, id) {
            Some(text) => arg.help(text),
            None => arg,
        }
    })
}

/// The error of an option that has no effect in its command at all.
pub(crate) fn check_unused(command: &Command, given: &ArgMatches) -> Result<(), String> {
    // A build without Kafka has none of them.
    let is_given = |id: &&&str| {
        given.try_contains_id(id).is_ok()
            && given.value_source(id) == Some(ValueSource::CommandLine)
    };
    match unused(command).iter().find(is_given) {
        None => Ok(()),
        Some(id) => {
            Err(format!("{} has no effect in {}; remove it", option(id), command.get_name()))
        }
    }
}

/// The options of a command that have no effect together with those for which `is_given` is true.
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
    needing
        .chain(excluded)
        .flat_map(|(_, options)| options)
        .chain(unused(command))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, command};

    fn error(arguments: &str) -> Option<String> {
        let command = command();
        let given = command.clone().try_get_matches_from(arguments.split(' '));
        let given = match given {
            Ok(given) => given,
            Err(error) => return Some(error.to_string()),
        };
        let (name, given) = given.subcommand()?;
        check_unused(command.find_subcommand(name)?, given).err()
    }

    #[test]
    #[cfg(feature = "kafka")]
    fn an_option_without_effect_in_its_command_is_refused() {
        for (command, option) in [
            ("monitor", "--tick 1s"),
            ("log", "--at-least-once"),
            ("dashboard", "--max-replay 5"),
            ("monitor", "--group g"),
            ("fit", "--max-replay 5"),
        ] {
            let error = error(&format!("tweetoscope {command} --kafka {option}")).unwrap();
            let name = option.split(' ').next().unwrap();
            assert!(error.contains(&format!("{name} has no effect in {command}")), "{error}");
        }
        assert_eq!(error("tweetoscope collect --kafka --tick 1s --max-replay 5"), None);
        assert_eq!(error("tweetoscope monitor --kafka --from latest --exit-eof"), None);
        assert_eq!(error("tweetoscope log --kafka --from group:g"), None);
        assert_eq!(error("tweetoscope predict --kafka --group g --max-replay 5"), None);
    }

    #[test]
    #[cfg(feature = "kafka")]
    fn the_help_of_an_option_of_kafka_is_true_of_its_command() {
        let of = |name: &str, option: &str| {
            let command = command();
            let mut arguments = command.find_subcommand(name).unwrap().get_arguments();
            let found = arguments.find(|it| it.get_id() == option && !it.is_hide_set());
            found.map(|it| it.get_help().unwrap().to_string())
        };
        let has = |name: &str, option: &str, text: &str| of(name, option).unwrap().contains(text);
        assert!(has("collect", "kafka", "exactly once, until SIGINT"));
        assert!(has("generate", "kafka", "instead of stdout"));
        assert!(has("collect", "group", "share the partitions"));
        assert!(has("generate", "group", "position of this replay"));
        assert!(has("collect", "max_replay", "collect_state"));
        assert!(has("predict", "max_replay", "WARNING") && has("train", "max_replay", "WARNING"));
        assert_eq!((of("fit", "max_replay"), of("generate", "from")), (None, None));
        for reader in READERS {
            assert_eq!(of(reader, "group"), None);
            for (option, word) in
                [("partitions", "instances"), ("from", "without"), ("exit_eof", "assigned")]
            {
                assert!(!has(reader, option, word), "{reader} {option}");
            }
        }
    }

    #[test]
    fn commands_without_options_are_accepted_in_every_build() {
        for name in
            ["generate x", "collect", "fit", "predict", "train", "monitor", "dashboard", "log"]
        {
            assert_eq!(error(&format!("tweetoscope {name}")), None, "{name}");
        }
    }

    #[test]
    fn a_file_of_settings_gives_what_an_option_needs() {
        let command = Cli::command().mut_subcommands(|sub| with_needs(sub, &["data", "index"]));
        for option in ["--limit 5", "--seconds-per-unit 2", "--timeline dealt", "--speed 10"] {
            let line = format!("tweetoscope generate {option}");
            let given = command.clone().try_get_matches_from(line.split(' '));
            assert!(given.is_ok(), "{option}: {}", given.unwrap_err());
            assert!(error(&line).unwrap().contains("FILE"), "{option}");
        }
    }

    #[test]
    fn an_option_without_the_one_that_it_needs_is_refused() {
        let error = error("tweetoscope generate --simulate 10 --seconds-per-unit 5").unwrap();
        assert!(error.contains("--seconds-per-unit"), "{error}");
    }
}
