//! Topics and transactions: the same stages as daemons, exactly once. Alone in naming rdkafka.
//!
//! # The state is found again, not kept
//!
//! The state of a stage is a function of its input log, so the input log is the backup. There is
//! no changelog topic and no local store: a store cannot commit with the output, and after a
//! rebalance it is on the wrong host.
//!
//! - A *tick* is one transaction: the outputs, and the input positions. In the metadata of a
//!   position stands its *low watermark*: the place from which a replay finds the same state,
//!   with the stage's mark *at that place* (clocks of a later place would close cascades too
//!   early). Places that can be one are kept every 10,000 records; the low watermark is rounded
//!   down to one of them (`task`).
//! - When a partition is assigned, its stage is made anew, fed in silence from the low watermark
//!   to the committed position, and then speaks (`recovery`). The stage is pure, so the state
//!   is the lost state, bit for bit.
//! - One path serves a kill, a cut network, a rebalance and an aborted transaction: drop the
//!   state, find it again.
//! - A zombie is refused by the group's generation (KIP-447), which every commit carries; a
//!   restarted instance fences its former self by the transactional id.
//! - One stage instance per partition: sources live in one partition each, and so does state.
//!
//! # What a replay cannot compute is read back
//!
//! The answer of `predict` depends on the model of the moment, and its sample and stat must score
//! the alert that really went out. Of two ways (pinning model switches to ticks and keeping their
//! versions, or reading what was said) the second is taken: the alert is the truth, also where a
//! model is gone since, and the stage stays pure. An alert goes to the partition of `alerts` with
//! the number of the input partition that it answers, so that what must be read back lies in one
//! place; the partition counts must agree, which is checked at the start. The metadata keeps from
//! where: the end of what was delivered when the low watermark's place was passed. Reading stops
//! at the very end of the partition, open transactions included: a dead instance's open
//! transaction would otherwise hide what was committed after it.
//!
//! With `predict --alert-above` not every prediction goes out. One that does not is written to
//! `collect_state` while it waits for its size (`keeping`), so that its stat scores what was
//! predicted then, and not what a later model says.
//!
//! # A replay stays short
//!
//! Where a replay would read more than `--max-replay` records, the collector's cascades that need
//! the oldest of them are written to `collect_state` in the same transaction, each as it is at
//! that moment, and need the input only from the next record on that joins them. Whoever recovers
//! takes them back before the replay; a tombstone follows when no replay can ask for them.
//!
//! # What is left out
//!
//! Records of kinds that a stage does not take are passed over: on topics everybody finds them
//! where they are. Nothing is flushed at the end of a topic: closing is the watermarks' work.

pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod restore;

pub use client::errors::{Stopped, status};
pub use client::properties::{Properties, free, from_file, property};
pub use client::settings::{Creation, From, LARGEST_RECORD, Settings, Use};
pub use client::topics::{Names, Topic};
pub use daemon::bridge::Bridge;
pub use daemon::serve::{check, serve};
pub use daemon::sink::Sink;
