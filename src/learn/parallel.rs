//! The same work on many items.

/// Runs `work` over the items on several threads; the answers are in the order of the items.
pub(crate) fn in_parallel<T: Sync, A: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> A + Sync,
) -> Vec<A> {
    /// Below this many a thread costs more than it brings.
    const WORTH_A_THREAD: usize = 2;
    if threads <= 1 || items.len() < WORTH_A_THREAD {
        return items.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let answers = std::sync::Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(item) = items.get(i) else { break };
                    let answer = work(item);
                    answers.lock().unwrap_or_else(|broken| broken.into_inner()).push((i, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(|broken| broken.into_inner());
    answers.sort_unstable_by_key(|(i, _)| *i);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
