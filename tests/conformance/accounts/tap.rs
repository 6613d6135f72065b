//! A proxy that records the requests of a server to a resolver.

use std::io;
use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy; dropping it cuts all connections.
pub(super) struct Tap {
    address: String,
    seen: Arc<Mutex<String>>,
    _task: JoinSet<()>,
}

impl Tap {
    /// Starts a proxy of the service at `target`.
    pub(super) async fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let seen = Arc::<Mutex<String>>::default();
        let (target, record) = (target.to_owned(), Arc::clone(&seen));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, target.clone(), Arc::clone(&record)));
            }
        });
        Ok(Self {
            address,
            seen,
            _task: task,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of requests for `path`.
    pub(super) fn count(&self, path: &str) -> usize {
        let line = format!("GET {path} HTTP/1.1\r\n");
        self.seen.lock().matches(&line).count()
    }
}

/// Forwards one connection until one side closes it, and records what the client sends.
async fn pass(client: TcpStream, target: String, seen: Arc<Mutex<String>>) -> io::Result<()> {
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut reads, mut writes) = TcpStream::connect(target).await?.into_split();
    let requests = async {
        let mut buffer = [0; 4096];
        loop {
            let read = client_reads.read(&mut buffer).await?;
            let sent = buffer.get(..read).unwrap_or_default();
            if sent.is_empty() {
                return io::Result::Ok(());
            }
            // The head of a request is one packet: these requests have no body.
            seen.lock().push_str(&String::from_utf8_lossy(sent));
            writes.write_all(sent).await?;
        }
    };
    tokio::select! {
        ended = requests => ended,
        ended = copy(&mut reads, &mut client_writes) => ended.map(drop),
    }
}
