//! ROUTEZ: the routes of a server to the others of its cluster.

use serde::{Deserialize, Serialize};

use crate::service::Service;
use crate::wire::OtherFields;

/// A request for the routes of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoutezRequest {}

/// The routes of one server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Routez {
    /// The routes. Two servers usually have several.
    pub routes: Vec<RouteInfo>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A route to another server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct RouteInfo {
    /// Id of the other server, `N…`.
    pub remote_id: String,
    /// Name of the other server. Empty if the server does not say it.
    pub remote_name: String,
    /// Address of the other server.
    pub ip: String,
    /// Port of the other server.
    pub port: u16,
    /// Fields that this type does not name: traffic, round-trip time and others.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl Service for RoutezRequest {
    type Answer = Routez;

    const NAME: &'static str = "ROUTEZ";
}
