//! `portcullis check`: everything that can be wrong, without connecting.

use std::fs;
use std::path::Path;

use crate::config::Config;
use crate::exit::ExitCode;
use crate::problem::Problem;
use crate::serve::open_catalog;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Every problem, warnings included, in the order of the checks.
    pub problems: Vec<Problem>,
    /// How the program should end: by the first check that found an error.
    pub code: ExitCode,
}

/// Checks configuration and secrets.
pub fn check_configuration(file: &Path) -> Vec<Problem> {
    read_configuration(file).1
}

/// Checks configuration, secrets and policy directory, and has `check_policies` look at the policies if there
/// are any to look at. Later checks run though earlier ones found something, as far as they can.
pub fn run_check(file: &Path, check_policies: impl FnOnce(&Config) -> Vec<Problem>) -> Findings {
    let mut findings = Findings {
        problems: Vec::new(),
        code: ExitCode::Success,
    };
    let (config, problems) = read_configuration(file);
    findings.add(ExitCode::BadConfiguration, problems);
    let Some(config) = config else {
        return findings;
    };
    if let Some(problem) = check_policy_directory(&config) {
        findings.add(ExitCode::NoPolicyDirectory, vec![problem]);
    } else {
        findings.add(ExitCode::BadPolicies, check_policies(&config));
    }
    findings
}

/// What keeps the policy directory from being read, if anything.
pub fn check_policy_directory(config: &Config) -> Option<Problem> {
    let directory = &config.policies.directory;
    let error = fs::read_dir(directory).err()?;
    let message = format!("cannot read `{}`: {error}", directory.display());
    Some(Problem::error(&config.file, message).at_key("policies.directory"))
}

/// Loads every policy as the service would, and says which it would refuse.
pub fn check_policies(config: &Config) -> Vec<Problem> {
    let (catalog, report) = match open_catalog(config) {
        Ok(opened) => opened,
        Err(failure) => return vec![Problem::error(&config.file, failure.to_string())],
    };
    let rejected = report.rejections().map(|rejection| {
        let problem = Problem::error(&rejection.file, &rejection.error);
        rejection
            .line
            .map_or(problem.clone(), |line| problem.at_line(line))
    });
    let snapshot = catalog.snapshot();
    let missing = snapshot.missing().map(|name| {
        let message = format!("policy `{name}` has no good version, so no login gets past it");
        Problem::error(&config.file, message).at_key("policies.order")
    });
    rejected.chain(missing).collect()
}

impl Findings {
    fn add(&mut self, code: ExitCode, problems: Vec<Problem>) {
        if self.code == ExitCode::Success && problems.iter().any(Problem::is_error) {
            self.code = code;
        }
        self.problems.extend(problems);
    }
}

fn read_configuration(file: &Path) -> (Option<Config>, Vec<Problem>) {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(problems) => return (None, problems),
    };
    let mut problems = config.warnings;
    match config.value.resolve_secrets() {
        Ok(secrets) => problems.extend(secrets.warnings),
        Err(broken) => problems.extend(broken),
    }
    (Some(config.value), problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::init;

    /// A directory as `init` leaves it, and the findings after `spoil` has been at it.
    fn findings(spoil: fn(&Path), policies: &[&str]) -> (ExitCode, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        init(directory.path()).unwrap();
        spoil(directory.path());
        let found = run_check(&directory.path().join("portcullis.toml"), |config| {
            policies
                .iter()
                .map(|message| Problem::error(config.policies.directory.join("p.toml"), *message))
                .collect()
        });
        let prefix = format!("{}/", directory.path().display());
        let lines = found
            .problems
            .iter()
            .map(|problem| problem.to_string().replace(&prefix, ""))
            .collect();
        (found.code, lines)
    }

    #[test]
    fn bad_policies_have_a_code_of_their_own() {
        assert_eq!(
            findings(|_| (), &["bad"]),
            (
                ExitCode::BadPolicies,
                vec!["policies/p.toml: bad".to_owned()]
            )
        );
    }

    #[test]
    fn a_missing_policy_directory_has_a_code_of_its_own() {
        let (code, lines) = findings(
            |root| fs::remove_dir(root.join("policies")).unwrap(),
            &["bad"],
        );
        assert_eq!(code, ExitCode::NoPolicyDirectory);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("portcullis.toml: policies.directory: cannot read `"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_missing_seed_does_not_hide_bad_policies() {
        let (code, lines) = findings(
            |root| fs::remove_file(root.join("keys/issuer.nk")).unwrap(),
            &["bad"],
        );
        assert_eq!(code, ExitCode::BadConfiguration);
        assert_eq!(
            lines,
            [
                "portcullis.toml: callout.issuer-seed-file: `keys/issuer.nk` does not exist",
                "policies/p.toml: bad"
            ]
        );
    }

    #[test]
    fn a_broken_configuration_is_all_there_is_to_say() {
        let (code, lines) = findings(
            |root| fs::write(root.join("portcullis.toml"), "[log]\nlevel = 1\n").unwrap(),
            &["bad"],
        );
        assert_eq!(code, ExitCode::BadConfiguration);
        assert!(
            lines
                .iter()
                .all(|line| line.starts_with("portcullis.toml:")),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("log.level")),
            "{lines:?}"
        );
    }
}
