//! Table `[policies]`.

use rstest::rstest;

use super::*;

#[rstest]
#[case(
    "dir = \"x\"",
    ":7: policies.dir: unknown key, did you mean `directory`?"
)]
#[case(
    "memory = 16",
    ":7: policies.memory: expected a size such as `16MiB` or `64KiB`, found a whole number"
)]
#[case(
    "order = { a = 1 }",
    ":7: policies.order: expected a list, each element a policy name, found a table"
)]
#[case(
    "deadline = \"0ms\"",
    ":7: policies.deadline: must be more than zero, found `0ms`"
)]
#[case(
    "poll-interval = \"0s\"",
    ":7: policies.poll-interval: must be more than zero, found `0s`"
)]
#[case(
    "debounce = \"\"",
    ":7: policies.debounce: expected a duration such as `250ms` or `1h 30m`, found ``"
)]
#[case(
    "memory = \"16 bananas\"",
    ":7: policies.memory: expected a size such as `16MiB` or `64KiB`, found `16 bananas`"
)]
#[case(
    "max-module-size = \"0\"",
    ":7: policies.max-module-size: must be more than zero"
)]
#[case(
    "order = [\"A\"]",
    ":7: policies.order: invalid policy name `A`: use 1 to 64 lower-case letters, digits, `-` and `_`, starting with a letter or digit"
)]
#[case(
    "order = [\"a\", \"b\", \"a\"]",
    ":7: policies.order: names policy `a` twice"
)]
#[case("directory = \"\"", ":7: policies.directory: must not be empty")]
#[case(
    "directory = \"p\"\nstate-directory = \"p/state\"",
    ":8: policies.state-directory: the state directory lies in the policy directory: name one next to it as `state-directory`"
)]
#[case(
    "directory = \"state\"",
    ":7: policies.directory: the state directory lies in the policy directory: name one next to it as `state-directory`"
)]
#[case(
    "state-directory = \"keys\"",
    ": policies.state-directory: `dir/keys/issuer.nk` is in the state directory, where the host writes and removes files: name a directory of its own"
)]
#[case(
    "deadline = \"2m\"",
    ":7: policies.deadline: must be at most `1m`, found `2m`"
)]
#[case(
    "keep-versions = 0",
    ":7: policies.keep-versions: must be between 1 and 1000, found `0`"
)]
#[case(
    "trusted-publishers = [\"SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI\"]",
    ":7: policies.trusted-publishers: expected a public nkey, such as an account's (`A…`)"
)]
#[case(
    "trusted-publishers = []",
    ":7: policies.trusted-publishers: must name at least one; leave the key out for no restriction"
)]
#[case(
    "guards = [\"a\"]\norder = [\"a\"]",
    ":7: policies.guards: policy `a` is in a chain too: a guard may only deny, so it decides nothing there"
)]
#[case(
    "[policies.chains.c]\nmethods = [\"openid\"]\npolicies = [\"a\"]",
    ":8: policies.chains.c.methods: expected one of `password`, `token`, `jwt`, `nkey`, `oidc`, `certificate`, `none`, found `openid`"
)]
#[case(
    "[policies.chains.c]\nconnection-types = [\"MQTT_WS\"]\npolicies = [\"a\"]",
    ":8: policies.chains.c.connection-types: no request tells `MQTT_WS` from the type without `_WS`: name that one"
)]
#[case(
    "[policies.chains.c]\nmethods = []\npolicies = [\"a\"]",
    ":8: policies.chains.c.methods: must name at least one; leave the key out for no restriction"
)]
#[case(
    "[policies.chains.c]\nconnection-types = []\npolicies = [\"a\"]",
    ":8: policies.chains.c.connection-types: must name at least one; leave the key out for no restriction"
)]
#[case(
    "[policies.chains.c]\nissuers = []\npolicies = [\"a\"]",
    ":8: policies.chains.c.issuers: must name at least one; leave the key out for no restriction"
)]
#[case(
    "[policies.chains.c]\nmethods = [\"oidc\"]",
    ":7: policies.chains.c.policies: required: the policies that decide these logins"
)]
#[case(
    "[policies.chains.c]\npolicies = [\"a\"]",
    ":7: policies.chains.c: is for no particular logins: name `client-kinds`, `connection-types`, `methods` or `issuers`, or use `order`"
)]
#[case(
    "[policies.max-limits]\nmemory = \"257MiB\"",
    ":8: policies.max-limits.memory: must be at most `256MiB`"
)]
#[case(
    "[policies.max-limits]\ncomparison = 9",
    ":8: policies.max-limits.comparison: unknown key, did you mean `comparisons`?"
)]
#[case(
    "[policies.max-limits]\ndecisions-per-instance = 0",
    ":8: policies.max-limits.decisions-per-instance: must be between 1 and 1000000, found `0`"
)]
#[case(
    "[policies.grants.p]\nsecret = true",
    ":8: policies.grants.p.secret: unknown key, did you mean `secrets`?"
)]
#[case(
    "[policies.grants.p]\nkey-value = [\"a.b\"]",
    ":8: policies.grants.p.key-value: invalid bucket name `a.b`: use 1 to 255 letters, digits, `-` and `_`"
)]
#[case(
    "[policies.grants.P]\nsecrets = true",
    ":7: policies.grants.P: invalid policy name `P`: use 1 to 64 lower-case letters, digits, `-` and `_`, starting with a letter or digit"
)]
fn bad_values_are_named_with_line_and_key(#[case] given: &str, #[case] problem: &str) {
    assert_eq!(problem_with("policies", given), problem);
}

#[test]
fn compiled_code_is_kept_in_the_state_directory_if_that_is_asked_for() {
    let kept_in = |lines: &str| {
        let policies = config_with("policies", lines).policies;
        crate::options::code_cache_options(&policies).map(|options| options.directory)
    };
    assert_eq!(kept_in(""), None);
    let default = kept_in("code-cache = true").unwrap();
    assert!(default.ends_with("state/code"), "{}", default.display());
    assert_eq!(
        kept_in("code-cache = true\nstate-directory = \"/var/lib/portcullis\""),
        Some("/var/lib/portcullis/code".into())
    );
}

#[test]
fn grants_and_highest_limits_are_read_by_policy() {
    let text = "memory = \"112MiB\"\n\
                [policies.max-limits]\n\
                comparisons = 9\n\
                [policies.grants.p]\n\
                secrets = true\n\
                key-value = [\"revoked\"]\n\
                [policies.grants.q]\n\
                plain-hashes = true\n\
                max-limits = { deadline = \"5s\", decisions-per-instance = 7 }\n";
    let policies = config_with("policies", text).policies.catalog;
    let all = policies.max_limits;
    assert_eq!(all.limits.comparisons, 9);
    // The operator's own default never exceeds the maximum.
    assert_eq!(all.limits.memory, 112 << 20);
    let granted = |name: &str| &policies.grants[&name.parse().unwrap()];
    let (p, q) = (granted("p"), granted("q"));
    assert!(p.grants.secrets && !p.grants.plain_hashes);
    assert!(p.grants.key_values.contains("revoked"));
    assert_eq!(p.max_limits, None);
    assert!(q.grants.plain_hashes && !q.grants.secrets);
    let own = q.max_limits.unwrap();
    assert_eq!(own.limits.deadline, Duration::from_secs(5));
    assert_eq!(own.decisions_per_instance.get(), 7);
    assert_eq!((own.limits.comparisons, own.limits.memory), (9, 112 << 20));
}

#[test]
fn a_link_does_not_hide_where_the_state_directory_is() {
    let site = tempfile::TempDir::new().unwrap();
    let file = site.path().join("portcullis.toml");
    for (link, directory) in [("a", "policies"), ("b", "keys")] {
        std::fs::create_dir(site.path().join(directory)).unwrap();
        std::os::unix::fs::symlink(directory, site.path().join(link)).unwrap();
    }
    for (state, part) in [
        ("a", "lies in the policy directory"),
        ("a/new", "lies in the policy directory"),
        ("b", "keys/issuer.nk` is in the state directory"),
        (
            "b/state",
            "lies in the directory of the secret `{site}/keys/issuer.nk`",
        ),
    ] {
        let part = part.replace("{site}", &site.path().display().to_string());
        let text = text_with("policies", &format!("state-directory = \"{state}\""));
        let problems = Config::parse(&file, &text).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter().any(|problem| problem.contains(&part)),
            "{told:?}"
        );
    }
}

#[rstest]
#[case::with_the_configuration("issuer.nk", "policies")]
#[case::above_the_configuration("/etc/issuer.nk", "policies")]
#[case::with_the_policies("/srv/nats/issuer.nk", "/srv/nats/policies")]
fn a_state_directory_may_lie_where_more_than_secrets_lie(
    #[case] seed: &str,
    #[case] policies: &str,
) {
    let text = text_with(
        "policies",
        &format!("directory = \"{policies}\"\nstate-directory = \"{policies}-state\""),
    )
    .replace("keys/issuer.nk", seed);
    assert!(text.contains(&format!("\"{seed}\"")), "{text}");
    Config::parse(Path::new("/etc/site/portcullis.toml"), &text).unwrap();
}
