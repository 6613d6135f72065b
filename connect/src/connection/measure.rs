//! For benchmarks and tests only: connections without a socket.

use std::sync::Arc;

use super::PendingConnection;
use crate::authentication::{AuthenticationError, ProofReader};
use crate::login_renewal::LoginRenewal;
use crate::options::ConnectionOptions;

/// The part of an idle connection that waits for the renewal of its login.
#[derive(Debug)]
pub struct IdleLogin {
    _pending: PendingConnection,
    _renewal: Option<LoginRenewal>,
}

impl IdleLogin {
    /// Obtains a login as a connection does, and starts to wait for its renewal.
    ///
    /// # Errors
    ///
    /// Fails if there is no login.
    pub async fn start(options: ConnectionOptions) -> Result<Self, AuthenticationError> {
        let pending = PendingConnection::new(options);
        let options = &pending.options;
        let proofs = ProofReader::new(options.authentication.clone(), Arc::clone(&options.disk));
        let proofs = Arc::new(proofs);
        if let Some(reading) = proofs.current().await? {
            proofs.present(&reading);
        }
        let renewal = LoginRenewal::start(options, &proofs, &pending.monitor);
        // Lets the task begin to wait.
        tokio::task::yield_now().await;
        Ok(Self {
            _pending: pending,
            _renewal: renewal,
        })
    }
}
