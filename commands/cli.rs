//! The list of commands, and the parsing of the command line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tweetoscope::stream::{self, Stderr, print_text, printable};

use crate::environment::{self, with_variable};
use crate::flags::{self, Outcome, Shared};
use crate::needs;
use crate::original::{self, Defaults};
use crate::outputs;
use crate::values;
use crate::{collect, dashboard, fit, generate, healthy, log, monitor, pages, predict, run, train};

/// Predict the final size of retweet cascades from their first minutes
///
/// Each command reads records as JSON lines from the files given, else from stdin (plain, gzip or zstd),
/// and writes JSON lines to stdout. Records that a command does not take pass through unchanged, so
/// that commands can be chained with pipes. With --kafka the same commands read and write topics.
///
/// Every option with two dashes can be set in the environment: TWEETOSCOPE_MIN_SIZE=5 is --min-size 5. The
/// command line takes precedence: a variable is ignored beside an option given there that excludes it. RUST_LOG, such as debug or module=level, sets the level of the log
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
    let command = with_defaults(command_with(&from_params), &name, defaults);
    let matches = environment::matches(&command, &name, &ids, &from_params);
    let matches = matches.unwrap_or_else(|error| exit(&error));
    flags::keep_given(ids);
    if let Some((name, given)) = matches.subcommand()
        && let Some(sub) = command.find_subcommand(name)
    {
        let refuse = |kind, text| refuse(&command, name, kind, text);
        let conflict = |text| refuse(ErrorKind::ArgumentConflict, text);
        needs::check_unused(sub, given).unwrap_or_else(conflict);
        values::check(sub, given).unwrap_or_else(|text| refuse(ErrorKind::ValueValidation, text));
        outputs::check(name, given).unwrap_or_else(conflict);
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
    exit(&environment::error(command, name, kind, environment::with_variables(text)))
}

/// Prints an error of the command line, or the help, and exits. An argument in the message may
/// contain control characters: then the message is plain and escaped.
fn exit(error: &clap::Error) -> ! {
    if !error.use_stderr() {
        let printed = error.print().and_then(|()| io::stdout().flush());
        let failed = printed.err().filter(|it| it.kind() != io::ErrorKind::BrokenPipe);
        if let Some(error) = &failed {
            print_text(&format!("stdout: {error}"));
        }
        std::process::exit(i32::from(failed.is_some()));
    }
    let text = error.render().to_string();
    if text.lines().all(|line| printable(line) == line) {
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

/// The command line with the text after the options of `--help`.
pub(crate) fn command() -> clap::Command {
    command_with(&[])
}

/// The same where --params gives defaults of the options of these ids.
fn command_with(from_params: &[&str]) -> clap::Command {
    let mut command = Cli::command().mut_subcommands(|sub| needs::with_needs(sub, from_params));
    if let Some(page) = pages::of("") {
        command = command.after_long_help(page.help());
    }
    command.mut_subcommands(|sub| match pages::of(sub.get_name()) {
        Some(page) => sub.after_long_help(page.help()),
        None => sub,
    })
}
