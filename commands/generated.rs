//! Man pages and completions are what `cli` declares. If not: rewrites them, and fails once.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, with_environment};

fn command() -> clap::Command {
    // Defaults that depend on the machine have no place in a page; there are none.
    with_environment(Cli::command())
}

/// The statuses that every command shares, as a section of its page.
const EXIT_STATUS: &str = r"
.SH EXIT STATUS
.TP
\fB0\fR
Done, also when the reader of the output closed it.
.TP
\fB1\fR
Failed, or some input was refused.
.TP
\fB2\fR
Wrong usage.
.TP
\fB3\fR
A threshold given by an option was crossed.
.TP
\fB75\fR
No Kafka broker answered in time; start the command again later.
.TP
\fB76\fR
Fenced: a newer instance uses the same transactional id.
";

/// One page a command, named as `man tweetoscope-collect` asks.
fn pages() -> Vec<(PathBuf, Vec<u8>)> {
    let mut whole = command();
    // A page that refers to tweetoscope-help(1) refers to a page that does not exist.
    whole = whole.disable_help_subcommand(true);
    whole.build();
    let mut pages = vec![page(whole.clone(), "tweetoscope".to_owned())];
    for sub in whole.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("tweetoscope-{}", sub.get_name());
        pages.push(page(sub.clone().display_name(name.clone()), name));
    }
    pages
}

fn page(command: clap::Command, name: String) -> (PathBuf, Vec<u8>) {
    let mut bytes = Vec::new();
    let source = concat!("tweetoscope ", env!("CARGO_PKG_VERSION"));
    let man = clap_mangen::Man::new(command).title(&name).source(source).date("");
    man.render(&mut bytes).unwrap();
    bytes.extend_from_slice(EXIT_STATUS.as_bytes());
    if name != "tweetoscope" {
        bytes.extend_from_slice(b".SH SEE ALSO\n\\fBtweetoscope\\fR(1)\n");
    }
    (Path::new("man").join(format!("{name}.1")), bytes)
}

fn completions() -> Vec<(PathBuf, Vec<u8>)> {
    let shells = [
        (Shell::Bash, "tweetoscope.bash"),
        (Shell::Zsh, "_tweetoscope"),
        (Shell::Fish, "tweetoscope.fish"),
    ];
    let one = |(shell, file): (Shell, &str)| {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut command(), "tweetoscope", &mut bytes);
        (Path::new("completions").join(file), bytes)
    };
    shells.into_iter().map(one).collect()
}

#[test]
fn man_pages_and_completions_are_what_the_commands_declare() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stale = Vec::new();
    for (path, bytes) in pages().into_iter().chain(completions()) {
        if fs::read(root.join(&path)).ok().as_ref() != Some(&bytes) {
            fs::write(root.join(&path), &bytes).unwrap();
            stale.push(path);
        }
    }
    let expected: Vec<PathBuf> =
        pages().into_iter().chain(completions()).map(|(path, _)| path).collect();
    for folder in ["man", "completions"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(expected.contains(&path), "{} belongs to no command", path.display());
        }
    }
    assert!(stale.is_empty(), "were stale and are written anew, to be committed: {stale:?}");
}

#[test]
fn the_declaration_is_sound() {
    command().debug_assert();
}
