//! An author who saves the source of a policy while `portcullis policy watch` runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{Built, Recording};
use tokio::process::{Child, Command};

/// The name of the policy.
pub(crate) const POLICY: &str = "watched";
/// The part of the template that a save replaces.
const ABSTAINS: &str = "        Verdict::Abstain\n    }\n}\n\nexport!";

/// A crate of a policy, and the process that watches it. Dropping it ends the process.
pub(crate) struct Author {
    source: PathBuf,
    template: String,
    _watch: Child,
    /// The lines of the process.
    pub(crate) reports: Recording<String>,
}

impl Author {
    /// Makes a crate in the new folder `home`, watches it, and waits until its first version is in
    /// the policy directory `into`.
    pub(crate) async fn begin(home: &Path, into: &Path) -> Result<Self> {
        fs::create_dir(home)?;
        let program = Built::portcullis()?;
        let mut new = Command::new(&program);
        new.args(["policy", "new", POLICY]).stdout(Stdio::null());
        ensure!(
            new.current_dir(home).status().await?.success(),
            "`policy new` failed"
        );
        let folder = home.join(POLICY);
        // The crates of the repository are on this machine.
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        fs::copy(lock, folder.join("Cargo.lock"))?;
        let mut watch = Command::new(&program)
            .args(["policy", "watch", POLICY, "--into"])
            .arg(into)
            .current_dir(home)
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stdout = watch.stdout.take().context("no standard output")?;
        let source = folder.join("src/lib.rs");
        let author = Self {
            template: fs::read_to_string(&source)?,
            source,
            _watch: watch,
            reports: Recording::of(stdout, |line| line),
        };
        ensure!(
            author.template.contains(ABSTAINS),
            "the template has changed"
        );
        author.shipped_from(0).await?;
        Ok(author)
    }

    /// Saves version `number` of the source.
    pub(crate) fn save(&self, number: u32) -> Result<()> {
        let logs = format!("        log::info(\"version {number}\");\n{ABSTAINS}");
        Ok(fs::write(
            &self.source,
            self.template.replace(ABSTAINS, &logs),
        )?)
    }

    /// Waits until a report, from `mark` on, says that a version is in the policy directory.
    pub(crate) async fn shipped_from(&self, mark: usize) -> Result<()> {
        let report = |line: &String| Some(line.clone());
        let line = self.reports.first_from(mark, "a report", report).await?;
        ensure!(line.contains("passed, put into"), "{line}");
        Ok(())
    }
}
