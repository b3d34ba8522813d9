//! Restores the state of a partition: the checkpoint in the committed offset, the changelog, the replay.

pub(crate) mod changelog;
pub(crate) mod checkpoint;
pub(crate) mod recovery;
