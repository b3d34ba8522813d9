//! Variables of the environment as defaults of options: `TWEETOSCOPE_MIN_SIZE` for `--min-size`.
//!
//! One variable is for all commands, and the command line takes precedence: a variable that conflicts with an option given
//! there is ignored, as is one without the option that it needs. Errors about a value name the variable that holds it.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::flags;
use crate::needs;

const PREFIX: &str = "TWEETOSCOPE_";
/// Variables of the tests of this project, which run the program in their own environment.
const OF_TESTS: [&str; 4] = ["KEEP", "SEEDS", "SOAK", "TEST_BROKERS"];

/// The options that the environment gives, each with its variable.
static USED: OnceLock<Vec<(String, String)>> = OnceLock::new();

/// The environment variable of an option.
fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.replace('-', "_").to_uppercase())
}

/// The environment variable of an option or argument, if it has one.
fn variable_of(arg: &Arg) -> Option<String> {
    arg.get_long().filter(|long| !matches!(*long, "help" | "version")).map(variable)
}

/// Whether the environment gives an option. A switch that is off is not given, so that it conflicts with no option.
fn is_set(arg: &Arg) -> bool {
    let value = variable_of(arg).and_then(std::env::var_os);
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count);
    value.is_some_and(|value| !is_switch || !is_false(&value))
}

/// Whether the value of a variable turns a switch off.
fn is_false(value: &OsStr) -> bool {
    let word = value.to_string_lossy().to_lowercase();
    ["n", "no", "f", "false", "off", "0"].contains(&&*word)
}

/// Lets the environment set an option, if it does.
pub(crate) fn with_variable(arg: Arg) -> Arg {
    let Some(name) = variable_of(&arg).filter(|_| is_set(&arg) && arg.get_env().is_none()) else {
        return arg;
    };
    let arg = arg.env(clap::builder::OsStr::from(name)).hide_env(true);
    match arg.get_action() {
        // Accepts 1 and yes as well as true.
        ArgAction::SetTrue => arg.value_parser(clap::builder::BoolishValueParser::new()),
        _ => arg,
    }
}

/// An error of the command line with the usage of a command.
pub(crate) fn error(command: &Command, name: &str, kind: ErrorKind, text: String) -> clap::Error {
    let mut all = command.clone();
    all.build();
    let mut sub = all.find_subcommand(name).cloned().unwrap_or(all);
    sub.error(kind, text)
}

/// A command line that is parsed with any selection of variables.
struct Parser<'a> {
    command: &'a Command,
    name: &'a str,
    line: Vec<OsString>,
}

impl Parser<'_> {
    /// The command line with the variables of the options of these ids.
    fn with(&self, ids: &[&str]) -> Result<ArgMatches, clap::Error> {
        let mut command = self.command.clone();
        if !ids.is_empty() {
            command = command.mut_subcommand(self.name, |sub| {
                sub.mut_args(|arg| match ids.contains(&arg.get_id().as_str()) {
                    true => with_variable(arg),
                    false => arg,
                })
            });
        }
        command.try_get_matches_from(&self.line)
    }

    fn conflicts(&self, ids: &[&str]) -> bool {
        self.with(ids).is_err_and(|error| error.kind() == ErrorKind::ArgumentConflict)
    }

    fn variable(&self, id: &str) -> String {
        let sub = self.command.find_subcommand(self.name);
        let mut arguments = sub.into_iter().flat_map(Command::get_arguments);
        arguments.find(|arg| arg.get_id() == id).and_then(variable_of).unwrap_or_default()
    }

    /// The ids of those of `set` that have an effect beside the command line, which alone lacks `missing`.
    fn select<'a>(
        &self,
        set: &[&'a str],
        mut missing: Vec<String>,
    ) -> Result<Vec<&'a str>, clap::Error> {
        let (mut used, mut rest) = (Vec::new(), set.to_vec());
        loop {
            let (before, mut later) = (rest.len(), Vec::new());
            for id in rest {
                let with: Vec<&str> = used.iter().copied().chain([id]).collect();
                let Err(refused) = self.with(&with) else {
                    (used, missing) = (with, Vec::new());
                    continue;
                };
                match refused.kind() {
                    ErrorKind::MissingRequiredArgument => {
                        let lacking = missing_of(&refused);
                        if lacking.iter().all(|it| missing.contains(it)) {
                            (used, missing) = (with, lacking);
                        } else {
                            // Another variable may give what it needs.
                            later.push(id);
                        }
                    }
                    ErrorKind::ArgumentConflict if self.conflicts(&[id]) => {}
                    ErrorKind::ArgumentConflict => {
                        let other = used.iter().find(|other| self.conflicts(&[other, id]));
                        if let Some(other) = other {
                            return Err(self.both(other, id));
                        }
                    }
                    kind => {
                        let text = format!("{}: {}", self.variable(id), message(&refused));
                        return Err(error(self.command, self.name, kind, text));
                    }
                }
            }
            rest = later;
            if rest.is_empty() || rest.len() == before {
                return Ok(used);
            }
        }
    }

    /// The error of two variables that exclude each other.
    fn both(&self, one: &str, other: &str) -> clap::Error {
        let text = format!(
            "{} and {} are both set in the environment, and {} cannot be used with {}; unset one of them",
            self.variable(one),
            self.variable(other),
            flags::option(one),
            flags::option(other),
        );
        error(self.command, self.name, ErrorKind::ArgumentConflict, text)
    }
}

/// The arguments that an error finds missing.
fn missing_of(error: &clap::Error) -> Vec<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(all)) => all.clone(),
        Some(ContextValue::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// The message of an error, without the usage and the hint at --help.
fn message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ");
    let end = ["\n\nUsage: ", "\n\nFor more information"].iter().filter_map(|it| text.find(it));
    text[..end.min().unwrap_or(text.len())].trim_end().to_owned()
}

/// Parses the command line with the variables of the environment. `ids` are the options and arguments on the command
/// line, and `from_params` those of which --params gives defaults.
///
/// # Errors
/// That of the command line, or of a variable, which it names.
pub(crate) fn matches(
    command: &Command,
    name: &str,
    ids: &[String],
    from_params: &[&str],
) -> Result<ArgMatches, clap::Error> {
    let parser = Parser { command, name, line: std::env::args_os().collect() };
    let alone = parser.with(&[]);
    let missing = match &alone {
        Ok(_) => Vec::new(),
        // A variable may give it.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => missing_of(error),
        Err(_) => return alone,
    };
    let Some(sub) = command.find_subcommand(name) else { return alone };
    let is_given = |id: &str| ids.iter().any(|it| it == id);
    let has = |id: &str| sub.get_arguments().any(|it| it.get_id() == id && is_set(it));
    let idle = needs::idle(sub, |id| is_given(id) || from_params.contains(&id) || has(id));
    let set = sub.get_arguments().filter(|arg| is_set(arg)).map(|arg| arg.get_id().as_str());
    let mut set: Vec<&str> = set.filter(|id| !is_given(id) && !idle.contains(id)).collect();
    if set.is_empty() {
        return alone;
    }
    let matches = match parser.with(&set) {
        Ok(matches) => matches,
        Err(_) => {
            set = parser.select(&set, missing)?;
            parser.with(&set)?
        }
    };
    let named = set.iter().map(|id| (flags::option(id), parser.variable(id)));
    let _ = USED.set(named.collect());
    Ok(matches)
}

/// A message that names options, with the variables that give them.
pub(crate) fn with_variables(mut text: String) -> String {
    let is_named = |option: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == option)
    };
    let used = USED.get().map_or(&[][..], Vec::as_slice);
    let named = used
        .iter()
        .filter(|(option, variable)| is_named(option) && !text.contains(variable.as_str()));
    let named: Vec<&str> = named.map(|(_, variable)| variable.as_str()).collect();
    if !named.is_empty() {
        text += &format!(" (set in the environment: {})", named.join(", "));
    }
    text
}

/// Warns of variables with the prefix of this program that are no option of any command, with the nearest name.
pub(crate) fn warn_of_unknown(command: impl FnOnce() -> Command) {
    let set = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut set: Vec<_> = set.filter(|name| name.starts_with(PREFIX)).collect();
    set.sort();
    if set.is_empty() {
        return;
    }
    let command = command();
    let arguments = command.get_subcommands().flat_map(Command::get_arguments);
    let known: Vec<String> = arguments.filter_map(variable_of).collect();
    set.iter().filter_map(|name| unknown(name, &known)).for_each(|text| log::warn!("{text}"));
}

/// The warning of a variable that is not known.
fn unknown(name: &str, known: &[String]) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    // Kubernetes sets such variables for each service, here for one with the name of this program.
    let is_link = rest.contains("SERVICE_") || rest == "PORT" || rest.contains("PORT_");
    let is_link = is_link || rest.ends_with("_PORT");
    if is_link || OF_TESTS.contains(&rest) || known.iter().any(|it| it == name) {
        return None;
    }
    let limit = (rest.len() / 3).clamp(1, 3);
    let near = known.iter().map(|it| (distance(name, it), it)).filter(|(far, _)| *far <= limit);
    let remedy = match near.min() {
        Some((_, nearest)) => format!("did you mean {nearest}?"),
        None => "unset it; --help of a command lists its options".to_owned(),
    };
    Some(format!("{name} is not an option of any command; {remedy}"))
}

/// The number of characters to insert, remove or replace that makes one text the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_characters_that_differ() {
        for (one, other, expected) in [
            ("", "", 0),
            ("top", "topp", 1),
            ("sed", "seed", 1),
            ("kitten", "sitting", 3),
            ("ä", "", 1),
        ] {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one}");
        }
    }

    #[test]
    fn an_unknown_variable_is_named_with_the_nearest_one() {
        let known = ["TOP", "TREES", "MIN_SIZE", "P"].map(|it| format!("{PREFIX}{it}"));
        let of = |name: &str| unknown(&format!("{PREFIX}{name}"), &known);
        assert_eq!(
            of("TOPP").unwrap(),
            "TWEETOSCOPE_TOPP is not an option of any command; did you mean TWEETOSCOPE_TOP?"
        );
        assert!(of("MINSIZE").unwrap().ends_with("did you mean TWEETOSCOPE_MIN_SIZE?"));
        assert!(of("BROKER_LIST").unwrap().contains("unset it"));
        for other in ["TOP", "P", "KEEP", "DASHBOARD_SERVICE_HOST", "HTTP_PORT_80_TCP", "HTTP_PORT"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
