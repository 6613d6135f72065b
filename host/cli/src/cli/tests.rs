mod help;
mod json;

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
fn orders_name_their_servers_and_clients(
    #[values(
        "portcullis system reload a",
        "portcullis system reload --all --json",
        "portcullis system kick a 7",
        "portcullis system kick --of-user b --account A",
        "portcullis system ldm a --of-user b --creds c"
    )]
    arguments: &str,
) {
    let read = Cli::try_parse_from(arguments.split(' ')).unwrap();
    assert!(matches!(read.command, Command::System { .. }));
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
        "portcullis serve --config a --log-level inffo",
        "portcullis system",
        "portcullis system events --kind connects",
        "portcullis system ping --expect 0",
        "portcullis system ping --server nats://user:password@localhost",
        "portcullis system ping --user a",
        "portcullis system ping --creds a --nkey-seed-file b",
        "portcullis system ping --creds a --user b --password-file c",
        "portcullis system ping --cert-file a",
        "portcullis system profile a heap",
        "portcullis system reload",
        "portcullis system reload a --all",
        "portcullis system kick a",
        "portcullis system kick --account A",
        "portcullis system kick a 7 --of-user b"
    )]
    arguments: &str,
) {
    let error = Cli::try_parse_from(arguments.split(' ')).unwrap_err();
    assert!(error.use_stderr());
}
