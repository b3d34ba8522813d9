//! The list of commands, and the parsing of the command line.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tweetoscope::stream::{self, Stderr, printable};

use crate::flags::{self, Outcome, Shared};
use crate::needs;
use crate::original::{self, Defaults};
use crate::outputs;
use crate::{collect, dashboard, fit, generate, healthy, log, monitor, pages, predict, run, train};

/// Predict the final size of retweet cascades from their first minutes
///
/// Each command reads records as JSON lines from the files given, else from stdin (plain, gzip or zstd),
/// and writes JSON lines to stdout. Records that a command does not take pass through unchanged, so
/// that commands can be chained with pipes. With --kafka the same commands read and write topics.
///
/// Every option can be set in the environment: TWEETOSCOPE_MIN_SIZE=5 is --min-size 5. An option on
/// the command line takes precedence. RUST_LOG, such as debug or module=level, sets the level of the log
/// on stderr where neither -v nor -q does; error and off are ignored.
#[derive(Parser)]
#[command(name = "tweetoscope", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(generate::Args),
    Collect(collect::Args),
    Fit(fit::Args),
    Predict(predict::Args),
    Train(train::Args),
    Monitor(monitor::Args),
    Run(Box<run::Args>),
    Dashboard(dashboard::Args),
    Log(log::Args),
    #[command(hide = true)]
    Healthy(healthy::Args),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Generate(args) => generate::run(args),
            Command::Collect(args) => collect::run(args),
            Command::Fit(args) => fit::run(args),
            Command::Predict(args) => predict::run(args),
            Command::Train(args) => train::run(args),
            Command::Monitor(args) => monitor::run(args),
            Command::Run(args) => run::run(*args),
            Command::Dashboard(args) => dashboard::run(args),
            Command::Log(args) => log::run(args),
            Command::Healthy(args) => healthy::run(args),
        }
    }

    /// The flags that every command has.
    pub(crate) fn shared(&self) -> &Shared {
        match &self.command {
            Command::Generate(args) => &args.shared,
            Command::Collect(args) => &args.transport.shared,
            Command::Fit(args) => &args.transport.shared,
            Command::Predict(args) => &args.transport.shared,
            Command::Train(args) => &args.transport.shared,
            Command::Monitor(args) => &args.transport.shared,
            Command::Run(args) => &args.transport.shared,
            Command::Dashboard(args) => &args.transport.shared,
            Command::Log(args) => &args.transport.shared,
            Command::Healthy(args) => &args.shared,
        }
    }
}

/// Parses the command line; returns it with the name of the command. The values of a file of the
/// original system (`--params`) become defaults: flags and the environment take precedence.
pub(crate) fn parse() -> (Cli, String) {
    let Given { name, ids, params } = Given::read();
    let mut defaults = Vec::new();
    for path in params {
        match original::defaults(&name, &path) {
            Ok(read) => defaults.extend(read),
            Err(error) => {
                let text = format!("{}: {error}", path.display());
                refuse(&command(), &name, ErrorKind::ValueValidation, text)
            }
        }
    }
    let from_params: Vec<&str> = defaults.iter().map(|(id, _)| *id).collect();
    let command = with_defaults(command_with(&ids, &from_params), &name, defaults);
    flags::keep_given(ids);
    let matches = command.clone().try_get_matches().unwrap_or_else(|error| exit(&error));
    if let Some((name, given)) = matches.subcommand()
        && let Some(sub) = command.find_subcommand(name)
        && let Err(text) = needs::check_unused(sub, given)
    {
        refuse(&command, name, ErrorKind::ArgumentConflict, text)
    }
    if let Some((name, given)) = matches.subcommand()
        && let Err(text) = outputs::check(name, given)
    {
        refuse(&command, name, ErrorKind::ArgumentConflict, text)
    }
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => (cli, name),
        Err(error) => exit(&error),
    }
}

/// What the command line gives, before its options are checked.
#[derive(Default)]
struct Given {
    /// The name of the command.
    name: String,
    /// The options and arguments of the command line, by id.
    ids: Vec<String>,
    /// The files of --params, also of the environment.
    params: Vec<PathBuf>,
}

impl Given {
    /// Reads the command line; ignores all errors, which the parsing that follows reports.
    fn read() -> Self {
        let has_params =
            |sub: &clap::Command| sub.get_arguments().any(|it| it.get_id() == "params");
        let command =
            Cli::command().ignore_errors(true).mut_subcommands(|sub| match has_params(&sub) {
                true => sub.mut_arg("params", with_variable),
                false => sub,
            });
        let Ok(matches) = command.try_get_matches() else { return Self::default() };
        let Some((name, given)) = matches.subcommand() else { return Self::default() };
        let is_given = |id: &&str| given.value_source(id) == Some(ValueSource::CommandLine);
        let params = given.try_get_many::<PathBuf>("params").ok().flatten();
        Self {
            name: name.to_owned(),
            ids: given.ids().map(clap::Id::as_str).filter(is_given).map(str::to_owned).collect(),
            params: params.into_iter().flatten().cloned().collect(),
        }
    }
}

/// Prints an error with the usage of a command, and exits.
fn refuse(command: &clap::Command, name: &str, kind: ErrorKind, text: String) -> ! {
    let mut all = command.clone();
    all.build();
    let mut sub = all.find_subcommand(name).cloned().unwrap_or(all);
    exit(&sub.error(kind, text))
}

/// Prints an error of the command line, or the help, and exits. An argument in the message may
/// contain control characters: then the message is plain and escaped.
fn exit(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    if !error.use_stderr() || text.lines().all(|line| printable(line) == line) {
        error.exit();
    }
    let lines = text.lines().map(|line| printable(line) + "\n");
    let _ = Stderr.write_all(lines.collect::<String>().as_bytes());
    std::process::exit(error.exit_code())
}

fn with_defaults(command: clap::Command, name: &str, defaults: Defaults) -> clap::Command {
    if defaults.is_empty() {
        return command;
    }
    command.mut_subcommand(name, |sub| {
        defaults.into_iter().fold(sub, |sub, (arg, values)| {
            let exists = sub.get_arguments().any(|it| it.get_id() == arg);
            if exists {
                return sub.mut_arg(arg, |it| it.default_values(values));
            }
            if name == "run" {
                let option = flags::option(arg);
                stream::report(&format!("--params: run has no option {option}; ignored"));
            }
            sub
        })
    })
}

/// The command line with environment variables, and with the text after the options of `--help`.
pub(crate) fn command() -> clap::Command {
    command_with(&[], &[])
}

/// The same where the command line gives options and arguments of these ids, and --params gives defaults of those.
fn command_with(ids: &[String], from_params: &[&str]) -> clap::Command {
    let needs = Cli::command().mut_subcommands(|sub| needs::with_needs(sub, from_params));
    let is_given = |id: &str| ids.iter().any(|it| it == id) || from_params.contains(&id);
    let mut command = with_environment(needs, &is_given);
    if let Some(page) = pages::of("") {
        command = command.after_long_help(page.help());
    }
    command.mut_subcommands(|sub| match pages::of(sub.get_name()) {
        Some(page) => sub.after_long_help(page.help()),
        None => sub,
    })
}

/// The environment variable of an option.
fn variable(long: &str) -> String {
    format!("TWEETOSCOPE_{}", long.replace(['-'], "_").to_uppercase())
}

/// Whether the environment gives an option.
fn is_set(arg: &clap::Arg) -> bool {
    let value = arg.get_long().and_then(|long| std::env::var_os(variable(long)));
    value.is_some_and(|value| !is_switch(arg) || !is_false(&value))
}

/// Whether an option has no value.
fn is_switch(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::SetTrue)
}

/// Whether the value of a variable of the environment turns a switch off.
fn is_false(value: &OsStr) -> bool {
    let word = value.to_string_lossy().to_lowercase();
    ["n", "no", "f", "false", "off", "0"].contains(&&*word)
}

/// Lets the environment set an option.
fn with_variable(arg: clap::Arg) -> clap::Arg {
    let Some(long) = arg.get_long().filter(|long| !matches!(*long, "help" | "version")) else {
        return arg;
    };
    let name = variable(long);
    // A switch that is off is not given, so that it conflicts with no option.
    let is_off = is_switch(&arg) && std::env::var_os(&name).is_some_and(|it| is_false(&it));
    if is_off || arg.get_env().is_some() {
        return arg;
    }
    let arg = arg.env(clap::builder::OsStr::from(name)).hide_env(true);
    match is_switch(&arg) {
        // Accepts 1 and yes as well as true.
        true => arg.value_parser(clap::builder::BoolishValueParser::new()),
        false => arg,
    }
}

/// Lets the environment set every option: `--min-size` by `TWEETOSCOPE_MIN_SIZE`.
fn with_environment(command: clap::Command, is_given: &dyn Fn(&str) -> bool) -> clap::Command {
    command.mut_args(with_variable).mut_subcommands(|sub| {
        // A variable for several commands is ignored where it has no effect, while an option of the
        // command line is refused.
        let is_set = |id: &str| sub.get_arguments().any(|it| it.get_id() == id && is_set(it));
        let idle = needs::idle(&sub, |id| is_given(id) || is_set(id));
        sub.mut_args(|arg| match idle.contains(&arg.get_id().as_str()) {
            true => arg,
            false => with_variable(arg),
        })
    })
}
