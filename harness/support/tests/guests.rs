//! Every guest has a test: a guest without one would test nothing.

use std::collections::BTreeSet;
use std::path::Path;

/// The guests, each with the module of its test.
const TESTED: [(&str, &str); 29] = [
    ("abstains", "catalog"),
    ("allocates", "decisions"),
    ("buys_time", "decisions"),
    ("conforms", "decisions"),
    ("counts", "decisions"),
    ("echoes", "decisions"),
    ("fails_for", "chains"),
    ("floods_the_host", "decisions"),
    ("floods_the_log", "decisions"),
    ("floods_the_permit", "decisions"),
    ("guesses", "secrets"),
    ("hoards_permits", "settings"),
    ("keeps_permits", "reuse"),
    ("logs_and_spins", "pace"),
    ("logs_by_the_megabyte", "abuse/corpus"),
    ("looks_up", "key_value"),
    ("panics", "decisions"),
    ("panics_in_configure", "loading"),
    ("permits_nonsense", "decisions"),
    ("permits_nothing", "decisions"),
    ("ponders_settings", "settings"),
    ("reads_secrets", "loading"),
    ("recurses", "decisions"),
    ("seeks_randomness", "abuse"),
    ("spins", "decisions"),
    ("spins_in_configure", "loading"),
    ("swallows", "abuse/corpus"),
    ("tells", "decisions"),
    ("tells_the_time", "abuse/corpus"),
];

#[test]
fn every_guest_has_a_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = tests.join("guests/examples");
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
        let found = named(&tests.join(format!("policies/{suite}.rs")));
        assert!(found, "guest `{guest}` is not named in suite `{suite}`");
    }
}
