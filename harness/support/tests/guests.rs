//! Every guest has a test: a guest without one would test nothing.

use std::collections::BTreeSet;
use std::path::Path;

/// The guests, each with the module of its test.
const TESTED: [(&str, &str); 33] = [
    ("abstains", "host/catalog/tests/policies/catalog"),
    ("allocates", "host/engine/tests/policies/decisions"),
    ("buys_time", "host/engine/tests/policies/decisions"),
    ("conforms", "host/engine/tests/policies/decisions"),
    ("counts", "host/engine/tests/policies/decisions"),
    ("echoes", "host/engine/tests/policies/decisions"),
    ("fails_for", "host/catalog/tests/policies/chains"),
    ("floods_the_host", "host/engine/tests/policies/decisions"),
    ("floods_the_log", "host/engine/tests/policies/decisions"),
    ("floods_the_permit", "host/engine/tests/policies/decisions"),
    ("guesses", "host/engine/tests/policies/secrets"),
    (
        "hoards_permits",
        "host/engine/tests/policies/without_snapshot",
    ),
    ("keeps_permits", "host/engine/tests/policies/reuse"),
    ("logs_and_spins", "host/engine/tests/policies/inline_budget"),
    (
        "logs_by_the_megabyte",
        "host/engine/tests/policies/abuse/corpus",
    ),
    ("looks_up", "host/engine/tests/policies/key_value"),
    ("panics", "host/engine/tests/policies/decisions"),
    ("panics_in_configure", "host/engine/tests/policies/loading"),
    ("permits_each", "host/engine/tests/policies/permits"),
    ("permits_nonsense", "host/engine/tests/policies/decisions"),
    ("permits_nothing", "host/engine/tests/policies/decisions"),
    (
        "ponders_settings",
        "host/engine/tests/policies/without_snapshot",
    ),
    ("reads_secrets", "host/engine/tests/policies/loading"),
    ("reads_text", "host/catalog/tests/policies/texts"),
    ("recurses", "host/engine/tests/policies/decisions"),
    ("seeks_randomness", "host/engine/tests/policies/abuse"),
    ("signs_accounts", "tests/e2e/account_requests"),
    ("spins", "host/engine/tests/policies/decisions"),
    ("spins_in_configure", "host/engine/tests/policies/loading"),
    ("swallows", "host/engine/tests/policies/abuse/corpus"),
    ("tells", "host/engine/tests/policies/decisions"),
    ("tells_identity", "host/engine/tests/policies/identity"),
    ("tells_the_time", "host/engine/tests/policies/abuse/corpus"),
];

#[test]
fn every_guest_has_a_test() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = repository.join("tests/guests/examples");
    let guests: BTreeSet<_> = std::fs::read_dir(sources)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let tested: BTreeSet<_> = TESTED
        .iter()
        .map(|(guest, _)| (*guest).to_owned())
        .collect();
    assert_eq!(guests, tested);
    for (guest, suite) in TESTED {
        let named = |path: &Path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("\"{guest}\"")))
        };
        let found = named(&repository.join(format!("{suite}.rs")));
        assert!(found, "guest `{guest}` is not named in suite `{suite}`");
    }
}
