//! Values of options that have no sense in any command: an empty text, and a 0 that leaves nothing to do.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use tweetoscope::event::Span;

use crate::flags::option;

/// Options of which 0 leaves nothing to do: what it would do, and the remedy.
const NOT_ZERO: [(&str, &str, &str); 7] = [
    ("top", "shows no cascade", "give at least 1"),
    ("max_line", "refuses every line", "give the largest number of bytes, such as 1048576"),
    (
        "threads",
        "leaves no thread to compute",
        "give at least 1, or remove it for one thread per core",
    ),
    ("simulate", "simulates no cascade", "give at least 1"),
    ("limit", "emits no event", "give at least 1, or remove it for all events"),
    ("until", "fits to no event after the first", "give a time above 0, such as 10m"),
    (
        "replication",
        "keeps no copy of a topic",
        "give at least 1, or remove it for that of the broker",
    ),
];

/// Checks the values that the command line and the environment give to the options of a command.
///
/// # Errors
/// The message for the user.
pub(crate) fn check(command: &Command, given: &ArgMatches) -> Result<(), String> {
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let is_explicit = matches!(
            given.value_source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        );
        // --brokers has an error of its own, with the form of its values.
        if !is_explicit || !arg.get_action().takes_values() || id == "brokers" {
            continue;
        }
        let values = given.get_raw(id).into_iter().flatten();
        let values: Vec<_> = values.map(|it| it.to_string_lossy()).collect();
        if values.iter().any(|value| value.trim().is_empty()) {
            let which = if values.len() > 1 { "one of the values" } else { "the value" };
            return Err(format!("{}: {which} is empty; give one, or remove it", name(arg)));
        }
        let is_zero = |value: &str| value.parse::<Span>().is_ok_and(|span| span.0 == 0.0);
        if let Some((_, effect, remedy)) = NOT_ZERO.iter().find(|(it, ..)| *it == id)
            && let Some(zero) = values.iter().find(|value| is_zero(value))
        {
            return Err(format!("{} {zero} {effect}; {remedy}", name(arg)));
        }
    }
    Ok(())
}

/// An option as it is written on the command line, or the name of an argument.
fn name(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_short()) {
        (Some(_), _) => option(arg.get_id().as_str()),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => arg.get_id().to_string(),
    }
}
