//! The list of commands, and the parsing of the command line.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tweetoscope::stream::{self, Stderr, printable};

use crate::flags::{Outcome, Shared};
use crate::needs;
use crate::original::{self, Defaults};
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
    let command = command();
    let mut matches = command.clone().try_get_matches().unwrap_or_else(|error| exit(&error));
    if let Some((name, given)) = matches.subcommand()
        && let Some(sub) = command.find_subcommand(name)
    {
        needs::check_unused(sub, given).unwrap_or_else(|error| exit(&error));
    }
    let name = matches.subcommand_name().unwrap_or_default().to_owned();
    let mut given = Vec::new();
    for path in params_files(&matches) {
        match original::defaults(&name, &path) {
            Ok(defaults) => given.extend(defaults),
            Err(error) => {
                let text = format!("{}: {error}", path.display());
                exit(&command.clone().error(ErrorKind::ValueValidation, text))
            }
        }
    }
    if !given.is_empty() {
        matches = with_defaults(command, &name, given)
            .try_get_matches()
            .unwrap_or_else(|error| exit(&error));
    }
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => (cli, name),
        Err(error) => exit(&error),
    }
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

fn params_files(matches: &clap::ArgMatches) -> Vec<PathBuf> {
    let Some((_, sub)) = matches.subcommand() else { return Vec::new() };
    let files = sub.try_get_many::<PathBuf>("params").ok().flatten();
    files.into_iter().flatten().cloned().collect()
}

fn with_defaults(command: clap::Command, name: &str, defaults: Defaults) -> clap::Command {
    command.mut_subcommand(name, |sub| {
        defaults.into_iter().fold(sub, |sub, (arg, values)| {
            let exists = sub.get_arguments().any(|it| it.get_id() == arg);
            if exists {
                return sub.mut_arg(arg, |it| it.default_values(values));
            }
            if name == "run" {
                let option = arg.replace('_', "-");
                stream::report(&format!("--params: run has no option --{option}; ignored"));
            }
            sub
        })
    })
}

/// The command line with environment variables, and with the text after the options of `--help`.
pub(crate) fn command() -> clap::Command {
    let needs = Cli::command().mut_subcommands(needs::with_needs);
    let mut command = with_environment(needs);
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

/// Whether the command line or the environment has an option.
fn is_given(id: &str) -> bool {
    let long = format!("--{}", id.replace('_', "-"));
    let is_it = |arg: OsString| {
        let arg = arg.to_string_lossy().into_owned();
        arg.strip_prefix(&long).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    std::env::args_os().any(is_it) || std::env::var_os(variable(id)).is_some()
}

/// Lets the environment set every option: `--min-size` by `TWEETOSCOPE_MIN_SIZE`.
fn with_environment(command: clap::Command) -> clap::Command {
    // A variable for several commands is ignored where it has no effect, while an option of the
    // command line is refused.
    let set = |arg: clap::Arg, idle: &[&str]| match arg.get_long() {
        _ if idle.contains(&arg.get_id().as_str()) => arg,
        Some(long) if !matches!(long, "help" | "version") && arg.get_env().is_none() => {
            let name = variable(long);
            let arg = arg.env(clap::builder::OsStr::from(name)).hide_env(true);
            match arg.get_action() {
                // Accepts 1 and yes as well as true.
                clap::ArgAction::SetTrue => {
                    arg.value_parser(clap::builder::BoolishValueParser::new())
                }
                _ => arg,
            }
        }
        _ => arg,
    };
    command.mut_args(|arg| set(arg, &[])).mut_subcommands(|sub| {
        let idle = needs::idle(&sub, is_given);
        sub.mut_args(|arg| set(arg, &idle))
    })
}
