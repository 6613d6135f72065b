//! The memory of a throttle: its bounds and its samples.

use super::*;

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
