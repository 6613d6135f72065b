//! The knowledge that several policies can gain about a secret by comparisons.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_catalog::PolicyGrants;
use portcullis_core::{AuthorizationRequest, Authorizer, DenialClass, Outcome, Secret};
use portcullis_test_policies::{guest, identified, plain_hashes, policy, request};
use tokio::runtime::Builder;

use crate::site::{Site, names};

/// Opens a directory of policies that each guess eight numbers and abstain, and returns the denial
/// of a login whose password is the number `password`.
fn guess_together(policies: u32, password: &str) -> (DenialClass, String) {
    let mut site = Site::new(&[]);
    for index in 0..policies {
        let name = format!("p{index:02}");
        let (from, to) = (8 * index, 8 * index + 8);
        site.put(&format!("{name}.wasm"), &guest("guesses"));
        let settings = format!("[settings]\nfrom = {from}\nto = {to}\n");
        site.put(&format!("{name}.toml"), settings.as_bytes());
        let granted = PolicyGrants {
            grants: plain_hashes(),
            ..PolicyGrants::default()
        };
        site.grant(&name, granted);
    }
    let (catalog, report) = site.open();
    assert_eq!(
        u32::try_from(names(&catalog).len()),
        Ok(policies),
        "{report:?}"
    );
    let mut request = AuthorizationRequest::clone(&request());
    request.credentials.password = Some(Secret::new(password));
    let deadline = Instant::now() + Duration::from_mins(1);
    let decision = catalog.snapshot().decide(&Arc::new(request), deadline);
    match decision.outcome {
        Outcome::Deny(denial) => (denial.class, denial.reason),
        Outcome::Permit(permit) => panic!("{permit:?}"),
    }
}

#[test]
fn many_policies_together_cannot_guess_a_secret() {
    let (class, reason) = guess_together(10, "000063");
    assert_eq!(class, DenialClass::PolicyDenied);
    assert_eq!(reason, "the password is 000063");
    let (class, reason) = guess_together(10, "000064");
    assert_eq!(class, DenialClass::PolicyComparisons);
    assert_eq!(
        reason,
        "the policies that were asked compared the client's password or token more than 64 times together; raise `comparisons` \
         under [limits] in the settings file of one of them if that is meant"
    );
}

/// Settings with alice, and the output of `portcullis hash` for `secret`.
const ALICE: &str = r#"
[settings]
default-account = "APP"
[settings.profiles.p]
[settings.users.alice]
password = "$argon2id$v=19$m=19456,t=2,p=1$HJTg1J4NVYsrtqd0SLvHgA$4q7yXXjNHMob7O5s8+4a/zyuj4YR5RVNzbZoSCZwC5w"
profile = "p"
"#;

#[test]
fn a_login_that_the_host_makes_up_matches_no_slow_hash() {
    let site = Site::new(&[]);
    site.put("staff.wasm", &policy("static-users"));
    site.put("staff.toml", ALICE.as_bytes());
    let (catalog, _) = site.open();
    let mut with_password = AuthorizationRequest::clone(&request());
    with_password.credentials.token = None;
    with_password.identity = identified(&with_password);
    let with_password = Arc::new(with_password);
    let deadline = Instant::now() + Duration::from_mins(1);

    let decided = catalog.snapshot().decide(&with_password, deadline);
    assert!(matches!(decided.outcome, Outcome::Permit(_)), "{decided:?}");
    let runtime = Builder::new_current_thread().build().unwrap();
    let made_up = runtime
        .block_on(catalog.dry_run(with_password, deadline))
        .unwrap();
    let Outcome::Deny(denial) = made_up.outcome else {
        panic!("{made_up:?}")
    };
    assert_eq!(denial.reason, "wrong password");
}
