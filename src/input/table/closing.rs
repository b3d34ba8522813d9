//! The cascades of a table after its last row: with their events in order, without those that have no root, and with a report
//! of what was dropped.

use std::collections::HashMap;

use super::{Group, Table};
use crate::cascade::numbers;
use crate::input::Cascades;
use crate::input::import::MissingRoot;
use crate::input::rounded;

impl Table {
    /// Moves the rows of each cascade whose id is rounded to the cascade whose whole id is rounded to the same number, where
    /// there is just one; returns the number of rows.
    fn join_rounded(&mut self) -> u64 {
        if !self.cascades.iter().any(|group| rounded::is_rounded(group.cascade.cid.as_bytes())) {
            return 0;
        }
        let mut whole: HashMap<u64, Option<usize>> = HashMap::new();
        for (place, group) in self.cascades.iter().enumerate() {
            if let Some(number) = rounded::rounding_of(&group.cascade.cid) {
                // Of several, none is chosen.
                whole.entry(number).and_modify(|it| *it = None).or_insert(Some(place));
            }
        }
        let mut joined = 0;
        for place in 0..self.cascades.len() {
            let number = rounded::rounded(&self.cascades[place].cascade.cid);
            let target = number.and_then(|number| *whole.get(&number)?);
            let Some(target) = target else { continue };
            let points = std::mem::take(&mut self.cascades[place].cascade.points);
            let Group { duplicates, invalid, first, .. } = self.cascades[place];
            joined += points.len() as u64;
            let group = &mut self.cascades[target];
            group.cascade.points.extend(points);
            group.duplicates += duplicates;
            group.invalid |= invalid;
            group.first = group.first.min(first);
        }
        let is_empty = |group: &Group| group.root.is_none() && group.cascade.points.is_empty();
        self.cascades.retain(|group| group.invalid || !is_empty(group));
        joined
    }

    /// Completes the cascades after the last row; `note` takes what was dropped.
    pub(in crate::input) fn close(&mut self, note: &mut dyn FnMut(String)) {
        for place in 0..self.cascades.len() {
            let Group { root, cascade, .. } = &self.cascades[place];
            let other = self.ids.cascade_of(&cascade.cid).filter(|other| *other != place);
            self.cascades[place].is_chained = root.is_none() && other.is_some();
        }
        (self.index, self.ids) = Default::default();
        let joined = self.join_rounded();
        if joined > 0 {
            note(format!(
                "{} rows with a rounded id were joined with the post whose id is rounded to the same number",
                numbers::grouped(joined)
            ));
        }
        let missing = self.options.missing_root.unwrap_or(MissingRoot::First);
        let (mut rootless, mut chained, mut early, mut duplicates) = (0, 0, 0, 0);
        let has_ids = self.has_ids;
        let (mut removed, mut lost) = (0, 0);
        for group in self.cascades.extract_if(.., |group| group.invalid) {
            removed += 1;
            lost += group.cascade.points.len() as u64 + u64::from(group.root.is_some());
        }
        let all = self.cascades.len() as u64;
        self.cascades.retain_mut(|group| {
            let has_root = group.root.is_some() || !has_ids;
            *(if group.is_chained { &mut chained } else { &mut rootless }) += u64::from(!has_root);
            early += group.close();
            duplicates += u64::from(group.duplicates);
            has_root || missing == MissingRoot::First
        });
        let last = |group: &Group| group.cascade.points.last().map(|last| group.first + last.time);
        self.end = self.cascades.iter().filter_map(last).reduce(f64::max).filter(|_| self.dated());
        let count = numbers::grouped;
        if lost > 0 {
            let (rows, cascades) = (count(lost), count(removed));
            note(format!(
                "{rows} valid rows were dropped with {cascades} cascades of which another row was refused; \
                 correct or remove the refused rows"
            ));
        }
        if self.unknown > 0 {
            note(format!(
                "{} rows have no cascade and were refused: where they are the originals, the cascades begin with a retweet and \
                 their sizes and times are wrong; name the column of ids with --columns id=NAME",
                count(self.unknown)
            ));
        }
        if self.zeros > 0 {
            note(format!(
                "{} rows have an original 0 or -1: read as originals themselves",
                count(self.zeros)
            ));
        }
        if self.foreign_texts > 0 {
            note(format!(
                "the text of {} rows is not UTF-8: their other characters were replaced; convert the file first, such as \
                 with iconv -f WINDOWS-1252 -t UTF-8",
                count(self.foreign_texts)
            ));
        }
        self.unit.assumed(&self.options).into_iter().for_each(|it| note(it.to_owned()));
        if !has_ids && self.options.missing_root.is_some() {
            note("--missing-root is ignored: the table has no column of ids of events".to_owned());
        }
        if self.unmarked > 0 {
            note(format!("{} rows have no mark; it is 1", count(self.unmarked)));
        }
        let treated = match missing {
            MissingRoot::First => "the first row of each is the root",
            MissingRoot::Drop => "dropped; --missing-root first reads them all the same",
            MissingRoot::Embedded => {
                "dropped, because a row contains no original; --missing-root first reads them all the same"
            }
        };
        if chained > 0 {
            note(format!(
                "{} originals are themselves retweets; give the id of the first tweet in the column of originals (chains of \
                 retweets are not followed); of their cascades, {treated}",
                count(chained)
            ));
        }
        if rootless > 0 {
            let (rootless, all) = (count(rootless), count(all));
            note(format!("{rootless} of {all} cascades have no row of their root; {treated}"));
        }
        if duplicates > 0 {
            let rows = count(duplicates);
            note(format!(
                "{rows} rows have the id of an earlier row of their cascade and were dropped"
            ));
        }
        if early > 0 {
            note(format!(
                "{} rows precede the root of their cascade and were dropped",
                count(early)
            ));
        }
    }
}
