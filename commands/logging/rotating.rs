//! Log files that are rotated by size and age, compressed, and limited in number.
//!
//! Not a crate, because a log must not end its command: nothing here panics when a directory is removed
//! or a disk is full, a line is written completely or not at all, and every failure is returned to
//! the caller, which counts it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use tweetoscope::stage::log::utc;
use tweetoscope::stream::named;

use crate::outputs::part;

/// Limits of a file, and the number of rotated files that are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Number of bytes of a file, at most.
    pub(crate) bytes: u64,
    /// Seconds between the first line of a file and its last, at most.
    pub(crate) age: f64,
    /// Number of rotated files that are kept, compressed.
    pub(crate) keep: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 10 << 20, age: 86_400.0, keep: 10 }
    }
}

/// Writes lines to `DIR/NAME.log`; rotated files are `NAME.log.<time>.gz`.
pub(crate) struct Rotating {
    path: PathBuf,
    limits: Limits,
    file: File,
    bytes: u64,
    since: f64,
    packer: Option<JoinHandle<()>>,
}

impl Rotating {
    /// Opens the file to append; creates the directory where there is none.
    pub(crate) fn open(dir: &Path, name: &str, limits: Limits) -> io::Result<Self> {
        let path = dir.join(format!("{name}.log"));
        let (file, bytes, since) =
            open(&path).map_err(|error| named(&path.display().to_string(), &error))?;
        Ok(Self { path, limits, file, bytes, since, packer: None })
    }

    /// Writes a line with its newline: completely, or, on failure, nothing of it. The error names the file.
    pub(crate) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_or_rotate(line).map_err(|error| named(&self.path.display().to_string(), &error))
    }

    fn write_or_rotate(&mut self, line: &[u8]) -> io::Result<()> {
        let full = self.bytes > 0 && self.bytes + line.len() as u64 > self.limits.bytes;
        let old = self.bytes > 0 && unix_seconds() - self.since > self.limits.age;
        // A file that cannot be rotated is still written: a log that is too long is better than none.
        let rotated = if full || old { self.rotate() } else { Ok(()) };
        if let Err(error) = self.file.write_all(line) {
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        rotated
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.wait();
        let mut micros = 0.0;
        let full = loop {
            let time = utc(unix_seconds() + micros * 1e-6, 6).replace(['-', ':'], "");
            let name = format!("{}.{time}", self.path.display());
            if !Path::new(&name).exists() && !Path::new(&format!("{name}.gz")).exists() {
                break PathBuf::from(name);
            }
            micros += 1.0;
        };
        match fs::rename(&self.path, &full) {
            // Another process has moved it: only the new file remains to be opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
        (self.file, self.bytes, self.since) = open(&self.path)?;
        let (path, keep) = (self.path.clone(), self.limits.keep);
        // In the background, because compression would delay the command.
        self.packer = Some(std::thread::spawn(move || {
            let _ = pack(&full).and_then(|()| prune(&path, keep));
        }));
        Ok(())
    }

    fn wait(&mut self) {
        if let Some(packer) = self.packer.take() {
            let _ = packer.join();
        }
    }
}

impl Drop for Rotating {
    fn drop(&mut self) {
        self.wait();
    }
}

/// The file, its length, and the time of its creation where the file system records it.
fn open(path: &Path) -> io::Result<(File, u64, f64)> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let about = file.metadata()?;
    let begun = about.created().or_else(|_| about.modified()).ok();
    let begun = begun.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((file, about.len(), begun.map_or_else(unix_seconds, |since| since.as_secs_f64())))
}

/// Compresses a rotated file; removes it only when the compressed file is complete.
fn pack(full: &Path) -> io::Result<()> {
    let unfinished = part(full);
    let packed = (|| {
        let mut packer = GzEncoder::new(File::create(&unfinished)?, Compression::default());
        io::copy(&mut File::open(full)?, &mut packer)?;
        packer.finish()?.sync_all()?;
        fs::rename(&unfinished, format!("{}.gz", full.display()))?;
        fs::remove_file(full)
    })();
    if packed.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    packed
}

/// Removes all rotated files except the newest `keep`; their names ascend with time.
fn prune(path: &Path, keep: usize) -> io::Result<()> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let prefix = format!("{}.", name.display());
    let is_full = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
    };
    let entries = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut full: Vec<_> = entries.filter(is_full).collect();
    full.sort();
    full.iter().rev().skip(keep).try_for_each(fs::remove_file)
}

/// Unix time in seconds.
#[expect(clippy::disallowed_methods, reason = "a log message has a time")]
pub(super) fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("tweetoscope-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    fn text(path: &Path) -> String {
        let mut text = String::new();
        let file = File::open(path).unwrap();
        if path.extension().is_some_and(|it| it == "gz") {
            MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        } else {
            { file }.read_to_string(&mut text).unwrap();
        }
        text
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        // NAME.log itself is the newest.
        files.rotate_left(1);
        files
    }

    #[test]
    fn every_line_is_kept_once_and_in_order() {
        let dir = dir("order");
        let limits = Limits { bytes: 1000, age: 1e9, keep: 1000 };
        for part in 0..3 {
            let mut log = Rotating::open(&dir, "fit", limits).unwrap();
            for line in part * 100..part * 100 + 100 {
                log.write_line(format!("line {line} {}\n", "x".repeat(line % 70)).as_bytes())
                    .unwrap();
            }
        }
        let files = files(&dir);
        assert!(files.len() > 5 && files.iter().all(|it| text(it).len() <= 1000));
        let all: String = files.iter().map(|it| text(it)).collect();
        let numbers = all.lines().map(|line| line.split(' ').nth(1).unwrap().parse::<u64>());
        assert!(numbers.map(Result::unwrap).eq(0..300));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn old_files_go_and_an_aged_one_is_rotated() {
        let dir = dir("age");
        let limits = Limits { bytes: 1 << 20, age: -1.0, keep: 3 };
        let mut log = Rotating::open(&dir, "fit", limits).unwrap();
        for line in 0..10 {
            log.write_line(format!("{line}\n").as_bytes()).unwrap();
        }
        drop(log);
        let texts: Vec<_> = files(&dir).iter().map(|it| text(it)).collect();
        assert_eq!(texts, ["6\n", "7\n", "8\n", "9\n"]);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_directory_that_vanishes_comes_back() {
        let dir = dir("gone");
        let limits = Limits { bytes: 10, age: 1e9, keep: 3 };
        let mut log = Rotating::open(&dir, "fit", limits).unwrap();
        log.write_line(b"12345678\n").unwrap();
        fs::remove_dir_all(&dir).unwrap();
        log.write_line(b"after\n").unwrap();
        drop(log);
        assert_eq!(text(&dir.join("fit.log")), "after\n");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        let dir = dir("full");
        fs::create_dir_all(&dir).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.join("fit.log")).unwrap();
        let mut log = Rotating::open(&dir, "fit", Limits::default()).unwrap();
        let error = log.write_line(b"lost\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(
            error.to_string().starts_with(&dir.join("fit.log").display().to_string()),
            "{error}"
        );
        fs::remove_dir_all(dir).unwrap();
    }
}
