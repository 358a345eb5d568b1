//! The same work for many things on all processors.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a thread may need to walk the deepest manifest: as much as the main thread has.
const STACK: usize = 8 << 20;

/// The results of some work, in the order of the things.
pub(super) fn map<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(i) else { break done };
            done.push((i, work(thing)));
        }
    };
    let helpers = thread::available_parallelism().map_or(1, NonZero::get).min(things.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        // Where there are no more threads, those that are there do it.
        let threads: Vec<_> = (0..helpers)
            .filter_map(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok())
            .collect();
        let mut done = run();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|fault| resume_unwind(fault)));
        }
        done
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        let things: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&things, |n| n * 2), things.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(map(&[] as &[usize], |n| *n), Vec::<usize>::new());
    }
}
