//! The help of every command, compared with `snapshots/help-*.snap`. CONTRIBUTING.md says how to
//! write them again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{Command as ClapCommand, CommandFactory as _};

use crate::cli::Cli;

/// Columns of the help, which do not depend on the terminal of the test.
const WIDTH: usize = 100;

/// Returns the help of `command`, as `--help` prints it, and that of the commands below it. `path`
/// has the words that lead to `command`. Hidden commands have no help.
fn helps(command: &ClapCommand, path: &str) -> Vec<(String, String)> {
    let shown = command.clone().term_width(WIDTH);
    // A value in the environment of the test would be part of the help.
    let mut shown = shown.mut_args(|argument| argument.hide_env_values(true));
    let own = (path.to_owned(), shown.render_long_help().to_string());
    let below = command.get_subcommands();
    let below = below.filter(|it| !it.is_hide_set() && it.get_name() != "help");
    let below = below.flat_map(|it| helps(it, &format!("{path}-{}", it.get_name())));
    std::iter::once(own).chain(below).collect()
}

fn all() -> Vec<(String, String)> {
    let mut root = Cli::command();
    root.build();
    helps(&root, "help")
}

#[test]
fn the_help_of_every_command_is_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, help) in all() {
            insta::assert_snapshot!(name, help);
        }
    });
}

#[test]
fn every_snapshot_of_a_help_has_its_command() {
    let named: BTreeSet<_> = all().into_iter().map(|(name, _)| name).collect();
    assert!(named.len() > 50, "{named:?}");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/tests/snapshots");
    let files = fs::read_dir(directory).unwrap();
    let files = files.filter_map(|file| file.unwrap().file_name().into_string().ok());
    let files = files.filter_map(|file| Some(file.strip_suffix(".snap")?.to_owned()));
    assert_eq!(
        files.collect::<BTreeSet<_>>(),
        named,
        "remove the files of commands that are gone"
    );
}
