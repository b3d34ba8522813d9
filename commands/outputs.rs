//! The output files of a command: distinct from its inputs and from each other, and complete when they have their name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ArgMatches;
use tweetoscope::stream::rename_target;

use crate::flags::{check_file, option};

/// The options that name an output file.
const OUTPUTS: [&str; 7] =
    ["report", "predictions", "truth", "parquet", "resume", "dead_letter", "metrics_textfile"];
/// The options and arguments that name input files.
const INPUTS: [&str; 5] = ["files", "history", "data", "index", "params"];
/// The commands whose `--dead-letter` is a topic with `--kafka`.
const SERVICES: [&str; 4] = ["collect", "fit", "predict", "train"];

/// What a path leads to: two equal places are one file.
#[derive(PartialEq, Eq)]
enum Place {
    /// Device and inode of a file that exists.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The canonical path of a file that does not, or where there are no inodes.
    Path(PathBuf),
}

/// The place of a path, unless it is that of a device, a pipe or a folder.
fn place(path: &Path) -> Option<Place> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => None,
        #[cfg(unix)]
        Ok(found) => Some(inode(&found)),
        #[cfg(not(unix))]
        Ok(_) => Some(Place::Path(fs::canonicalize(path).ok()?)),
        Err(_) => {
            let target = rename_target(path).ok()?;
            let folder = target.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
            Some(Place::Path(folder.join(target.file_name()?)))
        }
    }
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> Place {
    use std::os::unix::fs::MetadataExt;
    Place::Inode(found.dev(), found.ino())
}

/// The place of stdin or stdout where it is a regular file.
#[cfg(unix)]
fn stream_place(stream: impl std::os::fd::AsFd) -> Option<Place> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let found = file.metadata().ok().filter(fs::Metadata::is_file)?;
    Some(inode(&found))
}

#[cfg(not(unix))]
fn stream_place<T>(_: T) -> Option<Place> {
    None
}

/// The paths of an option or argument that the command has.
fn paths(given: &ArgMatches, id: &str) -> Vec<PathBuf> {
    let values = given.try_get_many::<PathBuf>(id).ok().flatten();
    values.into_iter().flatten().cloned().collect()
}

/// Checks that each output file of a command is none of its inputs, of its other outputs, and not stdout.
///
/// # Errors
/// The message for the user.
pub(crate) fn check(command: &str, given: &ArgMatches) -> Result<(), String> {
    let is_on = |id: &str| given.try_get_one::<bool>(id).ok().flatten().is_some_and(|on| *on);
    let is_topic = |id: &str| id == "dead_letter" && SERVICES.contains(&command) && is_on("kafka");
    let mut taken = Vec::new();
    for id in INPUTS {
        let name = if id == "files" { "the input".to_owned() } else { option(id) };
        let files = paths(given, id).into_iter().filter(|path| path.as_os_str() != "-");
        taken.extend(files.map(|path| (name.clone(), place(&path))));
    }
    taken.push(("stdin".to_owned(), stream_place(io::stdin())));
    taken.push(("stdout".to_owned(), stream_place(io::stdout())));
    for id in OUTPUTS.into_iter().filter(|id| !is_topic(id)) {
        for path in paths(given, id) {
            let (option, shown) = (option(id), path.display());
            if path.as_os_str() == "-" {
                return Err(format!(
                    "{option} -: the output is a file; give its path, such as ./out"
                ));
            }
            let Some(place) = place(&path) else { continue };
            let same = taken.iter().find(|(_, other)| other.as_ref() == Some(&place));
            if let Some((other, _)) = same {
                return Err(format!(
                    "{option} {shown}: {other} is the same file, and one would overwrite the other; give another path"
                ));
            }
            taken.push((option, Some(place)));
        }
    }
    Ok(())
}

/// The name of a file until it is complete.
pub(crate) fn part(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Whether the path is that of a pipe or a device, which no rename may replace.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
}

/// Refuses an output file that cannot be created, without creating it.
pub(crate) fn check_creatable(option: &str, path: &Path) -> anyhow::Result<()> {
    check_file(option, path)?;
    if is_special(path) {
        return Ok(());
    }
    let named = || format!("{option} {}", path.display());
    let part = part(&rename_target(path).with_context(named)?);
    File::create(&part).and_then(|_| fs::remove_file(&part)).with_context(named)
}

/// Writes a file, which has its name when it is complete.
///
/// # Errors
/// The file cannot be written; an older file of the name remains.
pub(crate) fn write(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let to = |path: &Path| {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    let written = match is_special(path) {
        true => to(path),
        false => rename_target(path).and_then(|target| {
            let part = part(&target);
            let written = to(&part).and_then(|()| fs::rename(&part, &target));
            written.inspect_err(|_| drop(fs::remove_file(&part)))
        }),
    };
    written.with_context(|| path.display().to_string())
}
