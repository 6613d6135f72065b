//! Known vectors, unusable hashes, deadlines and slots.

use std::time::Duration;

use portcullis_environment::ManualClock;
use rstest::rstest;

use super::*;
use crate::{hash_password, hash_token};

const TOKEN_SUM: &str = "sha256:a333574b2a8e1cf11d9f003be0c6ef76095afcfdfbc8768b48c8170f1231e01e";
const ARGON2ID: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const SCRYPT: &str =
    "$scrypt$ln=10,r=8,p=1$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI";
const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// Asker of all tests.
const ASKER: Asker<'_> = Asker {
    policy: "p",
    address: None,
};

fn later() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn matches(secret: &str, hash: &str) -> Result<bool, HashError> {
    PasswordVerifier::default().matches(&Secret::new(secret), hash, ASKER, later())
}

/// Uses vectors of argon2 (`test.c` of the reference implementation), scrypt (Python's `hashlib`),
/// bcrypt (`wrapper.c` of `crypt_blowfish`) and sha256 (`sha256sum`).
#[rstest]
#[case::argon2id(ARGON2ID, "password")]
#[case::argon2id_two_lanes(
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "password"
)]
#[case::argon2i(
    "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
    "password"
)]
#[case::argon2i_version_1_0(
    "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    "password"
)]
#[case::argon2i_version_left_out(
    "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    "password"
)]
#[case::scrypt(SCRYPT, "correct horse")]
#[case::scrypt_three_lanes(
    "$scrypt$ln=8,r=4,p=3$TmFDbDRwb3J0Y3VsbGlzIQ$OAS9Wz9AtieXBShRTADLjOD+ZhZ/opWHFltptFN9X/Y",
    "correct horse"
)]
#[case::bcrypt_2a(BCRYPT, "U*U")]
#[case::bcrypt_2b("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U")]
#[case::bcrypt_2y("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U")]
#[case::bcrypt_72_bytes(
    "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)]
#[case::plain("plain:correct horse", "correct horse")]
#[case::plain_with_colons("plain:$2b$:x", "$2b$:x")]
#[case::sha256(TOKEN_SUM, "a long random token")]
#[case::sha256_upper_case(
    "sha256:A333574B2A8E1CF11D9F003BE0C6EF76095AFCFDFBC8768B48C8170F1231E01E",
    "a long random token"
)]
fn known_secrets_match_and_no_others(#[case] hash: &str, #[case] secret: &str) {
    assert_eq!(matches(secret, hash), Ok(true));
    let shorter = secret.get(1..).unwrap();
    for wrong in ["", "wrong", shorter, &format!("{secret}x"), hash] {
        assert_eq!(matches(wrong, hash), Ok(false), "{wrong} was accepted");
    }
    assert_eq!(PasswordVerifier::default().check(hash), Ok(()));
}

#[test]
fn what_bcrypt_does_not_look_at_does_not_match() {
    // The 73rd byte, and `U*U` repeated after a NUL byte: bcrypt itself accepts both.
    let beyond = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars";
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    assert!(bcrypt::verify(beyond, hash).unwrap());
    assert_eq!(matches(beyond, hash), Ok(false));
    assert!(bcrypt::verify("U*U\0U*U", BCRYPT).unwrap());
    assert_eq!(matches("U*U\0U*U", BCRYPT), Ok(false));
}

#[rstest]
#[case::empty("", HashError::Unrecognized)]
#[case::a_password("hunter2", HashError::Unrecognized)]
#[case::pbkdf2(
    "$pbkdf2-sha256$i=1000$c29tZXNhbHQ$c29tZXNhbHQ",
    HashError::Unrecognized
)]
#[case::the_broken_bcrypt(
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    HashError::Unrecognized
)]
#[case::sha512("sha512:00", HashError::Unrecognized)]
#[case::argon2_alone("$argon2id$", HashError::Malformed("argon2"))]
#[case::argon2_unknown(
    "$argon2ix$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::Malformed("argon2")
)]
#[case::argon2_without_output(
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
    HashError::Malformed("argon2")
)]
#[case::argon2_version_of_the_future(
    "$argon2id$v=42$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::Malformed("argon2")
)]
#[case::argon2_no_passes(
    "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::Malformed("argon2")
)]
#[case::scrypt_truncated("$scrypt$ln=10,r=8", HashError::Malformed("scrypt"))]
#[case::scrypt_unknown_parameter(
    "$scrypt$ln=10,q=8$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::Malformed("scrypt")
)]
#[case::scrypt_not_a_number(
    "$scrypt$ln=ten$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::Malformed("scrypt")
)]
#[case::scrypt_no_block_size(
    "$scrypt$ln=10,r=0,p=1$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::Malformed("scrypt")
)]
#[case::bcrypt_truncated("$2b$05$CCCCCCCCCCCCCCCCCCCCC.", HashError::Malformed("bcrypt"))]
#[case::bcrypt_too_cheap(
    "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    HashError::Malformed("bcrypt")
)]
#[case::plain_empty("plain:", HashError::Malformed("plain"))]
#[case::sha256_short("sha256:a333", HashError::Malformed("sha256"))]
#[case::sha256_not_hexadecimal(
    "sha256:z333574b2a8e1cf11d9f003be0c6ef76095afcfdfbc8768b48c8170f1231e01e",
    HashError::Malformed("sha256")
)]
#[case::argon2_memory(
    "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::TooCostly("argon2")
)]
#[case::argon2_passes(
    "$argon2id$v=19$m=65536,t=17,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::TooCostly("argon2")
)]
#[case::argon2_everything(
    "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    HashError::TooCostly("argon2")
)]
#[case::scrypt_memory(
    "$scrypt$ln=19,r=8,p=1$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::TooCostly("scrypt")
)]
#[case::scrypt_lanes(
    "$scrypt$ln=17,r=8,p=5$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::TooCostly("scrypt")
)]
#[case::scrypt_numbers_that_overflow(
    "$scrypt$ln=1,r=65536,p=65536$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::TooCostly("scrypt")
)]
#[case::scrypt_shift_that_overflows(
    "$scrypt$ln=64,r=1,p=1$TmFDbDRwb3J0Y3VsbGlzIQ$wJt9ruf0vr+uULzoDh5PC9s9dZO0NHQZlka0rF/MpdI",
    HashError::TooCostly("scrypt")
)]
#[case::bcrypt_cost(
    "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    HashError::TooCostly("bcrypt")
)]
fn unusable_hashes_are_named_before_anything_is_computed(
    #[case] hash: &str,
    #[case] error: HashError,
) {
    assert_eq!(PasswordVerifier::default().check(hash), Err(error));
    // The deadline has passed, so any answer other than `Deadline` was given without waiting for a
    // slot.
    let now = Instant::now();
    let secret = Secret::new("password");
    assert_eq!(
        PasswordVerifier::default().matches(&secret, hash, ASKER, now),
        Err(error)
    );
}

#[rstest]
fn slow_hashes_respect_the_deadline(#[values(ARGON2ID, SCRYPT, BCRYPT)] hash: &str) {
    let verifier = PasswordVerifier::default();
    let secret = Secret::new("password");
    assert_eq!(
        verifier.matches(&secret, hash, ASKER, Instant::now()),
        Err(HashError::Deadline)
    );
}

#[test]
fn slow_hashes_wait_for_a_slot_and_fast_ones_do_not() {
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN);
    let secret = Secret::new("password");
    let soon = || Instant::now() + Duration::from_millis(20);
    let held = verifier.workers.occupy(ASKER);
    assert_eq!(
        verifier.matches(&secret, ARGON2ID, ASKER, soon()),
        Err(HashError::Deadline)
    );
    assert_eq!(
        verifier.matches(&secret, "plain:password", ASKER, soon()),
        Ok(true)
    );
    assert_eq!(verifier.check(ARGON2ID), Ok(()));
    drop(held);
    assert_eq!(
        verifier.matches(&secret, ARGON2ID, ASKER, later()),
        Ok(true)
    );
    assert_eq!(
        verifier.matches(&secret, ARGON2ID, ASKER, later()),
        Ok(true)
    );
}

#[test]
fn a_remembered_password_needs_no_worker() {
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN)
        .remembering(Duration::from_mins(5))
        .unwrap();
    let compare = |secret: &str, hash: &str, deadline| {
        let secret = Secret::new(secret);
        verifier.matches(&secret, hash, ASKER, deadline)
    };
    let soon = || Instant::now() + Duration::from_millis(20);
    assert_eq!(compare("password", ARGON2ID, later()), Ok(true));
    assert_eq!(compare("wrong", ARGON2ID, later()), Ok(false));
    assert_eq!(verifier.remembered_hits(), 0);
    let _held = verifier.workers.occupy(ASKER);
    assert_eq!(compare("password", ARGON2ID, soon()), Ok(true));
    assert_eq!(verifier.remembered_hits(), 1);
    for (secret, hash) in [
        ("wrong", ARGON2ID),
        ("password", SCRYPT),
        ("correct horse", SCRYPT),
    ] {
        let late = Err(HashError::Deadline);
        assert_eq!(compare(secret, hash, soon()), late, "{secret} {hash}");
    }
    assert_eq!(verifier.remembered_hits(), 1);
}

#[test]
fn a_remembered_password_expires_by_the_clock() {
    let clock = ManualClock::new(0);
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN)
        .remembering(Duration::from_mins(5))
        .unwrap()
        .with_clock(Arc::new(clock.clone()));
    let compare = || verifier.matches(&Secret::new("password"), ARGON2ID, ASKER, later());
    assert_eq!((compare(), compare()), (Ok(true), Ok(true)));
    assert_eq!(verifier.remembered_hits(), 1);
    clock.advance(Duration::from_mins(5));
    assert_eq!(compare(), Ok(true));
    assert_eq!(verifier.remembered_hits(), 1);
}

#[test]
fn nothing_is_remembered_unless_it_is_asked_for() {
    let verifier = PasswordVerifier::new(NonZeroUsize::MIN);
    let secret = Secret::new("password");
    assert_eq!(
        verifier.matches(&secret, ARGON2ID, ASKER, later()),
        Ok(true)
    );
    let _held = verifier.workers.occupy(ASKER);
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(
        verifier.matches(&secret, ARGON2ID, ASKER, soon),
        Err(HashError::Deadline)
    );
    assert_eq!(verifier.remembered_hits(), 0);
}

#[test]
fn hashes_made_here_match_here() {
    let password = hash_password("correct horse").unwrap();
    assert_eq!(matches("correct horse", &password), Ok(true));
    assert_eq!(matches("wrong", &password), Ok(false));
    let token = hash_token("s3cret");
    assert_eq!(matches("s3cret", &token), Ok(true));
    assert_eq!(matches("wrong", &token), Ok(false));
}

#[rstest]
fn debug_shows_nothing_of_a_hash(
    #[values(ARGON2ID, SCRYPT, BCRYPT, TOKEN_SUM, "plain:hunter2")] hash: &str,
) {
    let debug = format!("{:?}", StoredHash::parse(hash).unwrap());
    assert!(debug.contains("[redacted]"), "{debug}");
    for part in hash.split(['$', ':']).filter(|part| part.len() > 6) {
        assert!(
            part.starts_with("argon2") || !debug.contains(part),
            "{debug}"
        );
    }
}
