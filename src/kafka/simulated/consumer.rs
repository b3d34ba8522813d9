//! The member of the group on the simulated world.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::world::{CRASH, Identity, Shared, World};
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
    /// Id and generation of the last assignment, with which it commits.
    identity: (u64, u64),
    /// Whether it has joined again by itself, with partitions of which retention may have deleted its position.
    has_kept: Cell<bool>,
    /// The partitions of its assignments that it has not released.
    held: BTreeSet<i32>,
    /// The offsets from which the accepted partitions are read.
    positions: RefCell<BTreeMap<i32, i64>>,
    /// The partitions whose end is reached, with the position there, which is after the markers of transactions.
    ended: RefCell<BTreeMap<i32, i64>>,
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
            identity: (0, 0),
            has_kept: Cell::new(false),
            held: BTreeSet::new(),
            positions: RefCell::default(),
            ended: RefCell::default(),
            is_killed: Rc::clone(is_killed),
        }
    }

    /// The id and generation with which it commits.
    pub(super) fn identity(&self, world: &World) -> (u64, u64) {
        match world.commits_as {
            Identity::LastAssignment => self.identity,
            Identity::Group => (self.id.get(), world.group.generation_of(self.id.get())),
        }
    }
}

impl GroupConsumer for SimulatedConsumer {
    fn next_rebalance(&mut self) -> Option<Rebalance> {
        let id = self.id.get();
        let group = &mut self.world.borrow_mut().group;
        let mut rebalance = group.rebalances(id)?.pop_front()?;
        match &mut rebalance {
            Rebalance::Assigned(partitions) => {
                if !group.cooperative {
                    self.held.clear();
                }
                self.held.extend(&*partitions);
                self.identity = (id, group.generation_of(id));
            }
            Rebalance::Revoked(partitions) if group.is_lost(id) => {
                self.held.extend(&*partitions);
                *partitions = self.held.iter().copied().collect();
            }
            Rebalance::Revoked(_) => {}
        }
        Some(rebalance)
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
        self.ended.borrow_mut().retain(|partition, _| !starts.contains_key(partition));
        Ok(())
    }

    fn is_lost(&self) -> bool {
        self.world.borrow().group.is_lost(self.id.get())
    }

    fn release(&mut self, partitions: &[i32]) {
        self.held.retain(|partition| !partitions.contains(partition));
        self.positions.borrow_mut().retain(|partition, _| !partitions.contains(partition));
        self.ended.borrow_mut().retain(|partition, _| !partitions.contains(partition));
        let mut world = self.world.borrow_mut();
        let now = world.now;
        if world.group.is_expelled(self.id.get()) {
            // What it accepts was revoked before it was removed: that it lost the rest comes next.
        } else if world.group.is_lost(self.id.get()) {
            world.group.expelled.remove(&self.id.get());
            self.positions.borrow_mut().clear();
            self.held.clear();
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
        let id = world.group.poll(self.id.get(), now, &self.held);
        self.has_kept.set(self.has_kept.get() || id != self.id.get());
        self.id.set(id);
        if world.group.has_rebalance(self.id.get()) {
            return Ok(Vec::new());
        }
        let mut batch = Vec::new();
        let mut ended = self.ended.borrow_mut();
        for (partition, position) in self.positions.borrow_mut().iter_mut() {
            let (first, _) = world.ends(&self.topic, *partition);
            if *position < first && self.has_kept.get() {
                // It ends, and is started again.
                return Err(io::Error::other(CRASH));
            }
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
                        *position = (*position).max(world.stable_end(&self.topic, *partition));
                        ended.insert(*partition, *position);
                        break;
                    }
                }
            }
        }
        Ok(batch)
    }

    fn has_backlog(&self) -> bool {
        false
    }

    fn lag(&self, partition: i32, next: i64) -> Option<i64> {
        let mut world = self.world.borrow_mut();
        (!world.is_down()).then(|| world.ends(&self.topic, partition).1 - next)
    }

    fn set_end(&self, _: i32, _: i64) {}

    fn errors(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn has_ended(&self, partition: i32) -> bool {
        self.ended.borrow().contains_key(&partition)
    }

    fn end_position(&self, partition: i32) -> Option<i64> {
        self.ended.borrow().get(&partition).copied()
    }

    fn assigned_to_members(&self) -> Option<BTreeSet<i32>> {
        None
    }

    fn rejoin(&self) {}

    fn clock(&self) -> Duration {
        let world = self.world.borrow();
        world.unit * world.now as u32
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
