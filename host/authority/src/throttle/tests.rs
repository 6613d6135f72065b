//! Tests of the delayed and refused attempts.

mod memory;
mod waiting;

use portcullis_core::{Denial, DenialClass, Outcome, Permit};
use portcullis_environment::ManualClock;
use portcullis_identity::Claimant;
use rstest::rstest;

use super::admission::{Admitted, AdmittedAttempt, Refusal};
use super::*;
use crate::place::Place;

/// Returns limits of ten failures an address and three a user, each in one minute.
fn options() -> ThrottleOptions {
    ThrottleOptions {
        address_failures: 10,
        user_failures: 3,
        ..ThrottleOptions::default()
    }
}

/// A throttle, and a clock that the test sets.
struct World {
    throttle: Throttle<ManualClock>,
    clock: ManualClock,
}

impl World {
    fn new(options: ThrottleOptions) -> Self {
        let clock = ManualClock::new(1_800_000_000);
        let throttle = Throttle::new(options, clock.clone());
        Self { throttle, clock }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Returns a deadline that no test reaches.
    fn far(&self) -> Instant {
        self.clock.now() + Duration::from_hours(1)
    }

    /// Returns an attempt of `user`. `token:TOKEN`, `key:NKEY`, `subject:SUBJECT` or
    /// `certificate:NAME` can stand in its place, and several are separated by spaces.
    fn attempt(&self, host: &str, names: &str) -> (Attempt, Client) {
        let client = client(host);
        let mut claimant = Claimant::default();
        for name in names.split_whitespace() {
            match name.split_once(':') {
                None => claimant.user = Some(name.into()),
                Some(("token", token)) => claimant.token = Some(token.into()),
                Some(("key", key)) => claimant.key = Some(key.into()),
                Some(("subject", subject)) => claimant.subject = Some(subject.into()),
                Some((_, certificate)) => claimant.certificate = Some(certificate.to_owned()),
            }
        }
        (self.throttle.attempt(&client, &claimant), client)
    }

    fn admit(&self, host: &str, names: &str) -> Result<Admitted<'_, ManualClock>, Refusal> {
        let (attempt, client) = self.attempt(host, names);
        self.throttle.try_admit(attempt, &client)
    }

    /// Admits an attempt, which is then being decided.
    fn begins(&self, host: &str, names: &str) -> AdmittedAttempt<'_, ManualClock> {
        match self.admit(host, names) {
            Ok(Admitted::Yes(admission)) => admission,
            other => panic!("not admitted: {other:?}"),
        }
    }

    /// Returns the reason of a refused attempt.
    fn refusal(&self, host: &str, names: &str) -> Option<String> {
        let denial = self.admit(host, names).err()?.denial;
        assert_eq!(denial.class, DenialClass::Throttled);
        Some(denial.reason)
    }

    fn is_admitted(&self, host: &str, names: &str) -> bool {
        self.refusal(host, names).is_none()
    }

    /// Concludes an attempt with `outcome`, if it is admitted.
    fn ends(&self, host: &str, names: &str, outcome: &Outcome) {
        if let Ok(Admitted::Yes(admission)) = self.admit(host, names) {
            admission.conclude(outcome, false);
        }
    }

    fn fails(&self, times: usize, host: &str, names: &str) {
        for _ in 0..times {
            self.ends(host, names, &denied(DenialClass::PolicyDenied));
        }
    }

    fn succeeds(&self, host: &str, user: &str) {
        let permit = Permit::builder("APP", 100).finish().unwrap();
        self.ends(host, user, &Outcome::Permit(permit));
    }

    fn failures(&self) -> u64 {
        self.throttle.failures.load(Ordering::Relaxed)
    }
}

fn client(host: &str) -> Client {
    Client {
        host: Some(host.to_owned()).filter(|host| !host.is_empty()),
        ..Client::default()
    }
}

fn denied(class: DenialClass) -> Outcome {
    Outcome::Deny(Denial::new(class, "no"))
}

#[test]
fn an_address_with_too_many_failures_waits_until_one_is_forgotten() {
    let world = World::new(options());
    for number in 0..10 {
        let user = format!("user-{number}");
        assert!(world.is_admitted("10.0.0.7", &user), "{number}");
        world.fails(1, "10.0.0.7", &user);
    }
    assert_eq!(
        world.refusal("10.0.0.7", "user-10").unwrap(),
        "too many attempts from the client's address have failed; the next is looked at in 6001 ms"
    );
    assert!(!world.is_admitted("10.0.0.7", ""), "tokens too");
    assert!(world.is_admitted("10.0.0.8", "user-10"));
    world.pass(6);
    assert!(world.is_admitted("10.0.0.7", "user-10"));
    world.fails(1, "10.0.0.7", "user-10");
    assert!(!world.is_admitted("10.0.0.7", "user-11"));
    world.pass(60);
    world.fails(9, "10.0.0.7", "");
    assert!(world.is_admitted("10.0.0.7", "user-11"));
}

#[test]
fn a_user_with_too_many_failures_waits_wherever_they_come_from() {
    let world = World::new(options());
    for number in 0..3 {
        assert!(world.is_admitted(&format!("10.0.0.{number}"), "alice"));
        world.fails(1, &format!("10.0.0.{number}"), "alice");
    }
    assert_eq!(
        world.refusal("10.0.0.9", "alice").unwrap(),
        "too many attempts in a name of the login have failed; the next is looked at in 20001 ms"
    );
    assert!(!world.is_admitted("", "alice"), "without an address too");
    assert!(world.is_admitted("10.0.0.0", "bob"));
    assert!(world.is_admitted("10.0.0.0", ""), "nobody in particular");
    world.pass(20);
    assert!(world.is_admitted("10.0.0.9", "alice"));
}

#[rstest]
fn faults_of_others_are_no_failed_attempts(
    #[values(
        DenialClass::IdentityUnavailable,
        DenialClass::Throttled,
        DenialClass::NoPolicy,
        DenialClass::PolicyTrapped,
        DenialClass::InvalidPermit,
        DenialClass::SourceNotAllowed,
        DenialClass::TimeNotAllowed,
        DenialClass::Overloaded,
        DenialClass::InvalidResponse,
        DenialClass::Internal
    )]
    class: DenialClass,
) {
    let world = World::new(options());
    for _ in 0..100 {
        world.ends("10.0.0.7", "alice", &denied(class));
    }
    assert!(world.is_admitted("10.0.0.7", "alice"));
    assert_eq!(world.failures(), 0);
}

#[rstest]
fn what_was_not_proved_in_time_is_a_failed_attempt(
    #[values(
        DenialClass::IdentityRejected,
        DenialClass::PolicyDenied,
        DenialClass::EndOfChain,
        DenialClass::Deadline,
        DenialClass::PolicyDeadline
    )]
    class: DenialClass,
) {
    let world = World::new(options());
    for _ in 0..3 {
        world.ends("10.0.0.7", "alice", &denied(class));
    }
    assert!(!world.is_admitted("10.0.0.7", "alice"));
    assert_eq!(world.failures(), 3);
}

#[test]
fn other_clients_do_not_lock_out_a_known_user() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.fails(3, "192.0.2.1", "alice");
    assert!(!world.is_admitted("192.0.2.1", "alice"));
    assert!(
        world.is_admitted("10.0.0.7", "alice"),
        "others in her name, elsewhere"
    );
    world.fails(10, "10.0.0.7", "");
    assert!(!world.is_admitted("10.0.0.7", "bob"));
    assert!(
        world.is_admitted("10.0.0.7", "alice"),
        "others at her address, behind one load balancer"
    );
}

#[test]
fn a_token_is_a_name_of_its_own() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "token:good");
    world.fails(3, "10.0.0.7", "token:guess");
    assert!(!world.is_admitted("10.0.0.8", "token:guess"));
    assert!(world.is_admitted("10.0.0.7", "token:other-guess"));
    world.fails(7, "10.0.0.7", "");
    assert!(!world.is_admitted("10.0.0.7", "token:other-guess"));
    assert!(world.is_admitted("10.0.0.7", "token:good"));
    assert!(
        !world.is_admitted("10.0.0.7", "good"),
        "a user of that name"
    );
}

#[rstest]
fn without_a_secret_to_guess_failures_lock_out_no_name(
    #[values("key:U1", "subject:victim", "key:U1 subject:victim", "")] names: &str,
) {
    let world = World::new(options());
    for number in 0..200 {
        world.fails(1, &format!("192.0.2.{number}"), names);
    }
    assert!(world.is_admitted("10.0.0.7", names), "a new address");
    world.fails(10, "192.0.2.1", names);
    assert!(!world.is_admitted("192.0.2.1", names), "the guesser's");
}

#[test]
fn forged_names_do_not_lock_out_the_client_that_is_known_at_the_same_address() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "subject:victim");
    world.fails(100, "10.0.0.7", "subject:victim");
    assert!(world.is_admitted("10.0.0.7", "subject:victim"));
    assert!(
        !world.is_admitted("10.0.0.7", "subject:other"),
        "its address counts them"
    );
    world.succeeds("10.0.0.8", "subject:victim");
    for _ in 0..3 {
        let attempt = world.begins("10.0.0.8", "subject:victim");
        attempt.conclude(&denied(DenialClass::PolicyDenied), true);
    }
    assert!(!world.is_admitted("10.0.0.8", "subject:victim"), "proved");
    assert!(world.is_admitted("10.0.0.8", "subject:other"));
}

#[test]
fn further_names_make_no_other_user() {
    let world = World::new(options());
    for number in 0..3 {
        let names = format!("alice key:U{number} token:t{number}");
        assert!(world.is_admitted("", &names), "{number}");
        world.fails(1, "", &names);
    }
    for names in ["alice", "alice key:U9", "alice token:t9", "key:U1 alice"] {
        assert!(!world.is_admitted("", names), "{names}");
    }
    assert!(world.is_admitted("", "bob key:U9"));
}

#[test]
fn a_further_name_is_not_known() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.fails(3, "192.0.2.1", "alice");
    assert!(!world.is_admitted("10.0.0.7", "alice key:U1"));
    assert!(world.is_admitted("10.0.0.7", "alice"));
}

#[rstest]
fn a_login_of_any_method_is_known(
    #[values("alice", "key:U1", "token:t", "subject:s", "certificate:CN=press", "")] names: &str,
) {
    let world = World::new(options());
    world.succeeds("10.0.0.7", names);
    for number in 0..10 {
        world.fails(1, "10.0.0.7", &format!("token:guess-{number}"));
    }
    assert!(!world.is_admitted("10.0.0.7", "mallory"));
    assert!(world.is_admitted("10.0.0.7", names));
}

#[test]
fn a_known_user_has_the_failures_of_a_user() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    for _ in 0..3 {
        assert!(world.is_admitted("10.0.0.7", "alice"));
        world.fails(1, "10.0.0.7", "alice");
    }
    assert_eq!(
        world.refusal("10.0.0.7", "alice").unwrap(),
        "too many attempts in the names of the login from the client's address have failed; the next is looked at in 20001 ms"
    );
    // Other clients do not share these failures.
    assert!(world.is_admitted("10.0.0.8", "alice"));
    world.fails(9, "10.0.0.7", "");
    assert!(world.is_admitted("10.0.0.7", "bob"));
    world.pass(20);
    assert!(world.is_admitted("10.0.0.7", "alice"));
}

#[test]
fn a_known_user_is_forgotten() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.pass(KNOWN_FOR.as_secs() - 1);
    world.fails(10, "10.0.0.7", "");
    assert!(world.is_admitted("10.0.0.7", "alice"));
    world.pass(1);
    assert!(!world.is_admitted("10.0.0.7", "alice"));
}

#[rstest]
#[case("2001:db8::1", "2001:db8::ffff:0:1", true)]
#[case("2001:db8::1", "2001:db8:0:1::1", false)]
#[case("fe80::1%eth0", "fe80::2", true)]
#[case("::ffff:10.0.0.7", "10.0.0.7", true)]
#[case("::ffff:10.0.0.7", "10.0.0.8", false)]
fn an_ipv6_client_is_its_network(#[case] fails: &str, #[case] comes: &str, #[case] same: bool) {
    let world = World::new(options());
    world.fails(10, fails, "");
    assert_eq!(world.is_admitted(comes, ""), !same);
}

#[test]
fn addresses_of_exempt_networks_are_not_counted_and_their_users_are() {
    let world = World::new(ThrottleOptions {
        exempt_networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..options()
    });
    world.fails(100, "10.0.0.7", "");
    world.fails(100, "::ffff:10.0.0.7", "");
    assert!(world.is_admitted("10.0.0.7", ""));
    world.fails(3, "10.0.0.7", "alice");
    assert!(!world.is_admitted("10.0.0.7", "alice"));
    assert!(world.is_admitted("10.0.0.7", "bob"));
}

#[test]
fn replaced_limits_apply_at_once_and_a_full_bucket_drains_by_them() {
    let world = World::new(options());
    world.fails(3, "10.0.0.7", "alice");
    world.fails(10, "10.0.0.8", "");
    let wider = ThrottleOptions {
        user_failures: 30,
        exempt_networks: vec!["10.0.0.8/32".parse().unwrap()],
        ..options()
    };
    assert!(!world.is_admitted("10.0.0.8", ""));
    world.throttle.replace_limits(&wider);
    assert!(world.is_admitted("10.0.0.8", ""));
    assert!(!world.is_admitted("10.0.0.7", "alice"));
    // With 3 failures a minute, one drains in 20 s.
    world.pass(2);
    assert!(world.is_admitted("10.0.0.7", "alice"));
}
