//! The tools of policy authors: `portcullis policy new`, `build`, `test`, `bench`, `lint` and
//! `watch`.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod crate_build;
mod hints;
pub(crate) mod lint;
pub(crate) mod new;
mod policy_log;
mod sdk;
mod target;
pub(crate) mod template;
pub(crate) mod test;
pub(crate) mod watch;

use std::path::Path;

use portcullis_catalog::{CatalogOptions, Prover};

/// Returns the options for policies in `directory` that are not put in service: they have the
/// grants that their tests need. `prover` loads them.
pub(crate) fn options(directory: &Path, prover: &Prover) -> CatalogOptions {
    CatalogOptions {
        prover: prover.clone(),
        assumes_grants: true,
        ..CatalogOptions::new(directory)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::exit::ExitCode;
    use crate::inspect::inspect;
    use crate::output::NotDone;

    #[test]
    fn a_file_that_is_no_module_is_told_by_its_own_path() {
        let folder = tempfile::tempdir().unwrap();
        // Next to a module, both would be files of the policy.
        let file = folder.path().join("Cargo.toml");
        fs::write(&file, "[package]\n").unwrap();
        let reason = format!(
            "`{}`: not a WebAssembly module: it does not start with `\\0asm`",
            file.display()
        );
        let prover = Prover::default();
        let tested = test::test(
            &test::TestOptions {
                which: vec![file.display().to_string()],
                ..test::TestOptions::default()
            },
            &prover,
        );
        let failed = |not_done: NotDone| match not_done {
            NotDone::Failed(failure) => failure,
            other => panic!("{other:?}"),
        };
        let failures = [
            bench::bench(&file, Duration::ZERO, false, &prover).unwrap_err(),
            failed(inspect(&file, None, false, &prover).unwrap_err()),
            failed(tested.unwrap_err()),
        ];
        for failure in failures {
            assert!(failure.to_string().starts_with(&reason), "{failure}");
            assert_eq!(failure.code(), ExitCode::BadPolicies, "{failure}");
        }
    }

    #[test]
    fn folders_that_are_none_of_a_crate_or_of_policies_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        let refused = |directory: &Path, into: &Path| {
            let prover = Prover::default();
            match watch::watch(directory, Some(into), None, &prover, |_| Ok(())) {
                Err(NotDone::Failed(failure)) => (failure.code(), failure.to_string()),
                other => panic!("{other:?}"),
            }
        };
        let (code, message) = refused(&nowhere, folder.path());
        assert_eq!(code, ExitCode::NotFound);
        assert!(message.contains("has no Cargo.toml"), "{message}");

        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        fs::write(folder.path().join("portcullis.toml"), "").unwrap();
        let (code, message) = refused(folder.path(), folder.path());
        assert_eq!(code, ExitCode::NotFound);
        assert!(message.contains("has a portcullis.toml"), "{message}");
    }
}
