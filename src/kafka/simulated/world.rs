//! Topics, transactions and producers; the virtual clock; faults.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use chacha20::ChaCha8Rng;

use super::group::Group;
use super::old::OldPositions;
use crate::kafka::client::records::{Position, StoredRecord};
use crate::replay::testing::below;

/// Time after which the coordinator aborts an open transaction, on the virtual clock.
const TRANSACTION_TIMEOUT: u64 = 60;
/// Time after which the coordinator removes a member that does not poll.
const SESSION_TIMEOUT: u64 = 40;

/// The text of the error that ends an instance.
pub(super) const CRASH: &str = "simulated crash";

/// A transaction.
pub(super) struct Transaction {
    pub(super) state: State,
    began: u64,
    producer: String,
    /// Partitions that it wrote to.
    partitions: BTreeSet<(String, usize)>,
    /// Positions that are committed with it.
    pub(super) positions: BTreeMap<i32, Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Committed,
    Aborted,
}

/// An offset of a partition.
struct Entry {
    /// `None`: a control record, or compacted.
    record: Option<Rc<StoredRecord>>,
    transaction: Option<usize>,
}

/// A partition.
#[derive(Default)]
struct Log {
    /// The oldest offset that retention has left.
    start: usize,
    entries: Vec<Entry>,
}

/// The producer state of a transactional id.
#[derive(Default)]
struct ProducerState {
    epoch: u64,
    /// The process that initialised this epoch.
    process: u64,
    open: Option<usize>,
}

/// The faults of the next calls of the instance that runs.
#[derive(Default)]
pub(super) struct Faults {
    /// Number of calls until the process crashes.
    pub(super) crash_in: Option<u64>,
    /// Number of requests of the producer until one fails, before or after the brokers have done it.
    pub(super) abort_in: Option<u64>,
}

/// The member id and generation with which a member commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Those of the last assignment that it was given.
    LastAssignment,
    /// Those of the group, of which its assignment may not be known yet.
    Group,
}

/// The world, which all clients share.
pub(super) type Shared = Rc<RefCell<World>>;

/// The cluster.
pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    pub(super) now: u64,
    /// Until then the brokers do not answer.
    down_until: u64,
    pub(super) faults: Faults,
    pub(super) group: Group,
    pub(super) commits_as: Identity,
    /// What a unit of the virtual clock is for the daemons.
    pub(super) unit: Duration,
    topics: BTreeMap<String, Vec<Log>>,
    transactions: Vec<Transaction>,
    producers: BTreeMap<String, ProducerState>,
    /// The committed positions of the group in its input.
    pub(super) positions: BTreeMap<i32, Position>,
    pub(super) old: OldPositions,
}

impl World {
    pub(super) fn new(rng: ChaCha8Rng, group: Group) -> Self {
        Self {
            rng,
            now: 0,
            down_until: 0,
            faults: Faults::default(),
            group,
            commits_as: Identity::LastAssignment,
            unit: Duration::ZERO,
            topics: BTreeMap::new(),
            transactions: Vec::new(),
            producers: BTreeMap::new(),
            positions: BTreeMap::new(),
            old: OldPositions::default(),
        }
    }

    pub(super) fn create(&mut self, topic: &str, partitions: usize) {
        let logs = (0..partitions).map(|_| Log::default()).collect();
        self.topics.insert(topic.to_owned(), logs);
    }

    /// Deletes a topic, and the positions of the group in it.
    pub(super) fn delete(&mut self, topic: &str) {
        self.topics.remove(topic);
        self.positions.clear();
    }

    pub(super) fn partitions(&self, topic: &str) -> Option<usize> {
        self.topics.get(topic).map(Vec::len)
    }

    /// A point at which the process that runs may crash.
    pub(super) fn crash_point(&mut self) -> io::Result<()> {
        match &mut self.faults.crash_in {
            Some(0) => Err(io::Error::other(CRASH)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether this call of the producer fails.
    pub(super) fn fails(&mut self) -> bool {
        match &mut self.faults.abort_in {
            Some(0) => {
                self.faults.abort_in = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// The brokers do not answer for a time.
    pub(super) fn fail_for(&mut self, time: u64) {
        self.down_until = self.down_until.max(self.now + time);
        self.old.failed(self.down_until, &mut self.rng);
    }

    /// Whether the brokers do not answer; time passes then.
    pub(super) fn is_down(&mut self) -> bool {
        let is_down = self.now < self.down_until;
        if is_down {
            self.advance(1);
        }
        is_down
    }

    /// A request is repeated until the brokers answer.
    pub(super) fn wait_for_answer(&mut self) {
        self.advance(self.down_until.saturating_sub(self.now));
    }

    /// The clock advances: transactions and members expire, where the brokers are up.
    pub(super) fn advance(&mut self, time: u64) {
        self.now += time;
        let now = self.now;
        if now < self.down_until {
            return;
        }
        let expired =
            |it: &Transaction| it.state == State::Open && now > it.began + TRANSACTION_TIMEOUT;
        for number in 0..self.transactions.len() {
            if expired(&self.transactions[number]) {
                // The coordinator raises the epoch, so that the next request of the producer is rejected.
                let id = self.transactions[number].producer.clone();
                self.end(number, State::Aborted);
                if let Some(producer) = self.producers.get_mut(&id) {
                    producer.epoch += 1;
                }
            }
        }
        self.group.expire(now.saturating_sub(SESSION_TIMEOUT));
    }

    // Producers.

    /// A process initialises its transactional id: the earlier epoch is fenced, and its transaction is aborted.
    pub(super) fn initialise(&mut self, id: &str, process: u64) -> u64 {
        if let Some(open) = self.producers.get(id).and_then(|producer| producer.open) {
            self.end(open, State::Aborted);
        }
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        producer.process = process;
        producer.epoch
    }

    pub(super) fn epoch(&self, id: &str) -> u64 {
        self.producers.get(id).map_or(0, |producer| producer.epoch)
    }

    /// The process that initialised the id last.
    pub(super) fn process_of(&self, id: &str) -> u64 {
        self.producers.get(id).map_or(0, |producer| producer.process)
    }

    pub(super) fn begin(&mut self, id: &str) -> usize {
        self.transactions.push(Transaction {
            state: State::Open,
            began: self.now,
            producer: id.to_owned(),
            partitions: BTreeSet::new(),
            positions: BTreeMap::new(),
        });
        let number = self.transactions.len() - 1;
        self.producers.entry(id.to_owned()).or_default().open = Some(number);
        number
    }

    /// Positions that the transaction will commit.
    pub(super) fn add_positions(&mut self, number: usize, positions: &BTreeMap<i32, Position>) {
        self.transactions[number].positions.extend(positions.clone());
    }

    /// Ends a transaction: a control record in each of its partitions.
    pub(super) fn end(&mut self, number: usize, state: State) {
        let transaction = &mut self.transactions[number];
        log::trace!(
            "transaction {number} of {} is {state:?}: {:?} {:?}",
            transaction.producer,
            transaction.partitions,
            transaction.positions
        );
        transaction.state = state;
        let partitions = std::mem::take(&mut transaction.partitions);
        let positions = std::mem::take(&mut transaction.positions);
        if let Some(producer) = self.producers.get_mut(&transaction.producer) {
            producer.open = None;
        }
        for (topic, partition) in partitions {
            let log = &mut self.topics.get_mut(&topic).expect("it was written to")[partition];
            log.entries.push(Entry { record: None, transaction: None });
        }
        if state == State::Committed {
            self.positions.extend(positions.clone());
            self.old.committed(&positions, &self.positions);
        }
    }

    /// Number of aborted transactions of producers whose ids begin so.
    pub(super) fn aborted(&self, prefix: &str) -> u64 {
        let aborted = self.transactions.iter().filter(|it| it.state == State::Aborted);
        aborted.filter(|it| it.producer.starts_with(prefix)).count() as u64
    }

    /// The committed positions; `None` while an open transaction has one of them.
    pub(super) fn stable_positions(
        &mut self,
        of: &[i32],
    ) -> Option<BTreeMap<i32, Option<Position>>> {
        let open = self.transactions.iter().filter(|it| it.state == State::Open);
        if open.into_iter().any(|it| of.iter().any(|p| it.positions.contains_key(p))) {
            return None;
        }
        let positions = self.old.answer(self.now, &self.positions);
        Some(of.iter().map(|p| (*p, positions.get(p).cloned())).collect())
    }

    // Logs.

    /// Appends a record; returns its partition and offset.
    pub(super) fn append(
        &mut self,
        topic: &str,
        partition: usize,
        key: Option<&str>,
        value: Option<&[u8]>,
        transaction: Option<usize>,
    ) -> (i32, i64) {
        if let Some(number) = transaction {
            self.transactions[number].partitions.insert((topic.to_owned(), partition));
        }
        let log = &mut self.topics.get_mut(topic).expect("topics are created first")[partition];
        let (partition, offset) = (partition as i32, log.entries.len() as i64);
        let (key, value) = (key.map(str::to_owned), value.map(<[u8]>::to_vec));
        let record = Rc::new(StoredRecord { partition, offset, key, value });
        log.entries.push(Entry { record: Some(record), transaction });
        (partition, offset)
    }

    fn log(&self, topic: &str, partition: i32) -> &Log {
        &self.topics[topic][partition as usize]
    }

    fn state(&self, entry: &Entry) -> State {
        entry.transaction.map_or(State::Committed, |number| self.transactions[number].state)
    }

    /// The first offset of a partition, and the one after the last.
    pub(super) fn ends(&self, topic: &str, partition: i32) -> (i64, i64) {
        let log = self.log(topic, partition);
        (log.start as i64, log.entries.len() as i64)
    }

    /// The offset before which all transactions are ended.
    pub(super) fn stable_end(&self, topic: &str, partition: i32) -> i64 {
        let log = self.log(topic, partition);
        let open = log.entries.iter().position(|entry| self.state(entry) == State::Open);
        open.unwrap_or(log.entries.len()) as i64
    }

    /// The first committed record from an offset on, before the stable end.
    pub(super) fn next_record(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> Option<Rc<StoredRecord>> {
        let end = self.stable_end(topic, partition);
        let log = self.log(topic, partition);
        let from = from.max(log.start as i64).min(end) as usize;
        let stable = log.entries[from..end as usize].iter();
        let mut committed = stable.filter(|entry| self.state(entry) == State::Committed);
        committed.find_map(|entry| entry.record.clone())
    }

    /// All committed records that a partition has had, those included that retention has deleted.
    pub(super) fn committed(&self, topic: &str, partition: i32) -> Vec<Rc<StoredRecord>> {
        let log = self.log(topic, partition);
        let stable = log.entries[..self.stable_end(topic, partition) as usize].iter();
        let committed = stable.filter(|entry| self.state(entry) == State::Committed);
        committed.filter_map(|entry| entry.record.clone()).collect()
    }

    /// Retention deletes the records before an offset.
    pub(super) fn delete_before(&mut self, topic: &str, partition: i32, offset: i64) {
        let log = &mut self.topics.get_mut(topic).expect("it exists")[partition as usize];
        log.start = log.start.max(offset as usize);
    }

    /// Compaction: of the committed records of a key, the last remains.
    pub(super) fn compact(&mut self, topic: &str) {
        for partition in 0..self.topics[topic].len() {
            let mut last: BTreeMap<String, i64> = BTreeMap::new();
            for record in self.committed(topic, partition as i32) {
                last.insert(record.key.clone().unwrap_or_default(), record.offset);
            }
            let end = self.stable_end(topic, partition as i32) as usize;
            let log = &mut self.topics.get_mut(topic).expect("it exists")[partition];
            for entry in &mut log.entries[..end] {
                let superseded = entry.record.as_ref().is_some_and(|record| {
                    last.get(record.key.as_deref().unwrap_or_default())
                        .is_some_and(|offset| *offset > record.offset)
                });
                if superseded {
                    entry.record = None;
                }
            }
        }
    }

    /// A partition at random.
    pub(super) fn any_partition(&mut self, topic: &str) -> usize {
        let partitions = self.topics[topic].len() as u64;
        below(&mut self.rng, partitions) as usize
    }
}
