//! Work on several threads.

use parking_lot::Mutex;

/// Calls `work` with each of `items`, on at most `at_once` threads at the same time. Returns the
/// results in the order of the items. Blocks.
pub(crate) fn in_parallel<T: Send, R: Send>(
    at_once: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = at_once.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || {
        let mut waiting = waiting.lock();
        waiting.next()
    };
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = next() {
                    let result = work(item);
                    let mut results = results.lock();
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
