//! Values that the tests of this crate share.

pub(crate) use portcullis_test_support::{NOW, alice as request, permitted as permit};

use crate::{PermitRules, TargetAccounts};

pub(crate) fn rules() -> PermitRules {
    PermitRules {
        accounts: TargetAccounts::new(["APP".to_owned()], ["AUTH".to_owned()]),
        ..PermitRules::default()
    }
}
