//! Requests over plain HTTP, as text.

use std::fmt::Write as _;

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

impl Page {
    /// Requests `path` of `address` with these additional header fields.
    ///
    /// # Errors
    ///
    /// Fails as [`ask`] does.
    pub async fn get(address: &str, path: &str, fields: &[(&str, &str)]) -> Result<Self> {
        send(address, "GET", path, fields, "").await
    }

    /// Sends `body` to `path` of `address`, with these additional header fields.
    ///
    /// # Errors
    ///
    /// Fails as [`ask`] does.
    pub async fn post(
        address: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Result<Self> {
        let length = body.len().to_string();
        let fields = [&[("content-length", length.as_str())], fields].concat();
        send(address, "POST", path, &fields, body).await
    }

    /// Returns a field of the header. `None` if the header does not have it.
    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }
}

async fn send(
    address: &str,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Result<Page> {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in fields {
        write!(request, "{name}: {value}\r\n")?;
    }
    write!(request, "\r\n{body}")?;
    ask(address, &request).await
}
