//! Directories that are filled once and kept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The file that records the source from which a directory was filled.
const STAMP: &str = ".filled-from";

/// Returns the directory `name` in `cache`, and fills it with `fill` unless it was filled from
/// `source` before.
///
/// `fill` works in a temporary directory, which is renamed at the end. An interrupted fill is
/// therefore never mistaken for a complete one.
pub(crate) fn directory(
    cache: &Path,
    name: &str,
    source: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let directory = cache.join(name);
    if fs::read_to_string(directory.join(STAMP)).is_ok_and(|stamp| stamp == source) {
        return Ok(directory);
    }
    let aside = cache.join(format!(".{name}.{}", std::process::id()));
    remove(&aside)?;
    fs::create_dir_all(&aside).map_err(Failure::at("create", &aside))?;
    let outcome = fill(&aside).and_then(|()| {
        let stamp = aside.join(STAMP);
        fs::write(&stamp, source).map_err(Failure::at("write", &stamp))?;
        remove(&directory)?;
        fs::rename(&aside, &directory).map_err(Failure::at("create", &directory))
    });
    if outcome.is_err() {
        // A failure to clean up must not hide the first failure.
        let _ = remove(&aside);
    }
    outcome.map(|()| directory)
}

/// Returns the directory `name` in `cache`, with copies of the files `names` from `home`, after
/// `fill` has added to them.
pub(crate) fn copied(
    cache: &Path,
    name: &str,
    home: &Path,
    names: &[&str],
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut source = String::new();
    for name in names {
        let path = home.join(name);
        source += &fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
    }
    directory(cache, name, &source, |aside| {
        for name in names {
            let (from, to) = (home.join(name), aside.join(name));
            fs::copy(&from, &to).map_err(Failure::at("copy", &from))?;
        }
        fill(aside)
    })
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::at("remove", directory)(cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of one test, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str) -> Self {
            let name = format!("xtask-{test}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn fill_with(text: &'static str) -> impl FnOnce(&Path) -> Result<()> {
        move |aside| {
            let file = aside.join("file");
            fs::write(&file, text).map_err(Failure::at("write", &file))
        }
    }

    fn never(_: &Path) -> Result<()> {
        Err(Failure::new("filled again"))
    }

    #[test]
    fn a_filled_directory_is_not_filled_again() {
        let scratch = Scratch::new("filled");
        let first = directory(&scratch.0, "tool", "1", fill_with("one")).unwrap();
        assert_eq!(directory(&scratch.0, "tool", "1", never), Ok(first));
    }

    #[test]
    fn another_source_fills_it_again() {
        let scratch = Scratch::new("anew");
        directory(&scratch.0, "tool", "1", fill_with("one")).unwrap();
        let second = directory(&scratch.0, "tool", "2", fill_with("two")).unwrap();
        assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "two");
    }

    #[test]
    fn a_failed_fill_leaves_nothing_behind() {
        let scratch = Scratch::new("failed");
        assert!(directory(&scratch.0, "tool", "1", never).is_err());
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
        assert!(directory(&scratch.0, "tool", "1", fill_with("one")).is_ok());
    }
}
