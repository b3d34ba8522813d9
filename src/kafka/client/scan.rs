//! Reads a range of a topic, or a single record.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::kafka::client::clock::now;
use crate::kafka::client::errors::{Stopped, failed};
use crate::kafka::client::interface::{Brokers, PartitionReader};
use crate::kafka::client::records::{ConsumerRecord, Found};
use crate::kafka::client::settings::TRANSACTION_TIMEOUT;

/// Timeout of one call.
const POLL: Duration = Duration::from_millis(100);

/// Waits until the transactions before `end` are committed or aborted. The broker aborts those of a
/// process that has ended after [`TRANSACTION_TIMEOUT`].
fn wait_for_transactions(
    cluster: &dyn Brokers,
    reader: &dyn PartitionReader,
    (topic, partition): (&str, i32),
    end: i64,
) -> io::Result<()> {
    let start = now();
    let max = cluster.wait().max(TRANSACTION_TIMEOUT * 2);
    while reader.stable_end(partition).is_none_or(|stable| stable < end) {
        if start.elapsed() > max {
            let text = format!(
                "topic {topic} partition {partition}: a transaction stays open{}",
                cluster.unanswered()
            );
            return Err(Stopped::Unreachable(text).into());
        }
        cluster.pause(Duration::from_millis(50));
    }
    Ok(())
}

/// Reads the committed records of partitions of a topic, from the offsets `starts` to the ends at
/// the time of the call. Returns the ends.
///
/// An end includes open transactions: while one is open, the committed records after it cannot be
/// read.
pub(crate) fn read_committed(
    cluster: &dyn Brokers,
    topic: &str,
    starts: &BTreeMap<i32, i64>,
    mut each: impl FnMut(&ConsumerRecord<'_>) -> io::Result<()>,
) -> io::Result<BTreeMap<i32, i64>> {
    let (mut ends, mut left) = (BTreeMap::new(), BTreeMap::new());
    for (partition, start) in starts {
        let (first, end) = cluster.ends(topic, *partition)?;
        ends.insert(*partition, end);
        if first.max(*start) < end {
            left.insert(*partition, first.max(*start));
        }
    }
    if left.is_empty() {
        return Ok(ends);
    }
    let waiting = cluster.reader(topic, &BTreeMap::new())?;
    for partition in left.keys() {
        wait_for_transactions(cluster, &*waiting, (topic, *partition), ends[partition])?;
    }
    drop(waiting);
    let reader = cluster.reader(topic, &left)?;
    let start = now();
    let mut last_progress = start.elapsed();
    while !left.is_empty() {
        match reader.next(POLL)? {
            Some(Found::Record(record)) => {
                last_progress = start.elapsed();
                each(&record)?;
            }
            Some(Found::End(partition)) => {
                left.remove(&partition);
            }
            None if start.elapsed() - last_progress > cluster.wait() => {
                let text = format!(
                    "topic {topic}: no records received for {:.0} s while reading it{}",
                    cluster.wait().as_secs_f64(),
                    cluster.unanswered()
                );
                return Err(Stopped::Unreachable(text).into());
            }
            None => {}
        }
    }
    Ok(ends)
}

/// Reads the value of the record at an offset.
pub(crate) fn read_at(
    cluster: &dyn Brokers,
    topic: &str,
    partition: i32,
    offset: i64,
) -> io::Result<Vec<u8>> {
    let reader = cluster.reader(topic, &BTreeMap::from([(partition, offset)]))?;
    let start = now();
    let missing = || {
        failed(format!(
            "topic {topic} partition {partition}: there is no record at offset {offset}"
        ))
    };
    while start.elapsed() < cluster.wait().max(TRANSACTION_TIMEOUT * 2) {
        match reader.next(POLL)? {
            Some(Found::Record(record)) if record.offset() == offset => {
                return Ok(record.value().unwrap_or_default().to_vec());
            }
            Some(Found::Record(_)) => return Err(missing()),
            // The end may be the start of a transaction that is still open.
            Some(Found::End(_)) | None => {}
        }
    }
    Err(missing())
}
