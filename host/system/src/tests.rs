//! Requests and events over a NATS server in memory, which stands for servers of a system.

mod claims;
mod events;
mod recorded;
mod requests;

use futures::StreamExt as _;
use portcullis_connect::{MemoryNats, Nats as _};

use crate::{Gathering, SystemClient};

/// Id of a server.
pub(super) const SERVER: &str = "NCZ6VTJTIM5TDNJFENIQGLE3HZ5C46VHOOGV33G7BXLMMJUAQU6ANOAA";

/// A long time, which a test waits only if it fails.
pub(super) const LONG: std::time::Duration = std::time::Duration::from_mins(1);

/// Returns a client without servers.
pub(super) fn client() -> (MemoryNats, SystemClient<MemoryNats>) {
    let nats = MemoryNats::default();
    let system = SystemClient::new(nats.clone()).with_patience(LONG);
    (nats, system)
}

/// Answers each request on `subject` with the messages that `answer` returns for its body.
pub(super) async fn serve<M: Into<bytes::Bytes> + Send + 'static>(
    nats: &MemoryNats,
    subject: &str,
    answer: impl Fn(&str) -> Vec<M> + Send + 'static,
) {
    let mut requests = nats.subscribe(subject.into()).await.unwrap();
    let nats = nats.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let reply = request.reply.unwrap();
            let body = std::str::from_utf8(&request.payload).unwrap();
            for message in answer(body) {
                nats.publish(reply.clone(), message.into()).await.unwrap();
            }
        }
    });
}

/// Waits for `servers` answers.
pub(super) fn expecting(servers: usize) -> Gathering {
    Gathering::expecting(servers.try_into().unwrap(), LONG)
}
