//! `portcullis keys`.

use std::fs;

use super::{Site, mode, text};
use crate::exit::ExitCode;

#[test]
fn keys_are_made_inspected_and_converted() {
    let site = Site::empty();
    for (kind, letter) in [
        ("operator", 'O'),
        ("account", 'A'),
        ("user", 'U'),
        ("curve", 'X'),
    ] {
        let file = format!("@{kind}.nk");
        let made = site.json(&format!("keys generate {kind} --out {file}"));
        let key = text(&made, "/key");
        assert!(key.starts_with(letter));
        assert_eq!(
            text(&site.json(&format!("keys inspect {file}")), "/key"),
            key
        );
        assert_eq!(mode(&site.path(&format!("{kind}.nk"))), 0o600);
    }
    site.text("keys convert @account.nk --to pem --out @account.pem");
    let back = "keys convert @account.pem --kind account --to seed --out @back.nk";
    site.text(back);
    let read = |name: &str| fs::read_to_string(site.path(name)).unwrap();
    assert_eq!(read("back.nk"), read("account.nk"));
    let (error, code) = site.fails("keys inspect @account.pem");
    assert!(error.contains("--kind"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    site.fails("keys convert @curve.nk --to pem --out @curve.pem");
    // As nsc exports a seed, and with other marks.
    for mark in ["-----BEGIN ACCOUNT NKEY SEED-----", "---BEGIN SEED---"] {
        let marked = format!("{mark}\n{}------END------\n", read("account.nk"));
        fs::write(site.path("marked"), marked).unwrap();
        let shown = site.json("keys inspect @marked");
        assert_eq!(shown["key"], site.json("keys inspect @account.nk")["key"]);
    }
    fs::write(site.path("text"), "hello").unwrap();
    let (error, _) = site.fails("keys inspect @text");
    assert!(
        error.contains("has no seed: expected a seed (SO…, SA…, SU…), found something"),
        "{error}"
    );
    fs::write(site.path("cut"), read("user.nk").split_at(40).0).unwrap();
    let (error, code) = site.fails("keys inspect @cut");
    assert!(error.contains("found one that is damaged"), "{error}");
    assert_eq!(code, ExitCode::BadConfiguration);
}
