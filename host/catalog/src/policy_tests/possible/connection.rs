//! The facts of a connection, compared with each other.

use portcullis_core::{Client, Identity, Transport};

/// A fact of the connection that contradicts another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionProblem {
    /// A certificate without TLS.
    #[error("a certificate comes over TLS: add `tls-version = \"1.3\"` to `login.client`")]
    CertificateWithoutTls,
    /// A client id of MQTT over another protocol.
    #[error("only an MQTT client has it: add `transport = \"mqtt\"`, or leave `mqtt-id` out")]
    MqttId,
}

impl ConnectionProblem {
    /// Returns the path of the value at fault, below `login`.
    pub(super) const fn place(self) -> &'static [&'static str] {
        match self {
            Self::CertificateWithoutTls => &["certificate"],
            Self::MqttId => &["client", "mqtt-id"],
        }
    }
}

/// Checks the connection. A server that does not say the transport may say the client id.
pub(super) fn check(client: &Client, identity: &Identity) -> Result<(), ConnectionProblem> {
    if identity.certificate.is_some() && client.tls.is_none() {
        return Err(ConnectionProblem::CertificateWithoutTls);
    }
    let is_other = |transport: &Transport| *transport != Transport::Mqtt;
    if client.mqtt_id.is_some() && client.transport.as_ref().is_some_and(is_other) {
        return Err(ConnectionProblem::MqttId);
    }
    Ok(())
}
