//! Accounts whose JWTs are judged, and the content of their files.

use std::fs;
use std::path::PathBuf;

use portcullis_claims::{AccountClaims, KeyKind, SigningKey};
use portcullis_core::{Allowed, with_causes};
use rstest::rstest;

use super::*;
use crate::AccountSource;
use crate::oidc::testing::until;
use crate::user_jwt::testing::{NOW, World, key};

fn by_keys(world: &World) -> TrustedAccounts {
    let source = AccountSource::Keys {
        key: world.account.as_public().clone(),
        signing_keys: vec![world.signing_key.as_public().clone()],
    };
    TrustedAccounts::new(vec![options(source)], Allowed::Any).unwrap()
}

fn options(source: AccountSource) -> AccountOptions {
    let name = "APP".to_owned();
    AccountOptions { name, source }
}

/// Returns the subject of the JWT, the account and the tags, if the JWT is judged.
fn judged(
    accounts: &TrustedAccounts,
    world: &World,
    jwt: String,
) -> Result<Option<(String, String, Vec<String>)>, String> {
    let request = world.login(jwt);
    let jwt = PresentedJwt::of(&request.credentials);
    let nkey = world.user.as_public();
    let verified = accounts.verify(&jwt, Some(nkey), &request);
    let told = |user: VerifiedUser| (user.subject, user.account.to_string(), user.tags);
    verified
        .map(|user| user.map(told))
        .map_err(|error| with_causes(&error))
}

fn spoken_for(world: &World, signer: &SigningKey) -> String {
    let account = world.account.public_key();
    let claims = world.user_claims().in_operator_mode(Some(account));
    claims.sign(signer).unwrap()
}

#[test]
fn an_account_and_its_signing_keys_are_believed() {
    let world = World::new();
    let accounts = by_keys(&world);
    let told = Ok(Some((
        world.user.public_key().to_owned(),
        world.account.public_key().to_owned(),
        vec!["team:a".to_owned()],
    )));
    let own = world.user_claims().sign(&world.account).unwrap();
    assert_eq!(judged(&accounts, &world, own), told);
    let signed = spoken_for(&world, &world.signing_key);
    assert_eq!(judged(&accounts, &world, signed), told);
}

#[test]
fn the_claims_are_those_of_the_jwt() {
    let world = World::new();
    let request = world.login(world.user_claims().sign(&world.account).unwrap());
    let jwt = PresentedJwt::of(&request.credentials);
    let verified = by_keys(&world)
        .verify(&jwt, Some(world.user.as_public()), &request)
        .unwrap()
        .unwrap();
    assert_eq!(verified.claims.texts("sub"), [world.user.public_key()]);
    assert_eq!(verified.claims.texts("nats.tags"), ["team:a"]);
    assert_eq!(verified.expires_at, Some(NOW + 1000));
}

#[test]
fn accounts_outside_the_configuration_are_unknown() {
    let world = World::new();
    let stranger = world.user_claims().sign(&world.stranger).unwrap();
    assert_eq!(judged(&by_keys(&world), &world, stranger.clone()), Ok(None));
    // A signing key that does not name its account counts as an account itself.
    let alone = world.user_claims().sign(&world.signing_key).unwrap();
    assert_eq!(judged(&by_keys(&world), &world, alone), Ok(None));
    let nobody = TrustedAccounts::default();
    assert_eq!(judged(&nobody, &world, "broken".to_owned()), Ok(None));
    let mut request = world.login(stranger);
    request.credentials.jwt = None;
    let jwt = PresentedJwt::of(&request.credentials);
    let verified = by_keys(&world).verify(&jwt, None, &request).unwrap();
    assert!(verified.is_none());
}

#[rstest]
#[case::forged(
    |world: &World, token: &str| {
        // The account's claims with another account's signature.
        let (claims, _) = token.rsplit_once('.').unwrap();
        let other = world.user_claims().sign(&world.stranger).unwrap();
        format!("{claims}.{}", other.rsplit_once('.').unwrap().1)
    },
    "the user JWT cannot be used: the token's signature does not match its issuer"
)]
#[case::no_jwt(
    |_: &World, _: &str| "eyJ".to_owned(),
    "the user JWT cannot be used: not a JWT: expected three chunks separated by dots"
)]
#[case::another_kind(
    |world: &World, _: &str| world.account_claims().sign(&world.account).unwrap(),
    "the user JWT cannot be used: the token is not of the type `user`"
)]
#[case::signed_for_the_account_by_a_stranger(
    |world: &World, _: &str| spoken_for(world, &world.stranger),
    "the user JWT is signed by a key that is none of account `APP`"
)]
fn what_cannot_be_believed_is_refused(
    #[case] spoil: fn(&World, &str) -> String,
    #[case] reason: &str,
) {
    let world = World::new();
    let good = world.user_claims().sign(&world.account).unwrap();
    let jwt = spoil(&world, &good);
    assert_eq!(
        judged(&by_keys(&world), &world, jwt),
        Err(reason.to_owned())
    );
}

/// A directory with an account JWT.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn with(content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = Self { directory };
        files.write(content);
        files
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("app.jwt")
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(self.path(), content).unwrap();
    }

    fn accounts(
        &self,
        key: Option<PublicKey>,
        operators: Allowed<PublicKey>,
    ) -> Result<TrustedAccounts, String> {
        let file = self.path();
        let options = options(AccountSource::Jwt {
            file,
            key,
            roles: vec!["reader".to_owned()],
        });
        TrustedAccounts::new(vec![options], operators)
            .map_err(|error| with_causes(&error).replace(&format!("{}/", self.parent()), ""))
    }

    fn parent(&self) -> String {
        self.directory.path().display().to_string()
    }
}

fn account_jwt(world: &World, change: impl FnOnce(&mut AccountClaims)) -> String {
    let mut claims = world.account_claims();
    change(&mut claims);
    claims.sign(&world.operator).unwrap()
}

#[rstest]
#[case::bare("", "")]
#[case::with_a_line_end("", "\n")]
#[case::decorated(
    "-----BEGIN NATS ACCOUNT JWT-----\r\n",
    "\r\n------END NATS ACCOUNT JWT------\r\n"
)]
#[case::with_a_byte_order_mark("\u{feff}", "\r\n\r\n")]
fn an_account_jwt_is_read_however_it_was_saved(#[case] before: &str, #[case] after: &str) {
    let world = World::new();
    let jwt = account_jwt(&world, |_| ());
    let files = Files::with(format!("{before}{jwt}{after}"));
    let operators = Allowed::only([world.operator.as_public().clone()]).unwrap();
    let accounts = files
        .accounts(Some(world.account.as_public().clone()), operators)
        .unwrap();
    let signed = spoken_for(&world, &world.signing_key);
    assert!(judged(&accounts, &world, signed).unwrap().is_some());
}

#[test]
fn files_that_prove_nothing_are_named() {
    let world = World::new();
    let good = account_jwt(&world, |_| ());
    let refused = |content: &str, key: Option<&SigningKey>, operator: Option<&SigningKey>| {
        let public = |key: &SigningKey| key.as_public().clone();
        let operators = Allowed::only(operator.map(public)).unwrap_or(Allowed::Any);
        let accounts = Files::with(content).accounts(key.map(public), operators);
        let error = accounts.unwrap_err();
        let prefix = "the users of account `APP` cannot be trusted: ";
        error.strip_prefix(prefix).unwrap().to_owned()
    };
    assert_eq!(
        refused("", None, None),
        "`app.jwt` has no line that is a JWT"
    );
    assert_eq!(
        refused("eyJ", None, None),
        "`app.jwt` has no account JWT: not a JWT: expected three chunks separated by dots"
    );
    let user = world.user_claims().sign(&world.account).unwrap();
    assert_eq!(
        refused(&user, None, None),
        "`app.jwt` has no account JWT: the token is not of the type `account`"
    );
    assert_eq!(
        refused(&good, Some(&world.stranger), None),
        format!(
            "`app.jwt` is the JWT of account `{}`, not of `{}`",
            world.account.public_key(),
            world.stranger.public_key()
        )
    );
    assert_eq!(
        refused(&good, None, Some(&key(KeyKind::Operator))),
        format!(
            "`app.jwt` is signed by `{}`, which is none of `operators`",
            world.operator.public_key()
        )
    );
    let own = world.account_claims().sign(&world.account).unwrap();
    assert!(refused(&own, None, Some(&world.operator)).contains("none of `operators`"));
    let large = "e".repeat(2 * 1024 * 1024);
    assert_eq!(
        refused(&large, None, None),
        "`app.jwt` has more than 1052672 bytes; an account JWT has fewer"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let files = Files::with("");
    fs::remove_file(files.path()).unwrap();
    let error = files.accounts(None, Allowed::Any).unwrap_err();
    let start = "the users of account `APP` cannot be trusted: `app.jwt` cannot be read: ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn an_account_has_one_name() {
    let world = World::new();
    let named = |name: &str| AccountOptions {
        name: name.to_owned(),
        source: AccountSource::Keys {
            key: world.account.as_public().clone(),
            signing_keys: Vec::new(),
        },
    };
    let error = TrustedAccounts::new(vec![named("A"), named("B")], Allowed::Any).unwrap_err();
    assert_eq!(error.to_string(), "`A` and `B` are the same account");
}

#[tokio::test]
async fn a_file_that_changes_counts_and_one_that_breaks_does_not() {
    let world = World::new();
    let files = Files::with(account_jwt(&world, |_| ()));
    let accounts = files.accounts(None, Allowed::Any).unwrap();
    let known = accounts.accounts.values().next().unwrap();
    let is_good = || {
        let jwt = spoken_for(&world, &world.signing_key);
        judged(&accounts, &world, jwt).is_ok_and(|user| user.is_some())
    };
    known.look().await;
    assert!(is_good());
    files.write(account_jwt(&world, |claims| {
        claims.nats.revocations.insert("*".to_owned(), i64::MAX);
    }));
    assert!(is_good(), "nobody has looked yet");
    known.look().await;
    assert!(!is_good(), "revoked");
    for broken in ["", "eyJ", "eyJ.eyJ.eyJ"] {
        files.write(broken);
        known.look().await;
        assert!(!is_good(), "what was revoked stays revoked: {broken}");
    }
    fs::remove_file(files.path()).unwrap();
    known.look().await;
    assert!(!is_good());
    let stranger = World::new();
    files.write(account_jwt(&stranger, |_| ()));
    known.look().await;
    assert!(!is_good(), "another account's JWT");
    files.write(account_jwt(&world, |_| ()));
    known.look().await;
    assert!(is_good());
    // A FIFO blocks a reader until it has a writer.
    fs::remove_file(files.path()).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, files.path(), fifo, mode, 0).unwrap();
    let looked = tokio::time::timeout(Duration::from_mins(1), known.look()).await;
    looked.expect("reading a FIFO does not wait");
    assert!(is_good(), "what is known stays in use");
    fs::remove_file(files.path()).unwrap();
    files.write(account_jwt(&world, |claims| {
        claims.nats.revocations.insert("*".to_owned(), i64::MAX);
    }));
    known.look().await;
    assert!(!is_good(), "a revocation after that is seen");
}

#[tokio::test]
async fn files_are_looked_at_by_themselves() {
    let world = World::new();
    let files = Files::with(account_jwt(&world, |_| ()));
    let accounts = files.accounts(None, Allowed::Any).unwrap();
    accounts.start();
    files.write(account_jwt(&world, |claims| {
        claims.nats.revocations.insert("*".to_owned(), i64::MAX);
    }));
    until(|| {
        let jwt = world.user_claims().sign(&world.account).unwrap();
        judged(&accounts, &world, jwt).is_err()
    })
    .await;
}
