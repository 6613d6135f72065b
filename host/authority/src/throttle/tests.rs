//! Tests of the delayed and refused attempts.

use portcullis_core::{Client, Denial, Outcome, Permit};
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
fn others_do_not_lock_out_who_is_known() {
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
fn names_beside_a_user_name_make_no_other_user() {
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
fn a_name_beside_those_that_are_known_is_not_known() {
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
fn attempts_at_the_same_time_cannot_fail_more_often_than_others() {
    let world = World::new(options());
    let hosts: Vec<_> = (0..60).map(|number| format!("10.0.1.{number}")).collect();
    let undecided: Vec<_> = hosts[..3]
        .iter()
        .map(|host| world.begins(host, "alice"))
        .collect();
    for host in &hosts[3..] {
        let admitted = world.admit(host, "alice");
        assert!(matches!(admitted, Ok(Admitted::NotYet(_))), "{admitted:?}");
    }
    for attempt in undecided {
        attempt.conclude(&denied(DenialClass::PolicyDenied), false);
    }
    for host in &hosts {
        assert!(!world.is_admitted(host, "alice"), "{host}");
    }
    assert_eq!(world.failures(), 3);
}

#[test]
fn an_attempt_that_cannot_go_on_takes_no_room() {
    let world = World::new(options());
    let undecided: Vec<_> = (0..3).map(|_| world.begins("", "alice")).collect();
    for _ in 0..100 {
        let admitted = world.admit("10.0.0.7", "alice");
        assert!(matches!(admitted, Ok(Admitted::NotYet(_))));
    }
    let others: Vec<_> = (0..10)
        .map(|number| world.begins("10.0.0.7", &format!("user-{number}")))
        .collect();
    drop((undecided, others));
    assert!(world.is_admitted("10.0.0.7", "alice"));
}

#[tokio::test]
async fn who_waits_goes_on_when_another_succeeds() {
    let world = World::new(options());
    let mut undecided: Vec<_> = (0..3).map(|_| world.begins("", "alice")).collect();
    let (attempt, client) = world.attempt("", "alice");
    let far = world.far();
    let mut place = Place::default();
    let mut waiting = Box::pin(world.throttle.admit(attempt, &client, far, &mut place));
    assert!(futures::poll!(&mut waiting).is_pending());
    let permit = Permit::builder("APP", 100).finish().unwrap();
    let succeeds = undecided.pop().unwrap();
    succeeds.conclude(&Outcome::Permit(permit), false);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn who_waits_is_refused_when_the_others_fail() {
    let world = World::new(options());
    let undecided: Vec<_> = (0..3).map(|_| world.begins("", "alice")).collect();
    let (attempt, client) = world.attempt("", "alice");
    let far = world.far();
    let mut place = Place::default();
    let mut waiting = Box::pin(world.throttle.admit(attempt, &client, far, &mut place));
    assert!(futures::poll!(&mut waiting).is_pending());
    for attempt in undecided {
        attempt.conclude(&denied(DenialClass::PolicyDenied), false);
    }
    let refusal = waiting.await.unwrap_err();
    assert_eq!(refusal.denial.class, DenialClass::Throttled);
}

#[tokio::test]
async fn who_waits_gives_its_place_in_the_queue_to_others() {
    let world = World::new(options());
    let queue = Arc::new(Semaphore::new(2));
    let place = || Place::new(Arc::clone(&queue).try_acquire_owned().unwrap());
    let _undecided: Vec<_> = (0..3).map(|_| world.begins("", "alice")).collect();
    let far = world.far();
    let (attempt, client) = world.attempt("", "alice");
    let mut waits = place();
    let mut waiting = Box::pin(world.throttle.admit(attempt, &client, far, &mut waits));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(queue.available_permits(), 2);
    let (attempt, client) = world.attempt("", "bob");
    let mut goes_on = place();
    let admission = world.throttle.admit(attempt, &client, far, &mut goes_on);
    assert!(admission.await.is_ok());
    assert_eq!(
        queue.available_permits(),
        1,
        "an attempt that need not wait"
    );
}

#[tokio::test]
async fn no_more_attempts_wait_than_there_are_places() {
    let world = World::new(options());
    let _undecided: Vec<_> = ["alice", "bob"]
        .into_iter()
        .flat_map(|user| (0..3).map(move |_| user))
        .map(|user| world.begins("", user))
        .collect();
    let far = world.far();
    let mut waiting = Vec::new();
    let begin = |user: &str| {
        let (attempt, client) = world.attempt("", user);
        let throttle = &world.throttle;
        Box::pin(async move {
            throttle
                .admit(attempt, &client, far, &mut Place::default())
                .await
        })
    };
    for _ in 0..1024 {
        let mut attempt = begin("alice");
        assert!(futures::poll!(&mut attempt).is_pending());
        waiting.push(attempt);
    }
    let refused = begin("alice").await.unwrap_err().denial;
    assert_eq!(refused.class, DenialClass::Throttled);
    assert!(refused.reason.contains("wait for others"), "{refused}");
    let mut bob = begin("bob");
    assert!(futures::poll!(&mut bob).is_pending(), "another name");
    drop(waiting.pop());
    assert!(futures::poll!(&mut begin("alice")).is_pending());
    let places = u32::try_from(world.throttle.waiting_room.available_permits()).unwrap();
    let _taken = world.throttle.waiting_room.acquire_many(places).await;
    assert!(begin("bob").await.is_err(), "no place in the waiting room");
}

#[tokio::test]
async fn nobody_waits_beyond_the_deadline() {
    let world = World::new(options());
    let _undecided: Vec<_> = (0..3).map(|_| world.begins("", "alice")).collect();
    let (attempt, client) = world.attempt("", "alice");
    let refusal = world
        .throttle
        .admit(attempt, &client, world.clock.now(), &mut Place::default())
        .await;
    let denial = refusal.unwrap_err().denial;
    assert_eq!(denial.class, DenialClass::Throttled);
    assert!(denial.reason.contains("being decided"), "{denial}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_let_in_one_after_the_other() {
    let world = Arc::new(World::new(options()));
    let far = world.far();
    let logins = (0..500).map(|number| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let names = format!("alice key:U{}", number % 7);
            let (attempt, client) = world.attempt(&format!("10.0.0.{}", number % 5), &names);
            let admission = world
                .throttle
                .admit(attempt, &client, far, &mut Place::default())
                .await
                .unwrap();
            tokio::task::yield_now().await;
            let permit = Permit::builder("APP", 100).finish().unwrap();
            admission.conclude(&Outcome::Permit(permit), false);
        })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap();
    }
}

#[test]
fn who_is_known_has_as_many_failures_as_a_user() {
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
fn nobody_is_known_for_ever() {
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
        world.fails(1, client.host.as_deref().unwrap(), &number.to_string());
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
            "throttle_entries [(\"kind\", \"user\")] Gauge(2.0)",
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
