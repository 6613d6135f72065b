//! `portcullis account`.

use std::fs;

use super::{Site, text};
use crate::exit::ExitCode;

#[test]
fn accounts_are_changed_by_name() {
    let site = Site::new();
    site.text("account edit APP --limit connections=5 --limit payload=1MiB --jetstream disk=1GiB --description orders --tag a");
    site.text("account edit APP --export stream:orders.> --export service:api,response=Stream,name=api --deny-pub secret");
    let shown = site.json("account describe APP");
    let nats = &shown["claims"]["nats"];
    assert_eq!(nats["limits"]["conn"], 5);
    assert_eq!(nats["limits"]["payload"], 1 << 20);
    assert_eq!(nats["limits"]["disk_storage"], 1 << 30);
    assert_eq!(nats["exports"][0]["response_type"], "Stream");
    assert_eq!(nats["default_permissions"]["pub"]["deny"][0], "secret");
    let servers = shown["servers"].to_string();
    assert!(servers.contains("JetStream is on"), "{servers}");
    assert!(servers.contains("everywhere but on `secret`"), "{servers}");
    site.text("account edit APP --remove-export api --rename SHOP");
    assert!(site.text("account list").starts_with("SHOP  A"));
    let (error, code) = site.fails("account edit APP --tag x");
    assert!(error.contains("no account `APP`"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
    let (error, code) = site.fails("account edit SHOP --export orders");
    assert!(error.contains("KIND:SUBJECT"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    let (error, _) = site.fails("account add SHOP");
    assert!(error.contains("already"), "{error}");
}

#[test]
fn what_servers_refuse_is_not_written() {
    let site = Site::new();
    let before = site.text("account jwt APP");
    for (change, reason) in [
        ("--export stream:a..b", "two dots in a row"),
        ("--allowed-account *", "no user of the service"),
        ("--xkey U", "not a public key of the kind curve"),
        (
            "--limit exports=0 --export stream:a",
            "the operator allows 0",
        ),
    ] {
        let (error, code) = site.fails(&format!("account edit APP {change}"));
        assert!(error.contains(reason), "{error}");
        assert_eq!(code, ExitCode::BadConfiguration);
    }
    assert_eq!(site.text("account jwt APP"), before);
}

#[test]
fn the_system_account_is_not_deleted() {
    let site = Site::new();
    site.text("operator edit --system-account APP");
    let (error, code) = site.fails("account delete APP");
    assert!(error.contains("is the system account"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    site.text(r#"operator edit --patch {"system_account":null}"#);
    site.text("account delete APP");
}

#[test]
fn an_account_stays_if_no_server_deletes_it() {
    let site = Site::new();
    let (error, code) = site.fails("account push APP");
    assert!(error.contains("name the servers"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    // The credentials file does not exist, so no connection is made.
    let servers = "--server nats://127.0.0.1:4222 --creds @none.creds";
    let (error, _) = site.fails(&format!("account delete APP {servers}"));
    assert!(error.contains("the store keeps it"), "{error}");
    site.text("account jwt APP");
}

#[test]
fn a_name_is_not_given_twice() {
    let site = Site::new();
    site.text("account add WEB");
    let (error, code) = site.fails("account edit WEB --rename APP");
    assert!(error.contains("has the account `APP` already"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    site.text("account edit WEB --rename WEB");
    for user in ["ann", "bob"] {
        site.text(&format!("user add {user} --account APP"));
    }
    let (error, _) = site.fails("user edit bob --account APP --rename ann");
    assert!(error.contains("has the user `ann` already"), "{error}");
    site.text("user edit bob --account APP --rename eve");
}

#[test]
fn a_directory_without_a_store_has_no_accounts_to_list() {
    let site = Site::empty();
    for command in [
        "account list",
        "account preload",
        "account describe APP",
        "operator verify",
    ] {
        let (error, code) = site.fails(command);
        assert!(error.contains("has no operator"), "{command}: {error}");
        assert_eq!(code, ExitCode::NotFound, "{command}");
    }
    fs::create_dir_all(site.path("store/stores")).unwrap();
    let (error, code) = site.fails("account list");
    assert!(error.contains("portcullis import nsc"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
}

#[test]
fn a_damaged_account_may_have_the_name_that_is_looked_for() {
    let site = Site::new();
    let key = text(&site.json("account add WEB"), "/key");
    fs::write(site.path(&format!("store/accounts/{key}.jwt")), "eyJ").unwrap();
    // The others are found and listed.
    site.text("account edit APP --tag a");
    for command in [
        "account describe WEB",
        "account add WEB",
        "account edit APP --rename WEB",
    ] {
        let (error, code) = site.fails(command);
        assert!(
            error.contains("no readable account is called `WEB`"),
            "{error}"
        );
        assert!(
            error.contains(&key) && error.contains("is damaged"),
            "{error}"
        );
        assert_eq!(code, ExitCode::BadConfiguration, "{command}");
    }
    let (listed, code) = site.fails("account list");
    assert!(
        listed.contains("APP  A") && listed.contains("is damaged"),
        "{listed}"
    );
    assert_eq!(code, ExitCode::BadConfiguration);
    let (verified, code) = site.fails("operator verify");
    assert!(verified.contains(&key), "{verified}");
    assert_eq!(code, ExitCode::BadConfiguration);
}

#[test]
fn what_is_to_be_removed_has_to_be_there() {
    let site = Site::new();
    site.text("user add ann --account APP --allow-pub a --source 10.0.0.0/8");
    site.text("account add-key APP --role reader --allow-sub a");
    for command in [
        "account edit APP --remove-tag b",
        "account edit APP --remove-permission b",
        "account edit APP --remove-export b",
        "account edit APP --remove-import b",
        "account edit APP --remove-allowed-account *",
        "account edit APP --remove-auth-user UA5WKZIYRHGN6ZA2CCQA7N2S5JNI5RWLPJJCZARQN4E5MMNDML6VVWDY",
        "operator edit --remove-service-url nats://b",
        "user edit ann --account APP --remove-permission b",
        "user edit ann --account APP --remove-source 10.0.0.0/9",
        "user edit ann --account APP --remove-connection-type MQTT",
        "account edit-role APP reader --remove-permission b",
    ] {
        let (error, code) = site.fails(command);
        assert!(error.contains("describe"), "{command}: {error}");
        assert_eq!(code, ExitCode::NotFound, "{command}: {error}");
    }
}

#[test]
fn an_account_can_have_its_seed_elsewhere() {
    let site = Site::new();
    let key = text(&site.json("keys generate account --out @team.nk"), "/key");
    site.text(&format!(
        "account add TEAM --public-key {key} --limit connections=5"
    ));
    let listed = site.json("account list");
    let team = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "TEAM");
    assert_eq!(team.unwrap()["seed"], false);
    let (error, code) = site.fails("user add ann --account TEAM");
    assert!(error.contains(&key), "{error}");
    assert_eq!(code, ExitCode::NotFound);
    let (error, code) = site.fails(&format!("account add OTHER --public-key {key}"));
    assert!(error.contains("already"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    for key in [
        "A",
        "APP",
        "UA5WKZIYRHGN6ZA2CCQA7N2S5JNI5RWLPJJCZARQN4E5MMNDML6VVWDY",
    ] {
        let (error, code) = site.fails(&format!("account add OTHER --public-key {key}"));
        assert!(error.contains("is no public key of an account"), "{error}");
        assert_eq!(code, ExitCode::Usage);
    }
}

#[test]
fn a_list_has_the_signing_keys_with_their_roles() {
    let site = Site::new();
    site.text("account add-key APP --role reader --allow-sub a");
    let listed = site.json("account list");
    assert_eq!(listed[0]["signing_keys"][0]["role"], "reader");
    assert_eq!(listed[0]["signing_keys"][0]["seed"], true);
}

#[test]
fn a_tier_of_jetstream_is_removed() {
    let site = Site::new();
    site.text("account edit APP --jetstream R1.disk=1GB --jetstream R3.disk=1GB");
    site.text("account edit APP --jetstream R3.off");
    let shown = site.json("account describe APP");
    let tiers = shown["claims"]["nats"]["limits"]["tiered_limits"].as_object();
    assert_eq!(tiers.unwrap().keys().collect::<Vec<_>>(), ["R1"]);
    let (error, code) = site.fails("account edit APP --jetstream R3.off");
    assert!(error.contains("no tier `R3`"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
}

#[test]
fn wrong_jetstream_limits_say_what_is_possible() {
    let site = Site::new();
    let (error, code) = site.fails("account edit APP --jetstream on");
    assert!(error.contains("neither `unlimited` nor `off`"), "{error}");
    assert!(error.contains("`disk`"), "{error}");
    assert_eq!(code, ExitCode::Usage);
}

#[test]
fn accounts_are_named_or_all_meant() {
    let site = Site::new();
    for verb in ["push", "pull"] {
        for which in ["APP", "--all"] {
            let (error, code) = site.fails(&format!("account {verb} {which}"));
            assert!(error.contains("name the servers"), "{error}");
            assert_eq!(code, ExitCode::Usage);
        }
        let (error, code) = site.fails(&format!("account {verb} NONE"));
        assert!(error.contains("no account `NONE`"), "{error}");
        assert_eq!(code, ExitCode::NotFound);
    }
}

#[test]
fn no_name_in_a_jwt_begins_a_line() {
    let site = Site::new();
    let tier = r#"{"mem_storage":1,"disk_storage":1,"streams":1,"consumer":1}"#;
    let patch = format!(r#"{{"limits":{{"tiered_limits":{{"R\nservers:\n-":{tier}}}}}}}"#);
    site.text(&format!("account edit APP --patch {patch}"));
    let shown = site.text("account describe APP");
    let headings = shown.lines().filter(|line| *line == "servers:");
    assert_eq!(headings.count(), 1, "{shown}");
    assert!(
        shown.contains(r"R\u000aservers:\u000a-.streams: 1"),
        "{shown}"
    );
}
