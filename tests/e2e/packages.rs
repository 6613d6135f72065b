//! The packages of a release, made from the tested program, and the files for deployment.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use portcullis_harness::{Built, hash, run_portcullis};

use crate::support::{POLICY, settings, static_users, user};

/// Returns the path of a file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs a program. Returns `None` if this machine does not have it.
fn output(command: &mut Command) -> Result<Option<Output>> {
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        done => Ok(Some(done.with_context(|| format!("{command:?}"))?)),
    }
}

/// Prints that this machine cannot make a check.
#[expect(clippy::print_stderr, reason = "a check that is left out is visible")]
fn not_applicable(what: &str) {
    eprintln!("n/a: {what}");
}

/// Runs a program that has to succeed. Returns `false` if this machine does not have it.
fn succeeds(command: &mut Command) -> Result<bool> {
    let Some(done) = output(command)? else {
        not_applicable(&format!("{command:?}"));
        return Ok(false);
    };
    if !done.status.success() {
        let (out, err) = (&done.stdout, &done.stderr);
        let said = [out, err].map(|text| String::from_utf8_lossy(text).into_owned());
        bail!("{command:?}: {}\n{}", done.status, said.concat());
    }
    Ok(true)
}

/// Packages the tested program to `into`. Returns the Debian package.
fn package(into: &Path) -> Result<PathBuf> {
    let mut dist = Command::new(env!("CARGO"));
    dist.current_dir(repository(""));
    // Unified features would add crates of the tests to the list of contents.
    dist.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
    dist.args(["run", "--quiet", "--package", "xtask", "--", "dist"]);
    dist.arg("--binary").arg(Built::portcullis()?);
    dist.arg("--into").arg(into);
    succeeds(&mut dist)?;
    let files = fs::read_dir(into)?.flatten().map(|entry| entry.path());
    let mut packages = files.filter(|file| file.extension().is_some_and(|it| it == "deb"));
    packages.next().context("no Debian package")
}

/// The packages of the tested program, unpacked.
struct Unpacked {
    _directory: tempfile::TempDir,
    into: PathBuf,
    package: PathBuf,
    root: PathBuf,
}

impl Unpacked {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let into = directory.path().join("packages");
        let package = package(&into)?;
        let root = directory.path().join("root");
        succeeds(Command::new("dpkg-deb").arg("-x").args([&package, &root]))?;
        Ok(Self {
            _directory: directory,
            into,
            package,
            root,
        })
    }
}

#[test]
fn the_packages_hold_the_tested_program_and_are_installed_with_a_confined_unit() -> Result<()> {
    // One set of packages for all checks, because compressing the program takes seconds.
    let unpacked = Unpacked::new()?;
    check_program(&unpacked)?;
    check_unit(&unpacked)?;
    check_installation(&unpacked)
}

/// Checks that the packages describe the program as its own command line does.
fn check_program(unpacked: &Unpacked) -> Result<()> {
    let program = unpacked.root.join("usr/bin/portcullis");
    assert!(succeeds(Command::new(&program).arg("--version"))?);
    assert_eq!(fs::read(&program)?, fs::read(Built::portcullis()?)?);
    let pages = unpacked.root.join("usr/share/man/man1");
    assert!(pages.join("portcullis-policy-rollback.1.gz").exists());
    let completions = "usr/share/bash-completion/completions/portcullis";
    let completions = unpacked.root.join(completions);
    assert!(fs::read_to_string(&completions)?.contains("rollback"));
    succeeds(Command::new("bash").arg("-n").arg(&completions))?;
    let contents = fs::read_dir(&unpacked.into)?.flatten();
    let contents = contents.map(|entry| entry.path()).find(|file| {
        let name = file.to_string_lossy();
        name.ends_with(".cdx.json")
    });
    let contents = fs::read_to_string(contents.context("no list of contents")?)?;
    let contents: serde_json::Value = serde_json::from_str(&contents)?;
    let names: Vec<_> = contents
        .get("components")
        .and_then(|components| components.as_array())
        .context("components")?
        .iter()
        .filter_map(|component| component.get("name")?.as_str())
        .collect();
    assert!(names.contains(&"wasmtime") && names.contains(&"async-nats"));
    assert!(!names.contains(&"portcullis-harness"), "only in tests");
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&unpacked.into)
        .args(["--check", "--strict"]);
    assert!(succeeds(sums.arg("SHA256SUMS"))?);
    Ok(())
}

/// Checks that systemd accepts the unit, which takes away what the service does not need.
fn check_unit(unpacked: &Unpacked) -> Result<()> {
    let unit = unpacked
        .root
        .join("usr/lib/systemd/system/portcullis.service");
    let lines = fs::read_to_string(&unit)?;
    let is_set = |key: &str| lines.lines().any(|line| line.starts_with(key));
    // With either, the host cannot run policies.
    assert!(!is_set("MemoryDenyWriteExecute=") && !is_set("LimitAS="));
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=20"]);
    succeeds(security.arg(&unit))?;
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=false", "--recursive-errors=no"]);
    // The program stands where the unit looks for it, in this root.
    let tested = unpacked.root.join("portcullis.service");
    let root = unpacked.root.to_string_lossy();
    let here = lines.replace(
        "=/usr/bin/portcullis",
        &format!("={root}/usr/bin/portcullis"),
    );
    fs::write(&tested, here)?;
    if let Some(done) = output(verify.arg(&tested))? {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{said}");
        // Complaints about units of the machine, such as a missing network, are not ours.
        assert!(!said.contains("portcullis.service"), "{said}");
    }
    Ok(())
}

/// Installs the package in a root of its own, and purges it.
fn check_installation(unpacked: &Unpacked) -> Result<()> {
    let root = unpacked.root.with_file_name("installed");
    for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"] {
        fs::create_dir_all(root.join(directory))?;
    }
    fs::write(root.join("var/lib/dpkg/status"), "")?;
    if output(Command::new("id").arg("-u"))?.is_none_or(|done| done.stdout != b"0\n") {
        not_applicable("only root installs packages");
        return Ok(());
    }
    if output(Command::new("systemd-sysusers").arg("--version"))?.is_none() {
        not_applicable("the package needs systemd");
        return Ok(());
    }
    let dpkg = || {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", root.display()));
        dpkg.args(["--force-depends", "--force-script-chrootless"]);
        dpkg
    };
    if !succeeds(dpkg().arg("--install").arg(&unpacked.package))? {
        return Ok(());
    }
    let users = fs::read_to_string(root.join("etc/passwd"))?;
    let has_user = users.lines().any(|user| user.starts_with("portcullis:"));
    assert!(has_user, "{users}");
    for directory in [
        "etc/portcullis",
        "etc/portcullis/keys",
        "etc/portcullis/policies",
    ] {
        let mode = fs::metadata(root.join(directory))?.permissions().mode();
        assert_eq!(mode & 0o7777, 0o750, "{directory}");
    }
    // A key and records of the operator outlive the package, and kept versions do not.
    let (key, state) = (
        root.join("etc/portcullis/keys/a"),
        root.join("var/lib/portcullis"),
    );
    fs::write(&key, "seed")?;
    let record = state.join("records/decisions.jsonl");
    let version = state.join("versions/a");
    for file in [&record, &version] {
        fs::create_dir_all(file.parent().context("no folder")?)?;
        fs::write(file, "")?;
    }
    succeeds(dpkg().args(["--purge", "portcullis"]))?;
    assert!(key.exists() && record.exists() && !version.exists());
    assert!(!root.join("usr/bin/portcullis").exists());
    Ok(())
}

#[tokio::test]
async fn the_configuration_for_kubernetes_is_accepted() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let site = directory.path().join("site");
    let at = site.to_string_lossy();
    let made = run_portcullis(&["init", &at], "").await?;
    assert_eq!(made.code, Some(0), "{made:?}");
    let password = format!("password = \"{}\"", hash("secret", &[]).await?);
    let alice = user("alice", &password, "own", "account = \"APP\"");
    fs::write(
        site.join(format!("policies/{POLICY}.wasm")),
        static_users()?,
    )?;
    fs::write(
        site.join(format!("policies/{POLICY}.toml")),
        settings(&[alice]),
    )?;
    let config = fs::read_to_string(repository("packaging/kubernetes/portcullis.toml"))?;
    // The directory of a volume, to which its group may write, does not serve as the state's.
    let volume = directory.path().join("volume");
    fs::create_dir(&volume)?;
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o2777))?;
    let config = config
        .replace("/etc/portcullis", &at)
        .replace("/var/lib/portcullis", &volume.to_string_lossy());
    let file = directory.path().join("portcullis.toml");
    fs::write(&file, config)?;
    let checked = run_portcullis(&["check", "--config", &file.to_string_lossy()], "").await?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let doubts = |line: &str| line.contains("portcullis.toml:") && line.contains("warning");
    assert!(!checked.stdout.lines().any(doubts), "{checked:?}");
    Ok(())
}
