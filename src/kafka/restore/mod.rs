//! Restores the state of a partition: the checkpoint in the committed offset, the changelog, and the
//! position at which the replay starts. The daemon replays the input.

pub(crate) mod changelog;
pub(crate) mod checkpoint;
pub(crate) mod recovery;
pub(crate) mod remedies;
