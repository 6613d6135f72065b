//! The services of servers, as typed requests.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request to a service that every server offers, under `$SYS.REQ.SERVER`.
///
/// The type serializes as the body of the request. [`SystemClient::ask`] sends it to one server,
/// and [`SystemClient::ask_all`] to all. A service that this crate does not name can be a type of
/// the caller's own.
///
/// [`SystemClient::ask`]: crate::SystemClient::ask
/// [`SystemClient::ask_all`]: crate::SystemClient::ask_all
pub trait Service: Serialize + Sync {
    /// The data of the answer.
    type Answer: DeserializeOwned + Send;

    /// Name of the service, the last token of its subject.
    const NAME: &'static str;
}

/// A request to a service that servers offer for one account, under `$SYS.REQ.ACCOUNT`.
///
/// [`SystemClient::ask_account`](crate::SystemClient::ask_account) sends it. Every server answers
/// for the connections that it has itself.
pub trait AccountService: Service {}
