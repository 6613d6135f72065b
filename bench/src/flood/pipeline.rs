//! The NATS protocol by hand, with as little work per request as possible: the measuring program
//! shares the processors with the contenders.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portcullis_harness::{CALLOUT, Site};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The time after which an answer counts as lost: longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The maximum size of one read, in bytes.
const READ: usize = 256 * 1024;

/// A connection that sends requests and receives their answers, with many pending.
#[derive(Debug)]
pub(super) struct Pipeline {
    stream: TcpStream,
    /// The bytes that were read.
    read: Vec<u8>,
    /// The number of those bytes that were processed.
    done: usize,
}

/// The answers to some requests.
pub(super) struct Answers {
    /// The time from the first request to the last answer.
    pub(super) took: Duration,
    /// The answers: the number of the request, the latency and the payload.
    pub(super) answers: Vec<(usize, Duration, Vec<u8>)>,
}

/// A protocol message of the server.
enum Said {
    Message { number: usize, payload: Vec<u8> },
    Ping,
    Pong,
    Error(String),
    Other,
}

impl Pipeline {
    /// Logs in at `port` as a user that may publish requests.
    pub(super) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut pipeline = Self {
            stream,
            read: Vec::with_capacity(READ),
            done: 0,
        };
        let (user, pass) = Site::OBSERVER;
        let connect = json!({
            "verbose": false, "pedantic": false, "user": user, "pass": pass, "name": "flood", "lang": "test",
            "version": "0", "protocol": 1, "headers": true, "no_responders": true,
        });
        let hello = format!("CONNECT {connect}\r\nSUB $SYS._INBOX.flood.* 1\r\nPING\r\n");
        pipeline.stream.write_all(hello.as_bytes()).await?;
        while !matches!(pipeline.next().await?, Said::Pong) {}
        Ok(pipeline)
    }

    /// Sends `requests`, with `at_once` pending: each answer triggers the next request.
    pub(super) async fn send(
        &mut self,
        requests: &[Vec<u8>],
        xkey: Option<&str>,
        at_once: usize,
    ) -> Result<Answers> {
        let headers = xkey.map(|xkey| format!("NATS/1.0\r\nNats-Server-Xkey: {xkey}\r\n\r\n"));
        let mut waiting = requests.iter().enumerate();
        let mut sent = Vec::with_capacity(requests.len());
        let mut answers = Vec::with_capacity(requests.len());
        let began = Instant::now();
        let (mut free, mut out) = (at_once, Vec::new());
        while answers.len() < requests.len() {
            for (number, request) in waiting.by_ref().take(free) {
                write_request(&mut out, number, headers.as_deref(), request)?;
                sent.push(Instant::now());
            }
            free = 0;
            self.stream.write_all(&out).await?;
            out.clear();
            let Ok(mut said) = timeout(PATIENCE, self.next()).await else {
                break;
            };
            loop {
                match said? {
                    Said::Message { number, payload } => {
                        let sent = sent.get(number).context("an answer to no request")?;
                        answers.push((number, sent.elapsed(), payload));
                        free += 1;
                    }
                    Said::Ping => out.extend_from_slice(b"PONG\r\n"),
                    Said::Error(error) => bail!("nats-server says {error}"),
                    Said::Pong | Said::Other => {}
                }
                // All received messages are processed before the next requests are sent together.
                said = match self.understood()? {
                    Some(said) => Ok(said),
                    None => break,
                };
            }
        }
        Ok(Answers {
            took: began.elapsed(),
            answers,
        })
    }

    async fn next(&mut self) -> Result<Said> {
        loop {
            if let Some(said) = self.understood()? {
                return Ok(said);
            }
            self.read.drain(..self.done);
            self.done = 0;
            self.read.reserve(READ);
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("nats-server has closed the connection");
            }
        }
    }

    /// Returns the next message of the bytes that were read; `None` if it is incomplete.
    fn understood(&mut self) -> Result<Option<Said>> {
        let unread = self.read.get(self.done..).unwrap_or_default();
        let Some((said, length)) = understand(unread)? else {
            return Ok(None);
        };
        self.done += length;
        Ok(Some(said))
    }
}

fn write_request(
    out: &mut Vec<u8>,
    number: usize,
    headers: Option<&str>,
    request: &[u8],
) -> Result<()> {
    use std::io::Write;
    match headers {
        None => write!(
            out,
            "PUB {CALLOUT} $SYS._INBOX.flood.{number} {}\r\n",
            request.len()
        )?,
        Some(headers) => {
            let (head, total) = (headers.len(), headers.len() + request.len());
            write!(
                out,
                "HPUB {CALLOUT} $SYS._INBOX.flood.{number} {head} {total}\r\n{headers}"
            )?;
        }
    }
    out.extend_from_slice(request);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Returns the first message in `bytes` and its length; `None` if it is incomplete.
fn understand(bytes: &[u8]) -> Result<Option<(Said, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return Ok(None);
    };
    let line = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let begins = end + 2;
    let mut words = line.split(' ');
    let said = match words.next() {
        Some("MSG" | "HMSG") => {
            let subject = words.next().unwrap_or_default();
            let number = subject
                .rsplit('.')
                .next()
                .and_then(|last| last.parse().ok());
            let length: Option<usize> = words.next_back().and_then(|last| last.parse().ok());
            let (number, length) = number
                .zip(length)
                .context("a message that nobody asked for")?;
            let Some(payload) = bytes.get(begins..begins + length + 2) else {
                return Ok(None);
            };
            let payload = payload.get(..length).unwrap_or_default().to_vec();
            return Ok(Some((
                Said::Message { number, payload },
                begins + length + 2,
            )));
        }
        Some("PING") => Said::Ping,
        Some("PONG") => Said::Pong,
        Some("-ERR") => Said::Error(line.to_owned()),
        _ => Said::Other,
    };
    Ok(Some((said, begins)))
}
