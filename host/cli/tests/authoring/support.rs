//! Folders of authors, and the commands they run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// The folder of an author, outside the repository.
pub(crate) struct Author {
    home: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    /// Standard output, followed by standard error.
    pub(crate) output: String,
}

impl Author {
    pub(crate) fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
        }
    }

    /// Makes the crate of a policy, which resolves its dependencies to those of the repository.
    pub(crate) fn new_policy(&self, name: &str, template: &str) -> PathBuf {
        let made = self.portcullis(&["policy", "new", name, "--template", template]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let folder = self.home.path().join(name);
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
        fs::copy(lock, folder.join("Cargo.lock")).unwrap();
        folder
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs the program in the author's folder.
    pub(crate) fn portcullis<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        let program = env!("CARGO_BIN_EXE_portcullis");
        finish(Command::new(program).args(arguments), self.home())
    }
}

/// Runs the program in `folder`.
pub(crate) fn portcullis_in(folder: &Path, arguments: &[&str]) -> Finished {
    let program = env!("CARGO_BIN_EXE_portcullis");
    finish(Command::new(program).args(arguments), folder)
}

/// Runs cargo in `folder`.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Finished {
    finish(Command::new(env!("CARGO")).args(arguments), folder)
}

/// Lets one test at a time use the target directory.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TARGET: Mutex<()> = Mutex::new(());
    TARGET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a command find all crates on this machine. All folders share one target directory, so that
/// a dependency is compiled once. Crates of the same name replace each other there, so a command
/// runs [`alone`].
pub(crate) fn prepare<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .current_dir(folder)
        .env("CARGO", env!("CARGO"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/authoring"),
        )
        .stdin(Stdio::null())
}

fn finish(command: &mut Command, folder: &Path) -> Finished {
    let _alone = alone();
    let output = prepare(command, folder).output().unwrap();
    let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Finished {
        code: output.status.code(),
        output: texts.concat(),
    }
}

/// Replaces a part of a file.
pub(crate) fn edit(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "`{old}` in {text}");
    fs::write(file, text.replace(old, new)).unwrap();
}
