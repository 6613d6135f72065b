//! What a process has used of the processors.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// How many of the kernel's ticks make a second, in what it tells programs: the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// What the process `id` has used of all processors since it started, by all its threads, in user mode and in the kernel. Linux
/// only, where it is counted in hundredths of a second.
///
/// # Errors
///
/// If it is not running.
pub fn processor_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))
        .with_context(|| format!("process {id} is not running"))?;
    used(&stat).with_context(|| format!("the kernel tells nothing of process {id}"))
}

/// Reads `/proc/ID/stat`. The second field is the name of the program, in brackets, and may have anything in it.
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
