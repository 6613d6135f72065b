//! Tables `[callout.other-keys.NAME]`: keys that some servers expect in place of the main ones.

use std::cell::Cell;
use std::collections::BTreeMap;

use portcullis_callout::Xkeys;
use portcullis_claims::KeyKind;
use portcullis_connect::SecretSource;
use portcullis_toml::kinds::WORD;
use portcullis_toml::{Keyed, Section};

use crate::sources::{NamedSecrets, SecretKind};

/// Maximum number of tables. A host tries every xkey at the first request of a server.
const MAX_TABLES: usize = Xkeys::MAX - 1;

/// The table `[callout.other-keys.NAME]`. It has at least one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherKeys {
    /// Account seed (`SA…`) that signs the responses to servers with this `issuer`. `None` in
    /// operator mode.
    pub issuer_seed: Option<Keyed<SecretSource>>,
    /// Curve seed (`SX…`) that opens the requests of servers with this `xkey`.
    pub xkey_seed: Option<Keyed<SecretSource>>,
}

/// Reads the tables.
pub(crate) fn read(
    section: Section<'_>,
    operator_mode: bool,
    secrets: &NamedSecrets,
) -> Option<BTreeMap<String, OtherKeys>> {
    let tables = Cell::new(0_usize);
    section.named(&WORD, |section| {
        tables.set(tables.get().saturating_add(1));
        if tables.get() > MAX_TABLES {
            section.report(format!(
                "one table too many: at most {MAX_TABLES} are allowed"
            ));
        }
        read_one(section, operator_mode, secrets)
    })
}

fn read_one(
    mut section: Section<'_>,
    operator_mode: bool,
    secrets: &NamedSecrets,
) -> Option<OtherKeys> {
    let issuer = SecretKind::Seed(KeyKind::Account);
    let curve = SecretKind::Seed(KeyKind::Curve);
    let issuer_seed = secrets.read(&mut section, "issuer-seed-file", "issuer-seed-env", issuer);
    let xkey_seed = secrets.read(&mut section, "xkey-seed-file", "xkey-seed-env", curve);
    let has =
        |name: &str| section.has(&format!("{name}-file")) || section.has(&format!("{name}-env"));
    let (has_issuer, has_xkey) = (has("issuer-seed"), has("xkey-seed"));
    if !has_issuer && !has_xkey {
        section.report_missing(
            "issuer-seed-file",
            "missing: name the file with another account seed (SA…) or, in `xkey-seed-file`, with another curve seed (SX…)",
        );
    }
    if has_issuer && operator_mode {
        section.report(
            "has an issuer, which has no effect in operator mode: servers accept every signing key in the callout \
             account's JWT, so add the new key there, and then replace `issuer-seed-file` under [callout]",
        );
    }
    section.finish();
    let is_complete = has_issuer == issuer_seed.is_some() && has_xkey == xkey_seed.is_some();
    (is_complete && (has_issuer || has_xkey)).then_some(OtherKeys {
        issuer_seed,
        xkey_seed,
    })
}
