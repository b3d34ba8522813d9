//! The folder where `train` and `predict` meet in a shell: one file a model, replaced atomically.
//!
//! A file is named by its version, `600-3.json`. The newest of a window is in use; deleting it
//! rolls back to the one before.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::value::RawValue;

use super::lines::named;
use super::{Counts, Step, Transport, complain};
use crate::event::ModelVersion;
use crate::learn;
use crate::record::{Model, Record, Refusal};
use crate::stage::{Outgoing, Tally};

/// Models of a window that are kept; older ones are deleted when a new one comes.
const KEPT: usize = 20;

/// A folder of models.
pub struct Folder {
    path: PathBuf,
    /// Versions that must be used where they are there, one a window.
    pin: Vec<ModelVersion>,
    /// When the folder was last changed, as far as it was read.
    seen: Option<SystemTime>,
    /// The version that was last given, by window.
    given: BTreeMap<u64, ModelVersion>,
    /// When that was published, in Unix seconds.
    published: BTreeMap<u64, f64>,
}

impl Folder {
    /// A folder that may not exist yet.
    pub fn new(path: &Path, pin: Vec<ModelVersion>) -> Self {
        Self {
            path: path.to_owned(),
            pin,
            seen: None,
            given: BTreeMap::new(),
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

    /// The models to be used that were not given before: the newest sound one of each window.
    ///
    /// A file that is no sound model is named on stderr and passed over.
    pub fn changes(&mut self) -> io::Result<Vec<Record>> {
        let modified = fs::metadata(&self.path).and_then(|it| it.modified()).ok();
        if modified.is_some() && modified == self.seen {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        for (window, counters) in self.versions()? {
            let pinned = self.pin.iter().rfind(|version| version.window == window);
            let wanted = match pinned {
                Some(version) => vec![version.counter],
                None => counters.into_iter().rev().collect(),
            };
            for counter in wanted {
                let version = ModelVersion { window, counter };
                if self.given.get(&window) == Some(&version) {
                    break;
                }
                if let Some(record) = self.load(version) {
                    self.published.extend(self.written(version).map(|at| (window, at)));
                    self.given.insert(window, version);
                    changes.push(record);
                    break;
                }
            }
        }
        self.seen = modified;
        Ok(changes)
    }

    /// Whether that version is there, and sound.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn check(&self, version: ModelVersion) -> io::Result<()> {
        self.sound(version).map(|_| ()).map_err(io::Error::other)
    }

    fn load(&self, version: ModelVersion) -> Option<Record> {
        let refuse = |why| complain(&format!("{why}; the model is not used"));
        self.sound(version).map_err(refuse).ok()
    }

    fn sound(&self, version: ModelVersion) -> Result<Record, String> {
        let path = self.file(version);
        self.read(version).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn read(&self, version: ModelVersion) -> Result<Record, String> {
        let path = self.file(version);
        // A pipe would be waited for, and a device has no end.
        if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
            return Err("it is no regular file".to_owned());
        }
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let text = text.trim_end();
        let model = learn::Model::from_line(text).map_err(|refused| refused.to_string())?;
        if model.version() != version {
            return Err(format!("it says that it is {}", model.version()));
        }
        let text = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
        Ok(Record::Model(Model { model: version.to_string(), t_obs: version.window, text }))
    }

    fn written(&self, version: ModelVersion) -> Option<f64> {
        let at = fs::metadata(self.file(version)).and_then(|it| it.modified()).ok()?;
        Some(at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
    }

    fn file(&self, version: ModelVersion) -> PathBuf {
        self.path.join(format!("{version}.json"))
    }

    /// Writes a model so that a reader sees all of it or nothing; keeps the newest of its window.
    pub fn store(&self, model: &Model) -> io::Result<()> {
        let path = self.path.join(format!("{}.json", model.model));
        let written = self.write(&path, model.text.get());
        written.map_err(|error| named(&path.display().to_string(), &error))?;
        let counters = self.versions()?.remove(&model.t_obs).unwrap_or_default();
        for counter in counters.iter().rev().skip(KEPT) {
            let old = self.file(ModelVersion { window: model.t_obs, counter: *counter });
            fs::remove_file(&old).map_err(|error| named(&old.display().to_string(), &error))?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let mut file = fs::File::create(&draft)?;
        let content = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
        let finished =
            content.and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
        if finished.is_err() {
            let _ = fs::remove_file(&draft);
        }
        finished
    }
}

/// What a stage wants of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Read models, at the start and whenever a newer one appears.
    Follow,
    /// Read what is there at the start; store what the stage writes.
    Store,
}

/// When the models in use were published, by window, as metrics.
pub(crate) fn trained(published: impl Iterator<Item = (u64, f64)>) -> Tally {
    let name = "model_trained_timestamp_seconds";
    published.map(|(window, at)| ((name, window.to_string()), at)).collect()
}

/// A transport with a folder of models beside it.
pub struct WithModels<T> {
    inner: T,
    folder: Folder,
    usage: Use,
    started: bool,
}

impl<T> WithModels<T> {
    /// Puts the folder beside a transport.
    pub fn new(inner: T, folder: Folder, usage: Use) -> Self {
        Self { inner, folder, usage, started: false }
    }
}

impl<T: Transport> Transport for WithModels<T> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        let looks = self.usage == Use::Follow || !self.started;
        // The input first: it may block for long, and what appeared meanwhile counts.
        let first = if looks && !self.started { self.folder.changes()? } else { Vec::new() };
        if !first.is_empty() {
            self.started = true;
            return Ok(Step::Next(first, Vec::new()));
        }
        self.started = true;
        let step = self.inner.read()?;
        Ok(match step {
            Step::Next(mut beside, frames) if looks => {
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
        let mut rest = Vec::with_capacity(out.len());
        for item in out {
            match item {
                Outgoing::Record(Record::Model(model)) => self.folder.store(&model)?,
                other => rest.push(other),
            }
        }
        self.inner.write(rest)
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
            tally.extend(trained(self.folder.published.iter().map(|(window, at)| (*window, *at))));
        }
        tally
    }
}
