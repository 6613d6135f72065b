//! The content of the directory: the policies, and the digests of their files.
//!
//! A scan holds one file in memory at a time, and bounds the total of its reads. A user who can
//! write to the directory cannot fill the host's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, InvalidPolicyName, PolicyName};
use portcullis_files::{Disk, ReadError, Survey, is_own_user};

use crate::content::{FileSource, Fingerprint, digest, missing, read, unreadable};
use crate::languages::is_text;
use crate::paths::{Files, Paths};
use crate::unit_error::{UnitError, UnitProblem};

/// Maximum total size of the policies in a directory, in bytes. A scan reads every file, so the
/// bound also limits the time of a scan.
const MAX_DIRECTORY: u64 = 512 << 20;

/// An error of reading the directory.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the policy directory `{}`", path.display())]
pub struct DirectoryError {
    path: PathBuf,
    source: ReadError,
}

/// One `NAME.wasm` with the files that belong to it, as found in the directory.
pub(crate) struct PolicyFiles {
    pub(crate) paths: Paths,
    pub(crate) found: Result<Fingerprint, UnitError>,
}

/// The relevant content of the directory.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) units: BTreeMap<PolicyName, PolicyFiles>,
    /// Module files whose name is no policy name.
    pub(crate) misnamed: Vec<(PathBuf, InvalidPolicyName)>,
    /// Settings, test files and policy texts without a module.
    pub(crate) orphans: Vec<PathBuf>,
    /// The paths among the directory and its files that every user of the machine may write to.
    pub(crate) exposed: Vec<PathBuf>,
}

/// Reads `directory`. If the total size of its policies is too large, those in `serving` come
/// first, and small policies come before large ones.
pub(crate) fn scan(
    directory: &Path,
    source: FileSource<'_>,
    serving: &BTreeSet<PolicyName>,
) -> Result<Scan, DirectoryError> {
    let failed = |source| DirectoryError {
        path: directory.to_owned(),
        source,
    };
    let listing = source.disk.list(directory).map_err(failed)?;
    let mut scan = Scan::default();
    if listing.access.is_writable_by_others() {
        scan.exposed.push(directory.to_owned());
    }
    // Kubernetes mounts files read-only, with mode 0777.
    let is_trusted = listing.read_only || listing.access.check(None).is_ok();
    let Sorted {
        mut modules,
        others,
        misnamed,
    } = sort(listing.entries, source, is_trusted);
    refuse_hard_links(&mut modules);
    modules.sort_by_cached_key(|unit| {
        let is_new = !serving.contains(&unit.name);
        (is_new, unit.size, unit.name.clone())
    });
    let mut total = 0_u64;
    for unit in modules {
        let name = unit.name.clone();
        let files = read_unit(unit, source, &mut total, &mut scan.exposed);
        scan.units.insert(name, files);
    }
    scan.orphans = others;
    scan.orphans.retain(|path| {
        let mut units = scan.units.values();
        !units.any(|unit| unit.paths.all().contains(&path.as_path()))
    });
    scan.misnamed = misnamed;
    scan.misnamed.sort_by(|left, right| left.0.cmp(&right.0));
    scan.orphans.sort();
    scan.exposed.sort();
    if listing.read_only {
        scan.exposed.clear();
    }
    Ok(scan)
}

/// The entries of a directory, by kind.
#[derive(Default)]
struct Sorted {
    modules: Vec<Surveyed>,
    /// Settings, test files and policy texts.
    others: Vec<PathBuf>,
    misnamed: Vec<(PathBuf, InvalidPolicyName)>,
}

/// Sorts the entries of a directory by kind, and surveys the files of each module. `is_trusted`
/// says whether only the host's user and root can have made the links of the directory.
fn sort(entries: Vec<PathBuf>, source: FileSource<'_>, is_trusted: bool) -> Sorted {
    let mut sorted = Sorted::default();
    for path in entries {
        let Some(stem) = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
        else {
            continue;
        };
        let extension = path
            .extension()
            .map(|text| text.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            _ if stem.starts_with('.') => {}
            Some("wasm") => match name_of(&path, &stem) {
                Ok(name) => {
                    let paths = Paths::from_module(path);
                    sorted
                        .modules
                        .push(Surveyed::new(name, paths, source, is_trusted));
                }
                Err(error) => sorted.misnamed.push((path, error)),
            },
            Some("toml") => sorted.others.push(path),
            _ if is_text(&path) => sorted.others.push(path),
            _ => {}
        }
    }
    sorted
}

/// Reads the files of a unit, unless they exceed the room that `total` leaves in the directory.
fn read_unit(
    unit: Surveyed,
    source: FileSource<'_>,
    total: &mut u64,
    exposed: &mut Vec<PathBuf>,
) -> PolicyFiles {
    let Surveyed {
        paths, files, size, ..
    } = unit;
    let found = files.and_then(|files| {
        let sum = total.saturating_add(size);
        if sum > MAX_DIRECTORY {
            let limit = MAX_DIRECTORY;
            return Err(UnitError::new(
                &paths.module,
                UnitProblem::DirectoryFull { limit },
            ));
        }
        *total = sum;
        fingerprint(&paths, &files, source, exposed)
    });
    PolicyFiles { paths, found }
}

/// Returns the policy name of a module file. Only the lower-case extension counts, because `A.WASM`
/// and `a.wasm` must not both be policy `a`.
fn name_of(path: &Path, stem: &str) -> Result<PolicyName, InvalidPolicyName> {
    let lower_case = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    if lower_case {
        stem.parse()
    } else {
        path.file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default()
            .parse()
    }
}

/// A unit before its files are read.
struct Surveyed {
    name: PolicyName,
    paths: Paths,
    files: Result<Files<Option<Survey>>, UnitError>,
    /// Total size of the unit's files, in bytes.
    size: u64,
}

impl Surveyed {
    fn new(name: PolicyName, paths: Paths, source: FileSource<'_>, is_trusted: bool) -> Self {
        let files = survey_unit(&paths, source, is_trusted);
        let size = files.as_ref().map_or(0, |files| {
            let files = files.iter().flatten();
            files.fold(0, |sum: u64, file| sum.saturating_add(file.size))
        });
        Self {
            name,
            paths,
            files,
            size,
        }
    }

    /// Returns the files apart from the module, as far as they exist and are not refused.
    fn secret_files(&self) -> impl Iterator<Item = (&Path, &Survey)> {
        let files = self.files.iter().flatten();
        let each = self.paths.all().into_iter().zip(files);
        let others = each.filter(|(path, _)| *path != self.paths.module);
        others.filter_map(|(path, surveyed)| Some((path, surveyed.as_ref()?)))
    }
}

/// Refuses files that are files of another unit too, by a hard link. Settings hold secrets, and a
/// policy reads only its own. Nothing tells which name of a file was the first, so each unit with
/// such a file is refused. Modules may share a file.
fn refuse_hard_links(units: &mut [Surveyed]) {
    let mut owners = BTreeMap::new();
    for unit in units.iter() {
        for (path, surveyed) in unit.secret_files() {
            // Several symbolic links may lead to one file outside of the directory.
            if surveyed.link.is_none() {
                let names: &mut Vec<_> = owners.entry(surveyed.stamp.file()).or_default();
                names.push((unit.name.clone(), path.to_owned()));
            }
        }
    }
    for unit in units {
        let shared = unit.secret_files().find_map(|(path, surveyed)| {
            let names = owners.get(&surveyed.stamp.file())?;
            let (_, other) = names.iter().find(|(name, _)| *name != unit.name)?;
            let target = other.file_name()?.to_string_lossy().into_owned();
            Some(UnitError::new(path, UnitProblem::SharedFile { target }))
        });
        if let Some(error) = shared {
            unit.files = Err(error);
        }
    }
}

fn survey_unit(
    paths: &Paths,
    source: FileSource<'_>,
    is_trusted: bool,
) -> Result<Files<Option<Survey>>, UnitError> {
    let mut files: Files<Option<Survey>> = Default::default();
    for (file, (path, limit)) in files.iter_mut().zip(paths.with_limits(source.max_module)) {
        *file = survey_file(source.disk, paths, path, limit)?;
        // The module itself reads a text or settings. A module of other bytes is refused unread.
        let is_read = path != paths.module && !is_trusted;
        if let Some(problem) = file.as_ref().filter(|_| is_read).and_then(led_astray) {
            return Err(UnitError::new(path, problem));
        }
    }
    Ok(files)
}

/// Returns the problem of a link that another user may have made to a file which only the host may
/// read, such as a seed. A link within the directory is none, and neither is one to a file of its
/// maker. A hard link belongs to the owner of the file, so nothing tells its maker.
fn led_astray(surveyed: &Survey) -> Option<UnitProblem> {
    let is_own = is_own_user(surveyed.owner);
    if is_own && surveyed.names > 1 {
        return Some(UnitProblem::OwnHardLink);
    }
    let link = surveyed.link.as_ref()?;
    let is_makers = link.owner == surveyed.owner && !is_own;
    if link.stays_inside || is_makers {
        return None;
    }
    let target = link.target.clone();
    Some(UnitProblem::OutsideLink { target })
}

/// Returns the facts about a file of a unit; `None` if it does not exist.
fn survey_file(
    disk: &dyn Disk,
    paths: &Paths,
    path: &Path,
    limit: u64,
) -> Result<Option<Survey>, UnitError> {
    let surveyed = match disk.survey(path) {
        Ok(surveyed) if surveyed.size > limit => Err(ReadError::TooLarge { limit }),
        Err(ReadError::Missing) => return Ok(None),
        surveyed => surveyed,
    };
    let surveyed = surveyed.map_err(|error| unreadable(paths, path, limit, error))?;
    match of_another_unit(disk, paths, path, &surveyed) {
        Some(target) => Err(UnitError::new(path, UnitProblem::ForeignFile { target })),
        None => Ok(Some(surveyed)),
    }
}

/// Returns the target's name if the link at `path` leads to a file of another policy in the same
/// directory, unless that is a module. Settings hold secrets, and a policy reads only its own.
fn of_another_unit(
    disk: &dyn Disk,
    paths: &Paths,
    path: &Path,
    surveyed: &Survey,
) -> Option<String> {
    let target = &surveyed.link.as_ref()?.target;
    let name = target.file_name()?;
    let is_toml = target
        .extension()
        .is_some_and(|extension| extension == "toml");
    let is_secret = is_toml || is_text(target);
    let mut own = paths.all().into_iter();
    if !is_secret || own.any(|own| own.file_name() == Some(name)) {
        return None;
    }
    let there = disk.survey(&path.with_file_name(name)).ok()?;
    let is_there = there.stamp.is_same_file(&surveyed.stamp);
    is_there.then(|| name.to_string_lossy().into_owned())
}

/// Reads the files of a unit, one at a time, and returns their digests.
fn fingerprint(
    paths: &Paths,
    files: &Files<Option<Survey>>,
    source: FileSource<'_>,
    exposed: &mut Vec<PathBuf>,
) -> Result<Fingerprint, UnitError> {
    let mut digests: Files<Option<Digest>> = Default::default();
    let each = paths.with_limits(source.max_module).into_iter().zip(files);
    for (((path, limit), surveyed), found) in each.zip(&mut digests) {
        let Some(surveyed) = surveyed else { continue };
        let limit = limit.min(surveyed.size);
        *found = digest_of(source.disk, paths, (path, limit), surveyed, exposed)?;
    }
    let [module, settings, tests, policy_texts @ ..] = digests;
    Ok(Fingerprint {
        module: module.ok_or_else(|| missing(&paths.module))?,
        settings,
        tests,
        texts: policy_texts,
    })
}

/// Returns the digest of a file, which must be the surveyed one. A link that leads elsewhere in the
/// meantime could lead to a file of another policy.
fn digest_of(
    disk: &dyn Disk,
    paths: &Paths,
    (path, limit): (&Path, u64),
    surveyed: &Survey,
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<Digest>, UnitError> {
    let file = read(disk, paths, path, limit);
    let changed = || UnitError::new(path, UnitProblem::Changed);
    // A file that grew has changed; the next scan checks its size.
    let file = match file {
        Err(error) if error.problem().is_too_large() => return Err(changed()),
        file => file?,
    };
    let Some(file) = file else { return Ok(None) };
    if !file.stamp.is_same_file(&surveyed.stamp) {
        return Err(changed());
    }
    if file.access.is_writable_by_others() {
        exposed.push(path.to_owned());
    }
    Ok(Some(digest(&file.bytes)))
}
