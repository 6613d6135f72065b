//! Creation of new files, all or none.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use portcullis_core::Secret;

use super::error::NotInitialized;

/// The files and directories created so far. They are removed on drop, unless they are kept.
pub(crate) struct NewFiles<'a> {
    root: &'a Path,
    made: Vec<Made>,
}

/// The access to a new directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    /// Access for its owner only.
    Private,
    /// Access according to the umask of the process.
    Shared,
}

enum Made {
    File(PathBuf),
    Directory(PathBuf),
}

impl<'a> NewFiles<'a> {
    /// Starts in `root`, and creates it with its parents if it is missing. Fails if one of `names`
    /// exists in it.
    pub(crate) fn in_directory(root: &'a Path, names: &[&str]) -> Result<Self, NotInitialized> {
        for name in names {
            let path = root.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(NotInitialized::Exists(path));
            }
        }
        let mut files = Self {
            root,
            made: Vec::new(),
        };
        let missing: Vec<&Path> = root
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in missing.into_iter().rev() {
            files.make_directory(path.to_path_buf(), Directory::Shared)?;
        }
        Ok(files)
    }

    /// Creates a directory.
    pub(crate) fn directory(&mut self, name: &str, kind: Directory) -> Result<(), NotInitialized> {
        self.make_directory(self.root.join(name), kind)
    }

    /// Writes a file.
    pub(crate) fn file(&mut self, name: &str, content: &str) -> Result<(), NotInitialized> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        self.write(name, &options, &[content])
    }

    /// Writes a line that only its owner can read, from the file's creation on.
    pub(crate) fn secret(&mut self, name: &str, content: &Secret) -> Result<(), NotInitialized> {
        self.write(name, &private(), &[content.expose(), "\n"])
    }

    /// Writes a text that only its owner can read, from the file's creation on.
    pub(crate) fn secret_text(&mut self, name: &str, text: &Secret) -> Result<(), NotInitialized> {
        self.write(name, &private(), &[text.expose()])
    }

    /// Keeps everything that was created.
    pub(crate) fn keep(mut self) {
        self.made.clear();
    }

    fn make_directory(&mut self, path: PathBuf, kind: Directory) -> Result<(), NotInitialized> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        if kind == Directory::Private {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        }
        match builder.create(&path) {
            Ok(()) => {
                self.made.push(Made::Directory(path));
                Ok(())
            }
            Err(error) => Err(refuse(path, error)),
        }
    }

    fn write(
        &mut self,
        name: &str,
        options: &OpenOptions,
        content: &[&str],
    ) -> Result<(), NotInitialized> {
        let path = self.root.join(name);
        let mut file = match options.open(&path) {
            Ok(file) => file,
            Err(error) => return Err(refuse(path, error)),
        };
        self.made.push(Made::File(path.clone()));
        content
            .iter()
            .try_for_each(|part| file.write_all(part.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(|error| refuse(path, error))
    }
}

impl Drop for NewFiles<'_> {
    fn drop(&mut self) {
        for made in self.made.drain(..).rev() {
            // Removal is best effort: the error that caused it is the one to report.
            let _ = match made {
                Made::File(path) => fs::remove_file(path),
                Made::Directory(path) => fs::remove_dir(path),
            };
        }
    }
}

/// Returns the options of new files that only their owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn refuse(path: PathBuf, source: io::Error) -> NotInitialized {
    if source.kind() == io::ErrorKind::AlreadyExists {
        NotInitialized::Exists(path)
    } else {
        NotInitialized::Write { path, source }
    }
}
