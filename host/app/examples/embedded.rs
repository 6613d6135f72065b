//! A service that embeds the host: `cargo run -p portcullis --example embedded -- portcullis.toml`.
//!
//! The service decides when the host starts, reloads policies and ends, and who sees its metrics.

use std::error::Error;
use std::path::Path;

use portcullis::{Config, Host, HostHandle};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program may print")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let file = std::env::args_os().nth(1).ok_or("usage: embedded FILE")?;
    let ready = |handle: HostHandle| {
        // A service would show these on its own pages.
        let numbers = handle.metrics().len();
        eprintln!("ready: {}, {numbers} metrics", handle.status().is_ready());
    };
    let stop = async {
        // Without a signal handler, the host serves until the process is killed.
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(Path::new(&file), ready, stop).await
}

/// Serves logins as the policies of `file` decide, until `stop` completes. Calls `ready` with a
/// handle once logins are decided.
pub(crate) async fn serve(
    file: &Path,
    ready: impl FnOnce(HostHandle) + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::load(file)?;
    let host = Host::builder(config.value).on_ready(ready).build()?;
    host.run(stop).await?;
    Ok(())
}
