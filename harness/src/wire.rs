//! The NATS protocol by hand, for what client libraries do not support or do not report.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::PATIENCE;

/// A connection without TLS that sends exactly the given text.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    /// The text that a client with a key signs; empty if the server demands no signature.
    nonce: String,
}

/// The result of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server accepted the login.
    Admitted,
    /// The server sent this error.
    Refused(String),
    /// The server closed the connection without an error.
    Closed,
}

impl Wire {
    /// Connects to `port` of this machine, and reads the server's INFO.
    ///
    /// # Errors
    ///
    /// Fails if the connection fails.
    pub async fn open(port: u16) -> Result<Self> {
        // A socket that is bound first needs a port that no connection of the last minute had, and
        // the kernel searches for one. Thousands of logins a second use all of them up.
        Self::begin(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?).await
    }

    /// Connects as [`Self::open`] does, from the address `from` of this machine, such as 127.0.0.2.
    ///
    /// # Errors
    ///
    /// Fails if the machine does not have the address, or if the connection fails.
    pub async fn open_from(from: Ipv4Addr, port: u16) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Self::begin(socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?).await
    }

    /// Reads the server's INFO from a new connection.
    async fn begin(stream: TcpStream) -> Result<Self> {
        let mut wire = Self {
            stream: BufReader::new(stream),
            nonce: String::new(),
        };
        let line = wire.line().await?.context("the server says nothing")?;
        let Some(info) = line.strip_prefix("INFO ") else {
            bail!("the server does not begin with INFO: {line}");
        };
        let info: Value = serde_json::from_str(info)?;
        if let Some(nonce) = info.get("nonce").and_then(Value::as_str) {
            nonce.clone_into(&mut wire.nonce);
        }
        Ok(wire)
    }

    /// Logs in with a user JWT, and a signature by its key.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::log_in`] does, and if the key cannot sign.
    pub async fn log_in_with_jwt(&mut self, jwt: &str, key: &KeyPair) -> Result<Answer> {
        let signature = BASE64URL_NOPAD.encode(&key.sign(self.nonce.as_bytes())?);
        self.log_in(&json!({ "jwt": jwt, "sig": signature })).await
    }

    /// Logs in with these fields of CONNECT, and waits for the result. A PING from the server in
    /// the meantime does not count as an answer.
    ///
    /// Waits for `+OK` (verbose mode) rather than for a PONG: a server that refuses a login closes
    /// the connection. If it has not read all data by then, the system discards what the server has
    /// sent.
    ///
    /// # Errors
    ///
    /// Fails if the server neither accepts nor refuses the login in time.
    pub async fn log_in(&mut self, fields: &Value) -> Result<Answer> {
        let mut connect = json!({
            "verbose": true, "pedantic": false, "lang": "test", "version": "0", "protocol": 1, "headers": true,
            "no_responders": true,
        });
        if let (Some(connect), Some(fields)) = (connect.as_object_mut(), fields.as_object()) {
            connect.extend(fields.clone());
        }
        self.say(&format!("CONNECT {connect}\r\n")).await?;
        self.answer().await
    }

    /// Waits for success, for an error, or for the end of the connection.
    ///
    /// # Errors
    ///
    /// Fails if none of them happens in time.
    pub async fn answer(&mut self) -> Result<Answer> {
        while let Some(line) = self.line().await? {
            if matches!(line.as_str(), "+OK" | "PONG") {
                return Ok(Answer::Admitted);
            }
            if let Some(error) = line.strip_prefix("-ERR ") {
                return Ok(Answer::Refused(error.trim_matches('\'').to_owned()));
            }
        }
        Ok(Answer::Closed)
    }

    /// Waits, without a deadline, until the connection has ended.
    pub async fn ended(&mut self) {
        let mut line = String::new();
        while matches!(self.stream.read_line(&mut line).await, Ok(read) if read > 0) {
            line.clear();
        }
    }

    /// Closes the connection, and waits until the server has closed it too.
    pub async fn close(mut self) {
        // The connection may be closed already.
        drop(self.stream.shutdown().await);
        self.ended().await;
    }

    /// Sends this text unchanged.
    ///
    /// # Errors
    ///
    /// Fails if the connection has ended.
    pub async fn say(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        Ok(())
    }

    /// Reads the next line, without its end; `None` if the connection has ended.
    ///
    /// # Errors
    ///
    /// Fails if no line arrives in time.
    pub async fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stream.read_line(&mut line));
        match read.await.context("the server says nothing")? {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line.trim_end().to_owned())),
            // A server that refuses a login may close the connection before it has read everything.
            Err(cause) if cause.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }
}

impl Answer {
    /// Returns whether the login was refused without a reason.
    pub fn is_refused_without_reason(&self) -> bool {
        matches!(self, Self::Refused(error) if error.eq_ignore_ascii_case("Authorization Violation"))
    }
}
