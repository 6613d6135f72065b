//! The state directory.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use portcullis_config::Policies;
use portcullis_files::{Disk as _, NewAccess, SystemDisk, list};

use crate::doctor::evidence::{StateDirectory, WriteTrial};

/// Name of the file that the trial writes. Readers of the directory skip such names.
const TRIAL: &str = ".portcullis-doctor";

/// Minimum size of the file that the trial writes, in bytes. A status and a small policy need less.
const MIN_SIZE: usize = 1 << 20;

/// Maximum size of the file that the trial writes, in bytes.
const MAX_SIZE: usize = 64 << 20;

/// Writes a file of the size of all policies to the state directory, and removes it.
pub(super) fn try_state_directory(policies: &Policies) -> StateDirectory {
    let path = policies.state_directory.clone();
    let bytes = size_of_policies(&policies.catalog.directory).clamp(MIN_SIZE, MAX_SIZE);
    let trial = match write(&path, bytes) {
        Ok(()) => WriteTrial::Written,
        Err(error) if error.kind() == io::ErrorKind::NotFound => WriteTrial::Absent,
        Err(error) => WriteTrial::Failed {
            bytes,
            error: error.to_string(),
        },
    };
    StateDirectory { path, trial }
}

fn write(directory: &Path, bytes: usize) -> io::Result<()> {
    let directory = SystemDisk.open_directory(directory)?;
    let name = OsStr::new(TRIAL);
    directory.replace(name, &vec![0; bytes], NewAccess::Private)?;
    directory.remove(name)
}

/// Returns the size of the files in the policy directory, in bytes. Zero if it cannot be read.
fn size_of_policies(directory: &Path) -> usize {
    let entries = list(directory).map(|listing| listing.entries);
    let sizes = entries.unwrap_or_default().into_iter().filter_map(|path| {
        let survey = SystemDisk.survey(&path).ok()?;
        usize::try_from(survey.size).ok()
    });
    sizes.fold(0, usize::saturating_add)
}
