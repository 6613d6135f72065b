//! Tables `[operator]` and `[callout.deny]`, and other settings of the callout.

use portcullis_callout::DenyMode;
use portcullis_claims::{KeyKind, SigningKey};
use portcullis_core::{DenialClass, PublicKey, Server};

use super::*;
use crate::permit_rules;

pub(super) fn account() -> String {
    let seed = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let key = SigningKey::from_seed(seed.expose(), KeyKind::Account).unwrap();
    key.public_key().to_string()
}

/// Returns the minimal configuration with the given table `[operator]` and without target accounts.
pub(super) fn operator(tables: &str) -> String {
    format!(
        "[nats]\nnkey-seed-file = \"callout.nk\"\n[callout]\nissuer-seed-file = \"auth.nk\"\n{tables}"
    )
}

#[test]
fn accounts_have_keys_seeds_and_roles() {
    let (auth, app) = (account(), account());
    let text = operator(&format!(
        "[operator]\naccount = \"{auth}\"\n[operator.accounts.APP]\nkey = \"{app}\"\nseed-file = \"app.nk\"\n\
         [operator.accounts.APP.roles.reader]\nseed-env = \"READER\"\n"
    ));
    let config = parse(&text).unwrap().value;
    let operator = config.operator.unwrap();
    assert_eq!(operator.account.as_str(), auth);
    let account = &operator.accounts["APP"];
    assert_eq!(account.key.as_str(), app);
    assert!(account.seed.is_some());
    assert_eq!(account.roles.keys().collect::<Vec<_>>(), ["reader"]);
    assert_eq!(config.callout.target_accounts, None, "all of them");
}

#[test]
fn everything_that_is_missing_is_named() {
    let text =
        operator("[operator]\n[operator.accounts.APP]\n[operator.accounts.APP.roles.reader]\n");
    let problems = lines(&parse(&text).unwrap_err()).join("\n");
    for expected in [
        "operator.account: missing: the public key (A…) of the callout account",
        "operator.accounts.APP.key: missing: the account's public key (A…)",
        "operator.accounts.APP.roles.reader.seed-file: missing",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }
    let without = lines(
        &parse(&operator(&format!(
            "[operator]\naccount = \"{}\"\n",
            account()
        )))
        .unwrap_err(),
    );
    assert!(without[0].contains("operator.accounts"), "{without:?}");
}

#[test]
fn a_seed_in_the_place_of_a_key_is_not_repeated() {
    let seed = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let text = operator(&format!(
        "[operator]\naccount = \"{}\"\n[operator.accounts.APP]\nkey = \"{}\"\nseed-file = \"a\"\n",
        account(),
        seed.expose()
    ));
    let problems = lines(&parse(&text).unwrap_err()).join("\n");
    assert!(problems.contains("operator.accounts.APP.key"), "{problems}");
    assert!(!problems.contains(seed.expose()), "the seed is repeated");
}

#[test]
fn denials_have_a_mode_for_each_class() {
    let config = config_with(
        "callout",
        "deny = { default = \"empty\", policy-denied = \"delay\", overloaded = \"drop\", delay = \"2s\" }",
    );
    let deny = config.callout.deny;
    let delay = DenyMode::Delay(Duration::from_secs(2));
    assert_eq!(deny.for_class(DenialClass::PolicyDenied), delay);
    assert_eq!(deny.for_class(DenialClass::Overloaded), DenyMode::Drop);
    assert_eq!(deny.for_class(DenialClass::Internal), DenyMode::Empty);
}

#[rstest]
#[case(
    "deny = { default = \"never\" }",
    "callout.deny.default: expected one of"
)]
#[case(
    "deny = { polcy-denied = \"drop\" }",
    "callout.deny.polcy-denied: unknown key, did you mean `policy-denied`?"
)]
#[case(
    "trusted-servers = [\"prod\"]",
    "callout.trusted-servers: expected the public key of server"
)]
#[case(
    "trusted-servers = []",
    "callout.trusted-servers: must name at least one"
)]
#[case(
    "trusted-server-tags = []",
    "callout.trusted-server-tags: must name at least one"
)]
#[case(
    "refuse-replays = \"no\"",
    "callout.refuse-replays: expected `true` or `false`"
)]
#[case(
    "service-name = \"my doors\"",
    "callout.service-name: expected letters, digits"
)]
fn the_options_of_the_callout_are_checked(#[case] line: &str, #[case] expected: &str) {
    let problems = lines(&parse(&text_with("callout", line)).unwrap_err()).join("\n");
    assert!(problems.contains(expected), "{problems}");
}

#[test]
fn names_that_lead_nowhere_are_errors() {
    let (auth, app) = (account(), account());
    let text = operator(&format!(
        "target-accounts = [\"APP\", \"OTHER\"]\n[operator]\naccount = \"{auth}\"\n\
         [operator.accounts.APP]\nkey = \"{app}\"\nseed-file = \"a\"\n\
         [operator.accounts.OLD]\nkey = \"{app}\"\nseed-file = \"a\"\n\
         [ceilings.accounts.{app}]\npublish-allow = [\"a\"]\n"
    ));
    let problems = lines(&parse(&text).unwrap_err()).join("\n");
    for expected in [
        "callout.target-accounts: `OTHER` is not the name",
        "operator.accounts.OLD.key: the key of `APP` too",
        &format!("ceilings.accounts.{app}: would apply to no login"),
    ] {
        assert!(problems.contains(expected), "{problems}");
    }
    let typo = text_with("callout", "") + "[ceilings.accounts.app]\npublish-allow = [\"a\"]\n";
    let problems = lines(&parse(&typo).unwrap_err()).join("\n");
    assert!(
        problems.contains("ceilings.accounts.app: would apply"),
        "{problems}"
    );
}

#[rstest]
#[case("", "eu", true)]
#[case("trusted-server-tags = [\"eu\"]", "EU", true)]
#[case("trusted-server-tags = [\"eu\"]", "us", false)]
fn servers_are_trusted_by_the_keys_that_are_there(
    #[case] line: &str,
    #[case] tag: &str,
    #[case] trusted: bool,
) {
    let server = Server {
        tags: vec![tag.to_owned()],
        ..Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN]))
    };
    let servers = config_with("callout", line).callout.open.trusted_servers;
    assert_eq!(servers.contains(&server), trusted);
}

/// Returns a configuration of operator mode with these lines in `[operator.first-login]`.
fn first_login(lines: &str) -> String {
    let (auth, app) = (account(), account());
    operator(&format!(
        "[operator]\naccount = \"{auth}\"\n[operator.accounts.APP]\nkey = \"{app}\"\nseed-file = \"app.nk\"\n\
         [operator.first-login]\n{lines}\n"
    ))
}

const FIRST_LOGIN: &str = "names = [\"tenant-*\"]\nstore = \"made\"\n";

#[test]
fn accounts_may_be_made_at_their_first_login() {
    let text = first_login(&format!(
        "{FIRST_LOGIN}max-per-hour = 5\n[operator.first-login.limits]\nconnections = 3\npayload = \"1KiB\"\n\
         jetstream-disk = \"1MiB\"\n[operator.first-login.nats]\ncreds-file = \"system.creds\"\n\
         [ceilings.accounts.tenant-a]\npublish-allow = [\"a\"]\n"
    ));
    let config = parse(&text).unwrap().value;
    let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
    assert_eq!(rules.new_accounts, ["tenant-*".parse().unwrap()]);
    let table = config.operator.unwrap().first_login.unwrap();
    assert!(table.store.ends_with("made"));
    assert_eq!(table.nats.name, "portcullis-accounts");
    let options = table.options;
    assert_eq!((options.max_accounts, options.max_per_hour), (1000, 5));
    let limits = options.limits;
    assert_eq!(
        (limits.connections, limits.subs, limits.payload),
        (3, 100_000, 1024)
    );
    assert_eq!(
        (limits.leafnodes, limits.imports, limits.exports),
        (0, 0, 0)
    );
    let jetstream = limits.jetstream;
    assert_eq!(
        (jetstream.memory_storage, jetstream.disk_storage),
        (0, 1 << 20)
    );
    assert_eq!((jetstream.streams, jetstream.consumers), (10, 100));
}

#[test]
fn no_account_need_exist_before_the_first_login() {
    let auth = account();
    let text = operator(&format!(
        "[operator]\naccount = \"{auth}\"\n[operator.first-login]\n{FIRST_LOGIN}[operator.first-login.nats]\n"
    ));
    let config = parse(&text).unwrap().value;
    assert!(config.operator.unwrap().accounts.is_empty());
}

#[rstest]
#[case("", "operator.first-login.names: missing")]
#[case("", "operator.first-login.store: missing")]
#[case("", "operator.first-login.nats: missing")]
#[case("names = []", "operator.first-login.names: must list at least one")]
#[case(
    "names = [\"$SYS\"]",
    "at most one `*`, such as `tenant-*`, found `$SYS`"
)]
#[case(
    "limits = { connections = -1 }",
    "operator.first-login.limits.connections: "
)]
#[case(
    "limits = { payload = \"0B\" }",
    "operator.first-login.limits.payload: "
)]
#[case("max-accounts = 0", "operator.first-login.max-accounts: ")]
#[case(
    "nats = { max-disconnected = \"1m\" }",
    "operator.first-login.nats.max-disconnected: is for [nats] only"
)]
fn what_is_wrong_about_first_logins_is_named(#[case] lines: &str, #[case] expected: &str) {
    let problems = lines_of(&first_login(lines));
    assert!(problems.contains(expected), "{problems}");
}

fn lines_of(text: &str) -> String {
    lines(&parse(text).unwrap_err()).join("\n")
}
