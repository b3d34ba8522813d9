//! From where a replay must start, so that it finds the state of a source again.

use super::super::deadline::Cascade;
use super::Source;

impl Source {
    pub(in super::super) fn oldest_needed(&self) -> Option<u64> {
        let pin = |(slot, it): (u32, &Cascade)| self.shelf.pin(slot, it.position);
        self.tenants().filter_map(pin).min()
    }

    /// Whether a start at `position` would cut a pair: it is after the root and not after the
    /// record that the root's open cascade decided, so that a replay would decide otherwise.
    pub(in super::super) fn is_cut(&self, position: u64) -> bool {
        self.pairs.iter().any(|(root, record)| *root < position && position <= *record)
    }

    pub(in super::super) fn forget_before(&mut self, position: u64) {
        self.pairs.retain(|(_, record)| *record >= position);
        self.shelf.forget_before(position);
    }

    /// A tweet that opens nothing because of the limit was judged by all that is open.
    pub(super) fn refuse_root(&mut self, position: u64) {
        /// Looking for the oldest cascade costs a walk; an older answer is only more careful.
        const REFRESHED: u64 = 4096;
        match self.pairs.last_mut() {
            Some(last) if !self.refused_roots.is_multiple_of(REFRESHED) => last.1 = position,
            _ => {
                let roots = self.tenants().filter(|(slot, _)| !self.shelf.holds(*slot));
                let oldest = roots.map(|(_, it)| it.position).min();
                self.pairs.extend(oldest.map(|oldest| (oldest, position)));
            }
        }
        self.refused_roots += 1;
    }
}
