//! Attempts that wait for the result of others.

use super::*;

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
async fn a_waiting_attempt_continues_when_another_succeeds() {
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
async fn a_waiting_attempt_is_refused_when_the_others_fail() {
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
async fn no_caller_waits_beyond_the_deadline() {
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
