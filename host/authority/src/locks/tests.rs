use std::time::{Duration, Instant};

use portcullis_core::{Authorizer, ClientKind, Decision, FixedKeyValues, KeyKind, Outcome};
use rstest::rstest;

use super::*;
use crate::fixtures::{NOW, operator_rules, request, rules};
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
        copy: LatestLockCopy::default(),
    }
}

/// Returns the locks of a host that does not reach the bucket.
fn lost(copy: Option<LockCopy>) -> Locks {
    let latest = LatestLockCopy::default();
    if let Some(copy) = copy {
        latest.set(copy);
    }
    Locks {
        key_values: Arc::new(FixedKeyValues::default().without(bucket())),
        bucket: bucket(),
        copy: latest,
    }
}

fn copied(value: Option<&str>, expires_at: Option<u64>) -> CopiedLock {
    CopiedLock {
        value: value.map(str::to_owned),
        expires_at,
    }
}

fn login(principal: &str, host: &str) -> AuthorizationRequest {
    let mut request = request();
    request.credentials.username = Some(principal.to_owned());
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
        (network("fe80::/64"), "{}"),
    ]);
    assert_eq!(
        locks.check_request(&login("bob", "198.51.100.1"), 1),
        Ok(())
    );
    for (user, host) in [
        ("alice", "198.51.100.1"),
        ("bob", "192.0.2.1"),
        ("bob", "::ffff:192.0.2.1"),
        ("bob", "fe80::1%eth0"),
    ] {
        let denial = locks.check_request(&login(user, host), u64::MAX);
        assert!(denial.is_err(), "{user} {host}: a lock without an end");
    }
}

#[test]
fn a_user_name_is_locked_whatever_stands_next_to_it() {
    let locks = locks(&[(LockTarget::User("alice".to_owned()), "{}")]);
    for principal in [None, Some("alice"), Some("UABC"), Some("bob")] {
        let mut request = request();
        request.credentials.username = Some("alice".to_owned());
        request.identity.principal = principal.map(str::to_owned);
        let denial = locks.check_request(&request, 1);
        assert!(denial.is_err(), "{principal:?}");
        request.credentials.username = Some("carol".to_owned());
        let is_locked = locks.check_request(&request, 1).is_err();
        assert_eq!(is_locked, principal == Some("alice"), "{principal:?}");
    }
}

/// Returns a login that shows a verified certificate, and a user name that hides it.
fn hidden(leaf: Certificate) -> AuthorizationRequest {
    let mut request = login("anything", "192.0.2.1");
    request.identity.issuer = None;
    request.identity.certificate = Some(leaf);
    request
}

#[test]
fn no_other_credential_hides_a_name() {
    const NKEY: &str = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R";
    let leaf = Certificate {
        verified: true,
        subject: "CN=orders".to_owned(),
        issuer: "CN=Plant CA".to_owned(),
        spiffe_id: Some("spiffe://example.org/orders".to_owned()),
        ..Certificate::default()
    };
    let stranger = Certificate {
        verified: false,
        ..leaf.clone()
    };
    let mut proved = login("anything", "192.0.2.1");
    proved.identity.nkey = Some(NKEY.parse().unwrap());
    let mut presented = login("anything", "192.0.2.1");
    presented.credentials.nkey = Some(PresentedNkey::from(NKEY.to_owned()));
    let user = |name: &str| LockTarget::User(name.to_owned());
    let issuer = |name: &str| LockTarget::Issuer(name.to_owned());
    for (target, request, is_locked) in [
        (
            user("spiffe://example.org/orders"),
            hidden(leaf.clone()),
            true,
        ),
        (user("CN=orders"), hidden(leaf.clone()), true),
        (user("CN=orders"), hidden(stranger.clone()), false),
        (issuer("CN=Plant CA"), hidden(leaf.clone()), true),
        (issuer("CN=Plant CA"), hidden(stranger), false),
        (user(NKEY), proved, true),
        (user(NKEY), presented, true),
        (user("CN=other"), hidden(leaf), false),
    ] {
        let checked = locks(&[(target.clone(), "{}")]).check_request(&request, 1);
        assert_eq!(checked.is_err(), is_locked, "{target:?}: {checked:?}");
    }
}

#[test]
fn the_user_name_that_a_policy_gives_is_locked() {
    let locks = locks(&[(LockTarget::User("machine-7".to_owned()), "{}")]);
    for (name, is_locked) in [("machine-7", true), ("machine-8", false)] {
        let mut permit = Permit::builder("APP", NOW);
        permit.user_name(name);
        let permit = permit.finish().unwrap();
        let checked = locks.check_permit(&permit, &rules(), None, None, NOW);
        assert_eq!(checked.is_err(), is_locked, "{name}");
    }
}

#[test]
fn what_is_not_known_is_locked() {
    let unreadable = locks(&[(LockTarget::User("alice".to_owned()), "until tomorrow")]);
    let denial = unreadable.check_request(&login("alice", "192.0.2.1"), 1);
    assert!(denial.unwrap_err().reason.contains("no lock"));
    let denial = lost(None).check_request(&login("alice", "192.0.2.1"), 1);
    assert!(denial.unwrap_err().reason.contains("unknown"));
}

#[test]
fn a_host_that_knows_no_lock_cannot_decide() {
    let copy = LockCopy::new(bucket(), 100, []);
    for (locks, is_unknown) in [
        (locks(&[]), false),
        (lost(Some(copy)), false),
        (lost(None), true),
    ] {
        let options = AuthorityOptions {
            locks: Some(locks),
            ..AuthorityOptions::new(rules())
        };
        let authority = Authority::new(Permits, options);
        let reason = authority.cannot_decide().unwrap_or_default();
        assert_eq!(
            reason.starts_with("the locks are unknown"),
            is_unknown,
            "{reason}"
        );
    }
}

#[test]
fn a_copy_locks_what_it_has_while_the_bucket_is_not_reached() {
    let locked = |name: &str, value, expires_at| {
        let key = LockTarget::User(name.to_owned()).key();
        (key, copied(value, expires_at))
    };
    let copy = LockCopy::new(
        bucket(),
        100,
        [
            locked(
                "alice",
                Some(r#"{"until": 8000, "reason": "lost laptop"}"#),
                None,
            ),
            locked("bob", Some("{}"), Some(8000)),
            locked("carol", Some("no lock"), None),
            locked("dave", None, None),
            locked("erin", Some(r#"{"until": 100}"#), None),
        ],
    );
    assert_eq!(copy.count_at(100), 4, "a lock that has ended is left out");
    let copy = LockCopy::read(&copy.to_json().unwrap(), &bucket()).unwrap();
    let locks = lost(Some(copy));
    let reason = |user: &str, now| {
        let checked = locks.check_request(&login(user, "192.0.2.1"), now);
        checked.map_err(|denial| denial.reason)
    };
    let alice = reason("alice", 3700).unwrap_err();
    assert_eq!(
        alice,
        "locked by `user.alice`, by the host's copy of the locks, which is 1h old: lost laptop"
    );
    for user in ["bob", "carol", "dave"] {
        assert!(reason(user, 7999).is_err(), "{user}");
    }
    for user in ["alice", "bob", "erin", "frank"] {
        assert_eq!(reason(user, 8000), Ok(()), "{user}");
    }
    assert!(reason("carol", 8000).is_err(), "it has no end");
}

#[test]
fn only_a_copy_of_the_same_bucket_counts() {
    let other: BucketName = "other".parse().unwrap();
    let json = LockCopy::new(bucket(), 1, []).to_json().unwrap();
    let problem =
        |bytes: &[u8], bucket: &BucketName| LockCopy::read(bytes, bucket).unwrap_err().to_string();
    assert_eq!(problem(&json, &other), "it is a copy of bucket `locks`");
    assert_eq!(problem(b"{}", &bucket()), "it is no copy of locks");
    let later = String::from_utf8(json)
        .unwrap()
        .replace("\"version\":1", "\"version\":2");
    let later = problem(later.as_bytes(), &bucket());
    assert_eq!(later, "it has version 2, which this release does not know");
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

#[test]
fn an_account_is_locked_by_its_name_and_by_its_key() {
    let (key, rules) = operator_rules();
    for locked in ["APP", key.as_str()] {
        let locks = locks(&[(LockTarget::Account(locked.to_owned()), "{}")]);
        for (permitted, is_locked) in [("APP", true), (key.as_str(), true), ("OTHER", false)] {
            let permit = Permit::builder(permitted, NOW).finish().unwrap();
            let checked = locks.check_permit(&permit, &rules, None, None, NOW);
            assert_eq!(checked.is_err(), is_locked, "{locked}: {permitted}");
        }
    }
}

#[test]
fn accounts_that_the_configuration_does_not_know_are_locked_by_their_keys() {
    let key = PublicKey::from_bytes(KeyKind::Account, [3; PublicKey::LEN]);
    let other = PublicKey::from_bytes(KeyKind::Account, [4; PublicKey::LEN]);
    let locks = locks(&[(LockTarget::Account(key.to_string()), "{}")]);
    let permit = Permit::builder("tenant", NOW).finish().unwrap();
    for (made, is_locked) in [(&key, true), (&other, false)] {
        let checked = locks.check_permit(&permit, &rules(), Some(made), None, NOW);
        assert_eq!(checked.is_err(), is_locked, "{made}");
        // The same account asks to be signed.
        let mut asking = request();
        asking.client.kind = Some(ClientKind::AccountRequest);
        asking.user_nkey = made.clone();
        assert_eq!(locks.check_request(&asking, NOW).is_err(), is_locked);
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
