//! `portcullis import nsc` and `portcullis export nsc`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use portcullis_accounts::{Nsc, StoreError, Transferred};
use portcullis_files::{ReadError, SystemDisk};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::report::{Report, StoreArguments, absent, failure, now, wrong};
use crate::failure::Failure;
use crate::output::Output;

/// The tools that the store can be exported for.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum ExportTo {
    /// Write the folders `stores` and `keys` of nsc, with credentials files.
    Nsc {
        /// The directory to write to. An existing operator is never overwritten.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
}

/// Imports an operator of nsc. Without a name, the directory has to have a single one.
pub(crate) fn import_nsc(
    directory: &Path,
    operator: Option<&str>,
    store: &StoreArguments,
) -> Result<Output, Failure> {
    let nsc = Nsc::at(Arc::new(SystemDisk), directory);
    let no_nsc = || {
        absent(format!(
            "`{}` is no directory of nsc, which has the folders `stores` and `keys`; usually it is \
             `~/.local/share/nats/nsc`",
            directory.display()
        ))
    };
    let known = nsc.operators().map_err(|error| match &error {
        StoreError::Read {
            source: ReadError::Missing,
            ..
        } => no_nsc(),
        _ => failure(error),
    })?;
    let name = match (operator, known.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => return Err(no_nsc()),
        (None, _) => {
            let names = known.join("`, `");
            return Err(wrong(format!(
                "`{}` has the operators `{names}`: name one with `--operator`",
                directory.display()
            )));
        }
    };
    finish(store, "imported", nsc.import(name, &store.open(), now()))
}

impl ExportTo {
    /// Exports the store.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        let Self::Nsc { directory, store } = self;
        let nsc = Nsc::at(Arc::new(SystemDisk), directory);
        finish(store, "exported", nsc.export(&store.open()))
    }
}

fn finish(
    store: &StoreArguments,
    verb: &str,
    done: Result<Transferred, StoreError>,
) -> Result<Output, Failure> {
    store.finish(done.map(|done| {
        let Transferred {
            operator,
            accounts,
            users,
            seeds,
            missing,
            kept,
            refused,
        } = done;
        let mut text = format!(
            "{verb} the operator `{operator}`: {accounts} accounts, {users} users, {seeds} seeds\n"
        );
        for key in &missing {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "no seed of {key}: put it into `keys` of the store to sign with it"
            );
        }
        for entry in &kept {
            let _ = writeln!(text, "left alone: {}", one_line(entry));
        }
        for entry in &refused {
            let _ = writeln!(text, "{}", one_line(entry));
        }
        let json = json!({
            "operator": operator,
            "accounts": accounts,
            "users": users,
            "seeds": seeds,
            "missing": missing,
            "kept": kept,
            "refused": refused,
        });
        Report::new(text, json)
    }))
}
