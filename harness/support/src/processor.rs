//! The processor time of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The number of ticks per second in the kernel's interface to programs. The number is the same on
/// every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// Returns the processor time of the process `id` since it started, summed over its threads, in
/// user mode and in the kernel. Works on Linux, which counts in hundredths of a second.
///
/// # Errors
///
/// Fails if the process is not running.
pub fn processor_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))
        .with_context(|| format!("process {id} is not running"))?;
    used(&stat).with_context(|| format!("the kernel tells nothing of process {id}"))
}

/// Parses `/proc/ID/stat`. The second field is the name of the program in brackets, which may
/// contain any characters.
fn used(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    let (user, kernel) = (ticks()?, ticks()?);
    Some(Duration::from_secs_f64((user + kernel) / TICKS_A_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_mode_and_kernel_are_added_up() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 4 0 99 1000 200";
        assert_eq!(used(stat), Some(Duration::from_millis(1750)));
        assert_eq!(used("7 (a"), None);
    }

    #[test]
    fn this_process_uses_some_time() {
        let before = processor_time(std::process::id()).unwrap();
        while processor_time(std::process::id()).unwrap() == before {}
        assert!(processor_time(u32::MAX).is_err());
    }
}
