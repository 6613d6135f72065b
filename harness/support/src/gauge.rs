//! The resources that a process holds.

use std::fs;

use anyhow::{Context, Result};

/// The resources that a process holds at one moment, as the kernel counts them. Linux only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// The resident memory, in KiB.
    pub memory: u64,
    /// The number of threads.
    pub threads: u64,
    /// The number of sockets, including listening ones.
    pub sockets: u64,
}

impl Gauge {
    /// Reads what the process `id` holds.
    ///
    /// # Errors
    ///
    /// Fails if the process is not running.
    pub fn of(id: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))
            .with_context(|| format!("process {id} is not running"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("process {id} has no `{name}`"))
        };
        let files = fs::read_dir(format!("/proc/{id}/fd"))?;
        let is_socket = |file: &fs::DirEntry| {
            // A file that was closed in the meantime is not a socket.
            let target = fs::read_link(file.path()).unwrap_or_default();
            target.to_string_lossy().starts_with("socket:")
        };
        let sockets = files.filter_map(Result::ok).filter(is_socket).count();
        Ok(Self {
            memory: field("VmRSS:")?,
            threads: field("Threads:")?,
            sockets: u64::try_from(sockets)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_something() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let with = Gauge::of(std::process::id()).unwrap();
        drop(listener);
        assert!(with.memory > 0 && with.threads > 0 && with.sockets > 0);
    }

    #[test]
    fn a_process_that_is_gone_holds_nothing() {
        assert!(Gauge::of(u32::MAX).is_err());
    }
}
