//! A way to a server that can be cut, for some clients and not for others.

use std::io;
use std::sync::Arc;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes everything on to a server; dropping it cuts everybody off.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    /// Who is cut off, by what its client says of itself; nobody if empty.
    cut: Arc<watch::Sender<String>>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// A relay to the server that listens on `port` of this machine.
    ///
    /// # Errors
    ///
    /// If there is no port for it.
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

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// From now on the connection with this name is cut, now and whenever it is made again.
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

/// Passes on what one client and the server say to each other, until one of them ends it or it is cut.
async fn relay(
    mut client: TcpStream,
    port: u16,
    mut cut: watch::Receiver<String>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut buffer = [0; 4096];
    // The server speaks first, and then the client says who it is.
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
