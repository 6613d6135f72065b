//! A resolver over a disk in memory, whose store has an operator and one account.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use data_encoding::BASE64URL_NOPAD;
use portcullis_accounts::resolver::{Resolver, ResolverOptions};
use portcullis_accounts::{AccountJwt, Store};
use portcullis_claims::{AccountClaims, KeyKind, OperatorClaims, Signer, SigningKey, fuzzing};
use portcullis_core::PublicKey;
use portcullis_environment::ManualClock;
use portcullis_files::MemoryDisk;

/// The time, and that of the stored version.
pub const NOW: u64 = 1_795_300_862;
/// The root of the store.
const ROOT: &str = "/store";

/// The keys whose seeds are known here.
struct Keys {
    operator: SigningKey,
    stranger: SigningKey,
    account: SigningKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = |kind, byte| {
        let seed = fuzzing::seed_text(kind, &[byte; 32]);
        SigningKey::from_seed(seed.expose(), kind).unwrap()
    };
    Keys {
        operator: key(KeyKind::Operator, 1),
        stranger: key(KeyKind::Operator, 2),
        account: key(KeyKind::Account, 3),
    }
});

/// A resolver and its store.
pub struct Site {
    pub resolver: Resolver,
    store: Store,
    disk: MemoryDisk,
    account: PublicKey,
    /// The version that every input begins with.
    first: String,
}

impl Site {
    /// Creates a store with an operator and one account.
    pub fn new(options: ResolverOptions) -> Self {
        let disk = MemoryDisk::default();
        let store = Store::at(Arc::new(disk.clone()), Path::new(ROOT));
        let operator = OperatorClaims::new(KEYS.operator.public_key(), NOW);
        let operator = operator.sign(&KEYS.operator).unwrap();
        disk.put(format!("{ROOT}/operator.jwt"), operator.as_bytes());
        disk.put_directory(format!("{ROOT}/accounts"));
        let account: PublicKey = KEYS.account.public_key().parse().unwrap();
        let mut claims = AccountClaims::new(account.as_str(), NOW);
        claims.name = Some("APP".to_owned());
        let first = claims.sign(&KEYS.operator).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let site = Self {
            resolver: Resolver::new(store.clone(), clock, options, None),
            store,
            disk,
            account,
            first,
        };
        site.reset();
        site
    }

    /// Checks the version that an input left, and puts the first one back.
    pub fn check_and_reset(&self) {
        let stored = self.store.accounts().get(&self.account).unwrap();
        let Some(stored) = stored else {
            // A deletion over NATS.
            return self.reset();
        };
        if stored.token == self.first {
            return;
        }
        assert!(stored.issued_at() > NOW, "an earlier version");
        let issuer = stored.claims.issuer.as_deref();
        assert_eq!(issuer, Some(KEYS.operator.public_key()));
        assert!(AccountJwt::decode(&stored.token).is_ok());
        self.reset();
    }

    fn reset(&self) {
        let file = format!("{ROOT}/accounts/{}.jwt", self.account);
        self.disk.put(file, self.first.as_bytes());
    }
}

/// Returns the text with `@O` replaced by the operator's public key, `@S` by another operator's,
/// `@A` by the account's and `@T` by the stored version.
pub fn expand(text: &str, site: &Site) -> String {
    text.replace("@O", KEYS.operator.public_key())
        .replace("@S", KEYS.stranger.public_key())
        .replace("@A", site.account.as_str())
        .replace("@T", &site.first)
}

/// Returns the body that an input stands for: after `o`, `s` or `a`, claims that the operator,
/// another one or the account signs; any other input is the body itself.
pub fn body(input: &str, site: &Site) -> String {
    let claims = |rest: &str, key: &SigningKey| sign(&expand(rest, site), key);
    match input.split_at_checked(1) {
        Some(("o", rest)) => claims(rest, &KEYS.operator),
        Some(("s", rest)) => claims(rest, &KEYS.stranger),
        Some(("a", rest)) => claims(rest, &KEYS.account),
        _ => expand(input, site),
    }
}

/// Returns a token with these claims and a good signature.
fn sign(claims: &str, key: &SigningKey) -> String {
    let header = br#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
    let head = [header.as_slice(), claims.as_bytes()];
    let head = head.map(|part| BASE64URL_NOPAD.encode(part)).join(".");
    let signature = key.sign(head.as_bytes()).unwrap();
    format!("{head}.{}", BASE64URL_NOPAD.encode(&signature))
}
