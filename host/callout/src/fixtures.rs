//! Values that the tests of this crate share.

use std::collections::BTreeSet;

use portcullis_authority::{Issuers, PermitRules, TargetAccounts};
use portcullis_claims::IssuerKey;
pub(crate) use portcullis_test_support::{NOW, alice as request, permitted as permit};

use crate::{HostKeys, ServiceOptions};

pub(crate) fn options() -> ServiceOptions {
    let seed = IssuerKey::generate_seed().unwrap();
    let issuers = Issuers::Config(IssuerKey::from_seed(seed.expose()).unwrap());
    let rules = PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse().unwrap()])),
        ..PermitRules::default()
    };
    ServiceOptions::new(HostKeys::new(issuers), rules, "AUTH".parse().unwrap())
}
