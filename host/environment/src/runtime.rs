//! The runtime that the current thread belongs to.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Returns whether this is a thread of a multi-threaded runtime. Such a runtime can move the other
/// tasks of a thread that blocks to another thread (`block_in_place`).
pub fn is_multi_threaded() -> bool {
    let runtime = Handle::try_current();
    runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn only_threads_of_a_multi_threaded_runtime_may_block() {
        assert!(!is_multi_threaded());
        let single = Builder::new_current_thread().build().unwrap();
        assert!(!single.block_on(async { is_multi_threaded() }));
        let multi = Builder::new_multi_thread().build().unwrap();
        assert!(multi.block_on(async { is_multi_threaded() }));
    }
}
