//! Tests of secrets that are read, kept and sent to a server.

use std::fs;
use std::path::Path;

use async_nats::Auth;
use portcullis_claims::{IssuerKey, PublicKey, UserClaims, VerifyingKey as _};
use portcullis_core::{Permit, Secret, with_causes};
use portcullis_files::MemoryDisk;
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_800_000_000;
const NONCE: &[u8] = b"a nonce";

fn credentials(jwt: &str, seed: &str) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

fn seed() -> Secret {
    UserKey::generate_seed().unwrap()
}

fn literal(text: &str) -> SecretSource {
    Secret::new(text).into()
}

fn in_file(directory: &TempDir, name: &str) -> (std::path::PathBuf, SecretSource) {
    let path = directory.path().join(name);
    (path.clone(), SecretSource::File(path))
}

fn reader(authentication: Authentication) -> ProofReader {
    ProofReader::new(authentication, Arc::new(SystemDisk))
}

fn answer(authentication: Authentication) -> Auth {
    let reading = reader(authentication).read().unwrap().unwrap();
    reading.proof.answer(NONCE).unwrap()
}

fn assert_signed_by(seed: &Secret, auth: &Auth) {
    let key = UserKey::from_seed(seed.expose()).unwrap();
    let public: PublicKey = key.public_key().parse().unwrap();
    assert!(public.verifies(NONCE, auth.signature.as_ref().unwrap()));
}

#[test]
fn an_nkey_is_shown_and_signs_the_nonce() {
    let seed = seed();
    let auth = answer(Authentication::Nkey(seed.clone().into()));
    let key = UserKey::from_seed(seed.expose()).unwrap();
    assert_eq!(auth.nkey.as_deref(), Some(key.public_key()));
    assert_eq!(auth.jwt, None);
    assert_signed_by(&seed, &auth);
}

#[test]
fn a_user_jwt_comes_from_one_file_or_from_two() {
    let seed = seed();
    let jwt = user_jwt(&seed);
    let whole = Authentication::Credentials(literal(&credentials(&jwt, seed.expose())));
    let apart = Authentication::UserJwt {
        jwt: literal(&jwt),
        seed: seed.clone().into(),
    };
    for authentication in [whole, apart] {
        let auth = answer(authentication);
        assert_eq!(auth.jwt.as_deref(), Some(jwt.as_str()));
        assert_eq!(auth.nkey, None);
        assert_signed_by(&seed, &auth);
    }
}

#[test]
fn passwords_and_tokens_are_passed_unchanged() {
    let auth = answer(Authentication::Password {
        user: "me".to_owned(),
        password: literal("s3cret"),
    });
    assert_eq!(auth.username.as_deref(), Some("me"));
    assert_eq!(auth.password.as_deref(), Some("s3cret"));
    assert_eq!(
        answer(Authentication::Token(literal("t0ken")))
            .token
            .as_deref(),
        Some("t0ken")
    );
    let nothing = reader(Authentication::None).read().unwrap();
    assert!(nothing.is_none());
}

#[test]
fn a_rotated_file_is_used_at_the_next_connection() {
    let directory = tempfile::tempdir().unwrap();
    let (path, source) = in_file(&directory, "token");
    fs::write(&path, "old").unwrap();
    let reader = reader(Authentication::Token(source));
    for token in ["old", "new"] {
        fs::write(&path, token).unwrap();
        let reading = reader.read().unwrap().unwrap();
        assert!(reading.stale.is_none());
        assert_eq!(
            reading.proof.answer(NONCE).unwrap().token.as_deref(),
            Some(token)
        );
    }
}

#[test]
fn a_file_in_the_middle_of_being_written_does_not_replace_the_last_good_one() {
    let directory = tempfile::tempdir().unwrap();
    let (path, source) = in_file(&directory, "user.creds");
    let seed = seed();
    let jwt = user_jwt(&seed);
    let whole = credentials(&jwt, seed.expose());
    fs::write(&path, &whole).unwrap();
    let reader = reader(Authentication::Credentials(source));
    reader.read().unwrap();
    let half = whole.split_at(whole.find("BEGIN USER").unwrap()).0;
    for broken in ["", half] {
        fs::write(&path, broken).unwrap();
        assert_stale(&reader, &path, &jwt);
    }
    fs::remove_file(&path).unwrap();
    assert_stale(&reader, &path, &jwt);
    fs::write(&path, &whole).unwrap();
    assert!(reader.read().unwrap().unwrap().stale.is_none());
}

/// Asserts that the reader falls back on `jwt` and names the wrong file without quoting it.
fn assert_stale(reader: &ProofReader, path: &Path, jwt: &str) {
    let reading = reader.read().unwrap().unwrap();
    assert_eq!(
        reading.proof.answer(NONCE).unwrap().jwt.as_deref(),
        Some(jwt)
    );
    let stale = with_causes(&reading.stale.unwrap());
    assert!(
        stale.starts_with(&format!("`{}` ", path.display())),
        "{stale}"
    );
    assert!(!stale.contains(jwt), "{stale}");
}

#[test]
fn a_file_system_that_does_not_answer_leaves_the_last_good_secret_in_use() {
    let disk = MemoryDisk::default();
    disk.put("/keys/token", b"t0ken");
    let source = SecretSource::File("/keys/token".into());
    let reader = ProofReader::new(Authentication::Token(source), Arc::new(disk.clone()));
    assert!(reader.read().unwrap().unwrap().stale.is_none());
    disk.set_hook(|_, _| Err(std::io::ErrorKind::TimedOut.into()));
    let reading = reader.read().unwrap().unwrap();
    let token = reading.proof.answer(NONCE).unwrap().token;
    assert_eq!(token.as_deref(), Some("t0ken"));
    assert_eq!(
        reading.stale.unwrap().to_string(),
        "`/keys/token` was not read within 5s: its file system does not answer"
    );
    disk.remove_hook();
    assert!(reader.read().unwrap().unwrap().stale.is_none());
}

#[test]
fn what_never_was_good_is_an_error_that_names_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let (path, source) = in_file(&directory, "user.nk");
    let reader = reader(Authentication::Nkey(source));
    let missing = format!("`{}` does not exist", path.display());
    assert_eq!(reader.read().unwrap_err().to_string(), missing);
    fs::write(&path, "SUHUNTER2").unwrap();
    let error = with_causes(&reader.read().unwrap_err());
    assert!(
        error.starts_with(&format!(
            "`{}` is not usable: expected a user seed",
            path.display()
        )),
        "{error}"
    );
    assert!(!error.contains("HUNTER2"), "{error}");
}

#[test]
fn debug_shows_no_secret() {
    let seed = seed();
    let reader = reader(Authentication::Password {
        user: "me".to_owned(),
        password: seed.clone().into(),
    });
    let reading = reader.read().unwrap();
    let debug = format!("{reader:?} {reading:?}");
    assert!(!debug.contains(seed.expose()), "{debug}");
}

/// Makes a user JWT for the public key of `seed`.
fn user_jwt(seed: &Secret) -> String {
    let issuer = IssuerKey::generate_seed().unwrap();
    let issuer = IssuerKey::from_seed(issuer.expose()).unwrap();
    let user = UserKey::from_seed(seed.expose()).unwrap();
    let permit = Permit::builder("APP", NOW).finish().unwrap();
    UserClaims::from_permit(user.public_key(), &permit, NOW)
        .sign(&issuer)
        .unwrap()
}
