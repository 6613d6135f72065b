//! Shows the whole product with real clients: which logins are permitted, their permissions, and a
//! change of the policy while clients log in.
//!
//! `cargo xtask demo` builds what the program needs and runs it. The program exits with 1 if a
//! result is not the expected one. With `--keep`, it leaves everything running.

mod acts;
mod installation;
mod keep;
mod operator;
mod table;

use std::process::ExitCode;

use anyhow::Result;

use installation::Stage;
use table::Table;

#[tokio::main]
async fn main() -> ExitCode {
    let mut table = Table::new();
    match run(&mut table).await {
        Ok(()) if table.all_as_expected() => ExitCode::SUCCESS,
        Ok(()) => {
            table.say("\nSomething is not as expected: see the lines marked ✗.");
            ExitCode::FAILURE
        }
        Err(error) => {
            table.say(&format!("\nThe demo broke off: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(table: &mut Table) -> Result<()> {
    let stage = Stage::build().await?;
    table.say(&format!(
        "\nnats-server and portcullis run in {} at {}",
        stage.site.path().display(),
        stage.server.url()
    ));
    acts::decisions(&stage, table).await?;
    acts::change(&stage, table).await?;
    acts::breakage(&stage, table).await?;
    operator::from_nothing(table).await?;
    if std::env::args().any(|argument| argument == "--keep") {
        keep::running(&stage, table).await?;
    }
    Ok(())
}
