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
pub(super) const MIN_SIZE: usize = 1 << 20;

/// Maximum size of the file that the trial writes, in bytes.
const MAX_SIZE: usize = 64 << 20;

/// Writes a file of the size of all policies to the state directory, and removes it.
pub(super) fn try_state_directory(policies: &Policies) -> StateDirectory {
    let path = policies.state_directory.clone();
    let bytes = size_of_policies(&policies.catalog.directory).clamp(MIN_SIZE, MAX_SIZE);
    StateDirectory {
        trial: try_directory(&path, bytes),
        path,
    }
}

/// Writes a file of this size to a directory that the host makes if it is missing, and removes it.
/// In place of a missing directory, the trial takes the one in which the host makes it.
pub(super) fn try_directory(path: &Path, bytes: usize) -> WriteTrial {
    let mut directory = path;
    loop {
        let written = write(directory, bytes);
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        return match (written, parent_of(directory)) {
            (Ok(()), _) if directory == path => WriteTrial::Written,
            (Ok(()), _) => WriteTrial::Absent,
            (Err(error), Some(parent)) if is_missing(&error) => {
                directory = parent;
                continue;
            }
            (Err(error), _) => WriteTrial::Failed {
                bytes,
                kind: error.kind(),
                error: error.to_string(),
            },
        };
    }
}

/// Returns the directory that `path` is in. The parent of a bare name is the working directory.
pub(super) fn parent_of(path: &Path) -> Option<&Path> {
    let here = Path::new(".");
    let parent = path.parent()?;
    if parent.as_os_str().is_empty() {
        (path != here).then_some(here)
    } else {
        Some(parent)
    }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_missing_directory_is_tried_where_the_host_makes_it() {
        let home = tempfile::tempdir().unwrap();
        let trial = |path: &str| try_directory(&home.path().join(path), 1 << 10);
        assert_eq!(trial(""), WriteTrial::Written);
        assert_eq!(trial("state/of/host"), WriteTrial::Absent);
        assert_eq!(parent_of(Path::new("state")), Some(Path::new(".")));
        assert_eq!(parent_of(Path::new(".")), None);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        fs::write(home.path().join("file"), "").unwrap();
        for path in ["file", "file/state"] {
            assert!(matches!(trial(path), WriteTrial::Failed { .. }), "{path}");
        }
    }
}
