//! The services that every server offers, one file each.

mod accountz;
mod connz;
mod healthz;
mod idz;
mod jsz;
mod profilez;
mod routez;
mod statsz;
mod subsz;
mod varz;

pub use accountz::{AccountDetail, Accountz, AccountzRequest};
pub use connz::{ConnectionInfo, ConnectionOrder, ConnectionState, Connz, ConnzRequest, TlsPeer};
pub use healthz::{HealthError, Healthz, HealthzRequest};
pub use idz::{IdzRequest, ServerName};
pub use jsz::{JetStreamAccount, Jsz, JszRequest};
pub use profilez::ProfilezRequest;
pub use routez::{RouteInfo, Routez, RoutezRequest};
pub use statsz::{Statsz, StatszRequest};
pub use subsz::{SubscriptionInfo, Subsz, SubszRequest};
pub use varz::{Varz, VarzRequest};
