//! The model folder, through which `train` passes models to `predict` without Kafka: one file per model.
//!
//! The file name is the version: `600-3.json`. The newest version of a window is in use; deleting it rolls
//! back to the previous one. Files appear atomically, by a rename.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::value::RawValue;

use super::lines::named;
use super::{Counts, Step, Transport, report};
use crate::event::ModelVersion;
use crate::learn;
use crate::record::{Model, Record, Refusal};
use crate::stage::{Outgoing, SharedSink, Sink, Tally};

/// Number of models kept per window; storing a new model deletes older ones.
const KEPT_PER_WINDOW: usize = 20;

/// A folder of models.
pub struct Folder {
    path: PathBuf,
    /// Versions to use in place of the newest, at most one per window.
    pin: Vec<ModelVersion>,
    /// Modification time of the folder at the last read.
    modified: Option<SystemTime>,
    /// The version last returned, by window.
    current: BTreeMap<u64, ModelVersion>,
    /// The versions that were reported as invalid.
    reported: BTreeSet<ModelVersion>,
    /// Publication time of the current version, by window, in Unix seconds.
    published: BTreeMap<u64, f64>,
}

impl Folder {
    /// A folder, which need not exist yet.
    pub fn new(path: &Path, pin: Vec<ModelVersion>) -> Self {
        Self {
            path: path.to_owned(),
            pin,
            modified: None,
            current: BTreeMap::new(),
            reported: BTreeSet::new(),
            published: BTreeMap::new(),
        }
    }

    /// Versions by window, ascending.
    fn versions(&self) -> io::Result<BTreeMap<u64, Vec<u64>>> {
        let mut versions: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(versions),
            Err(error) => return Err(named(&self.path.display().to_string(), &error)),
        };
        for entry in entries {
            let name = entry?.file_name();
            let version = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if let Some(version) = version.and_then(|it| it.parse::<ModelVersion>().ok()) {
                versions.entry(version.window).or_default().push(version.counter);
            }
        }
        versions.values_mut().for_each(|counters| counters.sort_unstable());
        Ok(versions)
    }

    /// The models that are in use and were not returned before: the newest valid one of each window.
    ///
    /// An invalid file is reported on stderr and skipped.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn changes(&mut self) -> io::Result<Vec<Record>> {
        let modified = fs::metadata(&self.path).and_then(|it| it.modified()).ok();
        if modified.is_some() && modified == self.modified {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        for (window, counters) in self.versions()? {
            let pinned = self.pin.iter().rfind(|version| version.window == window);
            let candidates = match pinned {
                Some(version) => vec![version.counter],
                None => counters.into_iter().rev().collect(),
            };
            for counter in candidates {
                let version = ModelVersion { window, counter };
                if self.current.get(&window) == Some(&version) {
                    break;
                }
                if let Some(record) = self.load(version) {
                    self.published.extend(self.publication_time(version).map(|at| (window, at)));
                    self.current.insert(window, version);
                    changes.push(record);
                    break;
                }
            }
        }
        self.modified = modified;
        Ok(changes)
    }

    /// Checks that a version exists and is valid.
    ///
    /// # Errors
    /// The version is missing or invalid; the message names the file and the cause.
    pub fn check(&self, version: ModelVersion) -> io::Result<()> {
        self.valid(version).map(|_| ()).map_err(io::Error::other)
    }

    /// The highest version of each window, also of files that are not valid models: a new version
    /// counts on above it, so that no file is replaced.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn highest_versions(&self) -> io::Result<Vec<ModelVersion>> {
        let highest = |(window, counters): (u64, Vec<u64>)| {
            Some(ModelVersion { window, counter: *counters.last()? })
        };
        Ok(self.versions()?.into_iter().filter_map(highest).collect())
    }

    fn load(&mut self, version: ModelVersion) -> Option<Record> {
        match self.valid(version) {
            Ok(record) => Some(record),
            Err(why) => {
                if self.reported.insert(version) {
                    report(&format!("{why}; the model is skipped and its file is kept"));
                }
                None
            }
        }
    }

    fn valid(&self, version: ModelVersion) -> Result<Record, String> {
        let path = self.file(version);
        self.read(version).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn read(&self, version: ModelVersion) -> Result<Record, String> {
        let path = self.file(version);
        // Reading a pipe may block, and a device may be endless.
        if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
            return Err("not a regular file".to_owned());
        }
        let text = read_limited(&path)?;
        let text = text.trim_end();
        let model = learn::Model::from_line(text).map_err(|refused| refused.to_string())?;
        if model.version() != version {
            return Err(format!("the file holds version {}", model.version()));
        }
        let text = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
        Ok(Record::Model(Model { model: version.to_string(), t_obs: version.window, text }))
    }

    fn publication_time(&self, version: ModelVersion) -> Option<f64> {
        let at = fs::metadata(self.file(version)).and_then(|it| it.modified()).ok()?;
        Some(at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
    }

    fn file(&self, version: ModelVersion) -> PathBuf {
        self.path.join(format!("{version}.json"))
    }

    /// Writes a model atomically, and deletes the oldest models of its window. A file that is not a
    /// valid model, such as one of a later format, is neither replaced nor deleted, and neither is a model
    /// that another process has written with the same version.
    ///
    /// # Errors
    /// A file cannot be written or deleted, or another one of the version exists.
    pub fn store(&self, model: &Model) -> io::Result<()> {
        let path = self.path.join(format!("{}.json", model.model));
        let version = model.model.parse().ok();
        if let Some(why) = version.and_then(|it| self.valid(it).err()).filter(|_| path.exists()) {
            return Err(io::Error::other(format!("{why}; the file is not replaced")));
        }
        let written = self.write(&path, model.text.get());
        written.map_err(|error| named(&path.display().to_string(), &error))?;
        let counters = self.versions()?.remove(&model.t_obs).unwrap_or_default();
        for counter in counters.iter().rev().skip(KEPT_PER_WINDOW) {
            let version = ModelVersion { window: model.t_obs, counter: *counter };
            if self.valid(version).is_err() {
                continue;
            }
            let old = self.file(version);
            match fs::remove_file(&old) {
                // Another process has deleted it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                deleted => deleted.map_err(|error| named(&old.display().to_string(), &error))?,
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let mut file = fs::File::create(&draft)?;
        let content = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
        let finished = content.and_then(|()| file.sync_all()).and_then(|()| publish(&draft, path));
        let _ = fs::remove_file(&draft);
        finished
    }
}

/// Gives a finished draft its name, unless another file has it that differs.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read(draft)? == fs::read(path)? {
                return Ok(());
            }
            Err(io::Error::other(
                "another process has written a model of this version: two trainers must not share a \
                 folder of models; give each its own --models",
            ))
        }
        // Not every file system has links.
        Err(_) => fs::rename(draft, path),
    }
}

/// The text of a file that is not longer than a model; the length is checked before the file is read.
fn read_limited(path: &Path) -> Result<String, String> {
    let max = learn::MAX_LINE_BYTES as u64 + 1;
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > max {
        return Err(format!("a file of {length} bytes is above the limit of a model, {max} bytes"));
    }
    let mut text = String::new();
    // The file may grow while it is read.
    file.take(max).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// How a stage uses the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Reads models at the start and whenever a newer one appears.
    Follow,
    /// Reads models at the start, and stores the models that the stage writes.
    Store,
    /// Reads no models, and discards those that the stage writes.
    Discard,
}

/// The publication times of the models in use, by window, as metrics.
pub(crate) fn publication_tally(published: impl Iterator<Item = (u64, f64)>) -> Tally {
    let name = "model_trained_timestamp_seconds";
    published.map(|(window, at)| ((name, window.to_string()), at)).collect()
}

/// A transport combined with a model folder.
pub struct WithModels<T> {
    inner: T,
    folder: Folder,
    usage: Use,
    started: bool,
    /// Takes output while the stage runs, where models are not output.
    split: Option<Arc<Mutex<Split>>>,
}

/// A sink that passes on everything but models, which are kept for the folder.
struct Split {
    inner: SharedSink,
    models: Vec<Model>,
}

impl Sink for Split {
    fn put(&mut self, items: Vec<Outgoing>) {
        let mut rest = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Outgoing::Record(Record::Model(model)) => self.models.push(model),
                other => rest.push(other),
            }
        }
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).put(rest);
    }
}

impl<T: Transport> WithModels<T> {
    /// Combines a transport with the folder.
    pub fn new(inner: T, folder: Folder, usage: Use) -> Self {
        let sink = inner.sink().filter(|_| usage != Use::Follow);
        let split = sink.map(|inner| Arc::new(Mutex::new(Split { inner, models: Vec::new() })));
        Self { inner, folder, usage, started: false, split }
    }

    fn store(&self, models: Vec<Model>) -> io::Result<()> {
        let stored = models.iter().filter(|_| self.usage == Use::Store);
        stored.into_iter().try_for_each(|model| self.folder.store(model))
    }
}

impl<T: Transport> Transport for WithModels<T> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        let reads = self.usage != Use::Discard && !self.started;
        let checks = self.usage == Use::Follow || reads;
        let first = if checks && !self.started { self.folder.changes()? } else { Vec::new() };
        if !first.is_empty() {
            self.started = true;
            return Ok(Step::Next(first, Vec::new()));
        }
        self.started = true;
        // The input before the folder: the read may block, and a model may appear in the meantime.
        let step = self.inner.read()?;
        Ok(match step {
            Step::Next(mut beside, frames) if checks => {
                beside.extend(self.folder.changes()?);
                Step::Next(beside, frames)
            }
            other => other,
        })
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        if self.usage == Use::Follow {
            return self.inner.write(out);
        }
        let early = self.split.as_ref().map(|split| {
            std::mem::take(&mut split.lock().unwrap_or_else(PoisonError::into_inner).models)
        });
        self.store(early.unwrap_or_default())?;
        let mut rest = Vec::with_capacity(out.len());
        for item in out {
            match item {
                Outgoing::Record(Record::Model(model)) => self.store(vec![model])?,
                other => rest.push(other),
            }
        }
        self.inner.write(rest)
    }

    fn sink(&self) -> Option<SharedSink> {
        match &self.split {
            Some(split) => Some(split.clone()),
            None => self.inner.sink(),
        }
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.inner.reject(position, bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }

    fn tally(&self) -> Tally {
        let mut tally = self.inner.tally();
        if self.usage == Use::Follow {
            tally.extend(publication_tally(
                self.folder.published.iter().map(|(window, at)| (*window, *at)),
            ));
        }
        tally
    }
}
