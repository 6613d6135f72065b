//! Exports and imports of accounts.

use std::fs;

use serde_json::{Value, json};

use super::{Site, text};
use crate::exit::ExitCode;

#[test]
fn an_import_of_a_private_export_gets_its_token() {
    let site = Site::new();
    site.text("account edit APP --export stream:orders.>,token --export stream:news");
    site.text("account add WEB --import stream:APP:orders.new,as=new --import stream:APP:news");
    let shown = site.json("account describe WEB");
    let imports = &shown["claims"]["nats"]["imports"];
    assert_eq!(imports[0]["subject"], "news");
    assert_eq!(imports[0].get("token"), None);
    fs::write(site.path("token"), text(&imports[1], "/token")).unwrap();
    site.text("jwt verify @token");
    fs::write(site.path("web"), site.text("account jwt WEB")).unwrap();
    let decoded: Value = serde_json::from_str(&site.text("jwt decode @web")).unwrap();
    assert_eq!(
        text(&decoded, "/nats/imports/1/token/nats/subject"),
        "orders.new"
    );
    assert_eq!(shown["findings"], serde_json::json!([]));
}

#[test]
fn imports_have_an_export() {
    let site = Site::new();
    site.text("account edit APP --export stream:orders.>");
    site.text("account add WEB");
    for (import, reason) in [
        ("service:APP:orders.new", "exports no service `orders.new`"),
        ("stream:APP:news", "--export stream:news"),
        ("stream:APP:>.orders", "`>` in `>.orders` is not at the end"),
    ] {
        let (error, code) = site.fails(&format!("account edit WEB --import {import}"));
        assert!(error.contains(reason), "{error}");
        assert_eq!(code, ExitCode::Usage);
    }
    let (error, _) = site.fails("account edit APP --import stream:APP:orders.new");
    assert!(error.contains("exports itself"), "{error}");
    let mut key = text(&site.json("account describe APP"), "/claims/sub");
    let patch = |subject: &str| {
        let import = format!(r#"{{"account":"{key}","subject":"{subject}","type":"stream"}}"#);
        format!(r#"account edit WEB --patch {{"imports":[{import}]}}"#)
    };
    let (error, code) = site.fails(&patch("news"));
    assert!(error.contains("exports no stream `news`"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    site.text(&patch("orders.new"));
    site.text("account edit APP --export stream:private,token");
    let (error, _) = site.fails(&patch("private"));
    assert!(error.contains("needs an activation token"), "{error}");
    key.replace_range(55.., if key.ends_with('A') { "B" } else { "A" });
    let (error, _) = site.fails(&format!("account edit WEB --import stream:{key}:a"));
    assert!(error.contains("no account"), "{error}");
}

#[test]
fn an_account_of_another_operator_imports_with_a_token() {
    let (site, other) = (Site::new(), Site::new());
    site.text("account edit APP --export stream:orders.>,token --export stream:news");
    let exporter = text(&site.json("account describe APP"), "/claims/sub");
    let importer = text(&other.json("account describe APP"), "/claims/sub");
    let sign = |export: &str| format!("account activation APP --for {importer} --export {export}");
    let token = site.text(&format!("{} --expires 90d", sign("stream:orders.new")));
    fs::write(other.path("token"), &token).unwrap();
    let import = |subject: &str| {
        format!("account edit APP --import stream:{exporter}:{subject},token=@token")
    };
    other.text(&import("orders.new").replace("@token", &other.path("token").display().to_string()));
    let shown = other.json("account describe APP");
    assert_eq!(text(&shown, "/claims/nats/imports/0/token"), token.trim());
    assert_eq!(shown["findings"], serde_json::json!([]));
    let claims: Value = serde_json::from_str(&other.text("jwt decode @token")).unwrap();
    assert!(claims["exp"].is_u64(), "{claims:#}");
    // A token for something else is refused.
    let wrong = import("orders.old").replace("@token", &other.path("token").display().to_string());
    let (error, code) = other.fails(&wrong);
    assert!(error.contains("is for another subject"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    for (export, reason) in [
        ("stream:news", "needs no token"),
        ("service:orders.new", "exports no service"),
        ("orders.new", "KIND:SUBJECT"),
        (
            "stream:orders.new --expires 2020-01-01",
            "servers would refuse it: expired at",
        ),
    ] {
        let (error, code) = site.fails(&sign(export));
        assert!(error.contains(reason), "{error}");
        assert_ne!(code, ExitCode::Internal, "{error}");
    }
}

#[test]
fn revocations_of_activations_survive_a_change_of_the_export() {
    let site = Site::new();
    site.text("account edit APP --export stream:orders.>,token --export stream:news");
    let importer = text(&site.json("account add WEB"), "/key");
    let revoke =
        |export: &str| format!("account revoke-activation APP --for WEB --export {export}");
    site.text(&revoke("stream:orders.>"));
    site.text("account edit APP --export stream:orders.>,token,name=orders");
    let shown = site.json("account describe APP");
    let exports = shown["claims"]["nats"]["exports"].as_array().unwrap();
    let orders = exports
        .iter()
        .find(|export| export["name"] == "orders")
        .unwrap();
    let revoked = orders["revocations"][&importer].as_u64().unwrap();
    // A token of the same second counts again.
    site.text("account edit WEB --import stream:APP:orders.new");
    let token = site.json("account describe WEB")["claims"]["nats"]["imports"][0].clone();
    fs::write(site.path("token"), text(&token, "/token")).unwrap();
    assert!(site.json("jwt decode @token")["iat"].as_u64().unwrap() > revoked);
    let (error, code) = site.fails(&revoke("stream:news"));
    assert!(error.contains("needs no token"), "{error}");
    assert_eq!(code, ExitCode::Usage);
    let (error, code) = site.fails(&revoke("stream:none"));
    assert!(error.contains("no export `none`"), "{error}");
    assert_eq!(code, ExitCode::NotFound);
}

#[test]
fn a_changed_export_keeps_what_no_option_sets() {
    let site = Site::new();
    site.text("account edit APP --export service:orders,response=Stream");
    let patch = json!({"exports": [{
        "subject": "orders",
        "type": "service",
        "response_type": "Stream",
        "response_threshold": 1_000_000_000,
        "service_latency": {"sampling": 50, "results": "latency.orders"},
        "description": "the-orders-of-shops",
        "info_url": "https://orders.example.com",
    }]});
    site.text(&format!("account edit APP --patch {patch}"));
    let export = |shown: Value| shown["claims"]["nats"]["exports"][0].clone();
    let mut wanted = export(site.json("account describe APP"));
    assert_eq!(wanted["service_latency"]["sampling"], 50);
    site.text("account edit APP --export service:orders,name=orders");
    let shown = export(site.json("account describe APP"));
    wanted["name"] = "orders".into();
    assert_eq!(shown, wanted);
    // A private export does not become public by another change.
    site.text("account edit APP --export stream:a,token");
    site.text("account edit APP --export stream:a,name=a");
    let private = || {
        let shown = site.json("account describe APP");
        let exports = shown["claims"]["nats"]["exports"]
            .as_array()
            .unwrap()
            .clone();
        exports
            .into_iter()
            .find(|export| export["subject"] == "a")
            .unwrap()
    };
    assert_eq!(private()["token_req"], true);
    site.text("account edit APP --export stream:a,token=false");
    assert_eq!(private()["token_req"], Value::Null);
}

#[test]
fn a_later_revocation_of_activations_revokes_the_last_token_too() {
    let site = Site::new();
    site.text("account edit APP --export stream:a,token");
    site.text("account add WEB --import stream:APP:a");
    // Within one second, the second token is later than the clock.
    for _ in 0..2 {
        site.text("account revoke-activation APP --for WEB --export stream:a");
        let (problems, _) = site.fails("operator verify");
        assert!(problems.contains("a revoked one"), "{problems}");
        site.text("account edit WEB --import stream:APP:a");
        site.text("operator verify");
    }
}

#[test]
fn one_of_several_shares_of_a_subject_is_removed() {
    let site = Site::new();
    site.text("account edit APP --export stream:dup --export service:dup --export stream:a");
    site.text("account add OTHER --export stream:dup");
    let other = text(&site.json("account describe OTHER"), "/claims/sub");
    site.text("account add WEB --import stream:APP:dup,as=b --import stream:OTHER:dup,as=c");
    for (line, form) in [
        (
            "account edit APP --remove-export dup",
            "service:dup".to_owned(),
        ),
        (
            "account edit WEB --remove-import dup",
            format!("stream:{other}:dup"),
        ),
    ] {
        let (error, code) = site.fails(line);
        assert!(
            error.contains("several") && error.contains(&form),
            "{error}"
        );
        assert_eq!(code, ExitCode::Usage);
    }
    site.text("account edit WEB --remove-import stream:OTHER:dup");
    site.text("account edit APP --remove-export service:dup --remove-export a");
    let field = |account: &str, field: &str| {
        let shown = site.json(&format!("account describe {account}"));
        shown["claims"]["nats"][field].clone()
    };
    assert_eq!(field("WEB", "imports").as_array().unwrap().len(), 1);
    assert_eq!(field("WEB", "imports")[0]["to"], Value::Null);
    assert_eq!(field("APP", "exports").as_array().unwrap().len(), 1);
    assert_eq!(field("APP", "exports")[0]["type"], "stream");
}

#[test]
fn imports_that_servers_leave_out_are_found() {
    let site = Site::new();
    site.text("account edit APP --export stream:a --export stream:b,token");
    site.text("account add WEB --import stream:APP:a --import stream:APP:b");
    site.text("operator verify");
    site.text("account revoke-activation APP --for WEB --export stream:b");
    let (problems, code) = site.fails("operator verify");
    assert!(problems.contains("`stream:b` is left out"), "{problems}");
    assert!(problems.contains("`--import stream:APP:b`"), "{problems}");
    assert_eq!(code, ExitCode::BadConfiguration);
    site.text("account edit WEB --import stream:APP:b");
    site.text("operator verify");
    site.text("account edit APP --remove-export a");
    let (problems, _) = site.fails("operator verify");
    assert!(problems.contains("`stream:a` is left out"), "{problems}");
}

#[test]
fn the_latency_of_a_service_is_measured() {
    let site = Site::new();
    let (error, _) = site.fails("account edit APP --export service:a,sampling=50");
    assert!(error.contains("latency=SUBJECT"), "{error}");
    let export = || site.json("account describe APP")["claims"]["nats"]["exports"][0].clone();
    site.text("account edit APP --export service:a,latency=l.a,threshold=2s");
    let expected = json!({ "sampling": "headers", "results": "l.a" });
    assert_eq!(export()["service_latency"], expected);
    assert_eq!(export()["response_threshold"], 2_000_000_000_u64);
    site.text("account edit APP --export service:a,sampling=50");
    let (error, _) = site.fails("account edit APP --export service:a,token=maybe");
    assert!(error.contains("is not of the form"), "{error}");
    let expected = json!({ "sampling": 50, "results": "l.a" });
    assert_eq!(export()["service_latency"], expected);
    assert_eq!(export()["response_threshold"], 2_000_000_000_u64);
    site.text("account edit APP --export service:a,latency=");
    assert_eq!(export()["service_latency"], Value::Null);
}

#[test]
fn an_export_can_demand_the_importer_in_its_subject() {
    let site = Site::new();
    site.text("account edit APP --export stream:logins.*,position=2");
    let shown = site.json("account describe APP");
    assert_eq!(
        shown["claims"]["nats"]["exports"][0]["account_token_position"],
        2
    );
    let (error, code) = site.fails("account edit APP --export stream:logins.*,position=two");
    assert!(error.contains("position=NUMBER"), "{error}");
    assert_eq!(code, ExitCode::Usage);
}
