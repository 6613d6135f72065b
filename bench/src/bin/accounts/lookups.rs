//! Lookups of accounts, over HTTP and over NATS, and first logins.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use nkeys::KeyPair;
use portcullis_harness::{NatsServer, PATIENCE};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::population::credentials;

/// Looks up accounts over one connection, one after the other, as a server does. Returns the times.
pub(crate) async fn over_http(address: &str, keys: &[String]) -> Result<Vec<Duration>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut times = Vec::with_capacity(keys.len());
    for key in keys {
        let began = Instant::now();
        let request = format!("GET /jwt/v1/accounts/{key} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes()).await?;
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse()?,
                Some(_) => {}
                None if line == "\r\n" => break,
                None => ensure!(line.starts_with("HTTP/1.1 200"), "`{key}`: {line}"),
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        ensure!(body.starts_with(b"eyJ"), "`{key}` has no JWT");
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Looks up accounts over this number of connections at once. Returns the lookups a second.
pub(crate) async fn rate_over_http(
    address: &str,
    keys: &[String],
    connections: usize,
) -> Result<f64> {
    let began = Instant::now();
    let mut lookups = JoinSet::new();
    for part in keys.chunks(keys.len().div_ceil(connections)) {
        let (address, part) = (address.to_owned(), part.to_vec());
        lookups.spawn(async move { over_http(&address, &part).await });
    }
    let mut count: u32 = 0;
    for part in lookups.join_all().await {
        count = count.saturating_add(u32::try_from(part?.len())?);
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Looks up accounts as the user of the system account. Returns the times.
pub(crate) async fn over_nats(system: &Client, keys: &[String]) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(keys.len());
    for key in keys {
        let began = Instant::now();
        let subject = format!("$SYS.REQ.ACCOUNT.{key}.CLAIMS.LOOKUP");
        let reply = system.request(subject, "".into()).await?;
        ensure!(reply.payload.starts_with(b"eyJ"), "`{key}` has no JWT");
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Logs a user of an account in that the server does not know yet. Returns the time.
pub(crate) async fn first_login(server: &NatsServer, account: &KeyPair) -> Result<Duration> {
    let options = ConnectOptions::with_credentials(&credentials(account)?)?;
    let options = options.connection_timeout(PATIENCE).max_reconnects(1);
    let began = Instant::now();
    let client = options.connect(server.url()).await;
    let client = client.context("a user was not let in")?;
    client.flush().await?;
    Ok(began.elapsed())
}
