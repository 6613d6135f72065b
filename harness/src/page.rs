//! Requests over plain HTTP, as text.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer with its status.
#[derive(Debug)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The status line and the header fields.
    pub head: String,
    /// The body.
    pub content: String,
}

/// Sends `request` to `address`, and reads the answer until the server closes the connection.
///
/// # Errors
///
/// Fails if the address cannot be reached, or the answer is not HTTP.
pub async fn ask(address: &str, request: &str) -> Result<Page> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, content) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Page {
        status,
        head: head.to_owned(),
        content: content.to_owned(),
    })
}
