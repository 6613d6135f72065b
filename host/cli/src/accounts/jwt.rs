//! `portcullis jwt`: tokens of any kind.

use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use portcullis_accounts::{Findings, Store, StoreError, Validate};
use portcullis_claims::{
    AccountClaims, ActivationClaims, Claims, GenericClaims, MAX_TOKEN_SIZE, OperatorClaims,
    TokenError, UserClaims,
};
use portcullis_core::Secret;
use portcullis_toml::text::one_line;
use serde::Serialize;
use serde_json::{Value, json};

use super::creds::read;
use super::describe::signs;
use super::report::{Report, StoreArguments, failure, now};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};

/// The commands for JWTs.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum JwtVerb {
    /// Print the claims of a JWT whose signature matches its issuer. Activation tokens in imports
    /// are decoded too.
    Decode {
        /// A file with a JWT, such as a credentials file, or `-` for standard input.
        file: String,
        /// Print JSON, which is the only form.
        #[arg(long)]
        json: bool,
    },
    /// Check the signature, the claims and the times of a JWT, and whether the store's operator
    /// and accounts signed it.
    Verify {
        /// A file with a JWT, such as a credentials file, or `-` for standard input.
        file: String,
        #[command(flatten)]
        store: StoreArguments,
    },
}

impl JwtVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Decode { file, .. } => {
                let token = token(file)?;
                let claims = decode(token.expose()).map_err(|error| damaged(file, error))?;
                render_json(&claims).map(Output::success)
            }
            Self::Verify { file, store } => verify(file, store),
        }
    }
}

/// Reads the first JWT in a file.
pub(super) fn token(file: &str) -> Result<Secret, Failure> {
    let text = if file == "-" {
        let mut text = String::new();
        let mut input = std::io::stdin().take(MAX_TOKEN_SIZE as u64);
        let read = input.read_to_string(&mut text);
        read.map_err(|error| {
            let error = anyhow::Error::new(error).context("cannot read standard input as text");
            Failure::new(ExitCode::BadConfiguration, error)
        })?;
        Secret::new(text)
    } else {
        read(Path::new(file))?.0
    };
    let mut words = text.expose().split_whitespace();
    let found = words.find(|word| word.starts_with("eyJ"));
    let missing = || {
        let error = anyhow::anyhow!("`{file}` has no JWT (`eyJ…`)");
        Failure::new(ExitCode::BadConfiguration, error)
    };
    found.map(Secret::new).ok_or_else(missing)
}

pub(super) fn damaged(file: &str, error: TokenError) -> Failure {
    let error = anyhow::Error::new(error).context(format!("`{file}`"));
    Failure::new(ExitCode::BadConfiguration, error)
}

/// Returns the claims of a token of any kind as version 2 has them.
fn decode(token: &str) -> Result<Value, TokenError> {
    let mut value = match kind(token)?.as_str() {
        "operator" => value(OperatorClaims::decode(token)?),
        "account" => value(AccountClaims::decode(token)?),
        "user" => value(UserClaims::decode(token)?),
        "activation" => value(ActivationClaims::decode(token)?),
        _ => value(GenericClaims::decode(token)?),
    };
    let imports = value
        .pointer_mut("/nats/imports")
        .and_then(Value::as_array_mut);
    for import in imports.into_iter().flatten() {
        let token = import.get("token").and_then(Value::as_str);
        if let Some(Ok(activation)) = token.map(decode)
            && let Some(import) = import.as_object_mut()
        {
            import.insert("token".to_owned(), activation);
        }
    }
    Ok(value)
}

fn value<C: Serialize>(claims: C) -> Value {
    serde_json::to_value(claims).unwrap_or_default()
}

/// Returns the kind of a token, of either version.
fn kind(token: &str) -> Result<String, TokenError> {
    let (claims, text) = GenericClaims::decode_with_json(token)?;
    // Version 1 has the kind outside the object.
    let outside: Value = serde_json::from_str(&text).unwrap_or_default();
    let kinds = [claims.nats.data.get("type"), outside.get("type")];
    let kind = kinds.into_iter().flatten().find_map(Value::as_str);
    Ok(kind.unwrap_or_default().to_owned())
}

fn verify(file: &str, store: &StoreArguments) -> Result<Output, Failure> {
    let text = token(file)?;
    let token = text.expose();
    let damaged = |error| damaged(file, error);
    let open = store.open();
    let kind = kind(token).map_err(damaged)?;
    let (findings, trusted) = match kind.as_str() {
        "operator" => {
            let claims = OperatorClaims::decode(token).map_err(damaged)?;
            // The operator signs itself: it is the store's, or it is not.
            let is_known = open.operator().map(|(_, known)| known == token);
            (claims.validate(now()), is_known)
        }
        "account" => {
            let claims = AccountClaims::decode(token).map_err(damaged)?;
            let operator = open.operator();
            let trusted = operator.map(|(known, _)| signs(&known, claims.issuer.as_deref()));
            (claims.validate(now()), trusted)
        }
        "user" => {
            let claims = UserClaims::decode(token).map_err(damaged)?;
            let account = claims.nats.issuer_account.as_deref();
            (
                claims.validate(now()),
                account_signs(&open, &claims, account),
            )
        }
        "activation" => {
            let claims = ActivationClaims::decode(token).map_err(damaged)?;
            let account = claims.nats.issuer_account.as_deref();
            (
                claims.validate(now()),
                account_signs(&open, &claims, account),
            )
        }
        _ => (Findings::default(), Ok(false)),
    };
    let trusted = trusted.map_err(failure)?;
    let mut lines = vec![format!("a JWT of the kind `{kind}`, with a good signature")];
    lines.extend(findings.iter().map(ToString::to_string));
    let by = if trusted { "signed" } else { "not signed" };
    lines.push(format!("{by} by a key that the store's JWTs name"));
    let lines: Vec<_> = lines
        .iter()
        .map(|line| format!("{file}: {}\n", one_line(line)))
        .collect();
    let json = json!({ "kind": kind, "findings": findings, "trusted": trusted });
    let code = if findings.is_refused() || !trusted {
        ExitCode::BadConfiguration
    } else {
        ExitCode::Success
    };
    Report::new(lines.concat(), json)
        .with_code(code)
        .output(store.json)
}

/// Returns whether the issuer of `claims` is `account`, or one of its signing keys. Without
/// `account`, the issuer has to be an account itself.
fn account_signs<B>(
    store: &Store,
    claims: &Claims<B>,
    account: Option<&str>,
) -> Result<bool, StoreError> {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    match store.account(account.unwrap_or(issuer)) {
        Ok(known) => {
            let keys = &known.claims.nats.signing_keys;
            Ok(known.account.as_str() == issuer || keys.contains(issuer))
        }
        Err(StoreError::Unknown { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
