//! `portcullis policy watch`: builds, tests and ships a policy at every save.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, DebouncedEvent, new_debouncer};
use portcullis_catalog::{CatalogOptions, Prover, test_module};
use portcullis_engine::Engine;
use portcullis_files::NewAccess;
use portcullis_toml::text::one_line;

use super::crate_build::{self, is_crate, place};
use super::options;
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{NotDone, Output};
use crate::policy::read_policies;

/// Time for which files must not change before they are built. An editor writes several times.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// The file of a host's configuration, which lies next to the policy directory and not in it.
const CONFIGURATION: &str = "portcullis.toml";
/// Folders and files in a crate that a build writes.
const WRITTEN: [&str; 3] = ["target", ".git", "Cargo.lock"];

/// A policy directory, and the rules that a version passes before it is put there.
struct Destination {
    directory: PathBuf,
    options: CatalogOptions,
    engine: Engine,
}

/// Builds and tests the policy in the crate at `directory`, and puts it into the policy directory
/// `into`, or that of the configuration. The limits, grants and rules of the configuration apply to
/// the tests. Does so at the start and after each change of the crate, until the process ends. A
/// version that fails is not put there. Reports with `say`.
///
/// # Errors
///
/// Fails if the crate or the policy directory does not exist, if the configuration is invalid, or
/// if the crate cannot be watched.
pub(crate) fn watch(
    directory: &Path,
    into: Option<&Path>,
    config: Option<&Path>,
    prover: &Prover,
    say: impl Fn(&str) -> Result<(), Failure>,
) -> Result<Output, NotDone> {
    if !is_crate(directory) {
        return Err(crate_build::no_crate(directory).into());
    }
    let destination = Destination::new(into, config, prover)?;
    let (saved, events) = channel();
    let handler = move |result: DebounceEventResult| {
        // An error starts a build too, because a change may be lost.
        if result.map_or(true, |batch| batch.iter().any(is_save)) {
            // If the receiver is gone, the program ends.
            let _ = saved.send(());
        }
    };
    let unwatched = |error: notify::Error| {
        let context = format!("cannot watch `{}`", directory.display());
        Failure::new(
            ExitCode::Internal,
            anyhow::Error::new(error).context(context),
        )
    };
    let mut debouncer = new_debouncer(DEBOUNCE, None, handler).map_err(unwatched)?;
    for (path, mode) in watched(directory) {
        debouncer.watch(path, mode).map_err(unwatched)?;
    }
    let mut shipped = None;
    let mut placed = BTreeSet::new();
    loop {
        let started = Instant::now();
        // Events also come without a change of a file, and an edit during a build comes again.
        let files = Some(files(directory));
        if files != shipped {
            shipped = files;
            let told = ship(directory, &destination, &mut placed);
            let told = told.unwrap_or_else(|failure| failure.to_string());
            let elapsed = started.elapsed().as_secs_f32();
            say(&format!("{} ({elapsed:.1} s)\n", one_line(&told)))?;
        }
        if !wait(&events) {
            return Ok(Output::success(String::new()));
        }
    }
}

impl Destination {
    fn new(into: Option<&Path>, config: Option<&Path>, prover: &Prover) -> Result<Self, NotDone> {
        let tables = config.map(read_policies).transpose()?;
        let configured = tables
            .as_ref()
            .map(|tables| tables.policies.catalog.directory.as_path());
        let directory = into.or(configured).unwrap_or(Path::new("."));
        if !directory.is_dir() {
            let problem = "is no directory: name the policy directory of the host";
            return Err(not_here(directory, problem).into());
        }
        if directory.join(CONFIGURATION).is_file() {
            let problem = "has a portcullis.toml, and a host reads the directory under [policies] in it: name that, or give `--config FILE`";
            return Err(not_here(directory, problem).into());
        }
        Ok(Self {
            directory: directory.to_owned(),
            options: match &tables {
                Some(tables) => tables.options(prover),
                None => options(directory, prover),
            },
            engine: idle_engine(tables.as_ref().and_then(|tables| tables.key_value.as_ref()))?,
        })
    }
}

fn not_here(directory: &Path, problem: &str) -> Failure {
    let error = anyhow::anyhow!("`{}` {problem}", directory.display());
    Failure::new(ExitCode::NotFound, error)
}

/// Waits for a save, and takes all that have happened. Returns `false` if there will be none.
fn wait(events: &Receiver<()>) -> bool {
    let saved = events.recv().is_ok();
    while events.try_recv().is_ok() {}
    saved
}

/// Returns what to watch: the folder itself, and all in it that no build writes.
fn watched(directory: &Path) -> impl Iterator<Item = (PathBuf, RecursiveMode)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let folders = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !is_written(path));
    let folders = folders.map(|path| (path, RecursiveMode::Recursive));
    let own = (directory.to_owned(), RecursiveMode::NonRecursive);
    std::iter::once(own).chain(folders)
}

/// Returns the files that an author writes, each with the time of its last change and its length
/// in bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut files = BTreeMap::new();
    // A link may lead to a folder around it.
    let mut visited = BTreeSet::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        if !visited.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())) {
            continue;
        }
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        for path in paths.filter(|path| !is_written(path)) {
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => folders.push(path),
                Ok(found) => {
                    files.insert(path, (found.modified().ok(), found.len()));
                }
                // It was removed meanwhile, or is a link to nothing.
                Err(_) => {}
            }
        }
    }
    files
}

fn is_save(event: &DebouncedEvent) -> bool {
    let is_change = !matches!(event.kind, EventKind::Access(_));
    event.need_rescan() || (is_change && event.paths.iter().any(|path| !is_written(path)))
}

/// Returns whether a build, and not the author, writes the file.
fn is_written(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_module = path.extension() == Some(OsStr::new("wasm"));
    let is_hidden = name.as_encoded_bytes().starts_with(b".");
    is_module || is_hidden || WRITTEN.iter().any(|written| name == *written)
}

/// Builds and tests the policy, and puts its files into the policy directory. `placed` are those
/// that were put there before. Returns what happened, in one line.
fn ship(
    directory: &Path,
    destination: &Destination,
    placed: &mut BTreeSet<PathBuf>,
) -> Result<String, Failure> {
    let into = &destination.directory;
    let module = crate_build::build(directory, crate_build::PROFILE)?.module;
    let broken = |error| Failure::new(ExitCode::BadPolicies, error);
    let tested = test_module(&destination.engine, &destination.options, &module).map_err(broken)?;
    let outcomes = tested.outcomes.map_err(broken)?;
    let failed = outcomes
        .iter()
        .find_map(|outcome| Some((outcome, outcome.failure.as_ref()?)));
    if let Some((outcome, failure)) = failed {
        return Ok(format!(
            "{}: FAILED, not put into `{}`: {}, line {}: {}: {failure}",
            tested.name,
            into.display(),
            tested.file.display(),
            outcome.line,
            outcome.name
        ));
    }
    // The module comes last: the host waits until all files have been quiet.
    let texts = ["tests.toml", "toml", "cedar", "rego"].map(|end| module.with_extension(end));
    let target_of = |file: &Path| into.join(file.file_name().unwrap_or_default());
    for file in &texts {
        let target = target_of(file);
        if !placed.contains(&target) && is_edited(&target, file) {
            let problem = "was changed after that of the crate, and would be lost: move the change into the crate, or delete the file";
            let error = anyhow::anyhow!("`{}` {problem}", target.display());
            return Err(Failure::new(ExitCode::CannotCreate, error));
        }
    }
    for file in texts.into_iter().chain([module]) {
        let target = target_of(&file);
        put(&file, &target, placed).map_err(|error| {
            let context = format!("cannot write `{}`", target.display());
            Failure::new(
                ExitCode::CannotCreate,
                anyhow::Error::new(error).context(context),
            )
        })?;
    }
    let passed = outcomes.len();
    Ok(format!(
        "{}: {passed} tests passed, put into `{}`",
        tested.name,
        into.display()
    ))
}

/// Returns whether `target` is another text than `file`, and was changed later.
fn is_edited(target: &Path, file: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let (Ok(old), Ok(new)) = (fs::read(target), fs::read(file)) else {
        return false;
    };
    old != new && changed(target) > changed(file)
}

/// Makes `target` equal to `file`. If `file` is missing, removes a target that was put there
/// before, and no other.
fn put(file: &Path, target: &Path, placed: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::read(file) {
        Ok(bytes) => {
            if !fs::read(target).is_ok_and(|old| old == bytes) {
                place(file, target, NewAccess::Inherited)?;
            }
            placed.insert(target.to_owned());
            Ok(())
        }
        Err(error) if missing(&error) && placed.remove(target) => match fs::remove_file(target) {
            Err(error) if !missing(&error) => Err(error),
            _ => Ok(()),
        },
        Err(error) if missing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_of_an_authors_file_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("src")).unwrap();
        fs::write(at("src/lib.rs"), "a").unwrap();
        std::os::unix::fs::symlink(folder.path(), at("src/around")).unwrap();
        let before = files(folder.path());
        assert_eq!(before.len(), 1, "{before:?}");

        fs::create_dir(at("target")).unwrap();
        for written in ["p.wasm", "Cargo.lock", "target/x", ".p.swp"] {
            fs::write(at(written), "built").unwrap();
        }
        assert_eq!(files(folder.path()), before);

        fs::write(at("src/lib.rs"), "ab").unwrap();
        let edited = files(folder.path());
        assert_ne!(edited, before);
        fs::remove_file(at("src/lib.rs")).unwrap();
        assert_ne!(files(folder.path()), edited);
    }

    #[test]
    fn only_what_was_put_into_the_directory_is_removed_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, target) = (folder.path().join("p.toml"), folder.path().join("to.toml"));
        let mut placed = BTreeSet::new();
        fs::write(&target, "of the site").unwrap();
        put(&file, &target, &mut placed).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "of the site");
        fs::write(&file, "of the crate").unwrap();
        put(&file, &target, &mut placed).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "of the crate");
        fs::remove_file(&file).unwrap();
        for _ in 0..2 {
            put(&file, &target, &mut placed).unwrap();
            assert!(!target.exists());
        }
    }

    #[test]
    fn a_text_that_was_changed_in_the_policy_directory_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, target) = (folder.path().join("p.toml"), folder.path().join("to.toml"));
        let write = |path: &Path, text: &str, seconds: u64| {
            fs::write(path, text).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        assert!(!is_edited(&target, &file));
        write(&file, "a", 10);
        assert!(!is_edited(&target, &file));
        write(&target, "a", 20);
        assert!(!is_edited(&target, &file));
        write(&target, "b", 20);
        assert!(is_edited(&target, &file));
        write(&file, "c", 30);
        assert!(!is_edited(&target, &file));
    }
}
