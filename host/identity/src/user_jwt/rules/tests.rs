//! Each rule alone: what it rejects, and its message.

use std::path::Path;
use std::sync::Arc;

use portcullis_claims::{AccountClaims, SigningKey, TimeRule, UserScope};
use portcullis_core::{Allowed, ClientKind, with_causes};
use rstest::rstest;

use super::*;
use crate::user_jwt::testing::{NOW, World};
use crate::user_jwt::{AccountOptions, AccountSource};

/// A login that passes every rule, for tests to change.
struct Case {
    world: World,
    account: AccountClaims,
    user: UserClaims,
    signer: fn(&World) -> &SigningKey,
    request: AuthorizationRequest,
    /// Whether the client has proved to hold the user's key.
    proved: bool,
    /// Roles that the operator trusts.
    roles: &'static [&'static str],
}

impl Case {
    fn new(spoil: fn(&mut Self)) -> Self {
        let world = World::new();
        let mut case = Self {
            account: world.account_claims(),
            user: world.user_claims(),
            signer: |world| &world.account,
            request: world.login(String::new()),
            proved: true,
            roles: &["reader"],
            world,
        };
        spoil(&mut case);
        case
    }

    /// Sets another signer, which signs for the account.
    fn signed_by(&mut self, signer: fn(&World) -> &SigningKey) {
        self.signer = signer;
        self.user.nats.issuer_account = Some(self.world.account.public_key().to_owned());
    }

    /// Makes the user one of the role, with `change` applied to the role's template.
    fn of_role(&mut self, change: fn(&mut UserTemplate)) {
        self.signed_by(|world| &world.role_key);
        self.user = self.user.clone().scoped();
        let key = self.world.role_key.public_key();
        let scope = self.account.nats.signing_keys.scope(key).unwrap();
        let mut scope: UserScope = scope.clone();
        change(&mut scope.template);
        self.account.nats.signing_keys.insert_scope(scope);
    }

    fn revoke(&mut self, whom: &str, at: u64) {
        let whom = match whom {
            "user" => self.world.user.public_key(),
            other => other,
        };
        let at = i64::try_from(at).unwrap();
        self.account.nats.revocations.insert(whom.to_owned(), at);
    }

    fn outcome(self) -> Result<Option<u64>, String> {
        self.accepted().map(|accepted| accepted.expires_at)
    }

    fn accepted(self) -> Result<Accepted, String> {
        let account = self.account.sign(&self.world.operator).unwrap();
        let account =
            Account::of_jwt(account.as_bytes(), Path::new("app.jwt"), &Allowed::Any).unwrap();
        let mut known = known(&self.world);
        known.roles = texts(self.roles);
        let jwt = self.user.sign((self.signer)(&self.world)).unwrap();
        let user = UserClaims::decode(&jwt).unwrap();
        let nkey = self.proved.then(|| self.world.user.as_public());
        check(&user, &account, &known, nkey, &self.request).map_err(|error| with_causes(&error))
    }
}

/// Returns the operator's options for the account `APP`.
fn known(world: &World) -> KnownAccount {
    let options = AccountOptions {
        name: "APP".to_owned(),
        source: AccountSource::Keys {
            key: world.account.as_public().clone(),
            signing_keys: Vec::new(),
        },
    };
    KnownAccount::new(options, &Arc::new(Allowed::Any)).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Returns a range of times. `NOW` is 08:00:00 in UTC.
fn times(start: &str, end: &str) -> Vec<TimeRule> {
    vec![TimeRule {
        start: start.to_owned(),
        end: end.to_owned(),
    }]
}

#[rstest]
#[case::expired(|case: &mut Case| case.user.expires_at = Some(NOW - 1), "the user JWT expired 1 s ago")]
#[case::not_yet(
    |case: &mut Case| case.user.not_before = Some(NOW + 60),
    "the user JWT's `nbf` is 60 s in the future"
)]
#[case::another_account(
    |case: &mut Case| case.signed_by(|world| &world.stranger),
    "the user JWT is signed by a key that is none of account `APP`"
)]
#[case::a_role_and_more(
    |case: &mut Case| case.signed_by(|world| &world.role_key),
    "the user JWT has permissions or limits, and the key of account `APP` that signed it is bound to role `reader`"
)]
#[case::milliseconds(
    |case: &mut Case| case.user.expires_at = Some((NOW + 60) * 1000),
    "the `exp` of the user JWT is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
)]
#[case::issued_in_milliseconds(
    |case: &mut Case| case.user.issued_at = Some(NOW * 1000),
    "the `iat` of the user JWT is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
)]
#[case::account_in_milliseconds(
    |case: &mut Case| case.account.expires_at = Some(NOW * 1000),
    "the `exp` of the JWT of account `APP` is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
)]
#[case::a_role_that_is_not_trusted(
    |case: &mut Case| {
        case.of_role(|_| ());
        case.roles = &["writer", "Reader", ""];
    },
    "the user JWT is signed by a key of account `APP` that is bound to role `reader`, which is not believed; add the role to `roles` of `[identity.accounts.APP]` to believe all that holders of its key sign"
)]
#[case::account_expired(
    |case: &mut Case| case.account.expires_at = Some(NOW - 60),
    "the JWT of account `APP` expired 60 s ago"
)]
#[case::account_not_yet(
    |case: &mut Case| case.account.not_before = Some(NOW + 1),
    "the `nbf` of the JWT of account `APP` is 1 s in the future"
)]
#[case::bearer(
    |case: &mut Case| {
        case.user.nats.bearer_token = true;
        case.account.nats.limits.disallow_bearer = true;
    },
    "the user JWT is a bearer token, which account `APP` does not allow"
)]
#[case::bearer_by_role(
    |case: &mut Case| {
        case.of_role(|_| ());
        case.account.nats.limits.disallow_bearer = true;
    },
    "the user JWT is a bearer token, which account `APP` does not allow"
)]
#[case::unsigned(
    |case: &mut Case| case.proved = false,
    "the user JWT is no bearer token, and its holder has not signed the server's nonce"
)]
#[case::unsigned_by_role(
    |case: &mut Case| {
        case.of_role(|template| template.bearer_token = false);
        case.proved = false;
    },
    "the user JWT is no bearer token, and its holder has not signed the server's nonce"
)]
#[case::connection_type(
    |case: &mut Case| case.user.nats.allowed_connection_types = texts(&["WEBSOCKET", "MQTT"]),
    "the user JWT's `allowed_connection_types` do not have `STANDARD`"
)]
#[case::connection_type_that_nobody_knows(
    |case: &mut Case| case.user.nats.allowed_connection_types = texts(&["CARRIER_PIGEON"]),
    "the user JWT's `allowed_connection_types` do not have `STANDARD`"
)]
#[case::connection_that_nobody_knows(
    |case: &mut Case| {
        case.user.nats.allowed_connection_types = texts(&["STANDARD", "CARRIER_PIGEON"]);
        case.request.client.transport = Some("quic".to_owned().into());
    },
    "the user JWT's `allowed_connection_types` do not have `unknown`"
)]
#[case::connection_type_of_role(
    |case: &mut Case| case.of_role(|template| template.allowed_connection_types = texts(&["MQTT"])),
    "the user JWT's `allowed_connection_types` do not have `STANDARD`"
)]
#[case::revoked(
    |case: &mut Case| case.revoke("user", NOW - 100),
    "the user JWT was issued before account `APP` revoked it"
)]
#[case::everybody_revoked(
    |case: &mut Case| case.revoke("*", NOW),
    "the user JWT was issued before account `APP` revoked it"
)]
#[case::revoked_and_of_no_known_age(
    |case: &mut Case| {
        case.user.issued_at = None;
        case.revoke("*", 1);
    },
    "the user JWT was issued before account `APP` revoked it"
)]
#[case::network(
    |case: &mut Case| case.user.nats.sources = texts(&["192.0.2.0/24", "10.0.0.8/32"]),
    "the client connects from `10.0.0.7`, which is in no network of the user JWT's `src`"
)]
#[case::network_that_is_none(
    |case: &mut Case| case.user.nats.sources = texts(&["10.0.0.7"]),
    "the client connects from `10.0.0.7`, which is in no network of the user JWT's `src`"
)]
#[case::no_address(
    |case: &mut Case| {
        case.user.nats.sources = texts(&["0.0.0.0/0", "::/0"]);
        case.request.client.host = None;
    },
    "the client connects from ``, which is in no network of the user JWT's `src`"
)]
#[case::network_of_role(
    |case: &mut Case| case.of_role(|template| template.sources = texts(&["192.0.2.0/24"])),
    "the client connects from `10.0.0.7`, which is in no network of the user JWT's `src`"
)]
#[case::time(
    |case: &mut Case| {
        case.user.nats.times = times("09:00:00", "17:00:00");
        case.user.nats.times_location = Some("UTC".to_owned());
    },
    "it is not within the user JWT's `times`"
)]
#[case::time_of_role(
    |case: &mut Case| case.of_role(|template| {
        template.times = times("07:00:00", "08:00:00");
        template.times_location = Some("UTC".to_owned());
    }),
    "it is not within the user JWT's `times`"
)]
#[case::time_zone_of_the_server(
    |case: &mut Case| case.user.nats.times = times("00:00:00", "23:59:59"),
    "the user JWT's `times` are in the server's own time zone; name one in `times_location`"
)]
fn what_a_server_would_refuse_is_refused(#[case] spoil: fn(&mut Case), #[case] reason: &str) {
    assert_eq!(Case::new(spoil).outcome(), Err(reason.to_owned()));
}

#[rstest]
#[case::as_it_is(|_: &mut Case| (), Some(NOW + 1000))]
#[case::without_end(|case: &mut Case| case.user.expires_at = None, None)]
#[case::an_end_of_zero_is_none(|case: &mut Case| case.user.expires_at = Some(0), None)]
#[case::in_its_last_second(|case: &mut Case| case.user.expires_at = Some(NOW), Some(NOW))]
#[case::in_its_first_second(|case: &mut Case| case.user.not_before = Some(NOW), Some(NOW + 1000))]
#[case::by_a_signing_key(|case: &mut Case| case.signed_by(|world| &world.signing_key), Some(NOW + 1000))]
#[case::by_the_account_named(|case: &mut Case| case.signed_by(|world| &world.account), Some(NOW + 1000))]
#[case::of_a_role(|case: &mut Case| case.of_role(|_| ()), Some(NOW + 1000))]
#[case::a_bearer_by_role(
    |case: &mut Case| {
        case.of_role(|_| ());
        case.proved = false;
    },
    Some(NOW + 1000)
)]
#[case::a_bearer(
    |case: &mut Case| {
        case.user.nats.bearer_token = true;
        case.proved = false;
    },
    Some(NOW + 1000)
)]
#[case::issued_after_its_revocation(|case: &mut Case| case.revoke("user", NOW - 101), Some(NOW + 1000))]
#[case::issued_after_everybodys(|case: &mut Case| case.revoke("*", NOW - 101), Some(NOW + 1000))]
#[case::revoked_somebody_else(|case: &mut Case| case.revoke("UABC", NOW), Some(NOW + 1000))]
#[case::the_account_ends_first(
    |case: &mut Case| case.account.expires_at = Some(NOW + 10),
    Some(NOW + 10)
)]
#[case::the_hours_end_first(
    |case: &mut Case| {
        case.user.nats.times = times("07:00:00", "08:00:05");
        case.user.nats.times_location = Some("UTC".to_owned());
    },
    Some(NOW + 5)
)]
#[case::one_of_the_types(
    |case: &mut Case| case.user.nats.allowed_connection_types = texts(&["CARRIER_PIGEON", "standard"]),
    Some(NOW + 1000)
)]
#[case::one_of_the_networks(
    |case: &mut Case| case.user.nats.sources = texts(&["192.0.2.0/24", "10.0.0.0/8"]),
    Some(NOW + 1000)
)]
fn what_a_server_would_accept_is_good_until_it_ends(
    #[case] spoil: fn(&mut Case),
    #[case] ends: Option<u64>,
) {
    assert_eq!(Case::new(spoil).outcome(), Ok(ends));
}

#[test]
fn nights_are_read_as_the_server_that_asks_reads_them() {
    let case = |version: &str| {
        let mut case = Case::new(|case: &mut Case| {
            case.user.nats.times = times("22:00:00", "09:00:00");
            case.user.nats.times_location = Some("UTC".to_owned());
        });
        case.request.server.version = Some(version.to_owned());
        case.outcome()
    };
    assert_eq!(case("2.15.1"), Ok(Some(NOW + 1000)));
    assert_eq!(case("not a version"), Ok(Some(NOW + 1000)));
    assert!(case("2.10.26").is_err());
}

#[test]
fn a_subject_that_is_no_user_is_refused() {
    let world = World::new();
    let account = Account::of_keys(world.account.as_public(), &[]);
    let request = world.login(String::new());
    let mut user = UserClaims::default();
    user.subject = Some(world.account.public_key().to_owned());
    user.issuer.clone_from(&user.subject);
    let nkey = Some(world.account.as_public());
    assert_eq!(
        check(&user, &account, &known(&world), nkey, &request),
        Err(UserJwtError::Subject)
    );
}

#[test]
fn the_role_of_a_scoped_key_is_reported() {
    let role = |spoil: fn(&mut Case)| Case::new(spoil).accepted().unwrap().role;
    assert_eq!(role(|case| case.of_role(|_| ())).as_deref(), Some("reader"));
    assert_eq!(
        role(|case| case.signed_by(|world| &world.signing_key)),
        None
    );
    assert_eq!(role(|_| ()), None);
}

#[test]
fn the_exchange_takes_neither_an_unproved_bearer_nor_networks() {
    let by_exchange = |spoil: fn(&mut Case)| {
        let mut case = Case::new(spoil);
        case.request.client.kind = Some(ClientKind::Exchange);
        case.outcome()
    };
    assert_eq!(by_exchange(|_| ()), Ok(Some(NOW + 1000)));
    let bearer = by_exchange(|case| {
        case.user.nats.bearer_token = true;
        case.proved = false;
    });
    assert!(bearer.unwrap_err().contains("has not signed"));
    let networks = by_exchange(|case| case.user.nats.sources = texts(&["0.0.0.0/0", "::/0"]));
    assert!(networks.is_err(), "{networks:?}");
}
