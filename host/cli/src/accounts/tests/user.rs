//! `portcullis user`.

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
    site.text("user edit ann --account APP");
    site.text("creds mint ann --account APP --out @again.creds");
    site.text("creds verify @again.creds");
    site.text("account revoke APP");
    site.fails("creds verify @again.creds");
    let (error, code) = site.fails("creds mint ann --account APP --out @again.creds");
    assert!(error.contains("cannot write"), "{error}");
    assert_eq!(code, ExitCode::CannotCreate);
    site.text("user delete ann --account APP");
    assert!(site.text("user list --account APP").starts_with("no users"));
    let deleted = site.text("account delete APP");
    assert!(
        deleted.contains("in the servers' resolver too"),
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
