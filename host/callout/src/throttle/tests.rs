//! Who is held up, by whom, and for how long.

use portcullis_core::Permit;
use rstest::rstest;

use super::*;

/// Ten failures an address and three a user, in a minute.
fn options() -> ThrottleOptions {
    ThrottleOptions {
        address_failures: 10,
        user_failures: 3,
        ..ThrottleOptions::default()
    }
}

/// A throttle, and a clock that goes when it is told to.
struct World {
    throttle: Throttle,
    now: Instant,
}

impl World {
    fn new(options: ThrottleOptions) -> Self {
        let throttle = Throttle::new(options);
        let now = throttle.began;
        Self { throttle, now }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn attempt(&self, host: &str, user: &str) -> (Attempt, Client) {
        let client = client(host);
        let claimant = match (user, user.strip_prefix("token:")) {
            ("", _) => Claimant::Nobody,
            (_, Some(token)) => Claimant::Token(token.into()),
            (user, None) => Claimant::User(user.into()),
        };
        (self.throttle.attempt(&client, &claimant), client)
    }

    /// Why an attempt is not admitted, if it is not.
    fn refusal(&self, host: &str, user: &str) -> Option<String> {
        let (attempt, client) = self.attempt(host, user);
        let denial = self.throttle.admit(attempt, &client, self.now).err()?;
        assert_eq!(denial.class, DenialClass::Throttled);
        Some(denial.reason)
    }

    fn is_admitted(&self, host: &str, user: &str) -> bool {
        self.refusal(host, user).is_none()
    }

    fn ends(&self, host: &str, user: &str, outcome: &Outcome) {
        let (attempt, _) = self.attempt(host, user);
        self.throttle.note(attempt, outcome, self.now);
    }

    fn fails(&self, times: usize, host: &str, user: &str) {
        for _ in 0..times {
            self.ends(host, user, &denied(DenialClass::PolicyDenied));
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
    let mut world = World::new(options());
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
    let mut world = World::new(options());
    for number in 0..3 {
        assert!(world.is_admitted(&format!("10.0.0.{number}"), "alice"));
        world.fails(1, &format!("10.0.0.{number}"), "alice");
    }
    assert_eq!(
        world.refusal("10.0.0.9", "alice").unwrap(),
        "too many attempts in the user's name have failed; the next is looked at in 20001 ms"
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
        DenialClass::Deadline,
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
fn what_was_not_proved_is_a_failed_attempt(
    #[values(
        DenialClass::IdentityRejected,
        DenialClass::PolicyDenied,
        DenialClass::EndOfChain
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
fn others_do_not_lock_out_who_is_known() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.fails(3, "192.0.2.1", "alice");
    assert!(!world.is_admitted("192.0.2.1", "alice"));
    assert!(
        world.is_admitted("10.0.0.7", "alice"),
        "others in her name, elsewhere"
    );
    world.fails(10, "10.0.0.7", "mallory");
    assert!(!world.is_admitted("10.0.0.7", "bob"));
    assert!(
        world.is_admitted("10.0.0.7", "alice"),
        "others at her address, behind one load balancer"
    );
}

#[test]
fn tokens_are_not_counted_and_known_all_the_same() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "token:good");
    world.fails(9, "10.0.0.7", "token:guess");
    assert!(world.is_admitted("10.0.0.7", "token:guess"), "no user");
    world.fails(1, "10.0.0.7", "token:other guess");
    assert!(!world.is_admitted("10.0.0.7", "token:guess"));
    assert!(world.is_admitted("10.0.0.7", "token:good"));
    assert!(
        !world.is_admitted("10.0.0.7", "good"),
        "a user of that name"
    );
}

#[test]
fn who_is_known_has_as_many_failures_as_a_user() {
    let mut world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    for _ in 0..3 {
        assert!(world.is_admitted("10.0.0.7", "alice"));
        world.fails(1, "10.0.0.7", "alice");
    }
    assert_eq!(
        world.refusal("10.0.0.7", "alice").unwrap(),
        "too many attempts in the user's name from the client's address have failed; the next is looked at in 20001 ms"
    );
    // Those are nobody else's.
    assert!(world.is_admitted("10.0.0.8", "alice"));
    world.fails(9, "10.0.0.7", "");
    assert!(world.is_admitted("10.0.0.7", "bob"));
    world.pass(20);
    assert!(world.is_admitted("10.0.0.7", "alice"));
}

#[test]
fn nobody_is_known_for_ever() {
    let mut world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.pass(KNOWN_FOR.as_secs() - 1);
    world.fails(10, "10.0.0.7", "bob");
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
fn zero_is_no_limit_and_nothing_is_remembered_for_it() {
    let world = World::new(ThrottleOptions {
        address_failures: 0,
        user_failures: 0,
        ..options()
    });
    world.succeeds("10.0.0.7", "bob");
    world.fails(1000, "10.0.0.7", "alice");
    assert!(world.is_admitted("10.0.0.7", "alice"));
    assert_eq!(world.throttle.entries().map(|(_, count)| count), [0; 3]);
    assert_eq!(world.failures(), 1000);
}

#[test]
fn memory_is_bounded_however_many_addresses_and_names_there_are() {
    let world = World::new(ThrottleOptions {
        max_entries: 1000,
        ..options()
    });
    for number in 0..200_000_u32 {
        let client = Client {
            host: Some(std::net::Ipv4Addr::from_bits(number).to_string()),
            ..Client::default()
        };
        let claimant = Claimant::User(number.to_string().into());
        let attempt = world.throttle.attempt(&client, &claimant);
        let outcome = denied(DenialClass::PolicyDenied);
        world.throttle.note(attempt, &outcome, world.now);
        if number % 10 == 0 {
            world.succeeds(client.host.as_deref().unwrap(), "alice");
        }
    }
    for (kind, count) in world.throttle.entries() {
        assert!(count <= 1000, "{count} of {kind:?}");
    }
    assert!(world.throttle.addresses.iter().count() <= 1000);
}

#[test]
fn names_that_are_made_up_push_out_none_that_is_guessed_at() {
    let world = World::new(ThrottleOptions {
        max_entries: 1000,
        ..options()
    });
    world.fails(3, "", "alice");
    for number in 0..20_000 {
        world.fails(1, "", &format!("made-up-{number}"));
        if number % 10 == 0 {
            assert!(!world.is_admitted("", "alice"), "after {number} names");
        }
    }
}

#[test]
fn samples_say_how_much_is_remembered() {
    let world = World::new(options());
    world.succeeds("10.0.0.7", "alice");
    world.fails(1, "10.0.0.7", "bob");
    world.fails(1, "10.0.0.8", "bob");
    let samples = world.throttle.samples();
    let told: Vec<String> = samples
        .iter()
        .map(|sample| format!("{} {:?} {:?}", sample.name, sample.labels, sample.value))
        .collect();
    assert_eq!(
        told,
        [
            "failed_attempts [] Counter(2)",
            "throttle_entries [(\"kind\", \"address\")] Gauge(2.0)",
            "throttle_entries [(\"kind\", \"user\")] Gauge(1.0)",
            "throttle_entries [(\"kind\", \"pair\")] Gauge(1.0)",
        ]
    );
}

#[test]
fn no_name_and_no_address_is_kept() {
    let world = World::new(options());
    world.fails(1, "192.0.2.77", "alice");
    world.succeeds("192.0.2.77", "alice");
    let (attempt, _) = world.attempt("192.0.2.77", "alice");
    let shown = format!("{attempt:?} {:?}", world.throttle);
    assert!(!shown.contains("alice") && !shown.contains("192.0.2.77"));
    let other = World::new(options());
    let (again, _) = other.attempt("192.0.2.77", "alice");
    assert_ne!(attempt, again, "a secret of its own");
}
