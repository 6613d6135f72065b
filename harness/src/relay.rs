//! A proxy of a server that can cut some clients and not others.

use std::io;
use std::sync::Arc;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A proxy that forwards everything to a server; dropping it cuts all connections.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    /// The text in the CONNECT of the clients to cut; empty for no client.
    cut: Arc<watch::Sender<String>>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Starts a proxy of the server that listens on `port` of this machine.
    ///
    /// # Errors
    ///
    /// Fails if the system has no free port.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own_port = listener.local_addr()?.port();
        let cut = Arc::new(watch::Sender::new(String::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, Arc::clone(&cut)));
        Ok(Self {
            port: own_port,
            cut,
            _tasks: tasks,
        })
    }

    /// Returns the address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Cuts the connection with this name, now and whenever the client reconnects.
    pub fn cut(&self, name: &str) {
        self.cut.send_replace(format!("\"name\":\"{name}\""));
    }
}

async fn accept(listener: TcpListener, port: u16, cut: Arc<watch::Sender<String>>) {
    let mut relayed = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        relayed.spawn(relay(client, port, cut.subscribe()));
    }
}

/// Forwards the traffic of one client and the server, until one of them closes the connection or it
/// is cut.
async fn relay(
    mut client: TcpStream,
    port: u16,
    mut cut: watch::Receiver<String>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut buffer = [0; 4096];
    // The server sends INFO first, and then the client sends its name in CONNECT.
    let read = server.read(&mut buffer).await?;
    client
        .write_all(buffer.get(..read).unwrap_or_default())
        .await?;
    let read = client.read(&mut buffer).await?;
    let said = buffer.get(..read).unwrap_or_default();
    let words = String::from_utf8_lossy(said);
    let is_cut = |name: &String| !name.is_empty() && words.contains(name.as_str());
    let passed = async {
        server.write_all(said).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        biased;
        _ = cut.wait_for(is_cut) => Ok(()),
        passed = passed => passed.map(drop),
    }
}
