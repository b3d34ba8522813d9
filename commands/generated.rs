//! Man pages, completions and `docs/commands/` are what `cli` and `pages` declare. If not: rewrites
//! them, and fails once.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Arg;
use clap_complete::Shell;

use crate::cli::command;
use crate::flags::EXIT_STATUSES;
use crate::pages::{self, Page};

/// The visible commands as clap has built them, each with its page; the first is `tweetoscope`.
fn commands() -> Vec<(clap::Command, &'static Page)> {
    // Without the help subcommand, whose man page would not exist.
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    let subs: Vec<clap::Command> =
        whole.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    let page = |name: &str| pages::of(name).unwrap_or_else(|| panic!("{name} has no page"));
    let with_page = |sub: clap::Command| {
        let page = page(sub.get_name());
        (sub, page)
    };
    let mut all = vec![(whole, page(""))];
    all.extend(subs.into_iter().map(with_page));
    all
}

/// Text as roff.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

/// The exit statuses that a command has.
fn statuses(command: &clap::Command) -> Vec<(u8, &'static str)> {
    let has = |long: &str| command.get_arguments().any(|arg| arg.get_long() == Some(long));
    let is_whole = command.has_subcommands();
    let applies = |(status, _): &(u8, &str)| match status {
        3 => is_whole || command.get_name() == "monitor",
        75 => is_whole || has("kafka"),
        76 => is_whole || has("transactional-id"),
        _ => true,
    };
    EXIT_STATUSES.into_iter().filter(applies).collect()
}

/// One page per command, with the name that `man tweetoscope-collect` looks up.
fn man_page(command: clap::Command, page: &Page) -> (PathBuf, Vec<u8>) {
    let name = match page.command {
        "" => "tweetoscope".to_owned(),
        sub => format!("tweetoscope-{sub}"),
    };
    // The usage of --help: the synopsis of clap_mangen has no names of values.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let statuses = statuses(&command);
    let command =
        command.display_name(name.clone()).after_long_help(None::<&str>).override_usage(usage);
    let source = concat!("tweetoscope ", env!("CARGO_PKG_VERSION"));
    let mut bytes = Vec::new();
    let man = clap_mangen::Man::new(command).title(&name).source(source).date("");
    man.render(&mut bytes).unwrap();
    // After the title, which resets it: an option is not hyphenated ("--ker-nel").
    let rendered = String::from_utf8(bytes).unwrap();
    let mut bytes = rendered.replacen("\n.SH NAME\n", "\n.nh\n.SH NAME\n", 1).into_bytes();
    let mut text = String::from(".SH FORMATS\n");
    for (direction, what) in page.formats() {
        let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}.", roff(direction), roff(what));
    }
    text += ".SH EXAMPLES\n";
    for (purpose, line) in page.examples {
        let _ =
            writeln!(text, ".PP\n{}:\n.PP\n.RS 4\n.nf\n{}\n.fi\n.RE", roff(purpose), roff(line));
    }
    text += ".SH EXIT STATUS\n";
    for (status, meaning) in statuses {
        let _ = writeln!(text, ".TP\n\\fB{status}\\fR\n{}", roff(meaning));
    }
    let mut names: Vec<String> =
        page.see_also.iter().map(|name| format!("\\fBtweetoscope\\-{name}\\fR(1)")).collect();
    if !page.command.is_empty() {
        names.insert(0, "\\fBtweetoscope\\fR(1)".to_owned());
    }
    let _ = writeln!(text, ".SH SEE ALSO\n{}", names.join(",\n"));
    bytes.extend(text.bytes());
    (Path::new("man").join(format!("{name}.1")), bytes)
}

/// The visible commands, with the values that their options have, for completions.
fn completed() -> clap::Command {
    const FORMATS: &str = "x_v11|x_v2|jetstream|mastodon|weibo|csv|history";
    let offered = |arg: Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        let names = match arg.get_id() == "format" {
            true => FORMATS.to_owned(),
            false => names.first().map(ToString::to_string).unwrap_or_default(),
        };
        let is_value =
            |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c));
        let values: Vec<_> = names.split('|').filter(is_value).map(str::to_owned).collect();
        match names.contains('|') && arg.get_possible_values().is_empty() {
            true => arg.value_parser(clap::builder::PossibleValuesParser::new(values)),
            false => arg,
        }
    };
    let whole = command();
    let visible = whole.get_subcommands().filter(|sub| !sub.is_hide_set());
    clap::Command::new("tweetoscope")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(whole.get_arguments().cloned())
        .subcommands(visible.map(|sub| sub.clone().mut_args(offered)))
}

fn completions() -> Vec<(PathBuf, Vec<u8>)> {
    let shells = [
        (Shell::Bash, "tweetoscope.bash"),
        (Shell::Zsh, "_tweetoscope"),
        (Shell::Fish, "tweetoscope.fish"),
    ];
    let one = |(shell, file): (Shell, &str)| {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut completed(), "tweetoscope", &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let text = match shell {
            // The word after "--log-format=" follows the word "=", to which no option has values.
            Shell::Bash => text.replacen(
                "    prev=\"$3\"\n",
                "    prev=\"$3\"\n    \
                 [[ \"${cur}\" == \"=\" ]] && cur=\"\"\n    \
                 [[ \"${prev}\" == \"=\" ]] && prev=\"${COMP_WORDS[COMP_CWORD-2]}\"\n",
                1,
            ),
            // The commands after "help" are offered as long as none was given; "help" itself was.
            Shell::Fish => {
                let helped = |line: &str| match line.contains("_using_subcommand help; and not") {
                    true => line.replacen(" help\" -f -a", "\" -f -a", 1),
                    false => line.to_owned(),
                };
                text.lines().map(|line| helped(line) + "\n").collect()
            }
            _ => text,
        };
        (Path::new("completions").join(file), text.into_bytes())
    };
    shells.into_iter().map(one).collect()
}

/// In a page of `docs/commands/`, the text above this line is hand-written.
const MARKER: &str =
    "<!-- Generated from commands/ by `cargo test --bin tweetoscope`: edit it there. -->\n";

/// The page of a command in the book: its hand-written text, then options, formats and examples.
fn book_page(command: &clap::Command, page: &Page) -> (PathBuf, Vec<u8>) {
    let path = Path::new("docs/commands").join(format!("{}.md", page.command));
    let old = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path));
    let old = old.unwrap_or_else(|_| format!("# {}\n", page.command));
    let prose = old.split(MARKER).next().unwrap_or_default().trim_end();
    let mut text = format!("{prose}\n\n{MARKER}\n## Usage\n\n```text\n");
    let usage = command.clone().render_usage().to_string();
    let _ = writeln!(text, "{}\n```\n\n## Formats\n", usage.trim_start_matches("Usage: "));
    for (direction, what) in page.formats() {
        let direction =
            if direction.starts_with('-') { format!("`{direction}`") } else { (*direction).into() };
        let _ = writeln!(text, "- {direction}: {what}");
    }
    text += "\n## Options\n";
    // In the order of --help: positional arguments, options without a heading, then by heading.
    let mut headings: Vec<Option<&str>> = vec![None];
    for arg in command.get_arguments() {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    for heading in headings {
        let shown = |arg: &&Arg| arg.get_help_heading() == heading && !arg.is_hide_set();
        let (positional, options): (Vec<&Arg>, Vec<&Arg>) =
            command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
        if let Some(heading) = heading {
            let _ = write!(text, "\n### {heading}\n");
        }
        text.push('\n');
        positional.into_iter().chain(options).for_each(|arg| text += &option(arg));
    }
    text += "\n## Examples\n\n```sh\n";
    for (purpose, line) in page.examples {
        let _ = writeln!(text, "# {purpose}\n{line}");
    }
    text += "```\n\n## Exit status\n\n| status | meaning |\n|---|---|\n";
    for (status, meaning) in statuses(command) {
        let _ = writeln!(text, "| {status} | {meaning} |");
    }
    let links: Vec<String> =
        page.see_also.iter().map(|name| format!("[{name}]({name}.md)")).collect();
    let _ = write!(
        text,
        "\n## See also\n\n{}, [formats](../formats.md), [glossary](../glossary.md)\n",
        links.join(", ")
    );
    (path, text.into_bytes())
}

/// An option as an item of a list.
fn option(arg: &Arg) -> String {
    let value = match arg.get_value_names() {
        Some(names) if arg.get_action().takes_values() => format!(" {}", names.join(" ")),
        _ => String::new(),
    };
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> =
        arg.get_short().map(|it| format!("-{it}")).into_iter().chain(long).collect();
    let name = match names.is_empty() {
        true => value.trim().to_owned(),
        false => format!("{}{value}", names.join(", ")),
    };
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match defaults.is_empty() || !arg.get_action().takes_values() {
        true => String::new(),
        false => format!(" (default `{}`)", defaults.join(",")),
    };
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    // The angle brackets and stars of plain text are not markup.
    let help = help.replace('<', "\\<").replace('*', "\\*").replace("\n\n", "\n\n  ");
    let mut item = format!("- `{name}`{default}: {help}\n");
    for value in arg.get_possible_values().iter().filter(|it| !it.is_hide_set()) {
        if let (true, Some(help)) = (arg.get_action().takes_values(), value.get_help()) {
            let help = help.to_string().replace('*', "\\*");
            let _ = writeln!(item, "  - `{}`: {help}", value.get_name());
        }
    }
    item
}

/// Every generated file.
fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let commands = commands();
    let mut all: Vec<_> =
        commands.iter().map(|(command, page)| man_page(command.clone(), page)).collect();
    all.extend(commands.iter().skip(1).map(|(command, page)| book_page(command, page)));
    all.extend(completions());
    all
}

#[test]
fn man_pages_completions_and_the_book_are_what_the_commands_declare() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stale = Vec::new();
    let all = generated();
    for (path, bytes) in &all {
        if fs::read(root.join(path)).ok().as_ref() != Some(bytes) {
            fs::write(root.join(path), bytes).unwrap();
            stale.push(path);
        }
    }
    for folder in ["man", "completions", "docs/commands"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(
                all.iter().any(|(it, _)| *it == path),
                "{} belongs to no command",
                path.display()
            );
        }
    }
    assert!(stale.is_empty(), "were stale and are written anew, to be committed: {stale:?}");
}

#[test]
fn every_option_that_a_document_names_exists() {
    // Those of cargo, of the scripts in benches/, and of the tools of Kafka, Kubernetes and containers.
    const OTHERS: &str = "add-config all all-features alter bench bin bins check config describe entity-name entity-type \
                          features from-file ignore-missing ignored lib locked max-power members no-default-features \
                          nocapture only path previous read-only release rm test";
    let commands = commands();
    let longs = |(command, _): &(clap::Command, &Page)| -> Vec<String> {
        command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
    };
    let mut known: Vec<String> = commands.iter().flat_map(longs).collect();
    known.extend(OTHERS.split(' ').map(str::to_owned));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md")];
    for folder in ["docs", "docs/commands"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        documents.extend(paths.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    let mut checked = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for (place, _) in text.match_indices("--") {
            let before = text[..place].chars().next_back();
            let rest = &text[place + 2..];
            let end =
                rest.find(|c: char| !c.is_ascii_lowercase() && c != '-' && !c.is_ascii_digit());
            let name = &rest[..end.unwrap_or(rest.len())];
            let is_option = name.starts_with(|c: char| c.is_ascii_lowercase())
                && !name.ends_with('-')
                && before.is_none_or(|c| c.is_whitespace() || "`([|=<".contains(c));
            if is_option {
                checked += 1;
                let exists = known.iter().any(|it| it == name);
                assert!(exists, "{}: --{name} is an option of no command", document.display());
            }
        }
    }
    assert!(checked > 500, "{checked} options");
}

#[test]
fn completions_offer_visible_commands_and_the_values_of_options() {
    let all = completions();
    let text = |place: usize| String::from_utf8_lossy(&all[place].1).into_owned();
    let [bash, zsh, fish] = [0, 1, 2].map(text);
    for script in [&bash, &zsh, &fish] {
        assert!(!script.contains("healthy") && script.contains("mastodon"), "{script}");
    }
    assert!(bash.contains("COMP_WORDS[COMP_CWORD-2]"), "{bash}");
    let helped = "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from";
    assert!(fish.lines().any(|it| it.contains(helped)), "{fish}");
    assert!(!fish.lines().any(|it| it.contains(helped) && it.contains(" help\" -f")), "{fish}");
}

#[test]
fn the_declaration_is_sound() {
    command().debug_assert();
}
