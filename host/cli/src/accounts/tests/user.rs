//! `portcullis user`.

use serde_json::json;

use super::{Site, mode};
use crate::exit::ExitCode;

#[test]
fn users_have_permissions_of_their_own_or_of_a_role() {
    let site = Site::new();
    site.text(
        "account add-key APP --role reader --allow-sub orders.> --deny-pub > --limit payload=1KiB",
    );
    site.text("user add ann --account APP --allow-pub orders.> --limit subscriptions=3");
    site.text("user add bob --account APP --role reader");
    let ann = site.json("user describe ann --account APP");
    assert_eq!(ann["claims"]["nats"]["subs"], 3);
    assert_eq!(ann["claims"]["nats"]["payload"], -1);
    let bob = site.json("user describe bob --account APP");
    let servers = bob["servers"].to_string();
    assert!(
        servers.contains("by the role `reader`, the user may publish nowhere"),
        "{servers}"
    );
    assert_eq!(bob["claims"]["nats"].get("payload"), None);
    let (error, _) = site.fails("user edit bob --account APP --allow-pub x");
    assert!(error.contains("leave them to the role"), "{error}");
    site.text("account edit-role APP reader --allow-pub x --remove-permission >");
    let servers = site.json("user describe bob --account APP")["servers"].to_string();
    assert!(servers.contains("may publish on `x`"), "{servers}");
    let (error, _) = site.fails("account add-key APP --role reader");
    assert!(error.contains("already"), "{error}");
    assert!(
        site.text("user list --account APP")
            .contains("role `reader`")
    );
}

#[test]
fn a_revoked_user_is_refused_until_it_is_signed_again() {
    let site = Site::new();
    site.text("user add ann --account APP --creds @ann.creds");
    assert_eq!(mode(&site.path("ann.creds")), 0o600);
    site.text("creds verify @ann.creds");
    site.text("user revoke ann --account APP");
    let (problems, code) = site.fails("creds verify @ann.creds");
    assert!(
        problems.contains("the account has revoked it"),
        "{problems}"
    );
    assert_eq!(code, ExitCode::BadConfiguration);
    let (error, code) = site.fails("creds mint ann --account APP --out @none.creds");
    assert!(error.contains("the account has revoked it"), "{error}");
    assert_eq!(code, ExitCode::BadConfiguration);
    assert!(!site.path("none.creds").exists());
    site.text("user edit ann --account APP");
    site.text("creds mint ann --account APP --out @again.creds");
    site.text("creds verify @again.creds");
    site.text("account revoke APP");
    site.fails("creds verify @again.creds");
    site.text("user edit ann --account APP");
    let (error, code) = site.fails("creds mint ann --account APP --out @again.creds");
    assert!(error.contains("cannot write"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    site.text("user delete ann --account APP");
    assert!(site.text("user list --account APP").starts_with("no users"));
    let deleted = site.text("account delete APP");
    assert!(
        deleted.contains("servers keep it until `portcullis account delete A"),
        "{deleted}"
    );
    let (problems, _) = site.fails("creds verify @again.creds");
    assert!(problems.contains("no account"), "{problems}");
}

#[test]
fn a_credentials_file_that_cannot_be_written_leaves_no_user() {
    let site = Site::new();
    let (error, code) = site.fails("user add ann --account APP --creds @none/ann.creds");
    assert!(error.contains("cannot write"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    assert!(site.text("user list --account APP").starts_with("no users"));
    site.text("user add ann --account APP");
    // A user that is refused leaves no file.
    site.fails("user add bob --account APP --creds @bob.creds --allow-pub a..b");
    assert!(!site.path("bob.creds").exists());
}

#[test]
fn networks_and_connection_types_are_added_and_removed() {
    let site = Site::new();
    site.text("user add ann --account APP --source 10.0.0.0/8 --connection-type mqtt");
    site.text("user edit ann --account APP --source 192.0.2.0/24 --connection-type WEBSOCKET");
    let shown = site.json("user describe ann --account APP");
    let nats = &shown["claims"]["nats"];
    assert_eq!(nats["src"], json!(["10.0.0.0/8", "192.0.2.0/24"]));
    assert_eq!(
        nats["allowed_connection_types"],
        json!(["MQTT", "WEBSOCKET"])
    );
    site.text(
        "user edit ann --account APP --remove-source 10.0.0.0/8 --remove-connection-type mqtt",
    );
    let shown = site.json("user describe ann --account APP");
    let nats = &shown["claims"]["nats"];
    assert_eq!(nats["src"], json!(["192.0.2.0/24"]));
    assert_eq!(nats["allowed_connection_types"], json!(["WEBSOCKET"]));
}

#[test]
fn a_user_expires_after_a_time_or_at_a_date() {
    let site = Site::new();
    site.text("user add ann --account APP --expires 2100-01-01");
    let shown = site.json("user describe ann --account APP");
    assert_eq!(shown["claims"]["exp"], 4_102_444_800_u64);
    site.text("user edit ann --account APP --expires never");
    assert_eq!(
        site.json("user describe ann --account APP")["claims"].get("exp"),
        None
    );
    let (error, code) = site.fails("user edit ann --account APP --expires 2020-01-01");
    assert!(error.contains("expired at"), "{error}");
    assert_eq!(code, ExitCode::BadConfiguration);
}

#[test]
fn what_is_taken_out_last_opens_no_door() {
    let site = Site::new();
    site.text("user add ann --account APP --allow-pub a --allow-sub b --source 10.0.0.0/8 --connection-type MQTT");
    let before = site.json("user describe ann --account APP");
    for (edit, reason) in [
        ("--remove-permission a", "may publish everywhere"),
        ("--remove-permission b", "may subscribe everywhere"),
        ("--remove-source 10.0.0.0/8", "--source 0.0.0.0/0"),
        ("--remove-connection-type MQTT", "all are allowed"),
    ] {
        let (error, code) = site.fails(&format!("user edit ann --account APP {edit}"));
        assert!(error.contains(reason), "{error}");
        assert_eq!(code, ExitCode::Usage);
    }
    assert_eq!(site.json("user describe ann --account APP"), before);
    site.text("user edit ann --account APP --remove-permission a --allow-pub c");
    site.text("user edit ann --account APP --remove-permission c --responses 1");
    site.text("user edit ann --account APP --remove-permission b --deny-sub >");
    let shown = site.json("user describe ann --account APP")["servers"].to_string();
    let expected = "the user may publish replies only, and subscribe nowhere";
    assert!(shown.contains(expected), "{shown}");
    let (error, _) = site.fails("user edit ann --account APP --responses 0");
    assert!(error.contains("may publish everywhere"), "{error}");
}
