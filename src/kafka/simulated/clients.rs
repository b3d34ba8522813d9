//! The traits of the client on the simulated world.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::world::{State, World};
use crate::kafka::client::consumer::Positions;
use crate::kafka::client::errors::{Stopped, TransactionError, failed};
use crate::kafka::client::interface::{
    Brokers, GroupConsumer, PartitionReader, TransactionalProducer,
};
use crate::kafka::client::reader::Found;
use crate::kafka::client::records::{ConsumerRecord, Position, ProducerRecord, Rebalance};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::replay::testing::below;
use crate::stage::Histogram;

pub(super) type Shared = Rc<RefCell<World>>;

/// The connection of one instance; each start is another process.
pub(super) struct Connection {
    pub(super) world: Shared,
    pub(super) settings: Settings,
    pub(super) process: Cell<u64>,
    /// Whether the process has been killed: dropping its clients changes nothing.
    pub(super) is_killed: Rc<Cell<bool>>,
}

impl Brokers for Connection {
    fn check_reachable(&self) -> io::Result<()> {
        Ok(())
    }

    fn partitions(&self, topic: &str) -> io::Result<Option<i32>> {
        self.world.borrow_mut().crash_point()?;
        Ok(self.world.borrow().partitions(topic).map(|count| count as i32))
    }

    fn required(&self, topic: Topic) -> io::Result<i32> {
        let name = self.settings.topic(topic);
        self.partitions(name)?.ok_or_else(|| failed(format!("topic {name} is missing")))
    }

    fn ends(&self, topic: &str, partition: i32) -> io::Result<(i64, i64)> {
        self.world.borrow_mut().crash_point()?;
        Ok(self.world.borrow().ends(topic, partition))
    }

    fn start(&self, topic: &str, partition: i32) -> io::Result<i64> {
        Ok(self.ends(topic, partition)?.0)
    }

    fn consumer(&self, topic: &str) -> io::Result<Box<dyn GroupConsumer>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        let now = world.now;
        let id = world.group.join(&self.settings.transactional_id, now);
        Ok(Box::new(SimulatedConsumer {
            world: Rc::clone(&self.world),
            name: self.settings.transactional_id.clone(),
            topic: topic.to_owned(),
            id: Cell::new(id),
            positions: RefCell::default(),
            ended: RefCell::default(),
            is_killed: Rc::clone(&self.is_killed),
        }))
    }

    fn producer(&self) -> io::Result<Box<dyn TransactionalProducer>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        let id = self.settings.transactional_id.clone();
        let process = self.process.get();
        let epoch = world.initialise(&id, process);
        Ok(Box::new(SimulatedProducer {
            world: Rc::clone(&self.world),
            id,
            process,
            epoch,
            transactional: !self.settings.at_least_once,
            transaction: None,
            is_open: false,
            sent: 0,
            watched: RefCell::default(),
            by_partition: BTreeMap::new(),
            by_key: RefCell::default(),
        }))
    }

    fn reader(
        &self,
        topic: &str,
        starts: &BTreeMap<i32, i64>,
    ) -> io::Result<Box<dyn PartitionReader>> {
        self.world.borrow_mut().crash_point()?;
        Ok(Box::new(SimulatedReader {
            world: Rc::clone(&self.world),
            topic: topic.to_owned(),
            positions: RefCell::new(starts.clone()),
            ended: RefCell::default(),
        }))
    }

    fn wait(&self) -> Duration {
        self.settings.wait
    }

    fn pause(&self, _: Duration) {
        self.world.borrow_mut().advance(20);
    }
}

/// A member of the group.
struct SimulatedConsumer {
    world: Shared,
    name: String,
    topic: String,
    id: Cell<u64>,
    /// The offsets from which the accepted partitions are read.
    positions: RefCell<BTreeMap<i32, i64>>,
    ended: RefCell<BTreeSet<i32>>,
    is_killed: Rc<Cell<bool>>,
}

impl GroupConsumer for SimulatedConsumer {
    fn next_rebalance(&mut self) -> Option<Rebalance> {
        self.world.borrow_mut().group.rebalances(self.id.get())?.pop_front()
    }

    fn has_rebalance(&self) -> bool {
        self.world.borrow().group.has_rebalance(self.id.get())
    }

    fn is_cooperative(&self) -> bool {
        self.world.borrow().group.cooperative
    }

    fn accept(&mut self, starts: &BTreeMap<i32, i64>) -> io::Result<()> {
        self.world.borrow_mut().crash_point()?;
        let mut positions = self.positions.borrow_mut();
        if !self.is_cooperative() {
            positions.clear();
        }
        positions.extend(starts);
        self.ended.borrow_mut().retain(|partition| !starts.contains_key(partition));
        Ok(())
    }

    fn is_lost(&self) -> bool {
        self.world.borrow().group.expelled.contains_key(&self.id.get())
    }

    fn release(&mut self, partitions: &[i32]) {
        self.positions.borrow_mut().retain(|partition, _| !partitions.contains(partition));
        self.ended.borrow_mut().retain(|partition| !partitions.contains(partition));
        let mut world = self.world.borrow_mut();
        let now = world.now;
        if world.group.expelled.remove(&self.id.get()).is_some() {
            self.positions.borrow_mut().clear();
            self.id.set(world.group.join(&self.name, now));
        } else {
            world.group.released(self.id.get(), partitions);
        }
    }

    fn seek(&self, partition: i32, offset: i64) -> io::Result<()> {
        self.world.borrow_mut().crash_point()?;
        self.ended.borrow_mut().remove(&partition);
        self.positions.borrow_mut().insert(partition, offset);
        Ok(())
    }

    fn committed(&self, partitions: &[i32], _: Duration) -> io::Result<Option<Positions>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        Ok(world.stable_positions(partitions))
    }

    fn read<'a>(&'a self, _: Duration) -> io::Result<Vec<ConsumerRecord<'a>>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        let now = world.now;
        world.group.poll(self.id.get(), now);
        if world.group.has_rebalance(self.id.get()) {
            return Ok(Vec::new());
        }
        let mut batch = Vec::new();
        let mut ended = self.ended.borrow_mut();
        for (partition, position) in self.positions.borrow_mut().iter_mut() {
            let (first, _) = world.ends(&self.topic, *partition);
            if *position < first {
                return Err(failed(format!("retention deleted offset {position} of {partition}")));
            }
            for _ in 0..below(&mut world.rng, 30) {
                match world.next_record(&self.topic, *partition, *position) {
                    Some(record) => {
                        *position = record.offset + 1;
                        ended.remove(partition);
                        batch.push(ConsumerRecord::from(record));
                    }
                    None => {
                        ended.insert(*partition);
                        break;
                    }
                }
            }
        }
        Ok(batch)
    }

    fn end_of(&self, partition: i32) -> Option<i64> {
        Some(self.world.borrow().ends(&self.topic, partition).1)
    }

    fn has_ended(&self, partition: i32) -> bool {
        self.ended.borrow().contains(&partition)
    }

    fn members_named(&self, name: &str) -> BTreeSet<String> {
        let world = self.world.borrow();
        let members = world.group.members.iter().filter(|(_, member)| member.name == name);
        members.map(|(id, _)| id.to_string()).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for SimulatedConsumer {
    fn drop(&mut self) {
        if !self.is_killed.get() {
            self.world.borrow_mut().group.leave(self.id.get());
        }
    }
}

/// A producer with a transactional id.
struct SimulatedProducer {
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

impl SimulatedProducer {
    fn begin(&mut self) -> Result<(), TransactionError> {
        self.is_open = true;
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
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
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn drain(&self) -> Result<(), TransactionError> {
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
        if !world.group.accepts(consumer.id.get()) {
            return Err(aborted("the generation of the group is another one"));
        }
        let Some(transaction) = self.transaction else {
            world.crash_point()?;
            world.positions.extend(positions.clone());
            self.is_open = false;
            return Ok(());
        };
        world.add_positions(transaction, positions);
        world.crash_point()?;
        // Between the two requests others act: members expire, and transactions.
        let time = if below(&mut world.rng, 8) == 0 { 50 } else { 1 };
        world.advance(time);
        if world.epoch(&self.id) != self.epoch {
            return Err(aborted("the transaction has expired"));
        }
        world.end(transaction, State::Committed);
        self.transaction = None;
        world.crash_point()?;
        self.is_open = false;
        Ok(())
    }

    fn abort(&mut self, _: &dyn Fn() -> bool) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
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
        crate::kafka::client::clock::latencies()
    }
}

/// A reader without a group.
struct SimulatedReader {
    world: Shared,
    topic: String,
    positions: RefCell<BTreeMap<i32, i64>>,
    ended: RefCell<BTreeSet<i32>>,
}

impl PartitionReader for SimulatedReader {
    fn next(&self, _: Duration) -> io::Result<Option<Found<'_>>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
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

    fn stable_end(&self, partition: i32) -> Option<i64> {
        Some(self.world.borrow().stable_end(&self.topic, partition))
    }
}
