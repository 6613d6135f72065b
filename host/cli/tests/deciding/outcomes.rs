//! Permits, denials and logins that are not decided.

use serde_json::json;

use crate::site::{PASSWORD, Site};

const PROFILE: &str = "publish = { allow = [\"app.>\"] }\nintents = { private-inbox = true }";

#[test]
fn a_permit_shows_each_step_up_to_the_decoded_user_jwt() {
    let site = Site::with_alice("", PROFILE);
    let decided = site.decide_alice(&[
        "--server-version",
        "2.15.3",
        "--now",
        "2026-02-01T00:00:00Z",
    ]);
    decided.expect(
        0,
        &[
            "permit: account `APP`, by policy `users` (generation 1)\n",
            "login at 2026-02-01T00:00:00Z\n  presented: user `alice`, a password\n",
            "  connection: STANDARD, from 127.0.0.1\n",
            "identity: claimed, method password\n  nothing is proved: a policy compares",
            "  principal: alice\n",
            "  users: permits, account `APP`, in ",
            "    asked: identity.method, ",
            "host's rules: keep the permit as it is\n",
            "server, release 2.15.3: accepts\n  account: APP\n  user: alice\n",
            "user JWT, decoded:\n",
            "\"app.>\"",
            "\"policy:users\"",
            "inbox prefix: `_INBOX.alice`\n",
        ],
    );
    let explained = site.run(&["explain", "--user", "alice", "--password", PASSWORD]);
    assert_eq!(explained.code, Some(0), "the alias: {explained:?}");
}

#[test]
fn a_denial_has_a_code_of_its_own_and_the_reason_of_the_policy() {
    let site = Site::with_alice("", PROFILE);
    let denied = site.run(&[
        "decide",
        "--user",
        "alice",
        "--password",
        "hunter2",
        "--json",
    ]);
    assert_eq!(denied.code, Some(82), "{denied:?}");
    assert!(!denied.stdout.contains("hunter2"), "{denied:?}");
    let shown = denied.json();
    assert_eq!(
        shown["outcome"],
        json!({
            "verdict": "deny",
            "policy": "users",
            "class": "policy-denied",
            "reason": "wrong password",
        })
    );
    assert_eq!(shown["policies"][0]["answer"], "deny", "{shown}");
    assert_eq!(shown["user-jwt"], json!(null), "{shown}");
}

#[test]
fn an_abstention_shows_the_lines_of_the_policy_and_the_end_of_the_chain() {
    let site = Site::with_alice("", PROFILE);
    let guest = portcullis_test_support::guest("abstains").unwrap();
    site.put("policies/zzz.wasm", guest);
    let denied = site.run(&["decide", "--user", "bob", "--password", "x"]);
    denied.expect(
        82,
        &[
            "deny: end-of-chain: every policy abstained\n",
            "  users: abstains, in ",
            "    log: debug: unknown user\n",
            "  zzz: abstains, in ",
            "    log: no line says why it abstains\n",
        ],
    );
    let permitted = site.decide_alice(&[]);
    permitted.expect(0, &["  users: permits", "  zzz: not asked\n"]);
}

#[test]
fn a_ceiling_that_clips_shows_both_lists() {
    let ceiling = "[ceilings.accounts.APP]\npublish-allow = [\"app.a.>\", \"b\"]\nsubscribe-allow = [\">\"]\n";
    let site = Site::with_alice(ceiling, PROFILE);
    let clipped = site.decide_alice(&[]);
    clipped.expect(
        0,
        &[
            "host's rules: change the permit (ceilings, expiry)\n",
            "  publish allow: `app.>` becomes `app.a.>`\n",
        ],
    );
    let shown = site.decide_alice(&["--json"]).json();
    let change = json!({ "part": "publish allow", "before": ["app.>"], "after": ["app.a.>"] });
    assert_eq!(shown["rules"]["changes"], json!([change]), "{shown}");
    assert_eq!(
        shown["policies"][0]["permit"]["publish"]["allow"],
        json!(["app.>"])
    );
    assert_eq!(
        shown["user-jwt"]["nats"]["pub"]["allow"],
        json!(["app.a.>"])
    );
}

#[test]
fn a_ceiling_that_refuses_denies() {
    let ceiling = "[ceilings.policies.users]\npublish-allow = [\"app.a.>\"]\nsubscribe-allow = [\">\"]\non-excess = \"refuse\"\n";
    let site = Site::with_alice(ceiling, PROFILE);
    let refused = site.decide_alice(&[]);
    refused.expect(
        82,
        &[
            "deny: ceiling-exceeded: ",
            "  users: permits, account `APP`",
            "host's rules: refuse the permit: ceiling-exceeded: ",
        ],
    );
}

#[test]
fn the_release_of_the_server_decides_what_it_takes() {
    let profile = format!("{PROFILE}\nproxy-required = true");
    let site = Site::with_alice("", &profile);
    site.decide_alice(&["--server-version", "2.15.3"])
        .expect(0, &["server, release 2.15.3: accepts\n"]);
    let refused = site.decide_alice(&["--server-version", "2.10.29"]);
    refused.expect(
        82,
        &[
            "deny: invalid-permit: the permit demands a trusted proxy",
            "server, release 2.10.29: would refuse the permit, so the host denies\n",
        ],
    );
    let shown = site
        .decide_alice(&["--server-version", "2.10.29", "--json"])
        .json();
    assert_eq!(shown["server"]["accepts"], false, "{shown}");
    assert_eq!(
        shown["server"]["denial"]["class"], "invalid-permit",
        "{shown}"
    );
}

#[test]
fn a_policy_that_traps_does_not_decide() {
    let site = Site::new("");
    let guest = portcullis_test_support::guest("fails_for").unwrap();
    site.put("policies/p.wasm", guest);
    site.put(
        "policies/p.toml",
        "[settings]\nusername = \"alice\"\nhow = \"panics\"\n",
    );
    let failed = site.decide_alice(&[]);
    failed.expect(
        83,
        &[
            "not decided, so denied: policy-trapped: ",
            "the guest panics on purpose",
            "  p: fails: policy-trapped: ",
        ],
    );
}

#[test]
fn a_required_policy_that_is_missing_does_not_decide() {
    let site = Site::with_alice("", PROFILE);
    let file = site.path().join("portcullis.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let order = "[policies]\norder = [\"absent\"]\n";
    assert!(config.contains("[policies]\n"), "{config}");
    site.put("portcullis.toml", config.replace("[policies]\n", order));
    let missing = site.decide_alice(&["--json"]);
    assert_eq!(missing.code, Some(83), "{missing:?}");
    assert_eq!(
        missing.json()["outcome"]["class"],
        "no-policy",
        "{missing:?}"
    );
}

#[test]
fn a_policy_that_cannot_serve_ends_the_command() {
    let site = Site::with_alice("", PROFILE);
    site.put("policies/broken.wasm", "no module");
    let broken = site.decide_alice(&[]);
    assert_eq!(broken.code, Some(65), "{broken:?}");
    assert!(broken.stderr.contains("broken.wasm"), "{broken:?}");
}
