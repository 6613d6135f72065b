//! Reading of secrets.

use std::ffi::OsString;
use std::fs;

use nkeys::KeyPair;
use portcullis_claims::{IssuerKey, UserClaims};
use portcullis_core::Permit;
use rstest::rstest;
use tempfile::TempDir;

use super::*;

/// A directory with a configuration whose issuer seed is valid.
struct Fixture {
    directory: TempDir,
    issuer: String,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            directory: tempfile::tempdir().unwrap(),
            issuer: KeyPair::new_account().seed().unwrap(),
        };
        fixture.write("issuer.nk", format!("{}\n", fixture.issuer));
        fixture
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
    }

    /// Returns a configuration, and the result of resolving its secrets with one environment
    /// variable.
    fn config(
        &self,
        nats: &str,
        issuer: &str,
        variable: &str,
    ) -> (Config, Result<Checked<Secrets>, Problems>) {
        let text = format!("[nats]\n{nats}\n[callout]\n{issuer}\ntarget-accounts = [\"APP\"]\n");
        let file = self.directory.path().join("portcullis.toml");
        let config = Config::parse(&file, &text).unwrap().value;
        let environment = |name: &str| (name == "VARIABLE").then(|| OsString::from(variable));
        let secrets = config.resolve_secrets_in(&environment);
        (config, secrets)
    }

    /// Returns the result of resolving the secrets.
    fn resolve(
        &self,
        nats: &str,
        issuer: &str,
        variable: &str,
    ) -> Result<Checked<Secrets>, Problems> {
        self.config(nats, issuer, variable).1
    }

    /// Returns the problems of `resolve`, without the name of the directory.
    fn problems(&self, nats: &str, issuer: &str, variable: &str) -> Vec<String> {
        let prefix = format!("{}/", self.directory.path().display());
        lines(&self.resolve(nats, issuer, variable).unwrap_err())
            .into_iter()
            .map(|line| line.replace(&prefix, ""))
            .collect()
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn credentials_file(jwt: &str, seed: &str) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// Returns a user JWT for the public key of `seed`.
fn user_jwt(seed: &str) -> String {
    let issuer = IssuerKey::from_seed(&KeyPair::new_account().seed().unwrap()).unwrap();
    let user = KeyPair::from_seed(seed).unwrap().public_key();
    let permit = Permit::builder("APP", 1).finish().unwrap();
    UserClaims::from_permit(&user, &permit, 1)
        .sign(&issuer)
        .unwrap()
}

const ISSUER: &str = "issuer-seed-file = \"issuer.nk\"";

#[test]
fn seeds_come_from_files_and_variables() {
    let fixture = Fixture::new();
    let from_files = fixture.resolve("", ISSUER, "").unwrap();
    assert_eq!(from_files.value.issuer_seed.expose(), fixture.issuer);
    assert_eq!(from_files.warnings, []);
    let issuer = "issuer-seed-env = \"VARIABLE\"";
    let from_variable = fixture.resolve("", issuer, &fixture.issuer).unwrap();
    assert_eq!(from_variable.value, from_files.value);
}

#[rstest]
#[case::nkey("nkey-seed-file = \"user.nk\"")]
#[case::nkey_in_the_environment("nkey-seed-env = \"VARIABLE\"")]
#[case::user_jwt("user-jwt-file = \"user.jwt\"\nnkey-seed-file = \"user.nk\"")]
#[case::user_jwt_and_environment("user-jwt-file = \"user.jwt\"\nnkey-seed-env = \"VARIABLE\"")]
#[case::credentials("creds-file = \"user.creds\"")]
#[case::password("user = \"me\"\npassword-env = \"VARIABLE\"")]
#[case::token("token-env = \"VARIABLE\"")]
fn every_way_to_authenticate_is_read_by_the_service_as_it_was_checked(#[case] nats: &str) {
    let fixture = Fixture::new();
    let user = KeyPair::new_user().seed().unwrap();
    fixture.write("user.nk", &user);
    fixture.write("user.jwt", format!("{}\n", user_jwt(&user)));
    fixture.write("user.creds", credentials_file(&user_jwt(&user), &user));
    let (config, checked) = fixture.config(nats, ISSUER, &user);
    assert_eq!(checked.unwrap().warnings, []);
    let authentication = config
        .nats
        .authentication
        .map(|source| source.value.clone());
    if !nats.contains("VARIABLE") {
        authentication.check().unwrap();
    }
}

#[rstest]
#[case(KeyPair::new_user().seed().unwrap(), "expected an account seed (SA…), found a user seed (SU…)")]
#[case(KeyPair::new_operator().seed().unwrap(), "expected an account seed (SA…), found an operator seed (SO…)")]
#[case(KeyPair::new_server().seed().unwrap(), "expected an account seed (SA…), found a server seed (SN…)")]
#[case(KeyPair::new_account().public_key(), "expected an account seed (SA…), found an account public key (A…)")]
#[case("SAHUNTER2".to_owned(), "expected an account seed (SA…), found a seed that is damaged: it does not have 58 characters")]
fn the_wrong_type_of_seed_is_named_and_not_shown(#[case] content: String, #[case] problem: &str) {
    let fixture = Fixture::new();
    fixture.write("issuer.nk", &content);
    let expected =
        format!("portcullis.toml: callout.issuer-seed-file: `issuer.nk` is not usable: {problem}");
    let problems = fixture.problems("", ISSUER, "");
    assert_eq!(problems, [expected]);
    assert!(!problems[0].contains(&content));
}

#[rstest]
#[case(b"".as_slice(), "`issuer.nk` is empty")]
#[case(b" \n", "`issuer.nk` is empty")]
#[case(b"\xff\xfe", "`issuer.nk` is not text")]
#[case(&vec![b'x'; 70_000], "`issuer.nk` is too large to be a secret")]
fn files_that_cannot_hold_a_secret_are_refused(#[case] content: &[u8], #[case] problem: &str) {
    let fixture = Fixture::new();
    fixture.write("issuer.nk", content);
    assert_eq!(
        fixture.problems("", ISSUER, ""),
        [format!(
            "portcullis.toml: callout.issuer-seed-file: {problem}"
        )]
    );
}

#[test]
fn every_secret_that_is_not_there_is_reported() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture.problems(
            "token-env = \"OTHER\"",
            "issuer-seed-file = \"none.nk\"",
            ""
        ),
        [
            "portcullis.toml: callout.issuer-seed-file: `none.nk` does not exist",
            "portcullis.toml: nats.token-env: environment variable `OTHER` is not set",
        ]
    );
    assert_eq!(
        fixture.problems("token-env = \"VARIABLE\"", "issuer-seed-file = \".\"", ""),
        [
            "portcullis.toml: callout.issuer-seed-file: `.` is a directory",
            "portcullis.toml: nats.token-env: environment variable `VARIABLE` is empty",
        ]
    );
}

#[test]
fn credentials_files_hold_a_jwt_and_a_user_seed() {
    let fixture = Fixture::new();
    let nats = "creds-file = \"user.creds\"";
    let user = KeyPair::new_user().seed().unwrap();
    fixture.write("user.creds", credentials_file(&user_jwt(&user), &user));
    fixture.resolve(nats, ISSUER, "").unwrap();
    let another = KeyPair::new_user().seed().unwrap();
    for (content, problem) in [
        (
            credentials_file(&user_jwt(&user), &another),
            "the seed belongs to `U",
        ),
        (
            credentials_file("eyJ0.e30.sig", &user),
            "the JWT in the credentials is not usable: ",
        ),
        (
            user.clone(),
            "the user JWT (`eyJ…`) is missing, there is only a seed",
        ),
        (
            user_jwt(&user),
            "the user seed (`SU…`) is missing, there is only a JWT",
        ),
    ] {
        fixture.write("user.creds", &content);
        let problems = fixture.problems(nats, ISSUER, "");
        let start =
            format!("portcullis.toml: nats.creds-file: `user.creds` is not usable: {problem}");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&start), "{problems:?}");
        assert!(!problems[0].contains(&user), "{problems:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_seed_that_every_user_can_read_is_a_warning() {
    let fixture = Fixture::new();
    let path = fixture.directory.path().join("issuer.nk");
    set_mode(&path, 0o644);
    let warnings = fixture.resolve("", ISSUER, "").unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]
            .to_string()
            .ends_with("issuer.nk` can be read by every user of this machine; use mode 0600"),
        "{}",
        warnings[0]
    );
    set_mode(&path, 0o640);
    assert_eq!(fixture.resolve("", ISSUER, "").unwrap().warnings, []);
}

#[cfg(unix)]
#[test]
fn a_seed_that_every_user_can_replace_is_a_warning() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let path = directory.join("issuer.nk");
    let warnings = || -> Vec<_> {
        let warnings = fixture.resolve("", ISSUER, "").unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect()
    };
    set_mode(&path, 0o602);
    assert_eq!(warnings().len(), 1);
    assert!(warnings()[0].ends_with("can be changed by every user of this machine; use mode 0600"));
    set_mode(&path, 0o600);
    set_mode(directory, 0o777);
    assert_eq!(warnings().len(), 1);
    let told = format!("run `chmod o-w` on `{}`", directory.display());
    assert!(warnings()[0].ends_with(&told), "{:?}", warnings());
    // Users replace their own files only.
    set_mode(directory, 0o1777);
    assert_eq!(warnings(), Vec::<String>::new());
}

#[test]
fn a_user_jwt_must_match_its_seed() {
    let fixture = Fixture::new();
    let (user, other) = (
        KeyPair::new_user().seed().unwrap(),
        KeyPair::new_user().seed().unwrap(),
    );
    fixture.write("user.nk", &user);
    fixture.write("user.jwt", user_jwt(&other));
    let nats = "user-jwt-file = \"user.jwt\"\nnkey-seed-file = \"user.nk\"";
    let problems = fixture.problems(nats, ISSUER, "");
    let start =
        "portcullis.toml: nats.user-jwt-file: `user.jwt` is not usable: the seed belongs to `U";
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with(start), "{problems:?}");
}

#[test]
fn files_for_tls_are_looked_at_with_the_secrets() {
    let fixture = Fixture::new();
    fixture.write("key.pem", "");
    let nats =
        "tls-ca-file = \"ca.pem\"\ntls-cert-file = \"issuer.nk\"\ntls-key-file = \"key.pem\"";
    let problems = fixture.problems(nats, ISSUER, "");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("portcullis.toml: nats.tls-ca-file: cannot read `ca.pem`: "),
        "{problems:?}"
    );
    assert_eq!(
        problems[1],
        "portcullis.toml: nats.tls-cert-file: `issuer.nk` holds no certificate (`BEGIN CERTIFICATE`)"
    );
}

#[test]
fn debug_shows_no_secret() {
    let fixture = Fixture::new();
    let nats = "token-env = \"VARIABLE\"";
    let (config, secrets) = fixture.config(nats, ISSUER, "s3cret");
    let debug = format!("{config:?} {secrets:?}");
    assert!(debug.contains("[redacted]"), "{debug}");
    assert!(!debug.contains("s3cret"), "{debug}");
    assert!(!debug.contains(&fixture.issuer), "{debug}");
}

/// Returns the problems of a configuration in operator mode whose account `APP` has the public key
/// `key` and the seed in `app`, and whose issuer has the seed in `issuer.nk`.
fn operator_problems(fixture: &Fixture, key: &str, app: &str) -> Vec<String> {
    let auth = KeyPair::new_account().public_key();
    let text = format!(
        "[nats]\n[callout]\n{ISSUER}\n[operator]\naccount = \"{auth}\"\n\
         [operator.accounts.APP]\nkey = \"{key}\"\nseed-file = \"{app}\"\n"
    );
    let file = fixture.directory.path().join("portcullis.toml");
    let config = Config::parse(&file, &text).unwrap().value;
    let problems = match config.resolve_secrets_in(&|_| None) {
        Ok(checked) => checked.warnings,
        Err(problems) => problems.0,
    };
    let texts = lines(&problems).into_iter();
    texts.map(|line| line.replace(&auth, "AUTH")).collect()
}

#[test]
fn the_issuer_is_not_a_target_account() {
    let fixture = Fixture::new();
    let other = KeyPair::new_account();
    fixture.write("app.nk", other.seed().unwrap());
    let good = operator_problems(&fixture, &other.public_key(), "app.nk");
    assert_eq!(good, Vec::<String>::new());
    let issuer = KeyPair::from_seed(&fixture.issuer).unwrap().public_key();
    for (key, app, severity) in [
        (issuer, "app.nk", ""),
        (other.public_key(), "issuer.nk", "warning: "),
    ] {
        let problems = operator_problems(&fixture, &key, app);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let expected = format!(
            "callout.issuer-seed-file: {severity}it is the seed of [operator.accounts.APP], and \
             servers reject what it signs for account `AUTH`"
        );
        assert!(problems[0].contains(&expected), "{problems:?}");
    }
}

#[test]
fn other_keys_are_read_next_to_the_main_ones() {
    let fixture = Fixture::new();
    let [other, third] = [KeyPair::new_account(), KeyPair::new_account()];
    let xkey = nkeys::XKey::new();
    fixture.write("other.nk", other.seed().unwrap());
    fixture.write("third.nk", third.seed().unwrap());
    fixture.write("xkey.nk", xkey.seed().unwrap());
    let with = |tables: &str| {
        let text = format!("[callout]\n{ISSUER}\ntarget-accounts = [\"APP\"]\n{tables}");
        let file = fixture.directory.path().join("portcullis.toml");
        Config::parse(&file, &text).unwrap().value.resolve_secrets()
    };
    let tables = "[callout.other-keys.a]\nissuer-seed-file = \"other.nk\"\nxkey-seed-file = \"xkey.nk\"\n\
                  [callout.other-keys.b]\nissuer-seed-file = \"third.nk\"\n";
    let keys = with(tables).unwrap().value.callout_keys().unwrap();
    let main = KeyPair::from_seed(&fixture.issuer).unwrap();
    let issuers = [&main, &other, &third].map(KeyPair::public_key);
    assert_eq!(keys.issuers, issuers);
    assert_eq!(keys.xkeys, [xkey.public_key()]);
    assert!(keys.accepts_plain, "no xkey is required");

    let again = "[callout.other-keys.a]\nissuer-seed-file = \"issuer.nk\"\n";
    let problems = lines(&with(again).unwrap_err()).join("\n");
    assert!(
        problems.contains(
            "callout.other-keys.a.issuer-seed-file: the same key as `callout.issuer-seed-file`"
        ),
        "{problems}"
    );
}

#[rstest]
#[case(
    "[callout.other-keys.a]\n",
    "missing: name the file with another account seed"
)]
#[case("[callout.other-keys.a]\nseed-file = \"x\"\n", "unknown key")]
fn other_keys_need_a_seed(#[case] tables: &str, #[case] problem: &str) {
    let text = format!("[callout]\n{ISSUER}\ntarget-accounts = [\"APP\"]\n{tables}");
    let problems = Config::parse(Path::new("portcullis.toml"), &text).unwrap_err();
    let problems = lines(&problems).join("\n");
    assert!(problems.contains(problem), "{problems}");
}

#[test]
fn in_operator_mode_other_keys_have_no_issuer() {
    let key = KeyPair::new_account().public_key();
    let text = format!(
        "[callout]\n{ISSUER}\n[callout.other-keys.a]\nissuer-seed-file = \"x.nk\"\n\
         [operator]\naccount = \"{key}\"\n[operator.accounts.APP]\nkey = \"{key}\"\nseed-file = \"app.nk\"\n"
    );
    let problems = Config::parse(Path::new("portcullis.toml"), &text).unwrap_err();
    let problems = lines(&problems).join("\n");
    assert!(
        problems.contains("no effect in operator mode"),
        "{problems}"
    );
}

#[test]
fn headers_and_certificates_of_a_collector_are_checked() {
    let fixture = Fixture::new();
    fixture.write("key", "two\nlines");
    let otlp = "[records.otlp]\nurl = \"https://otel\"\nca-file = \"ca.pem\"\n\
                [records.otlp.headers.a]\nvalue-file = \"key\"\n\
                [records.otlp.headers.b]\nvalue-env = \"ABSENT\"\n";
    let issuer = "issuer-seed-file = \"issuer.nk\"";
    let problems = fixture.problems(&format!("{otlp}[health]"), issuer, "");
    let [first, second, third] = problems.as_slice() else {
        panic!("{problems:#?}");
    };
    assert!(
        first.contains("records.otlp.headers.a.value-file: ")
            && first.ends_with(
                "key` is not usable: a header can carry ASCII characters in one line only"
            ),
        "{first}"
    );
    assert!(
        second.ends_with(
            "records.otlp.headers.b.value-env: environment variable `ABSENT` is not set"
        ),
        "{second}"
    );
    assert!(
        third.contains("records.otlp.ca-file: cannot read "),
        "{third}"
    );
}
