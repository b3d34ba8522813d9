//! The producer and the reader on the simulated world.

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::consumer::SimulatedConsumer;
use super::world::{Shared, State};
use crate::kafka::client::clock::latencies;
use crate::kafka::client::errors::{Stopped, TransactionError};
use crate::kafka::client::interface::{GroupConsumer, PartitionReader, TransactionalProducer};
use crate::kafka::client::records::{ConsumerRecord, Found, Position, ProducerRecord};
use crate::replay::testing::below;
use crate::stage::Histogram;

/// A producer with a transactional id.
pub(super) struct SimulatedProducer {
    world: Shared,
    id: String,
    process: u64,
    epoch: u64,
    transactional: bool,
    transaction: Option<usize>,
    is_open: bool,
    sent: u64,
    watched: RefCell<Option<String>>,
    by_partition: BTreeMap<i32, i64>,
    by_key: RefCell<BTreeMap<String, Option<(i32, i64)>>>,
}

fn aborted(text: &str) -> TransactionError {
    TransactionError::Abort(text.to_owned())
}

fn initialise(world: &Shared, id: &str, process: u64) -> u64 {
    let mut world = world.borrow_mut();
    world.wait_for_answer();
    world.initialise(id, process)
}

impl SimulatedProducer {
    /// Initialises the transactional id.
    pub(super) fn open(world: &Shared, id: &str, process: u64, transactional: bool) -> Self {
        Self {
            world: Rc::clone(world),
            id: id.to_owned(),
            process,
            epoch: initialise(world, id, process),
            transactional,
            transaction: None,
            is_open: false,
            sent: 0,
            watched: RefCell::default(),
            by_partition: BTreeMap::new(),
            by_key: RefCell::default(),
        }
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.is_open = true;
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        world.wait_for_answer();
        if !self.transactional {
            return Ok(());
        }
        if world.epoch(&self.id) != self.epoch {
            return Err(aborted("the producer is fenced"));
        }
        if self.transaction.is_none() {
            self.transaction = Some(world.begin(&self.id));
        }
        Ok(())
    }

    fn fault(&self) -> Result<(), TransactionError> {
        match self.world.borrow_mut().fails() {
            true => Err(aborted("simulated failure")),
            false => Ok(()),
        }
    }
}

impl TransactionalProducer for SimulatedProducer {
    fn send(&mut self, new: ProducerRecord<'_>) -> Result<(), TransactionError> {
        self.begin()?;
        self.fault()?;
        let mut world = self.world.borrow_mut();
        let partitions = world.partitions(new.topic).unwrap_or_default() as u64;
        let partition = match (new.partition, new.key) {
            (Some(partition), _) => partition as usize,
            (None, Some(key)) => {
                let mut hasher = DefaultHasher::new();
                key.hash(&mut hasher);
                (hasher.finish() % partitions) as usize
            }
            (None, None) => world.any_partition(new.topic),
        };
        log::trace!("{} sends {:?} {:?}", self.id, new.key, new.value.map(String::from_utf8_lossy));
        let place = world.append(new.topic, partition, new.key, new.value, self.transaction);
        if self.watched.borrow().as_deref() == Some(new.topic) {
            self.by_partition.insert(place.0, place.1);
        }
        if let Some(at) = new.key.and_then(|key| self.by_key.get_mut().get_mut(key)) {
            *at = Some(place);
        }
        self.sent += 1;
        drop(world);
        self.fault()
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn drain(&mut self) -> Result<(), TransactionError> {
        Ok(self.world.borrow_mut().crash_point()?)
    }

    fn commit(
        &mut self,
        positions: &BTreeMap<i32, Position>,
        consumer: &dyn GroupConsumer,
    ) -> Result<(), TransactionError> {
        let consumer: &SimulatedConsumer =
            consumer.as_any().downcast_ref().expect("a client of the same world");
        self.begin()?;
        self.fault()?;
        if consumer.is_lost() {
            return Err(aborted("the group has reassigned the partitions"));
        }
        let mut world = self.world.borrow_mut();
        let (id, generation) = consumer.identity(&world);
        if !world.group.accepts(id, generation) {
            return Err(aborted("the generation of the group is another one"));
        }
        let Some(transaction) = self.transaction else {
            world.crash_point()?;
            world.positions.extend(positions.clone());
            if world.fails() {
                return Err(aborted("the answer to the commit is lost"));
            }
            self.is_open = false;
            return Ok(());
        };
        world.add_positions(transaction, positions);
        world.crash_point()?;
        // Between the two requests, members and transactions may expire.
        let time = if below(&mut world.rng, 8) == 0 { 50 } else { 1 };
        world.advance(time);
        world.wait_for_answer();
        if world.epoch(&self.id) != self.epoch {
            return Err(aborted("the transaction has expired"));
        }
        world.end(transaction, State::Committed);
        self.transaction = None;
        world.crash_point()?;
        if world.fails() {
            return Err(aborted("the answer to the commit is lost"));
        }
        self.is_open = false;
        Ok(())
    }

    fn abort(&mut self) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        world.wait_for_answer();
        let transaction = self.transaction.take();
        self.is_open = false;
        if !self.transactional {
            return Ok(());
        }
        if world.epoch(&self.id) == self.epoch {
            if let Some(transaction) = transaction {
                world.end(transaction, State::Aborted);
            }
        } else if world.process_of(&self.id) != self.process {
            return Err(
                Stopped::Fenced("a newer instance uses the transactional id".to_owned()).into()
            );
        } else {
            // The coordinator has aborted it.
            self.epoch = world.initialise(&self.id, self.process);
        }
        Ok(())
    }

    fn watch_topic(&self, topic: &str) {
        *self.watched.borrow_mut() = Some(topic.to_owned());
    }

    fn last_delivered(&self, partition: i32) -> Option<i64> {
        self.by_partition.get(&partition).copied()
    }

    fn watch_key(&self, key: &str) {
        self.by_key.borrow_mut().insert(key.to_owned(), None);
    }

    fn delivered_at(&self, key: &str) -> Option<(i32, i64)> {
        self.by_key.borrow().get(key).copied().flatten()
    }

    fn failures(&self) -> u64 {
        0
    }

    fn delivery_seconds(&self) -> Histogram {
        latencies()
    }
}

/// A reader without a group.
pub(super) struct SimulatedReader {
    world: Shared,
    topic: String,
    positions: RefCell<BTreeMap<i32, i64>>,
    ended: RefCell<BTreeSet<i32>>,
}

impl SimulatedReader {
    /// Starts to read partitions, each from an offset on.
    pub(super) fn open(world: &Shared, topic: &str, starts: &BTreeMap<i32, i64>) -> Self {
        Self {
            world: Rc::clone(world),
            topic: topic.to_owned(),
            positions: RefCell::new(starts.clone()),
            ended: RefCell::default(),
        }
    }
}

impl PartitionReader for SimulatedReader {
    fn next(&self, _: Duration) -> io::Result<Option<Found<'_>>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        if world.is_down() {
            return Ok(None);
        }
        let mut ended = self.ended.borrow_mut();
        for (partition, position) in self.positions.borrow_mut().iter_mut() {
            if let Some(record) = world.next_record(&self.topic, *partition, *position) {
                *position = record.offset + 1;
                ended.remove(partition);
                return Ok(Some(Found::Record(ConsumerRecord::from(record))));
            }
            if ended.insert(*partition) {
                return Ok(Some(Found::End(*partition)));
            }
        }
        Ok(None)
    }

    fn errors(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn stable_end(&self, partition: i32) -> Option<i64> {
        let mut world = self.world.borrow_mut();
        (!world.is_down()).then(|| world.stable_end(&self.topic, partition))
    }
}
