//! Breaks of the host itself: configuration, files, credentials, machine, issuers.

use std::io;

use portcullis_toml::Problem;

use super::Broken;
use crate::doctor::evidence::*;
use crate::doctor::finding::Code;
use crate::doctor::tests::fixtures::*;

pub(super) const BREAKS: &[Broken] = &[
    (&[Code::ConfigurationInvalid], |it| {
        it.problems = problem(Problem::error(
            "portcullis.toml",
            "expected a time such as `1s`",
        ));
    }),
    (&[Code::ConfigurationDoubtful], |it| {
        it.problems = problem(Problem::warning(
            "portcullis.toml",
            "longer than servers wait",
        ));
    }),
    (&[Code::ConfigurationExposed], |it| {
        let found = Problem::warning(
            "portcullis.toml",
            "every user of this machine can change it",
        );
        it.problems = vec![found.with_code("configuration-exposed")];
    }),
    (&[Code::SecretExposed], |it| {
        let found = Problem::warning("portcullis.toml", "`keys/a.nk` can be read by every user");
        it.problems = vec![found.with_code("secret-exposed")];
    }),
    (&[Code::PoliciesInvalid], |it| {
        it.problems = vec![Problem::error("policies/a.wasm", "not a component")];
    }),
    (&[Code::PoliciesDoubtful], |it| {
        it.problems =
            vec![Problem::warning("policies/a.tests.toml", "policy `a` has no tests").at_line(3)];
    }),
    (&[Code::PoliciesExposed], |it| {
        let found = Problem::warning(
            "policies",
            "every user of this machine can change the policies",
        );
        it.problems = vec![found.with_code("policies-exposed")];
    }),
    (&[Code::StateDirectoryUnused], |it| {
        let found = Problem::warning(
            "portcullis.toml",
            "`state` is not used: other users can write to it",
        );
        it.problems = vec![found.with_code("state-directory-unused")];
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::StorageFull,
            error: "No space left on device (os error 28)".to_owned(),
        };
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::PermissionDenied,
            error: "Permission denied (os error 13)".to_owned(),
        };
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::ReadOnlyFilesystem,
            error: "Read-only file system (os error 30)".to_owned(),
        };
    }),
    (&[Code::CredentialsExpired], |it| {
        trusting(it, NOW - DAY);
    }),
    (&[Code::CredentialsExpireSoon], |it| {
        trusting(it, NOW + DAY);
    }),
    (&[Code::CertificateExpired], |it| {
        certified(it, NOW - DAY);
    }),
    (&[Code::CertificateExpired], |it| {
        certified(it, NOW + 366 * DAY);
    }),
    (&[Code::CertificateExpiresSoon], |it| {
        certified(it, NOW + DAY);
    }),
    (&[Code::MachineUnfit], |it| {
        it.machine = Some(Err("this process may not make memory executable".to_owned()));
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Err("connection refused".to_owned()));
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Ok(0));
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Ok(2));
        held(it, 0, None);
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Err("connection refused".to_owned()));
        held(it, 0, None);
    }),
    (&[Code::IssuerKeysOutdated], |it| {
        keys(it, Err("connection refused".to_owned()));
        held(it, 2, Some(NOW - 3600));
    }),
];
