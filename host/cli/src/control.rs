//! The control socket of a host: a Unix socket in its state directory, for `portcullis reload`.
//!
//! A client sends one line with a verb, and the host answers one line of JSON. Only the host's own
//! user and root get an answer. `docs/design/how-does-a-host-reload-its-configuration.md` says why
//! the socket is no signal and no subject of NATS.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis::HostHandle;
use portcullis_files::{Disk as _, SystemDisk};
use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{interval, sleep, timeout};
use tracing::{debug, info, warn};

use crate::control_socket::{RELOAD, socket_in};
use crate::reload::{ReloadReport, reload};

/// Maximum length of a verb, in bytes.
const MAX_VERB: u64 = 64;

/// Time limit for the verb of a client.
const VERB_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval at which the host looks whether its socket is still there, and tries again if it is
/// not.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Delay after a failed accept, because the process may have no free file descriptors.
const RECOVERY: Duration = Duration::from_millis(100);

/// Answers clients on the socket in `state_directory`, without end. A host whose socket cannot be
/// made goes on without it and tries again, and the log says so. A socket that another process
/// removed is made again.
pub(crate) async fn serve(state_directory: PathBuf, handle: HostHandle) {
    let path = socket_in(&state_directory);
    let (mut is_missing, mut is_first) = (false, true);
    loop {
        match bind(&state_directory, &path) {
            Ok(listener) => {
                is_missing = false;
                if !std::mem::take(&mut is_first) {
                    info!(file = %path.display(), "control socket made again");
                }
                accept_until_gone(&listener, &path, &handle).await;
            }
            Err(error) => {
                is_first = false;
                if !std::mem::replace(&mut is_missing, true) {
                    warn!(
                        file = %path.display(),
                        %error,
                        "control socket not made: `portcullis reload` does not reach this host"
                    );
                }
                sleep(CHECK_INTERVAL).await;
            }
        }
    }
}

/// Answers clients until the socket at `path` is no longer that of the listener.
async fn accept_until_gone(listener: &UnixListener, path: &Path, handle: &HostHandle) {
    let own = inode(path);
    let mut checks = interval(CHECK_INTERVAL);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = checks.tick() => {
                if own.is_none() || inode(path) != own {
                    return;
                }
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &handle).await {
                        debug!(%error, "control client not answered");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "control client not accepted");
                sleep(RECOVERY).await;
            }
        }
    }
}

/// Returns the identity of the file at `path`. `None` without a file.
fn inode(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Makes the socket, in place of one that no process listens on.
fn bind(state_directory: &Path, path: &Path) -> io::Result<UnixListener> {
    SystemDisk.create_directory(state_directory)?;
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another host listens there; name a directory of its own as `state-directory`",
            ));
        }
        // A host that was killed left its socket.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(stream: UnixStream, handle: &HostHandle) -> io::Result<()> {
    let user = stream.peer_cred()?.uid();
    // The mode of the socket was wider for an instant.
    if user != 0 && user != geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the client is another user",
        ));
    }
    let (reader, mut writer) = stream.into_split();
    let mut verb = String::new();
    let mut reader = BufReader::new(reader.take(MAX_VERB));
    timeout(VERB_TIMEOUT, reader.read_line(&mut verb)).await??;
    let report = match verb.trim_end() {
        RELOAD => reload(handle).await,
        _ => ReloadReport::refused(format!(
            "this host knows no verb but `{RELOAD}`; use a `portcullis` of its version"
        )),
    };
    let mut line = serde_json::to_string(&report).map_err(io::Error::other)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await?;
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_a_killed_host_left_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = socket_in(directory.path());
        drop(bind(directory.path(), &path).unwrap());
        assert!(path.exists());
        let _listener = bind(directory.path(), &path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = bind(directory.path(), &path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
