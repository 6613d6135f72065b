use std::os::unix::fs::PermissionsExt as _;

use super::files::put;
use super::*;

/// A program that prints what the verb asks for.
const PROGRAM: &str = r#"#!/bin/sh
case $1 in
    --version) echo portcullis 1.2.3 ;;
    completions) echo "complete for $2" ;;
    man) mkdir -p "$2" && echo "the page" > "$2/portcullis.1" ;;
esac
"#;

/// A directory of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let name = format!("xtask-{test}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    /// Packages the program to the directory `name`, and returns its path.
    fn package(&self, name: &str) -> PathBuf {
        let program = self.0.join("program");
        put(&program, PROGRAM.as_bytes(), 0o700).unwrap();
        let into = self.0.join(name);
        let options = Options {
            binary: Some(program),
            into: Some(into.clone()),
        };
        run(&Workspace::open().unwrap(), &options).unwrap();
        into
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(program: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(program);
    process::run_quietly(command.args(arguments).arg(file)).unwrap()
}

#[test]
fn two_builds_of_the_same_sources_are_equal() {
    let scratch = Scratch::new("equal");
    let (first, second) = (scratch.package("a"), scratch.package("b"));
    let sums = |directory: &Path| fs::read_to_string(directory.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&second));
    let arch = std::env::consts::ARCH;
    let debian = debian_name();
    for name in [
        format!("portcullis-1.2.3-{arch}-linux.tar.gz"),
        format!("portcullis-1.2.3-{arch}-linux.cdx.json"),
        debian,
    ] {
        assert!(sums(&first).contains(&name), "{name}");
    }
}

fn debian_name() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        _ => "arm64",
    };
    format!("portcullis_1.2.3_{architecture}.deb")
}

#[test]
fn the_archive_has_the_program_with_its_pages_and_completions() {
    let scratch = Scratch::new("archive");
    let into = scratch.package("a");
    let name = format!("portcullis-1.2.3-{}-linux", std::env::consts::ARCH);
    let archive = into.join(format!("{name}.tar.gz"));
    let list = said(
        "tar",
        &["--list", "--verbose", "--numeric-owner", "--file"],
        &archive,
    );
    for (mode, file) in [
        ("-rwxr-xr-x 0/0", "bin/portcullis"),
        ("-rw-r--r-- 0/0", "share/man/man1/portcullis.1.gz"),
        (
            "-rw-r--r-- 0/0",
            "share/bash-completion/completions/portcullis",
        ),
        ("-rw-r--r-- 0/0", "share/zsh/vendor-completions/_portcullis"),
        ("-rw-r--r-- 0/0", "lib/systemd/system/portcullis.service"),
        ("-rw-r--r-- 0/0", "share/doc/portcullis/copyright"),
    ] {
        let place = format!(" {name}/{file}");
        let line = list.lines().find(|line| line.ends_with(&place));
        assert!(
            line.is_some_and(|line| line.starts_with(mode)),
            "{file}: {list}"
        );
    }
}

#[test]
fn the_debian_package_installs_the_unit_and_its_user() {
    let scratch = Scratch::new("debian");
    let package = scratch.package("a").join(debian_name());
    let control = said("dpkg-deb", &["--info"], &package);
    assert!(control.contains("Version: 1.2.3\n"), "{control}");
    assert!(control.contains("Depends: libc6 (>= 2.31)"), "{control}");
    assert!(!control.contains('{'), "{control}");
    let files = said("dpkg-deb", &["--contents"], &package);
    assert!(files.contains("-rwxr-xr-x root/root"), "{files}");
    assert!(
        files.contains("./usr/lib/systemd/system/portcullis.service"),
        "{files}"
    );
    // Conffiles and keys are the operator's: the package brings nothing below /etc.
    assert!(!files.contains("./etc"), "{files}");
}

#[test]
fn a_directory_with_other_files_is_not_emptied() {
    let scratch = Scratch::new("foreign");
    let file = scratch.0.join("letters");
    fs::write(&file, "mine").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let failure = empty(&scratch.0).unwrap_err().to_string();
    assert!(failure.contains("`letters`"), "{failure}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}
