//! A configuration of planmdk's callout, and possible mistakes in one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use nkeys::KeyPair;
use portcullis_config::Config;

use super::*;
use crate::check::run_check;
use crate::exit::ExitCode;

/// A configuration in the form of its sample.
const SAMPLE: &str = r#"
{:nats-url "nats://localhost:4222"
 :service-name "auth-callout"
 :service-version "0.0.1"
 :connection {:username "auth" :password "a-password-nobody-knows"}
 :oidc-endpoint-url "https://login.example.com/tenant/v2.0/.well-known/openid-configuration"
 :user-keys {:nseed "SEED"}
 :application-account "APP"
 :role-mappings
 {"App.Admin" {:pub {:allow [">"]} :sub {:allow [">"]}}
  "App.Reader" {:pub {:allow ["$JS.API.>"] :deny ["$JS.API.STREAM.DELETE.>"]}
                :sub {:allow ["orders.>" "_INBOX.>"] :deny []}}
  "Nothing" {}}}
"#;

fn sample() -> String {
    SAMPLE.replace("SEED", &KeyPair::new_account().seed().unwrap())
}

/// Imports `text` into a directory of its own.
fn imported(text: &str) -> (tempfile::TempDir, Result<Imported, NotImported>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.edn");
    fs::write(&file, text).unwrap();
    let imported = planmdk(&file, &directory.path().join("site"));
    (directory, imported)
}

/// Returns the problems of `text`, without the file's name.
fn complaints(text: &str) -> Vec<String> {
    let (directory, imported) = imported(text);
    assert!(
        !directory.path().join("site").exists(),
        "something was written"
    );
    let Err(NotImported::Broken(problems)) = imported else {
        panic!("{imported:?}")
    };
    let shown = problems.iter().map(|problem| {
        let line = problem
            .line()
            .map(|line| format!("{line}: "))
            .unwrap_or_default();
        let key = problem
            .key()
            .map(|key| format!("{key}: "))
            .unwrap_or_default();
        format!("{line}{key}{}", problem.message())
    });
    shown.collect()
}

#[test]
fn the_sample_becomes_a_site_that_passes_the_check() {
    let (directory, imported) = imported(&sample());
    let site = directory.path().join("site");
    let imported = imported.unwrap();
    let summary = imported.summary();
    assert!(summary.contains("audiences"), "{summary}");
    let printed = imported.json();
    assert_eq!(
        printed["files"][0],
        site.join("portcullis.toml").display().to_string()
    );
    let notes = printed["notes"].to_string();
    assert!(notes.contains("audiences"), "{notes}");
    let config = site.join("portcullis.toml");
    let findings = run_check(&config, |_, _| Vec::new());
    assert_eq!(findings.code, ExitCode::Success, "{findings:?}");
    let config = Config::load(&config).unwrap().value;
    assert_eq!(config.callout.service_name, "auth-callout");
    let issuer = &config.identity.issuers[0];
    assert_eq!(issuer.issuer, "https://login.example.com/tenant/v2.0");
    assert!(!issuer.allow_http);
    for secret in ["keys/issuer.nk", "keys/password"] {
        let mode = fs::metadata(site.join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    insta::assert_snapshot!(fs::read_to_string(site.join(ROLES)).unwrap(), @r#"
    [settings]
    account = "APP"
    deny-only = "allow-rest"
    issuers = ["https://login.example.com/tenant/v2.0"]
    name-claims = ["email", "sub"]

    [settings.roles."App.Admin".publish]
    allow = [">"]

    [settings.roles."App.Admin".subscribe]
    allow = [">"]

    [settings.roles."App.Reader".publish]
    allow = ["$JS.API.>"]
    deny = ["$JS.API.STREAM.DELETE.>"]

    [settings.roles."App.Reader".subscribe]
    allow = ["orders.>", "_INBOX.>"]

    [settings.roles.Nothing]
    "#);
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let text = format!(
        r#"{{:nats-url "nats://a:1" :oidc-endpoint-url "http://idp:8080/.well-known/openid-configuration"
            :user-keys {{:nseed "{}"}}}}"#,
        KeyPair::new_account().seed().unwrap()
    );
    let (directory, imported) = imported(&text);
    let notes = imported.unwrap().notes.join("\n");
    assert!(notes.contains("allow-http"), "{notes}");
    let site = directory.path().join("site");
    let config = Config::load(&site.join("portcullis.toml")).unwrap().value;
    assert!(config.identity.issuers[0].allow_http);
    assert!(!site.join(PASSWORD).exists());
    assert_eq!(
        fs::read_to_string(site.join(ROLES)).unwrap(),
        "[settings]\naccount = \"APP\"\ndeny-only = \"allow-rest\"\nissuers = [\"http://idp:8080\"]\n\
         name-claims = [\"email\", \"sub\"]\n"
    );
}

#[test]
fn a_provider_on_this_machine_needs_no_leave_for_plain_http() {
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let provider = format!("http://{host}:8080/");
        let text = sample().replace("https://login.example.com/", &provider);
        let (directory, imported) = imported(&text);
        let notes = imported.unwrap().notes.join("\n");
        assert!(!notes.contains("allow-http"), "{notes}");
        let config = directory.path().join("site/portcullis.toml");
        let text = fs::read_to_string(&config).unwrap();
        assert!(!text.contains("allow-http"), "{text}");
        let findings = run_check(&config, |_, _| Vec::new());
        assert_eq!(findings.code, ExitCode::Success, "{findings:?}");
    }
}

#[test]
fn every_mistake_is_told_with_its_path() {
    for (part, replacement, expected) in [
        (
            ":nats-url \"nats://localhost:4222\"",
            "",
            ":nats-url: missing: expected a string",
        ),
        (
            ":nats-url \"",
            ":nats-url \"http://",
            ":nats-url: expected an address such as ",
        ),
        (
            ":nats-url",
            ":nats-ulr",
            ":nats-ulr: unknown key, did you mean `:nats-url`?",
        ),
        ("\"0.0.1\"", "1", ":service-version: expected a string"),
        (
            ":password \"a-password-nobody-knows\"",
            "",
            ":connection :password: missing: ",
        ),
        (
            "/.well-known/openid-configuration",
            "",
            ":oidc-endpoint-url: expected an address that ends in ",
        ),
        (
            ":user-keys {",
            ":user-keys 7 :x {",
            ":user-keys: expected a map",
        ),
        (
            "\"App.Admin\"",
            ":admin",
            ":role-mappings: expected keys that are strings",
        ),
        (
            "{:allow [\">\"]}",
            "{:allow \">\"}",
            ":role-mappings \"App.Admin\" :pub :allow: expected a vector of strings",
        ),
        (
            "[\">\"]",
            "[1]",
            ":role-mappings \"App.Admin\" :pub :allow 0: expected a string",
        ),
        (
            "orders.>",
            "orders..>",
            ":role-mappings \"App.Reader\" :sub :allow: invalid subject `orders..>`: ",
        ),
        (
            "orders.>",
            "{{a}}",
            ":role-mappings \"App.Reader\" :sub :allow: `{{` and `}}` mean something ",
        ),
        (
            ":sub {:allow [\">\"]}",
            ":subs {}",
            ":role-mappings \"App.Admin\" :subs: unknown key, did you mean `:sub`?",
        ),
    ] {
        let sample = sample();
        assert!(sample.contains(part), "{part}");
        let found = complaints(&sample.replacen(part, replacement, 1));
        assert!(
            found
                .iter()
                .any(|complaint| complaint.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
}

#[test]
fn what_is_no_configuration_at_all() {
    assert_eq!(complaints("[1 2]"), ["expected a map"]);
    assert_eq!(complaints("\n{:a 1"), ["2: not EDN from here on"]);
}

#[test]
fn seeds_that_cannot_be_used_are_refused_and_never_shown() {
    let user = KeyPair::new_user().seed().unwrap();
    let public = "SAADJKWBAMBDK4XBVOV7LACPRVAN42775VSEVA2FEEF4QWAWPBYQHH44M4";
    for (seed, expected) in [
        (user.as_str(), "expected an account seed (SA…)"),
        (public, "this seed stands in public documentation"),
        ("SAnonsense", "expected an account seed (SA…)"),
    ] {
        let found = complaints(&SAMPLE.replace("SEED", seed));
        let [complaint] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert!(complaint.contains(expected), "{complaint}");
        assert!(!complaint.contains(seed), "{complaint}");
    }
}

#[test]
fn what_exists_is_left_alone() {
    let (directory, first) = imported(&sample());
    first.unwrap();
    let file = directory.path().join("config.edn");
    let again = planmdk(&file, &directory.path().join("site"));
    assert!(
        matches!(again, Err(NotImported::NotMade(NotInitialized::Exists(_)))),
        "{again:?}"
    );
}

#[test]
fn what_would_overflow_the_stack_is_refused() {
    for level in ["[", "#t ", "#_ ", "{:a "] {
        let text = level.repeat(200_000);
        let problems = Planmdk::read(Path::new("c.edn"), &text).unwrap_err();
        let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            problems,
            ["c.edn:1: brackets, tags or `#_` are nested too deeply: no configuration needs that"]
        );
    }
}

#[test]
fn only_a_file_of_some_size_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let error = planmdk(Path::new("/dev/zero"), directory.path()).unwrap_err();
    let expected = "/dev/zero: cannot read: is a device, not a regular file";
    assert_eq!(error.to_string(), expected);
    let large = directory.path().join("large.edn");
    fs::write(&large, " ".repeat(2 << 20)).unwrap();
    let error = planmdk(&large, directory.path()).unwrap_err();
    assert!(
        error.to_string().ends_with("is larger than 1048576 bytes"),
        "{error}"
    );
}
