//! Folders of authors, and the commands they run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};

use tempfile::TempDir;

/// The target directories that no test has now. There are two, because a build of one policy keeps
/// one processor busy for most of its time. Each directory compiles the dependencies once.
static FREE: Mutex<[Option<&str>; 2]> = Mutex::new([
    Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/authoring-0")),
    Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/authoring-1")),
]);
static GIVEN_BACK: Condvar = Condvar::new();

thread_local! {
    /// The target directory of this thread's test, from its first command to its end.
    static TARGET: Target = Target::take();
}

/// A target directory that one test has for itself. Crates of the same name replace each other in
/// it, and dependencies stay.
struct Target(&'static str);

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

impl Target {
    /// Waits for a free directory.
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(directory) = free.iter_mut().find_map(Option::take) {
                return Self(directory);
            }
            free = GIVEN_BACK
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = free.iter_mut().find(|directory| directory.is_none());
        if let Some(place) = place {
            *place = Some(self.0);
        }
        GIVEN_BACK.notify_one();
    }
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

/// Makes a command find all crates on this machine, and build into the target directory of this
/// thread's test.
pub(crate) fn prepare<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let directory = TARGET.with(|target| target.0);
    command
        .current_dir(folder)
        .env("CARGO", env!("CARGO"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TARGET_DIR", directory)
        .stdin(Stdio::null())
}

fn finish(command: &mut Command, folder: &Path) -> Finished {
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
