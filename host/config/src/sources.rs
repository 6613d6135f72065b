//! The secrets that a configuration names.

use std::cell::RefCell;

use portcullis_claims::KeyKind;
use portcullis_connect::SecretSource;
use portcullis_toml::{Keyed, Section};

/// The required kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretKind {
    Seed(KeyKind),
    /// The content of a credentials file.
    Credentials,
    /// The value of a field in the header of an HTTP request.
    Header,
    /// Any text.
    Text,
}

/// The secrets that a configuration names, with their kinds, in the order of their reads.
#[derive(Debug, Default)]
pub(crate) struct NamedSecrets(RefCell<Vec<(Keyed<SecretSource>, SecretKind)>>);

impl NamedSecrets {
    /// Reads the place of a secret of this kind from `section`, and records it. The place is a
    /// file or an environment variable.
    pub(crate) fn read(
        &self,
        section: &mut Section<'_>,
        file_key: &'static str,
        variable_key: &'static str,
        kind: SecretKind,
    ) -> Option<Keyed<SecretSource>> {
        let file = SecretSource::File;
        let variable = SecretSource::Environment;
        let source = section.secret(file_key, variable_key, file, variable)?;
        self.0.borrow_mut().push((source.clone(), kind));
        Some(source)
    }

    /// Returns the recorded secrets.
    pub(crate) fn all(&self) -> Vec<(Keyed<SecretSource>, SecretKind)> {
        self.0.borrow().clone()
    }
}
