//! Signing keys, roles and rotations.

use std::fs;

use super::{Site, text};
use crate::exit::ExitCode;

#[test]
fn a_rotation_loses_no_user() {
    let site = Site::new();
    site.text("account add-key APP --role reader --allow-sub a");
    site.text("user add ann --account APP --role reader --creds @old.creds");
    let begun = site.json("account rotate APP reader");
    let (old, new) = (text(&begun, "/old"), text(&begun, "/new"));
    assert_eq!(begun["users"], serde_json::json!(["ann"]));
    site.text("creds mint ann --account APP --out @new.creds");
    // Both keys count.
    site.text("creds verify @old.creds");
    site.text("creds verify @new.creds");
    for line in [
        "account rotate APP reader --finish",
        "user add bob --account APP --role reader",
        "account edit-role APP reader --allow-sub b",
    ] {
        let (error, code) = site.fails(line);
        for part in ["several signing keys have the role", &old, &new] {
            assert!(error.contains(part), "{line}: {error}");
        }
        assert_eq!(code, ExitCode::Usage);
    }
    let (error, code) = site.fails("account add-key APP --role reader");
    assert!(error.contains("has the role `reader` already"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    let (error, _) = site.fails(&format!("account rotate APP {new} --finish"));
    assert!(error.contains("still signs these users"), "{error}");
    site.text(&format!("account rotate APP {old} --finish"));
    site.text("creds verify @new.creds");
    let (problems, _) = site.fails("creds verify @old.creds");
    assert!(problems.contains("no key of its issuer"), "{problems}");
    let (error, _) = site.fails(&format!("account rotate APP {new} --finish"));
    assert!(error.contains("no other key"), "{error}");
    assert!(!site.path(&format!("store/keys/{old}.nk")).exists());
}

#[test]
fn a_key_that_is_not_added_leaves_no_seed() {
    let site = Site::new();
    site.text("account add-key APP --role reader");
    let operator = text(&site.json("operator describe"), "/claims/sub");
    let seed = site.path("store/keys").join(format!("{operator}.nk"));
    fs::remove_file(seed).unwrap();
    let seeds = || fs::read_dir(site.path("store/keys")).unwrap().count();
    let before = seeds();
    for command in [
        "operator add-key",
        "account add-key APP",
        "account rotate APP reader",
        "account add WEB",
    ] {
        let (error, code) = site.fails(command);
        assert!(error.contains(&operator), "{command}: {error}");
        assert_eq!(code, ExitCode::NotFound, "{command}");
        assert_eq!(seeds(), before, "{command}");
    }
}

#[test]
fn a_signing_key_can_have_its_seed_elsewhere() {
    let site = Site::new();
    let key = |kind: &str| {
        let file = format!("{kind}.nk");
        text(
            &site.json(&format!("keys generate {kind} --out @{file}")),
            "/key",
        )
    };
    let (role, operator, user) = (key("account"), key("operator"), key("user"));
    site.text(&format!(
        "account add-key APP --role reader --public-key {role}"
    ));
    site.text(&format!("operator add-key --public-key {operator}"));
    let shown = site.json("account list");
    let expected = serde_json::json!([{ "key": role, "role": "reader", "seed": false }]);
    assert_eq!(shown[0]["signing_keys"], expected);
    let shown = site.json("operator list");
    let expected = serde_json::json!([{ "key": operator, "seed": false }]);
    assert_eq!(shown["signing_keys"], expected);
    for (line, problem) in [
        (
            format!("account add-key APP --public-key {role}"),
            "has the key",
        ),
        (
            format!("operator add-key --public-key {operator}"),
            "has the key",
        ),
        (
            format!("account add-key APP --public-key {user}"),
            "no public key",
        ),
    ] {
        let (error, code) = site.fails(&line);
        assert!(error.contains(problem), "{line}: {error}");
        assert_eq!(code, ExitCode::Usage, "{line}");
    }
    // A key that is refused keeps the seed that the store has of it.
    site.text("operator add-key");
    let shown = site.json("operator list")["signing_keys"][1].clone();
    site.fails(&format!(
        "operator add-key --public-key {}",
        text(&shown, "/key")
    ));
    assert_eq!(site.json("operator list")["signing_keys"][1]["seed"], true);
}

#[test]
fn users_of_a_key_that_is_removed_are_named() {
    let site = Site::new();
    site.text("account add-key APP --role reader");
    site.text("user add ann --account APP --role reader");
    site.text("user add bob --account APP");
    let removed = site.json("account remove-key APP reader");
    assert_eq!(removed["refused_users"], serde_json::json!(["ann"]));
    site.text("account add-key APP --role writer");
    let removed = site.text("account remove-key APP writer");
    assert!(!removed.contains("refuse"), "{removed}");
}

#[test]
fn what_an_account_lacks_is_named_by_its_kind() {
    let site = Site::new();
    for command in [
        "account rotate APP reader",
        "account remove-key APP reader",
        "account edit-role APP reader",
    ] {
        let (error, code) = site.fails(command);
        assert!(error.contains("no signing key or role `reader`"), "{error}");
        assert_eq!(code, ExitCode::NotFound);
    }
    let (error, _) = site.fails("operator remove-key OABC");
    assert!(error.contains("no signing key `OABC`"), "{error}");
}

#[test]
fn a_user_whose_role_is_gone_gets_no_more_than_it_is_given() {
    let site = Site::new();
    for role in ["reader", "writer"] {
        site.text(&format!(
            "account add-key APP --role {role} --allow-sub {role}.> --deny-pub >"
        ));
    }
    site.text("account add-key APP");
    let plain = site.json("account list")[0]["signing_keys"].clone();
    let plain = plain
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["role"].is_null());
    let plain = text(plain.unwrap(), "/key");
    site.text("user add ann --account APP --role reader");
    site.text("account remove-key APP reader");
    let shown = || site.json("user describe ann --account APP")["servers"].to_string();
    assert!(shown().contains("no key of its issuer"), "{}", shown());
    for edit in [
        String::new(),
        " --tag a".to_owned(),
        format!(" --role {plain}"),
    ] {
        let (error, code) = site.fails(&format!("user edit ann --account APP{edit}"));
        assert!(error.contains("the permissions of a role"), "{error}");
        assert_eq!(code, ExitCode::Usage);
    }
    site.text("user edit ann --account APP --role writer");
    assert!(shown().contains("by the role `writer`"), "{}", shown());
    site.text("account remove-key APP writer");
    site.text("user edit ann --account APP --allow-sub a --deny-pub >");
    let expected = "the user may publish nowhere, and subscribe on `a`";
    assert!(shown().contains(expected), "{}", shown());
}
