//! `portcullis operator`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{Site, text};
use crate::exit::ExitCode;

#[test]
fn a_store_begins_with_its_operator() {
    let site = Site::empty();
    let (error, code) = site.fails("account add APP");
    assert!(error.contains("portcullis operator add"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
    site.text("operator add op --service-url nats://127.0.0.1:4222 --tag Prod");
    let (error, code) = site.fails("operator add other");
    assert!(error.contains("has an operator already"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    let shown = site.json("operator describe");
    assert_eq!(text(&shown, "/claims/name"), "op");
    assert_eq!(text(&shown, "/claims/nats/tags/0"), "prod");
    let system = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA";
    let patch = format!(r#"operator edit --patch {{"system_account":"{system}"}}"#);
    let (error, _) = site.fails(&patch);
    assert!(error.contains(&format!("no account `{system}`")), "{error}");
    let (error, _) = site.fails("operator edit --service-url http://a");
    assert!(error.contains("servers would refuse it"), "{error}");
    assert!(site.text("operator list").starts_with("op  O"));
}

#[test]
fn an_operator_is_deleted_after_its_accounts() {
    let site = Site::new();
    let key = text(&site.json("operator list"), "/key");
    let signing = site.text("operator add-key");
    let (error, code) = site.fails("operator delete");
    assert!(error.contains("has accounts"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    site.text("account delete APP");
    assert_eq!(text(&site.json("operator delete"), "/key"), key);
    let seeds = fs::read_dir(site.path("store/keys")).unwrap().count();
    assert_eq!(seeds, 0, "{signing}");
    assert!(site.fails("operator list").0.contains("has no operator"));
}

#[test]
fn operators_sign_with_their_signing_keys() {
    let site = Site::new();
    let before = site.json("account describe APP");
    let key = text(&site.json("operator add-key"), "/key");
    assert_eq!(text(&before, "/claims/iss"), key);
    let listed = site.json("operator list");
    let signing = text(&listed, "/signing_keys/0/key");
    site.text("operator edit --strict-signing-keys true");
    let servers = site.json("account describe APP")["servers"].to_string();
    assert!(servers.contains("no key of its issuer"), "{servers}");
    site.text("account edit APP");
    assert_eq!(
        text(&site.json("account describe APP"), "/claims/iss"),
        signing
    );
    site.text(&format!("operator remove-key {signing}"));
    let (error, _) = site.fails("account edit APP");
    assert!(
        error.contains("with signing keys only, and has none"),
        "{error}"
    );
}

#[test]
fn an_operator_says_which_accounts_servers_would_refuse() {
    let site = Site::new();
    let edited = site.json("operator edit --strict-signing-keys true");
    assert_eq!(edited["refused_accounts"], serde_json::json!(["APP"]));
    let (error, code) = site.fails("account edit APP");
    assert!(error.contains("portcullis operator add-key"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
    let added = site.text("operator add-key");
    assert!(added.contains("signs them again: `APP`"), "{added}");
    site.text("account edit APP");
    let edited = site.text("operator edit --tag a");
    assert!(!edited.contains("refuse"), "{edited}");
}

#[test]
fn a_store_is_verified_as_a_whole() {
    let site = Site::new();
    site.text("user add ann --account APP");
    let verified = site.json("operator verify");
    assert_eq!(
        verified,
        json!({ "ok": true, "accounts": 1, "users": 1, "problems": [] })
    );
    // A revocation is no problem.
    site.text("user revoke ann --account APP");
    assert_eq!(site.text("operator verify"), "ok: 1 account, 1 user\n");
    fs::write(site.path("store/accounts/APP.jwt"), "ey").unwrap();
    let (verified, _) = site.fails("operator verify");
    assert!(
        verified.contains("APP.jwt` is read by nothing"),
        "{verified}"
    );
    fs::remove_file(site.path("store/accounts/APP.jwt")).unwrap();
    site.text("operator edit --strict-signing-keys true");
    let (verified, code) = site.fails("operator verify");
    let expected = "account `APP`: they refuse the account: the operator has no key of its issuer";
    assert!(verified.contains(expected), "{verified}");
    assert_eq!(code, ExitCode::BadConfiguration);
}

#[test]
fn a_store_that_others_can_use_is_not_ok() {
    let site = Site::new();
    let key = text(&site.json("account describe APP"), "/claims/sub");
    let (accounts, seed) = ("store/accounts", format!("store/keys/{key}.nk"));
    let account = format!("store/accounts/{key}.jwt");
    let set = |file: &str, mode| {
        fs::set_permissions(site.path(file), Permissions::from_mode(mode)).unwrap();
    };
    for (file, exposed, safe, cure) in [
        (
            accounts,
            0o777,
            0o755,
            "who may put earlier versions there: run `chmod o-w`",
        ),
        (account.as_str(), 0o666, 0o600, "run `chmod o-w`"),
        (seed.as_str(), 0o644, 0o600, "run `chmod 600`"),
    ] {
        set(file, exposed);
        let (verified, code) = site.fails("operator verify");
        let path = site.path(file).display().to_string();
        assert!(
            verified.starts_with(&format!("`{path}` can be")),
            "{verified}"
        );
        assert!(verified.contains(cure), "{verified}");
        assert_eq!(code, ExitCode::BadConfiguration);
        set(file, safe);
        site.text("operator verify");
    }
}

#[test]
fn a_store_has_a_configuration_of_servers() {
    let site = Site::new();
    let (error, code) = site.fails("operator config --resolver full");
    assert!(error.contains("no system account"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    let key = text(&site.json("account add SYS"), "/key");
    site.text("operator edit --system-account SYS");
    let jwt = fs::read_to_string(site.path("store/operator.jwt")).unwrap();
    let memory = site.text("operator config");
    let preload = site.text("account preload");
    let expected = format!(
        "operator: {jwt}system_account: {key}\nresolver: MEMORY\nresolver_preload {{\n{preload}}}\n"
    );
    assert_eq!(memory, expected);
    let full = text(
        &site.json("operator config --resolver full --jwt-directory /var/jwt"),
        "/config",
    );
    assert!(full.contains("{ type: full, dir: \"/var/jwt\","), "{full}");
    // A server would store the others again at each start, also after they were deleted.
    let app = text(&site.json("account describe APP"), "/claims/sub");
    assert!(
        full.contains(&format!("{key}: ey")) && !full.contains(&app),
        "{full}"
    );
    let (error, _) = site.fails("operator config --resolver url");
    assert!(error.contains("--account-server-url"), "{error}");
    site.text("operator edit --account-server-url http://127.0.0.1:9090/jwt/v1/");
    let url = site.text("operator config --resolver url");
    let setting = "resolver: URL(http://127.0.0.1:9090/jwt/v1/accounts/)\n";
    assert!(url.ends_with(setting), "{url}");
}
