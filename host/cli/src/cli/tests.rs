use clap::CommandFactory as _;
use rstest::rstest;

use super::*;

#[test]
fn the_command_line_is_well_defined() {
    Cli::command().debug_assert();
}

#[test]
fn logs_can_be_chosen_on_the_command_line() {
    let arguments = "portcullis serve --config a.toml --log-format json --log-level debug";
    assert_eq!(
        Cli::try_parse_from(arguments.split(' ')).unwrap().command,
        Command::Serve {
            config: "a.toml".into(),
            log_format: Some(LogFormat::Json),
            log_level: Some("debug".parse().unwrap()),
        }
    );
}

#[rstest]
fn incomplete_or_unknown_commands_are_usage_errors(
    #[values(
        "portcullis",
        "portcullis serve",
        "portcullis check",
        "portcullis init",
        "portcullis dance",
        "portcullis import",
        "portcullis import planmdk config.edn",
        "portcullis import other config.edn dir",
        "portcullis hash hunter2",
        "portcullis serve --config a --log-format xml",
        "portcullis serve --config a --log-level inffo"
    )]
    arguments: &str,
) {
    let error = Cli::try_parse_from(arguments.split(' ')).unwrap_err();
    assert!(error.use_stderr());
}
