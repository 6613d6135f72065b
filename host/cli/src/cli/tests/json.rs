//! `--json` of every command that prints facts, as `docs/reference/json.md` lists them.

use std::collections::BTreeSet;

use clap::{Command as ClapCommand, CommandFactory as _};

use crate::cli::Cli;

const PAGE: &str = include_str!("../../../../../docs/reference/json.md");

/// Returns the commands that do something, with the words that lead to them, and whether they have
/// `--json`.
fn commands(command: &ClapCommand, path: &str) -> Vec<(String, bool)> {
    let below = command.get_subcommands();
    let below: Vec<_> = below
        .filter(|it| !it.is_hide_set() && it.get_name() != "help")
        .collect();
    if below.is_empty() {
        let mut arguments = command.get_arguments();
        let has_json = arguments.any(|it| it.get_long() == Some("json"));
        return vec![(path.trim().to_owned(), has_json)];
    }
    below
        .into_iter()
        .flat_map(|it| commands(it, &format!("{path} {}", it.get_name())))
        .collect()
}

#[test]
fn every_command_prints_json_or_says_why_not() {
    let (with, without) = PAGE.split_once("## Commands without `--json`").unwrap();
    let named = |text: &str| -> BTreeSet<String> {
        let words = text.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    let (with, without) = (named(with), named(without));
    let mut root = Cli::command();
    root.build();
    for (command, has_json) in commands(&root, "") {
        let page = if has_json { &with } else { &without };
        assert!(
            page.contains(&command),
            "docs/reference/json.md: `{command}`, which has --json: {has_json}"
        );
    }
}
