//! A login that the policies of a directory decide, without NATS:
//! `cargo run -p portcullis-catalog --example decide -- policies alice`.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the machine's clock"
)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_catalog::{Catalog, CatalogOptions};
use portcullis_core::{
    AuthorizationRequest, Authorizer as _, Credentials, Decision, KeyKind, PublicKey, Server,
};
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::PasswordVerifier;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program may print")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(user)) = (arguments.next(), arguments.next()) else {
        return Err("usage: decide DIRECTORY USER".into());
    };
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let decision = decide(Path::new(&directory), &user, now).await?;
    println!("{:?}", decision.outcome);
    Ok(())
}

/// Returns the decision of the policies in `directory` about a login of `user` at `now`, in seconds
/// since the Unix epoch.
pub(crate) async fn decide(
    directory: &Path,
    user: &str,
    now: u64,
) -> Result<Decision, Box<dyn Error + Send + Sync>> {
    let options = EngineOptions {
        max_concurrent: 1,
        code_cache: None,
    };
    let engine = Engine::new(options, Arc::<PasswordVerifier>::default())?;
    // A refused policy is in the report. The others would decide without it.
    let (catalog, report) = Catalog::open(engine, CatalogOptions::new(directory))?;
    if let Some(refused) = report.rejections().next() {
        return Err(format!("{}: {}", refused.file.display(), refused.error).into());
    }
    let credentials = Credentials {
        username: Some(user.to_owned()),
        ..Credentials::default()
    };
    // Both keys are made up: no server asked. An embedder that proves identities has
    // `portcullis_identity::Identifier`.
    let nkey = PublicKey::from_bytes(KeyKind::User, [0; PublicKey::LEN]);
    let server = Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN]));
    let request = AuthorizationRequest::new(nkey, server, credentials, now);
    let deadline = Instant::now() + Duration::from_mins(1);
    Ok(catalog.authorize(Arc::new(request), deadline).await)
}
