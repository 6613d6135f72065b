use std::time::{Duration, Instant};

use portcullis_core::{Authorizer, Decision, FixedKeyValues, Outcome};
use rstest::rstest;

use super::*;
use crate::fixtures::{NOW, request, rules};
use crate::{Authority, AuthorityOptions};

fn bucket() -> BucketName {
    "locks".parse().unwrap()
}

fn locks(entries: &[(LockTarget, &str)]) -> Locks {
    let entries = entries
        .iter()
        .map(|(target, value)| (target.key(), (*value).to_owned()));
    Locks {
        key_values: Arc::new(FixedKeyValues::default().with(&bucket(), entries)),
        bucket: bucket(),
    }
}

fn login(principal: &str, host: &str) -> AuthorizationRequest {
    let mut request = request();
    request.identity.principal = Some(principal.to_owned());
    request.identity.issuer = Some("https://login.example.com".to_owned());
    request.client.host = Some(host.to_owned());
    request
}

fn network(text: &str) -> LockTarget {
    LockTarget::Network(text.parse().unwrap())
}

#[rstest]
#[case(LockTarget::User("alice@example.com".to_owned()))]
#[case(LockTarget::Issuer("https://login.example.com".to_owned()))]
#[case(network("192.0.2.7"))]
#[case(network("192.0.2.0/24"))]
#[case(network("192.0.0.0/16"))]
fn a_lock_closes_what_it_names(#[case] target: LockTarget) {
    let locks = locks(&[(target, r#"{"until": 200, "reason": "lost laptop"}"#)]);
    let denial = locks
        .check_request(&login("alice@example.com", "192.0.2.7"), 199)
        .unwrap_err();
    assert_eq!(denial.class, DenialClass::Locked);
    assert!(denial.reason.contains("lost laptop"), "{denial:?}");
    // The lock has ended.
    let ended = locks.check_request(&login("alice@example.com", "192.0.2.7"), 200);
    assert_eq!(ended, Ok(()));
}

#[test]
fn others_are_not_locked() {
    let locks = locks(&[
        (LockTarget::User("alice".to_owned()), "{}"),
        (network("192.0.2.0/24"), "{}"),
    ]);
    assert_eq!(
        locks.check_request(&login("bob", "198.51.100.1"), 1),
        Ok(())
    );
    for (user, host) in [
        ("alice", "198.51.100.1"),
        ("bob", "192.0.2.1"),
        ("bob", "::ffff:192.0.2.1"),
    ] {
        let denial = locks.check_request(&login(user, host), u64::MAX);
        assert!(denial.is_err(), "{user} {host}: a lock without an end");
    }
}

#[test]
fn what_is_not_known_is_locked() {
    let unreadable = locks(&[(LockTarget::User("alice".to_owned()), "until tomorrow")]);
    let denial = unreadable.check_request(&login("alice", "192.0.2.1"), 1);
    assert!(denial.unwrap_err().reason.contains("no lock"));
    let lost = Locks {
        key_values: Arc::new(FixedKeyValues::default().without(bucket())),
        bucket: bucket(),
    };
    let denial = lost.check_request(&login("alice", "192.0.2.1"), 1);
    assert!(denial.unwrap_err().reason.contains("unknown"));
}

#[test]
fn two_names_never_share_a_key() {
    let key = |name: &str| LockTarget::User(name.to_owned()).key();
    assert_eq!(key("alice"), "user.alice");
    assert_ne!(key("a.b"), key("a_b"));
    let odd = ["", ".", "*", ">", "a b", "é", "=YQ", "a/b"];
    for name in odd {
        assert!(portcullis_core::is_key(&key(name)), "{name}");
        assert!(key(name).starts_with("user.="), "{name}");
    }
}

#[rstest]
#[case("192.0.2.0/23")]
#[case("192.0.2.1/24")]
#[case("2001:db8::/33")]
#[case("192.0.2.0/")]
#[case("localhost")]
fn a_network_that_no_login_would_match_is_refused(#[case] text: &str) {
    let error = text.parse::<LockedNetwork>().unwrap_err().to_string();
    assert!(error.contains(text), "{error}");
}

#[test]
fn networks_are_written_as_they_are_read() {
    for text in ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"] {
        assert_eq!(text.parse::<LockedNetwork>().unwrap().to_string(), text);
    }
}

/// An authorizer that places every login in the account `APP`.
struct Permits;

impl Authorizer for Permits {
    async fn authorize(&self, _: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        crate::fixtures::permit(Permit::builder("APP", NOW).finish().unwrap())
    }
}

#[tokio::test]
async fn the_account_and_the_policy_of_a_permit_can_be_locked() {
    let policy = crate::fixtures::permit(Permit::builder("APP", NOW).finish().unwrap());
    let policy = policy.policy.unwrap().name.to_string();
    for (target, is_locked) in [
        (LockTarget::Account("APP".to_owned()), true),
        (LockTarget::Policy(policy), true),
        (LockTarget::Account("OTHER".to_owned()), false),
    ] {
        let options = AuthorityOptions {
            locks: Some(locks(&[(target.clone(), "{}")])),
            ..AuthorityOptions::new(rules())
        };
        let authority = Authority::new(Permits, options);
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut place = authority.enter(Duration::from_mins(1)).unwrap();
        let considered = authority
            .decide(&mut Arc::new(request()), deadline, &mut place)
            .await;
        match considered.decision.outcome {
            Outcome::Deny(denial) => {
                assert!(is_locked, "{target:?}: {denial:?}");
                assert_eq!(denial.class, DenialClass::Locked);
            }
            Outcome::Permit(_) => assert!(!is_locked, "{target:?}"),
        }
    }
}
