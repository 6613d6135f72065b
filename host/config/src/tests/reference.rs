//! The reference: `default.toml`, and the page that embeds it.

use portcullis_connect::Authentication;

use super::*;

#[test]
fn the_reference_states_the_defaults() {
    let reference = Config::parse(Path::new(FILE), Config::REFERENCE)
        .unwrap()
        .value;
    let least = config_with("log", "");
    let defaults = Config {
        nats: Nats {
            authentication: Authentication::None,
            ..least.nats
        },
        ..least
    };
    // Clocks and signals cannot be compared, but they print.
    assert_eq!(format!("{reference:#?}"), format!("{defaults:#?}"));
}

#[test]
fn the_reference_has_every_key() {
    // With an unlikely key, the error of each table lists its keys.
    for table in [
        "nats",
        "callout",
        "identity",
        "policies",
        "key-value",
        "exchange",
        "health",
        "log",
    ] {
        let problem = problem_with(table, "zzzzzz = 1");
        let known = problem.split_once("expected one of ").unwrap().1;
        for key in known.split(", ").map(|key| key.trim_matches('`')) {
            let set = [
                format!("\n{key} = "),
                format!("\n# {key} = "),
                format!("[{table}.{key}"),
            ];
            assert!(
                set.iter().any(|line| Config::REFERENCE.contains(line)),
                "`{table}.{key}` is not in default.toml"
            );
        }
    }
}

#[test]
fn the_page_embeds_the_reference() {
    let page = include_str!("../../../../docs/reference/config.md");
    assert!(
        page.contains(&format!("```toml\n{}```\n", Config::REFERENCE)),
        "copy host/config/default.toml into docs/reference/config.md"
    );
}
