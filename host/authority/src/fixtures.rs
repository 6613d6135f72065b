//! Values that the tests of this crate share.

pub(crate) use portcullis_test_support::{NOW, alice as request, permitted as permit};

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::{KeyKind, PublicKey};

use crate::{AccountIssuer, PermitRules, TargetAccounts};

/// Returns the key of the account `APP`, and rules of operator mode that know it.
pub(crate) fn operator_rules() -> (PublicKey, PermitRules) {
    let key = PublicKey::from_bytes(KeyKind::Account, [3; PublicKey::LEN]);
    let issuer = AccountIssuer {
        key: key.clone(),
        issuer: Some(()),
        roles: [("reader".to_owned(), ())].into(),
    };
    let signing = Some(BTreeMap::from([("APP".parse().unwrap(), issuer)]));
    (key, PermitRules { signing, ..rules() })
}

pub(crate) fn rules() -> PermitRules {
    PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse().unwrap()])),
        ..PermitRules::default()
    }
}
