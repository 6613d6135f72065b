//! `portcullis check` and policies without tests.

use crate::site::Site;

#[test]
fn check_says_which_policy_has_no_tests() {
    let site = Site::with_alice("", "publish = { allow = [\"app.>\"] }");
    let warning = "users.tests.toml: warning: policy `users` has no tests, so its `decide` ran with made-up logins only";
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains(warning), "{checked:?}");
    let tests = "[[tests]]\nname = \"nothing\"\nlogin = {}\nabstain = true\n";
    site.put("policies/users.tests.toml", tests);
    let checked = site.run(&["check"]);
    assert!(!checked.stdout.contains("has no tests"), "{checked:?}");
}
