//! The connection of an instance to the simulated world.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::consumer::SimulatedConsumer;
use super::producer::{SimulatedProducer, SimulatedReader};
use super::world::Shared;
use crate::kafka::client::errors::failed;
use crate::kafka::client::interface::{
    Brokers, GroupConsumer, PartitionReader, TransactionalProducer,
};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;

/// The connection of one instance; each start is another process.
pub(super) struct Connection {
    pub(super) world: Shared,
    pub(super) settings: Settings,
    pub(super) process: Cell<u64>,
    /// Whether the process has been killed: dropping its clients changes nothing.
    pub(super) is_killed: Rc<Cell<bool>>,
}

impl Connection {
    /// A request, which is repeated until the brokers answer.
    fn request(&self) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        world.wait_for_answer();
        Ok(())
    }
}

impl Brokers for Connection {
    fn check_reachable(&self) -> io::Result<()> {
        Ok(())
    }

    fn last_error(&self) -> Option<String> {
        None
    }

    fn unanswered(&self) -> String {
        String::new()
    }

    fn partitions(&self, topic: &str) -> io::Result<Option<i32>> {
        self.request()?;
        Ok(self.world.borrow().partitions(topic).map(|count| count as i32))
    }

    fn required(&self, topic: Topic) -> io::Result<i32> {
        let name = self.settings.topic(topic);
        self.partitions(name)?.ok_or_else(|| failed(format!("topic {name} is missing")))
    }

    fn ends(&self, topic: &str, partition: i32) -> io::Result<(i64, i64)> {
        self.request()?;
        Ok(self.world.borrow().ends(topic, partition))
    }

    fn start(&self, topic: &str, partition: i32) -> io::Result<i64> {
        Ok(self.ends(topic, partition)?.0)
    }

    fn consumer(&self, topic: &str) -> io::Result<Box<dyn GroupConsumer>> {
        self.request()?;
        let name = &self.settings.transactional_id;
        Ok(Box::new(SimulatedConsumer::join(&self.world, name, topic, &self.is_killed)))
    }

    fn producer(&self) -> io::Result<Box<dyn TransactionalProducer>> {
        self.request()?;
        let (id, process) = (&self.settings.transactional_id, self.process.get());
        let transactional = !self.settings.at_least_once;
        Ok(Box::new(SimulatedProducer::open(&self.world, id, process, transactional)))
    }

    fn reader(
        &self,
        topic: &str,
        starts: &BTreeMap<i32, i64>,
    ) -> io::Result<Box<dyn PartitionReader>> {
        self.world.borrow_mut().crash_point()?;
        Ok(Box::new(SimulatedReader::open(&self.world, topic, starts)))
    }

    fn wait(&self) -> Duration {
        self.settings.wait
    }

    fn pause(&self, _: Duration) {
        self.world.borrow_mut().advance(20);
    }
}
