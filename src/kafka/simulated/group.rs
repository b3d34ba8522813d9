//! The coordinator of the consumer group.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::kafka::client::records::Rebalance;

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// The generation in which it may commit.
    generation: u64,
    last_poll: u64,
    owned: BTreeSet<i32>,
    /// Partitions whose revocation it has not accepted.
    revoking: BTreeSet<i32>,
    /// Partitions that it has kept although it was removed, until the next generation.
    claimed: BTreeSet<i32>,
    /// Whether it joins again by itself when its next request is rejected, and keeps its partitions: as librdkafka
    /// does in a rebalance of the cooperative protocol.
    is_silent: bool,
    pub(super) rebalances: VecDeque<Rebalance>,
}

/// The group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) cooperative: bool,
    partitions: i32,
    pub(super) members: BTreeMap<u64, Member>,
    /// Members that were removed and have not made a request since.
    pub(super) expelled: BTreeMap<u64, Member>,
    next_member: u64,
    generation: u64,
    is_preparing: bool,
    /// Number of members that were removed because they did not poll.
    pub(super) expulsions: u64,
    /// Number of them that have joined again by themselves.
    pub(super) silent: u64,
}

impl Group {
    pub(super) fn new(partitions: i32, cooperative: bool) -> Self {
        Self {
            cooperative,
            partitions,
            members: BTreeMap::new(),
            expelled: BTreeMap::new(),
            next_member: 1,
            generation: 0,
            is_preparing: false,
            expulsions: 0,
            silent: 0,
        }
    }

    /// A member joins; returns its id.
    pub(super) fn join(&mut self, name: &str, now: u64) -> u64 {
        self.join_with(name, now, BTreeSet::new())
    }

    /// A member joins that has kept partitions.
    fn join_with(&mut self, name: &str, now: u64, claimed: BTreeSet<i32>) -> u64 {
        let id = self.next_member;
        self.next_member += 1;
        self.members.insert(
            id,
            Member {
                name: name.to_owned(),
                generation: 0,
                last_poll: now,
                owned: BTreeSet::new(),
                revoking: BTreeSet::new(),
                claimed,
                is_silent: false,
                rebalances: VecDeque::new(),
            },
        );
        self.prepare();
        id
    }

    /// A member leaves.
    pub(super) fn leave(&mut self, id: u64) {
        self.expelled.remove(&id);
        if self.members.remove(&id).is_some() {
            self.prepare();
        }
    }

    /// A member polls that holds partitions; returns its id, which is another one if it has joined again by itself.
    pub(super) fn poll(&mut self, id: u64, now: u64, held: &BTreeSet<i32>) -> u64 {
        if let Some(member) = self.members.get_mut(&id) {
            member.last_poll = now;
        }
        let is_silent = self.expelled.get(&id).is_some_and(|it| it.is_silent);
        let Some(member) = is_silent.then(|| self.expelled.remove(&id)).flatten() else {
            return id;
        };
        self.silent += 1;
        self.join_with(&member.name, now, held.clone())
    }

    /// Removes the members that have not polled since `since`.
    pub(super) fn expire(&mut self, since: u64) {
        let late: Vec<u64> =
            self.members.iter().filter(|(_, it)| it.last_poll < since).map(|(id, _)| *id).collect();
        for id in &late {
            if let Some(mut member) = self.members.remove(id) {
                self.expulsions += 1;
                member.rebalances.clear();
                member.is_silent = self.cooperative && id.is_multiple_of(2);
                if !member.is_silent {
                    let all = member.owned.iter().copied().collect();
                    member.rebalances.push_back(Rebalance::Revoked(all));
                }
                self.expelled.insert(*id, member);
            }
        }
        if !late.is_empty() {
            self.prepare();
        }
    }

    /// Whether a commit of a member in a generation is accepted.
    pub(super) fn accepts(&self, id: u64, generation: u64) -> bool {
        self.members.contains_key(&id) && generation == self.generation
    }

    /// The generation of a member.
    pub(super) fn generation_of(&self, id: u64) -> u64 {
        self.members.get(&id).map_or(0, |member| member.generation)
    }

    /// Whether a member was removed and receives the revocation of its partitions as lost.
    pub(super) fn is_lost(&self, id: u64) -> bool {
        self.expelled.get(&id).is_some_and(|member| !member.is_silent)
    }

    pub(super) fn rebalances(&mut self, id: u64) -> Option<&mut VecDeque<Rebalance>> {
        let member = self.members.get_mut(&id).or_else(|| self.expelled.get_mut(&id));
        member.map(|member| &mut member.rebalances)
    }

    /// Whether a member was removed and has not taken the revocation of its partitions.
    pub(super) fn is_expelled(&self, id: u64) -> bool {
        self.expelled.get(&id).is_some_and(|member| !member.rebalances.is_empty())
    }

    pub(super) fn has_rebalance(&self, id: u64) -> bool {
        let member = self.members.get(&id).or_else(|| self.expelled.get(&id));
        member.is_some_and(|member| !member.rebalances.is_empty())
    }

    /// A member has accepted a revocation.
    pub(super) fn released(&mut self, id: u64, partitions: &[i32]) {
        if let Some(member) = self.members.get_mut(&id) {
            member.owned.retain(|p| !partitions.contains(p));
            member.revoking.retain(|p| !partitions.contains(p));
        }
        self.complete();
    }

    /// The partitions of each member in the next generation.
    fn target(&self) -> BTreeMap<u64, BTreeSet<i32>> {
        let ids: Vec<u64> = self.members.keys().copied().collect();
        let mut target: BTreeMap<u64, BTreeSet<i32>> =
            ids.iter().map(|id| (*id, BTreeSet::new())).collect();
        for partition in 0..self.partitions {
            let id = ids[(partition as usize + self.generation as usize) % ids.len()];
            target.entry(id).or_default().insert(partition);
        }
        target
    }

    /// Begins a rebalance: partitions are revoked, all of them or, cooperatively, those that move.
    fn prepare(&mut self) {
        if self.members.is_empty() {
            return;
        }
        self.is_preparing = true;
        let target = self.target();
        for (id, member) in &mut self.members {
            let moving: BTreeSet<i32> = match self.cooperative {
                true => member.owned.difference(&target[id]).copied().collect(),
                false => member.owned.clone(),
            };
            let new: Vec<i32> = moving.difference(&member.revoking).copied().collect();
            if !new.is_empty() {
                member.revoking.extend(&new);
                member.rebalances.push_back(Rebalance::Revoked(new));
            }
        }
        self.complete();
    }

    /// Ends the rebalance when all revocations are accepted.
    fn complete(&mut self) {
        if !self.is_preparing || self.members.is_empty() {
            return;
        }
        if self.members.values().any(|it| !it.revoking.is_empty()) {
            return;
        }
        let target = self.target();
        if self.cooperative
            && self.members.iter().any(|(id, it)| it.owned.difference(&target[id]).next().is_some())
        {
            // The members have changed meanwhile: other partitions move.
            return self.prepare();
        }
        self.is_preparing = false;
        self.generation += 1;
        for (id, member) in &mut self.members {
            member.generation = self.generation;
            let all = &target[id];
            let claimed = std::mem::take(&mut member.claimed);
            let lost: Vec<i32> = claimed.difference(all).copied().collect();
            if !lost.is_empty() {
                member.revoking.extend(&lost);
                member.rebalances.push_back(Rebalance::Revoked(lost));
            }
            member.owned.extend(claimed);
            let new = match self.cooperative {
                true => all.difference(&member.owned).copied().collect(),
                false => all.iter().copied().collect(),
            };
            member.owned.clone_from(all);
            member.rebalances.push_back(Rebalance::Assigned(new));
        }
    }
}
