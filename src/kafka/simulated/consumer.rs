//! The member of the group on the simulated world.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::world::Shared;
use crate::kafka::client::errors::failed;
use crate::kafka::client::interface::GroupConsumer;
use crate::kafka::client::records::{ConsumerRecord, Positions, Rebalance};
use crate::replay::testing::below;

/// A member of the group.
pub(super) struct SimulatedConsumer {
    world: Shared,
    name: String,
    topic: String,
    id: Cell<u64>,
    /// The offsets from which the accepted partitions are read.
    positions: RefCell<BTreeMap<i32, i64>>,
    ended: RefCell<BTreeSet<i32>>,
    is_killed: Rc<Cell<bool>>,
}

impl SimulatedConsumer {
    /// Joins the group.
    pub(super) fn join(
        world: &Shared,
        name: &str,
        topic: &str,
        is_killed: &Rc<Cell<bool>>,
    ) -> Self {
        let now = world.borrow().now;
        Self {
            world: Rc::clone(world),
            name: name.to_owned(),
            topic: topic.to_owned(),
            id: Cell::new(world.borrow_mut().group.join(name, now)),
            positions: RefCell::default(),
            ended: RefCell::default(),
            is_killed: Rc::clone(is_killed),
        }
    }

    /// Its id in the group.
    pub(super) fn id(&self) -> u64 {
        self.id.get()
    }
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
        if world.group.is_expelled(self.id.get()) {
            // What it accepts was revoked before it was removed: that it lost the rest comes next.
        } else if world.group.expelled.remove(&self.id.get()).is_some() {
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
        Ok(if world.is_down() { None } else { world.stable_positions(partitions) })
    }

    fn read<'a>(&'a self, _: Duration) -> io::Result<Vec<ConsumerRecord<'a>>> {
        let mut world = self.world.borrow_mut();
        world.crash_point()?;
        if world.is_down() {
            return Ok(Vec::new());
        }
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

    fn lag(&self, partition: i32, next: i64) -> Option<i64> {
        let mut world = self.world.borrow_mut();
        (!world.is_down()).then(|| world.ends(&self.topic, partition).1 - next)
    }

    fn set_end(&self, _: i32, _: i64) {}

    fn unanswered(&self) -> String {
        String::new()
    }

    fn errors(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
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
