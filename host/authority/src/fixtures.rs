//! Values that the tests of this crate share.

pub(crate) use portcullis_test_support::{NOW, alice as request, permitted as permit};

use std::collections::BTreeSet;

use crate::{PermitRules, TargetAccounts};

pub(crate) fn rules() -> PermitRules {
    PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse().unwrap()])),
        ..PermitRules::default()
    }
}
