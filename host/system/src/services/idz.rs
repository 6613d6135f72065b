//! IDZ: the names of servers.

use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::OtherFields;

/// A request for the name, host and id of servers. Servers ignore
/// [`ServerFilter`](crate::ServerFilter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdzRequest {}

/// The name of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerName {
    /// Name of the server.
    pub name: String,
    /// Host that the server listens on.
    pub host: String,
    /// Id of the server, `N…`.
    pub id: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for IdzRequest {
    type Answer = ServerName;

    const NAME: &'static str = "IDZ";
}
