//! The place of the control socket of a host, and what is said there.

use std::path::{Path, PathBuf};

/// The name of the socket in the state directory.
const NAME: &str = "control.sock";

/// The verb that asks for a reload.
pub(crate) const RELOAD: &str = "reload";

/// Returns the path of the socket of a host with this state directory.
pub(crate) fn socket_in(state_directory: &Path) -> PathBuf {
    state_directory.join(NAME)
}
