//! What is committed, what the offline run emits, and their comparison.

use super::world::World;
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::stage::{Out, Outgoing, Recover};
use crate::stream::{Frame, parse};

/// A failed law: the output differs, or the run does not end.
#[derive(Debug)]
pub(super) struct Finding(pub(super) String);

/// The records that a stage emits for the committed input of each partition, offline.
pub(super) fn offline<S: Recover>(
    world: &World,
    input: &InputTopic,
    make: &dyn Fn() -> S,
) -> Vec<String> {
    let mut lines = Vec::new();
    for partition in 0..input.partitions {
        let (mut stage, mut out) = (make(), Out::default());
        for record in world.committed(&input.name, partition) {
            let Some(bytes) = record.value.as_deref() else { continue };
            let (position, key) = (record.offset.unsigned_abs(), record.key.as_deref());
            log::trace!("offline {partition} {position}: {}", String::from_utf8_lossy(bytes));
            let frame = [Frame { position, key, bytes, text: None }];
            stage.on_batch(&parse(&frame, S::TAKES, &mut Vec::new()), &mut out);
            out.items()
                .iter()
                .filter_map(line)
                .for_each(|line| log::trace!("offline emits {line}"));
            lines.extend(out.take().iter().filter_map(line));
        }
    }
    lines.sort_unstable();
    lines
}

/// An output record with its topic.
fn line(item: &Outgoing) -> Option<String> {
    let Outgoing::Record(record) = item else { return None };
    let topic = Topic::of(record.kind())?;
    let mut bytes = format!("{} ", topic.default_name()).into_bytes();
    record.write(&mut bytes);
    String::from_utf8(bytes).ok()
}

/// The committed output records with their topics.
pub(super) fn emitted(world: &World, topics: &[Topic]) -> Vec<String> {
    let mut lines = Vec::new();
    for topic in topics {
        let name = topic.default_name();
        for partition in 0..world.partitions(name).unwrap_or_default() {
            for record in world.committed(name, partition as i32) {
                let value = record.value.as_deref().unwrap_or_default();
                lines.push(format!("{name} {}", String::from_utf8_lossy(value)));
            }
        }
    }
    lines.sort_unstable();
    lines
}

/// The first record that is missing, repeated or different.
pub(super) fn compare(actual: &[String], expected: &[String]) -> Result<(), Finding> {
    if actual == expected {
        return Ok(());
    }
    let differs = actual.iter().zip(expected).position(|(a, b)| a != b);
    let at = differs.unwrap_or(actual.len().min(expected.len()));
    Err(Finding(format!(
        "{} records are committed, not {}; in order, record {at} is {:?}, not {:?}",
        actual.len(),
        expected.len(),
        actual.get(at),
        expected.get(at)
    )))
}
