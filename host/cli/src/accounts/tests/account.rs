//! `portcullis account`.

use super::Site;
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
    assert_eq!(code, ExitCode::NoPolicyDirectory);
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
