//! A small HTTP server: three pages to read, and limits on everything that clients decide.
//!
//! One request a connection, the head of it in one buffer, its body never read.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::page::Page;
use super::vitals::Vitals;

/// Most connections at the same time; others wait until they are accepted.
const MOST_CONNECTIONS: usize = 64;
/// Most headers of a request.
const MOST_HEADERS: usize = 64;
/// Most bytes of a request's head.
const MOST_HEAD: usize = 8 * 1024;
/// Longest that a connection may last: one request, one answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The wait after a connection could not be accepted: the process may be out of files.
const RECOVERY: Duration = Duration::from_millis(100);

/// Answers HTTP requests about the service's health.
#[derive(Debug)]
pub(crate) struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// The address of `[health]` is taken, or not one of this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`, which is `listen` under [health]")]
pub(crate) struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    Complete { method: String, path: String },
    Incomplete,
    Malformed,
    TooLarge,
}

impl HealthServer {
    /// Listens on `address`.
    ///
    /// # Errors
    ///
    /// When that is not possible.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, CannotListen> {
        let failed = |source| CannotListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is the one that the system chose if none was given.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers, for ever.
    pub(crate) async fn run(self, vitals: Arc<Vitals>) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let vitals = Arc::clone(&vitals);
                    tokio::spawn(async move {
                        let served = serve(stream, &vitals);
                        if tokio::time::timeout(CONNECTION_TIMEOUT, served)
                            .await
                            .is_err()
                        {
                            tracing::debug!("health request took too long");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "health connection not accepted");
                    tokio::time::sleep(RECOVERY).await;
                }
            }
        }
    }
}

/// Answers one request.
async fn serve(mut stream: TcpStream, vitals: &Vitals) {
    let answered = async {
        let head = read_head(&mut stream).await?;
        let (page, with_content) = match &head {
            Head::Complete { method, path } => (Page::at(method, path, vitals), method != "HEAD"),
            Head::TooLarge => (Page::too_large(), true),
            Head::Malformed => (Page::malformed(), true),
            // The client has gone.
            Head::Incomplete => return Ok(()),
        };
        stream.write_all(&page.render(with_content)).await?;
        stream.shutdown().await?;
        // What was sent and not read would make the system take the answer back.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    if let Err(error) = answered.await {
        tracing::debug!(%error, "health request not answered");
    }
}

/// Reads until the head of a request is complete, or cannot become it.
async fn read_head(stream: &mut TcpStream) -> io::Result<Head> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        let room = MOST_HEAD.saturating_sub(buffer.len());
        let room = u64::try_from(room).unwrap_or_default();
        if (&mut *stream).take(room).read_buf(&mut buffer).await? == 0 {
            return Ok(if room == 0 {
                Head::TooLarge
            } else {
                Head::Incomplete
            });
        }
        match parse(&buffer) {
            Head::Incomplete => {}
            settled => return Ok(settled),
        }
    }
}

fn parse(buffer: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(buffer) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Head::Incomplete,
        Err(httparse::Error::TooManyHeaders) => return Head::TooLarge,
        Err(_) => return Head::Malformed,
    }
    match (request.method, request.path) {
        (Some(method), Some(path)) => Head::Complete {
            method: method.to_owned(),
            path: path.split('?').next().unwrap_or_default().to_owned(),
        },
        _ => Head::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_method_and_its_path() {
        let head = parse(b"GET /readyz?verbose HTTP/1.1\r\nHost: here\r\n\r\nbody");
        let (method, path) = ("GET".to_owned(), "/readyz".to_owned());
        assert_eq!(head, Head::Complete { method, path });
    }

    #[test]
    fn what_is_not_a_request_is_told_from_what_may_become_one() {
        assert_eq!(parse(b""), Head::Incomplete);
        assert_eq!(parse(b"GET /readyz HT"), Head::Incomplete);
        assert_eq!(parse(b"\x16\x03\x01\x02\x00\x01\x00"), Head::Malformed);
        assert_eq!(parse(b"GET /a b HTTP/1.1\r\n\r\n"), Head::Malformed);
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "A: b\r\n".repeat(MOST_HEADERS + 1)
        );
        assert_eq!(parse(many.as_bytes()), Head::TooLarge);
    }

    /// What a client reads that sends `request`.
    async fn ask(request: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = read_head(&mut stream).await.unwrap();
            format!("{head:?}")
        };
        let send = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The server may hang up before it has read everything.
            let _ = stream.write_all(request).await;
            let _ = stream.shutdown().await;
        };
        tokio::join!(answer, send).0
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_too_large_or_incomplete() {
        assert_eq!(ask(b"GET /readyz HTTP/1.1\r\n").await, "Incomplete");
        let long = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(2 * MOST_HEAD));
        assert_eq!(ask(long.as_bytes()).await, "TooLarge");
        assert!(
            ask(b"GET /readyz HTTP/1.1\r\n\r\n")
                .await
                .starts_with("Complete")
        );
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_its_key() {
        let taken = HealthServer::bind(([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let error = HealthServer::bind(taken.address()).await.unwrap_err();
        let expected = format!(
            "cannot listen on `{}`, which is `listen` under [health]",
            taken.address()
        );
        assert_eq!(error.to_string(), expected);
    }
}
