//! What all packages of one release share.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// What all packages of one release share.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) version: String,
    /// The processor, as Rust names it.
    pub(super) processor: &'static str,
    /// The time of every packaged file, in seconds since the Unix epoch.
    pub(super) time: u64,
}

impl Release {
    pub(super) fn of(workspace: &Workspace, program: &Path) -> Result<Self> {
        let said = process::run_quietly(Command::new(program).arg("--version"))?;
        let version = said.trim().strip_prefix("portcullis ");
        let version = version.ok_or_else(|| {
            let program = program.display();
            Failure::new(format!("`{program} --version` does not name portcullis"))
        })?;
        Ok(Self {
            version: version.to_owned(),
            processor: std::env::consts::ARCH,
            time: time_of_sources(workspace)?,
        })
    }

    /// Returns the beginning of the packages' names.
    pub(super) fn name(&self) -> String {
        format!("portcullis-{}-{}-linux", self.version, self.processor)
    }
}

/// Returns `SOURCE_DATE_EPOCH`, or the time of the checked-out commit.
fn time_of_sources(workspace: &Workspace) -> Result<u64> {
    let set = std::env::var("SOURCE_DATE_EPOCH").ok();
    let time = set.map_or_else(
        || {
            let mut log = Command::new("git");
            log.current_dir(workspace.file(""));
            process::run_quietly(log.args(["log", "-1", "--format=%ct"]))
        },
        Ok,
    )?;
    time.trim().parse().map_err(|_| {
        Failure::new(format!(
            "`{}` is no time: set SOURCE_DATE_EPOCH to seconds since 1970",
            time.trim()
        ))
    })
}
