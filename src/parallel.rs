//! Threads: one function for many, and the same function on many items.
//!
//! No result depends on the number of threads or on their timing.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Items that several threads take, each item once, in order.
#[derive(Debug)]
pub(crate) struct Queue<'a, T> {
    items: &'a [T],
    next: AtomicUsize,
}

impl<'a, T> Queue<'a, T> {
    /// A queue of all items.
    pub(crate) fn new(items: &'a [T]) -> Self {
        Self { items, next: AtomicUsize::new(0) }
    }

    /// Takes the next item and its index; `None` after the last one.
    pub(crate) fn take(&self) -> Option<(usize, &'a T)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        Some((index, self.items.get(index)?))
    }
}

/// Runs `work` once on each of `threads` threads, the calling thread included; at least once.
///
/// A panic of a thread becomes a panic of the caller.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let spawned: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
        let mut results = vec![work()];
        let join = |thread: thread::ScopedJoinHandle<'_, T>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        results.extend(spawned.into_iter().map(join));
        results
    })
}

/// Runs `work` on every item, on at most `threads` threads; the results are in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let queue = Queue::new(items);
    let results_of_thread = || {
        let taken = std::iter::from_fn(|| queue.take());
        taken.map(|(index, item)| (index, work(item))).collect::<Vec<_>>()
    };
    let mut results: Vec<_> =
        on_threads(threads, results_of_thread).into_iter().flatten().collect();
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_for_any_number_of_threads() {
        for count in [0, 1, 2, 100] {
            let items: Vec<usize> = (0..count).collect();
            let squares: Vec<usize> = items.iter().map(|i| i * i).collect();
            for threads in [0, 1, 2, 7, 200] {
                assert_eq!(in_parallel(&items, threads, |i| i * i), squares, "{threads} threads");
            }
        }
    }

    #[test]
    #[should_panic(expected = "item 3")]
    fn a_panic_of_a_thread_reaches_the_caller() {
        in_parallel(&[1, 2, 3, 4], 2, |&item| assert_ne!(item, 3, "item 3"));
    }
}
