//! Mistakes of beginners: what the author sees at the earliest step. Each message names the cause
//! and the cure.

use std::fs;
use std::path::Path;

use rstest::rstest;

use crate::support::{Author, Finished, cargo, edit, portcullis_in};

/// The earliest step that shows a mistake.
#[derive(Clone, Copy, Debug)]
enum Step {
    Clippy,
    Build,
    Test,
    /// `policy test` with the configuration of a host.
    TestConfigured,
    Lint,
}

impl Step {
    fn run(self, author: &Author, folder: &Path) -> Finished {
        match self {
            Self::Clippy => cargo(folder, &["clippy"]),
            Self::Build => portcullis_in(folder, &["policy", "build"]),
            Self::Test => portcullis_in(folder, &["policy", "test"]),
            Self::Lint => portcullis_in(folder, &["policy", "lint"]),
            Self::TestConfigured => {
                let built = portcullis_in(folder, &["policy", "build"]);
                assert_eq!(built.code, Some(0), "{built:?}");
                let made = author.portcullis(&["init", "site"]);
                assert_eq!(made.code, Some(0), "{made:?}");
                for file in ["wrong.wasm", "wrong.toml", "wrong.tests.toml"] {
                    let copy = author.home().join("site/policies").join(file);
                    fs::copy(folder.join(file), copy).unwrap();
                }
                author.portcullis(&["policy", "test", "--config", "site/portcullis.toml"])
            }
        }
    }
}

/// Puts a statement at the beginning of `decide`.
fn decide_with(folder: &Path, statement: &str) {
    let before = "fn decide(&self, request: &Request) -> Verdict {\n";
    edit(
        &folder.join("src/lib.rs"),
        before,
        &format!("{before}        {statement}\n"),
    );
}

fn depend_on(folder: &Path, dependency: &str) {
    let before = "[dependencies]\n";
    edit(
        &folder.join("Cargo.toml"),
        before,
        &format!("{before}{dependency}\n"),
    );
}

fn no_crate_type(folder: &Path) {
    edit(
        &folder.join("Cargo.toml"),
        "crate-type = [\"cdylib\", \"rlib\"]\n",
        "",
    );
}

fn no_export(folder: &Path) {
    edit(&folder.join("src/lib.rs"), "export!(Users);\n", "");
}

fn clock(folder: &Path) {
    decide_with(folder, "let _now = std::time::SystemTime::now();");
}

fn printing(folder: &Path) {
    decide_with(folder, "println!(\"{}\", request.user_nkey());");
}

fn threads(folder: &Path) {
    decide_with(folder, "let _thread = std::thread::spawn(|| ());");
}

fn randomness(folder: &Path) {
    depend_on(folder, "getrandom = \"0.4\"");
}

fn files(folder: &Path) {
    decide_with(
        folder,
        "let _users = std::fs::File::open(\"/etc/users\").unwrap();",
    );
}

fn environment(folder: &Path) {
    decide_with(folder, "let _team = std::env::var(\"TEAM\").unwrap();");
}

fn exit(folder: &Path) {
    // The code behind a plain `exit` would not be reached, which is a warning.
    decide_with(
        folder,
        "if request.username().is_some() { std::process::exit(1); }",
    );
}

fn missing_claim(folder: &Path) {
    decide_with(
        folder,
        "let _team: String = request.claim(\"team\").unwrap().unwrap();",
    );
}

fn no_edition(folder: &Path) {
    edit(&folder.join("Cargo.toml"), "edition = \"2024\"\n", "");
}

fn asynchronous(folder: &Path) {
    edit(&folder.join("src/lib.rs"), "fn decide(", "async fn decide(");
}

fn settings_type(folder: &Path) {
    edit(
        &folder.join("wrong.toml"),
        "account = \"APP\"",
        "account = 1",
    );
}

fn account(folder: &Path) {
    edit(
        &folder.join("wrong.toml"),
        "account = \"APP\"",
        "account = \"ELSEWHERE\"",
    );
    edit(
        &folder.join("wrong.tests.toml"),
        "account = \"APP\"",
        "account = \"ELSEWHERE\"",
    );
}

fn no_inbox(folder: &Path) {
    let inbox = ", \"_INBOX.{{user-name}}.>\"";
    edit(&folder.join("wrong.toml"), inbox, "");
    edit(
        &folder.join("wrong.toml"),
        "app.{{user-name}}.>\"] }\n",
        "$JS.API.STREAM.INFO.ORDERS\"] }\n",
    );
}

/// Adds a crate that imports what `chrono` does with its default features.
fn chrono(folder: &Path) {
    let chrono = folder.join("chrono");
    fs::create_dir_all(chrono.join("src")).unwrap();
    let manifest = "[package]\nname = \"chrono\"\nversion = \"0.4.0\"\nedition = \"2024\"\n";
    fs::write(chrono.join("Cargo.toml"), manifest).unwrap();
    let source = "#[link(wasm_import_module = \"__wbindgen_placeholder__\")]\n\
                  unsafe extern \"C\" {\n    fn __wbg_getTime() -> f64;\n}\n\
                  pub fn now() -> f64 {\n    unsafe { __wbg_getTime() }\n}\n";
    fs::write(chrono.join("src/lib.rs"), source).unwrap();
    depend_on(folder, "chrono = { path = \"chrono\" }");
    decide_with(
        folder,
        "if chrono::now() > 1.0 { return Verdict::Abstain; }",
    );
}

#[rstest]
#[case::no_crate_type(no_crate_type, Step::Build, &["makes no module", "crate-type = [\"cdylib\", \"rlib\"]"])]
#[case::no_export(no_export, Step::Build, &["not a policy", "export!(TYPE);"])]
#[case::clock(clock, Step::Clippy, &["SystemTime::now", "a policy has no clock", "use `request.now()`"])]
#[case::clock_at_run_time(clock, Step::Test, &["time not implemented", "a policy has no clock", "use `Request::now`"])]
#[case::printing(printing, Step::Clippy, &["println", "a policy has no standard output", "use `log::info`"])]
#[case::threads(threads, Step::Clippy, &["thread::spawn", "a policy has no threads", "call the function directly"])]
#[case::threads_at_run_time(threads, Step::Test, &["failed to spawn thread", "a policy has no threads"])]
#[case::randomness(randomness, Step::Build, &["getrandom", "a policy has no randomness", "cargo tree"])]
#[case::files(files, Step::Clippy, &["File::open", "a policy has no files", "use its settings"])]
#[case::files_at_run_time(files, Step::Test, &["operation not supported", "a policy has no files and no network", "use its settings"])]
#[case::environment_at_run_time(environment, Step::Test, &["NotPresent", "a policy has no environment", "use its settings"])]
#[case::exit(exit, Step::Clippy, &["process::exit", "a policy is no process", "return a verdict"])]
#[case::exit_at_run_time(exit, Step::Test, &["`unreachable` instruction", "no panic said why, as after `std::process::exit`"])]
#[case::missing_claim(missing_claim, Step::Test, &["Option::unwrap()", "a login may lack a fact, such as a claim", "deny or abstain"])]
#[case::no_edition(no_edition, Step::Build, &["names the edition of Rust of 2015, or none", "edition = \"2024\""])]
#[case::asynchronous(asynchronous, Step::Build, &["found future", "a policy waits for nothing", "write `fn` in place of `async fn`"])]
#[case::settings_type(settings_type, Step::Build, &["wrong.toml`, line 2", "account: expected a string, found a whole number"])]
#[case::account(account, Step::TestConfigured, &["ELSEWHERE", "is not in `target-accounts`: add it there or correct the policy"])]
#[case::no_inbox(no_inbox, Step::Lint, &["request-without-inbox", "subscribe"])]
#[case::chrono(chrono, Step::Build, &["__wbindgen_placeholder__", "cargo tree", "default-features = false"])]
fn a_beginners_mistake_is_told_with_cause_and_cure(
    #[case] make: fn(&Path),
    #[case] step: Step,
    #[case] parts: &[&str],
) {
    let author = Author::new();
    let folder = author.new_policy("wrong", "users");
    make(&folder);
    let finished = step.run(&author, &folder);
    assert_ne!(finished.code, Some(0), "{finished:?}");
    for part in parts {
        assert!(
            finished.output.contains(part),
            "`{part}` in {}",
            finished.output
        );
    }
}
