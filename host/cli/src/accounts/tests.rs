//! The commands on a store, as a user types them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Cli, Command};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// A directory with a store.
struct Site {
    directory: TempDir,
}

impl Site {
    /// Makes a store with the operator `op` and the account `APP`.
    fn new() -> Self {
        let site = Self::empty();
        site.text("operator add op");
        site.text("account add APP");
        site
    }

    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command, whose words are separated by spaces. `@NAME` is a file of the directory.
    fn run(&self, line: &str) -> Result<Output, Failure> {
        let file = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let words = line.split(' ').map(file);
        let mut words: Vec<_> = ["portcullis".to_owned()].into_iter().chain(words).collect();
        let has_store = ["keys", "jwt decode", "creds inspect"];
        if !has_store.iter().any(|verb| line.starts_with(verb)) {
            words.extend([
                "--store".to_owned(),
                self.path("store").display().to_string(),
            ]);
        }
        match Cli::try_parse_from(&words).unwrap().command {
            Command::Operator { verb } => verb.run(),
            Command::Account { verb } => verb.run(),
            Command::User { verb } => verb.run(),
            Command::Keys { verb } => verb.run(),
            Command::Creds { verb } => verb.run(),
            Command::Jwt { verb } => verb.run(),
            other => panic!("{other:?}"),
        }
    }

    fn text(&self, line: &str) -> String {
        let output = self
            .run(line)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(output.code, ExitCode::Success, "{line}: {}", output.text);
        output.text
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{line} --json"))).unwrap()
    }

    fn fails(&self, line: &str) -> (String, ExitCode) {
        match self.run(line) {
            Err(failure) => (failure.to_string(), failure.code()),
            Ok(output) => {
                assert_ne!(output.code, ExitCode::Success, "{line}: {}", output.text);
                (output.text, output.code)
            }
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} in {value:#}"))
        .to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_store_begins_with_its_operator() {
    let site = Site::empty();
    let (error, code) = site.fails("account add APP");
    assert!(error.contains("portcullis operator add"), "{error}");
    assert_eq!(code, ExitCode::NoPolicyDirectory);
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
    let (error, _) = site.fails("account rotate APP reader --finish");
    assert!(error.contains("no signing key"), "{error}");
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
fn credentials_say_what_some_clients_do_not_read() {
    let site = Site::new();
    site.text("user add ann --account APP --creds @good.creds");
    let text_of = |line| site.text(line);
    assert!(text_of("creds inspect @good.creds").contains("read by: every client"));
    let good = fs::read_to_string(site.path("good.creds")).unwrap();
    let cut = good
        .split_once("\n\n***")
        .map_or(good.as_str(), |_| good.trim_end());
    let end = cut.rfind("\n\n").unwrap();
    fs::write(site.path("cut.creds"), cut.split_at(end).0).unwrap();
    let shown = text_of("creds inspect @cut.creds --rewrite @again.creds");
    assert!(
        shown.contains("the file ends without a line end"),
        "{shown}"
    );
    assert!(shown.contains("chmod 600"), "{shown}");
    assert_eq!(fs::read_to_string(site.path("again.creds")).unwrap(), good);
    let seed_only = good.lines().find(|line| line.starts_with("SU")).unwrap();
    fs::write(site.path("seed"), seed_only).unwrap();
    let (error, _) = site.fails("creds inspect @seed");
    assert!(
        error.contains("the user JWT (`eyJ…`) is missing"),
        "{error}"
    );
}

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
    assert!(error.contains("has no seed"), "{error}");
}

#[test]
fn tokens_are_verified_by_signature_claims_and_store() {
    let site = Site::new();
    let jwt = site.text("account jwt APP");
    fs::write(site.path("app.jwt"), &jwt).unwrap();
    assert!(
        site.text("jwt verify @app.jwt")
            .contains("a key that the store's JWTs name")
    );
    let other = Site::new();
    fs::write(site.path("other.jwt"), other.text("account jwt APP")).unwrap();
    let (text, code) = site.fails("jwt verify @other.jwt");
    assert!(text.contains("not signed by a key"), "{text}");
    assert_eq!(code, ExitCode::BadConfiguration);
    fs::write(site.path("bad.jwt"), jwt.replace("eyJ0eXAi", "eyJ0eXBi")).unwrap();
    site.fails("jwt verify @bad.jwt");
    fs::copy(site.path("store/operator.jwt"), site.path("op.jwt")).unwrap();
    site.text("jwt verify @op.jwt");
    fs::write(site.path("none"), "nothing").unwrap();
    assert!(site.fails("jwt decode @none").0.contains("has no JWT"));
    assert_eq!(site.json("jwt decode @app.jwt")["name"], "APP");
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
fn an_operator_says_which_accounts_servers_would_refuse() {
    let site = Site::new();
    let edited = site.json("operator edit --strict-signing-keys true");
    assert_eq!(edited["refused_accounts"], serde_json::json!(["APP"]));
    let (error, code) = site.fails("account edit APP");
    assert!(error.contains("portcullis operator add-key"), "{error}");
    assert_eq!(code, ExitCode::NoPolicyDirectory);
    let added = site.text("operator add-key");
    assert!(added.contains("signs them again: `APP`"), "{added}");
    site.text("account edit APP");
    let edited = site.text("operator edit --tag a");
    assert!(!edited.contains("refuse"), "{edited}");
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
        assert_eq!(code, ExitCode::NoPolicyDirectory, "{command}");
        assert_eq!(seeds(), before, "{command}");
    }
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
        assert_eq!(code, ExitCode::NoPolicyDirectory);
    }
    let (error, _) = site.fails("operator remove-key OABC");
    assert!(error.contains("no signing key `OABC`"), "{error}");
}
