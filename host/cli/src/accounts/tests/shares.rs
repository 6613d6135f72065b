//! Exports and imports of accounts.

use std::fs;

use serde_json::Value;

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
