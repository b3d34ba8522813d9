//! Creates the tasks of partitions: a new stage, its restored state, and the models in use.

use std::io;

use crate::kafka::client::records::Position;
use crate::kafka::client::settings::ModelsTopic;
use crate::kafka::daemon::models::Models;
use crate::kafka::daemon::task::{Limits, Task};
use crate::kafka::restore::recovery::Recovery;
use crate::stage::{RecordRef, Recover, Tally};

/// Creates tasks with stages of `make`.
pub(crate) struct Restorer<'a, F> {
    make: F,
    recovery: Recovery<'a>,
    models: Option<Models<'a>>,
}

impl<'a, S: Recover, F: Fn() -> S> Restorer<'a, F> {
    /// Reads the topic of models, if the stage uses it.
    pub(crate) fn open(make: F, recovery: Recovery<'a>) -> io::Result<Self> {
        let models = match recovery.settings.models {
            ModelsTopic::None => None,
            ModelsTopic::Follow | ModelsTopic::Publish => {
                Some(Models::open(recovery.settings, recovery.cluster)?)
            }
        };
        Ok(Self { make, recovery, models })
    }

    /// A task with the state of a partition at its committed position, ready for the replay.
    pub(crate) fn restore(
        &mut self,
        partition: i32,
        committed: Option<&Position>,
    ) -> io::Result<Task<S>> {
        let Recovery { settings, cluster, input, .. } = self.recovery;
        if settings.models == ModelsTopic::Publish {
            // The models in use are those that were published before a crash.
            self.models = Some(Models::open(settings, cluster)?);
        }
        let restored = self.recovery.restore(partition, committed)?;
        let mut task = Task::new((self.make)(), restored, Limits::of::<S>(settings))?;
        let models = self.models.as_ref().map(Models::in_use).unwrap_or_default();
        let models: Vec<_> = models.into_iter().map(RecordRef::without_position).collect();
        task.apply_models(&models);
        let next = task.next();
        let replayed = committed.map_or(0, |it| (it.offset - next).max(0));
        log::info!(
            "topic {} partition {partition}: starting at offset {next}, replaying {replayed} \
             offsets",
            input.name
        );
        Ok(task)
    }

    /// The models that have been put into use since the last call.
    pub(crate) fn changed_models(&mut self) -> io::Result<Vec<RecordRef<'static>>> {
        if self.recovery.settings.models != ModelsTopic::Follow {
            return Ok(Vec::new());
        }
        let Some(models) = &mut self.models else { return Ok(Vec::new()) };
        Ok(models.changes()?.into_iter().map(RecordRef::without_position).collect())
    }

    /// The models of the topic, if the stage uses it.
    pub(crate) fn models(&self) -> Option<&Models<'a>> {
        self.models.as_ref()
    }

    /// The publication times of the models in use, if the stage follows the topic.
    pub(crate) fn tally(&self) -> Tally {
        let follows = self.recovery.settings.models == ModelsTopic::Follow;
        let models = self.models.iter().filter(|_| follows);
        models.flat_map(Models::tally).collect()
    }
}
