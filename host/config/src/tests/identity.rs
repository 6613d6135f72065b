//! Table `[identity]`: issuers, accounts and their files.

use portcullis_authority::ThrottleOptions;
use portcullis_claims::{KeyKind, SigningKey};
use portcullis_core::Allowed;
use portcullis_identity::{
    AccountSource, GroupForm, GroupPath, IssuerOptions, KeySource, RequiredClaim, TokenAlgorithm,
    TokenPlace,
};

use super::*;

fn public_key(kind: KeyKind) -> String {
    let seed = SigningKey::generate_seed(kind).unwrap();
    let key = SigningKey::from_seed(seed.expose(), kind).unwrap();
    key.public_key().to_owned()
}

/// Returns the minimal configuration after `tables`, whose first line is line 1.
fn with(tables: &str) -> String {
    let least = text_with("log", "").replace("[identity]\n", "");
    format!("{tables}\n{least}")
}

fn identity(tables: &str) -> Identity {
    let checked = parse(&with(tables)).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(checked.warnings, []);
    checked.value.identity
}

/// Returns the problems of `tables`, without the name of the file.
fn problems(tables: &str) -> Vec<String> {
    let found = lines(&parse(&with(tables)).unwrap_err());
    let without_file = |line: &String| line.strip_prefix(FILE).unwrap().to_owned();
    found.iter().map(without_file).collect()
}

/// Returns the problems of an issuer with `lines`, which replace the lines of the same keys. The
/// first of them is line 2.
fn issuer_problems(given: &str) -> Vec<String> {
    problems(&issuer_with(given))
}

fn issuer_with(given: &str) -> String {
    let mut text = format!("[identity.issuers.idp]\n{given}\n");
    for line in ["issuer = \"https://idp.example\"", "audiences = [\"nats\"]"] {
        let key = line.split('=').next().unwrap();
        if !given.lines().any(|line| line.starts_with(key)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[test]
fn without_a_table_tokens_and_jwts_prove_nothing() {
    let identity = identity("");
    assert_eq!(identity.token_places, TokenPlace::ALL);
    assert_eq!(identity.issuers, []);
    assert_eq!(identity.accounts, []);
    assert_eq!(identity.operators, Allowed::Any);
    assert_eq!(identity.remember_passwords, None);
}

/// Returns a restriction to `values`. `Any` without values.
fn allowed(values: &[&str]) -> Allowed<String> {
    Allowed::only(values.iter().map(ToString::to_string)).unwrap_or(Allowed::Any)
}

#[test]
fn an_issuer_has_the_defaults_of_the_library() {
    let expected = IssuerOptions {
        audiences: allowed(&["nats"]),
        ..IssuerOptions::new("idp", "https://idp.example")
    };
    assert_eq!(identity(&issuer_with("")).issuers, [expected]);
}

#[test]
fn what_is_set_is_what_the_issuer_gets() {
    let found = identity(&issuer_with(
        "audiences = [\"*\"]\njwks-file = \"keys/idp.json\"\nalgorithms = [\"ES256\", \"Ed25519\"]\n\
         token-types = [\"at+jwt\"]\nleeway = \"0s\"\nmax-age = \"12h\"\n\
         required-claims = [\"email\", \"tenant=a\", \"tenant=b=c\"]\nrefresh = \"1m\"\ncool-down = \"2s\"\n\
         timeout = \"3s\"\nmax-size = \"1KiB\"\nca-file = \"ca.pem\"\nbearer-token-file = \"/token\"\nallow-http = true\n\
         principal = [\"email\", \"sub\"]\ngroups = [\"groups\"]\nspace-separated-groups = []\nobject-groups = [\"urn:zitadel:iam:org:project:roles\"]",
    ));
    let claim = |path: &str, values: &[&str]| RequiredClaim {
        path: path.to_owned(),
        values: allowed(values),
    };
    let expected = IssuerOptions {
        audiences: Allowed::Any,
        keys: KeySource::File("dir/keys/idp.json".into()),
        algorithms: vec![TokenAlgorithm::Es256, TokenAlgorithm::EdDsa],
        token_types: allowed(&["at+jwt"]),
        leeway: Duration::ZERO,
        max_age: Some(Duration::from_hours(12)),
        required_claims: vec![claim("email", &[]), claim("tenant", &["a", "b=c"])],
        refresh: Duration::from_mins(1),
        cool_down: Duration::from_secs(2),
        timeout: Duration::from_secs(3),
        max_bytes: 1024,
        ca_file: Some("dir/ca.pem".into()),
        bearer_token_file: Some("/token".into()),
        allow_http: true,
        principal: vec!["email".to_owned(), "sub".to_owned()],
        groups: vec![
            GroupPath {
                path: "groups".to_owned(),
                form: GroupForm::Texts,
            },
            GroupPath {
                path: "urn:zitadel:iam:org:project:roles".to_owned(),
                form: GroupForm::Members,
            },
        ],
        ..IssuerOptions::new("idp", "https://idp.example")
    };
    assert_eq!(found.issuers, [expected]);
}

#[rstest]
#[case(
    "[identity]\ntoken-places = [\"header\"]",
    ":2: identity.token-places: expected one of `password`, `token`, `jwt`, found `header`"
)]
#[case(
    "[identity]\ntoken-places = \"jwt\"",
    ":2: identity.token-places: expected a list, each element one of `password`, `token`, `jwt`, found a string"
)]
#[case(
    "[identity]\nissuer = []",
    ":2: identity.issuer: unknown key, did you mean `issuers`?"
)]
#[case(
    "[identity]\nissuers = []",
    ":2: identity.issuers: expected a table, found a list"
)]
#[case(
    "[identity.issuers]\nidp = 1",
    ":2: identity.issuers.idp: expected a table, found a whole number"
)]
#[case(
    "[identity.issuers.\"a b\"]\nissuer = \"x\"\naudiences = [\"nats\"]",
    ":1: identity.issuers.\"a b\": expected a name without blanks, found `a b`"
)]
#[case(
    "[identity.issuers.idp]\naudiences = [\"nats\"]",
    ":1: identity.issuers.idp.issuer: missing: the `iss` of the tokens, exactly as it stands in them"
)]
#[case(
    "[identity.issuers.idp]\nissuer = \"x\"",
    ":1: identity.issuers.idp.audiences: missing: one of these has to be in a token's `aud`; `[\"*\"]` accepts tokens for any other service too"
)]
#[case(
    "[identity.accounts.APP]",
    ":1: identity.accounts.APP.key: missing: the account's public key (A…), or the file with its JWT in `jwt-file`"
)]
#[case(
    "[identity.accounts.APP]\njwt-file = \"a.jwt\"\nsigning-keys = []",
    ":1: identity.accounts.APP: has both `jwt-file` and `signing-keys`; the JWT names the signing keys"
)]
#[case(
    "[identity.accounts.APP]\njwt-file = \"\"",
    ":2: identity.accounts.APP.jwt-file: must not be empty"
)]
#[case(
    "[identity.accounts.APP]\njwt-file = \"a.jwt\"\nkeys = []",
    ":3: identity.accounts.APP.keys: unknown key, did you mean `key`?"
)]
#[case(
    "[identity.accounts.APP]\nkey = \"ABC\"",
    ":2: identity.accounts.APP.key: expected the public key of account (A…): not a public nkey: expected 56 characters such as `A…`, `U…` or `N…`, checksum included"
)]
#[case(
    "[identity]\noperators = \"O\"",
    ":2: identity.operators: expected a list, each element the public key of an operator (O…), found a string"
)]
#[case(
    "[identity]\noperators = []",
    ":2: identity.operators: must name at least one; leave the key out for no restriction"
)]
#[case(
    "[identity]\noperators = [\"OADOKW3DGSA7POYHFFL6VPHRCDEXF2DGSHB473NL4CEAES774QXSHF3I\"]",
    ":2: identity.operators: would apply to nothing: no account under [identity.accounts] has a `jwt-file`"
)]
#[case(
    "[identity]\nremember-passwords = \"61m\"",
    ":2: identity.remember-passwords: must be at most `1h`, found `61m`"
)]
#[case(
    "[identity]\nremember-passwords = \"0s\"",
    ":2: identity.remember-passwords: must be more than zero, found `0s`"
)]
#[case(
    "[identity]\nremember-passwords = true",
    ":2: identity.remember-passwords: expected a duration such as `250ms` or `1h 30m`, found `true`"
)]
#[case(
    "[identity.throttle]\naddress-failures = -1",
    ":2: identity.throttle.address-failures: must be between 0 and 4294967295, found `-1`"
)]
#[case(
    "[identity.throttle]\nuser-failures = \"30\"",
    ":2: identity.throttle.user-failures: expected a whole number, found a string"
)]
#[case(
    "[identity.throttle]\nper = \"999ms\"",
    ":2: identity.throttle.per: must be at least one second, found `999ms`"
)]
#[case(
    "[identity.throttle]\nper = \"25h\"",
    ":2: identity.throttle.per: must be at most `1day`, found `25h`"
)]
#[case(
    "[identity.throttle]\nexempt-networks = [\"10.0.0.7\"]",
    ":2: identity.throttle.exempt-networks: invalid network `10.0.0.7`: expected an address and the length of its prefix, as `10.0.0.0/8`, `10.0.0.7/32` or `fd00::/8`"
)]
#[case(
    "[identity.throttle]\nmax-entries = 0",
    ":2: identity.throttle.max-entries: must be between 1 and 10000000, found `0`"
)]
#[case(
    "[identity.throttle]\nuser-failure = 1",
    ":2: identity.throttle.user-failure: unknown key, did you mean `user-failures`?"
)]
fn bad_tables_are_named_with_line_and_key(#[case] tables: &str, #[case] problem: &str) {
    assert_eq!(problems(tables), [problem]);
}

#[rstest]
#[case("issuer = \"\"", "issuer: must not be empty")]
#[case(
    "audiences = []",
    "audiences: must name at least one audience, or `*` to accept tokens for any other service too"
)]
#[case(
    "audiences = [\"nats\", \"*\"]",
    "audiences: `*` stands for any audience: name it alone, or leave it out"
)]
#[case(
    "token-types = []",
    "token-types: must name at least one; leave the key out for no restriction"
)]
#[case(
    "audience = \"nats\"",
    "audience: unknown key, did you mean `audiences`?"
)]
#[case(
    "audiences = \"nats\"",
    "audiences: expected a list, each element a string, found a string"
)]
#[case(
    "jwks-url = \"keys.json\"",
    "jwks-url: expected an address such as `https://login.example.com/keys`, found `keys.json`"
)]
#[case(
    "discovery-url = \"ftp://idp.example\"",
    "discovery-url: expected an address such as `https://login.example.com/keys`, found `ftp://idp.example`"
)]
#[case(
    "algorithms = [\"HS256\"]",
    "algorithms: `HS256` is not a signature algorithm with a public key; known are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
)]
#[case(
    "algorithms = [\"none\"]",
    "algorithms: `none` is not a signature algorithm with a public key; known are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
)]
#[case(
    "leeway = 30",
    "leeway: expected a duration such as `30s` or `1h 30m`, found a whole number"
)]
#[case("max-age = \"0s\"", "max-age: must be at least one second, found `0s`")]
#[case(
    "required-claims = [\"=x\"]",
    "required-claims: expected the name of a claim, found nothing"
)]
#[case("leeway = \"1500ms\"", "leeway: must be whole seconds, found `1500ms`")]
#[case("leeway = \"30d\"", "leeway: must be at most `1h`, found `30d`")]
#[case(
    "refresh = \"1ms\"",
    "refresh: must be at least one second, found `1ms`"
)]
#[case("refresh = \"2d\"", "refresh: must be at most `1day`, found `2d`")]
#[case(
    "cool-down = \"0s\"",
    "cool-down: must be at least one second, found `0s`"
)]
#[case("cool-down = \"2h\"", "cool-down: must be at most `1h`, found `2h`")]
#[case("timeout = \"0s\"", "timeout: must be at least one second, found `0s`")]
#[case("timeout = \"1h\"", "timeout: must be at most `1min`, found `1h`")]
#[case("max-size = \"0\"", "max-size: must be more than zero")]
#[case("ca-file = \"\"", "ca-file: must not be empty")]
#[case(
    "allow-http = \"yes\"",
    "allow-http: expected `true` or `false`, found a string"
)]
#[case("principal = [\"\"]", "principal: must not be empty")]
#[case("groups = [1]", "groups: expected a string, found a whole number")]
fn bad_values_of_an_issuer_are_named_with_line_and_key(#[case] given: &str, #[case] problem: &str) {
    assert_eq!(
        issuer_problems(given),
        [format!(":2: identity.issuers.idp.{problem}")]
    );
}

#[test]
fn keys_come_from_one_place() {
    let two = "jwks-file = \"a\"\njwks-url = \"https://idp.example/keys\"";
    assert_eq!(
        issuer_problems(two),
        [
            ":1: identity.issuers.idp: has more than one of `jwks-file`, `jwks-url` and `discovery-url`; keys come from one place"
        ]
    );
}

#[test]
fn the_reference_has_every_key_of_every_table() {
    // With an unlikely key, the error of each table lists its keys.
    for table in ["issuers.x", "accounts.x", "throttle"] {
        let found = problems(&format!("[identity.{table}]\nzzzzzz = 1"));
        let known = found
            .iter()
            .find_map(|line| line.split_once("expected one of "));
        let (_, known) = known.unwrap();
        for key in known.split(", ").map(|key| key.trim_matches('`')) {
            let set = [format!("\n{key} = "), format!("\n# {key} = ")];
            assert!(
                set.iter().any(|line| Config::REFERENCE.contains(line)),
                "`identity.{table}.{key}` is not in default.toml"
            );
        }
    }
}

#[test]
fn no_mistake_in_a_table_hides_another() {
    let text = "[identity]\ntoken-places = 1\n[identity.issuers.idp]\nleeway = 1\nrefresh = 1\n\
                [identity.accounts.APP]\nkey = 1\nsigning-keys = 1\n";
    let keys: Vec<String> = problems(text)
        .iter()
        .map(|line| line.split(": ").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(
        keys,
        [
            "identity.token-places",
            "identity.issuers.idp.issuer",
            "identity.issuers.idp.audiences",
            "identity.issuers.idp.leeway",
            "identity.issuers.idp.refresh",
            "identity.accounts.APP.key",
            "identity.accounts.APP.signing-keys",
        ]
    );
}

#[test]
fn accounts_are_known_by_keys_or_by_their_jwt() {
    let (app, signing, operator) = (
        public_key(KeyKind::Account),
        public_key(KeyKind::Account),
        public_key(KeyKind::Operator),
    );
    let found = identity(&format!(
        "[identity]\noperators = [\"{operator}\"]\n[identity.accounts.A]\nkey = \"{app}\"\nsigning-keys = [\"{signing}\"]\n\
         [identity.accounts.B]\njwt-file = \"b.jwt\"\n[identity.accounts.C]\njwt-file = \"c.jwt\"\nkey = \"{app}\"\nroles = [\"reader\"]\n"
    ));
    assert_eq!(
        found.operators,
        Allowed::only([operator.parse().unwrap()]).unwrap()
    );
    let sources: Vec<_> = found
        .accounts
        .into_iter()
        .map(|account| account.source)
        .collect();
    let jwt = |file: &str, key, roles: &[&str]| AccountSource::Jwt {
        file: file.into(),
        key,
        roles: roles.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        sources,
        [
            AccountSource::Keys {
                key: app.parse().unwrap(),
                signing_keys: vec![signing.parse().unwrap()],
            },
            jwt("dir/b.jwt", None, &[]),
            jwt("dir/c.jwt", Some(app.parse().unwrap()), &["reader"]),
        ]
    );
}

#[test]
fn what_is_set_is_what_the_throttle_gets() {
    let found = identity(
        "[identity]\nremember-passwords = \"1h\"\n[identity.throttle]\naddress-failures = 0\nuser-failures = 5\n\
         per = \"24h\"\nexempt-networks = [\"10.0.0.0/8\", \"fd00::/8\"]\nmax-entries = 1000",
    );
    assert_eq!(found.remember_passwords, Some(Duration::from_hours(1)));
    let expected = ThrottleOptions {
        address_failures: 0,
        user_failures: 5,
        per: Duration::from_hours(24),
        exempt_networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        max_entries: 1000,
    };
    assert_eq!(found.throttle, expected);
    assert_eq!(identity("").throttle, ThrottleOptions::default());
}

#[test]
fn a_seed_in_the_place_of_a_key_is_not_repeated() {
    let seed = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let text = format!("[identity.accounts.A]\nkey = \"{}\"\n", seed.expose());
    let found = problems(&text).join("\n");
    assert!(found.contains("identity.accounts.A.key"), "{found}");
    assert!(!found.contains(seed.expose()), "{found}");
}

#[test]
fn a_check_finds_files_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("portcullis.toml");
    std::fs::write(directory.path().join("a.jwt"), "nothing").unwrap();
    let tables = issuer_with("jwks-file = \"idp.json\"");
    let tables = format!("{tables}[identity.accounts.A]\njwt-file = \"a.jwt\"\n");
    std::fs::write(&file, with(&tables)).unwrap();
    let parent = format!("{}/", directory.path().display());
    let found = lines(&Survey::read(&file).problems).join("\n");
    let found = found.replace(&parent, "");
    for expected in [
        "portcullis.toml: identity.issuers: `idp` has a file that cannot be used: `idp.json` cannot be read: ",
        "portcullis.toml: identity.accounts: the users of account `A` cannot be trusted: `a.jwt` has no line that is a JWT",
    ] {
        assert!(found.contains(expected), "{found}");
    }
}
