//! The page `/readyz` of a host that runs on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use portcullis_config::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::doctor::evidence::HostHealth;

/// Time to wait for the page.
const LIMIT: Duration = Duration::from_secs(3);

/// Maximum size of the page, in bytes.
const MAX_PAGE: u64 = 64 << 10;

/// Asks the host at the configured address whether it is ready.
pub(super) async fn ask(config: &Config) -> HostHealth {
    let Some(address) = config.health.listen.filter(|address| address.port() != 0) else {
        return HostHealth::NoAddress;
    };
    let page = match timeout(LIMIT, read(reachable(address))).await {
        Ok(page) => page.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer in time".to_owned()),
    };
    match page {
        Ok(page) => health_of(&page).unwrap_or_else(|| HostHealth::Silent {
            address,
            error: "the answer is not that of a host".to_owned(),
        }),
        Err(error) => HostHealth::Silent { address, error },
    }
}

/// Returns the address at which a listener on `address` is reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn read(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut page = Vec::new();
    stream.take(MAX_PAGE).read_to_end(&mut page).await?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Returns what a page says. `None` if it is not one of a host.
fn health_of(page: &str) -> Option<HostHealth> {
    let (head, body) = page.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    match status {
        "200" => Some(HostHealth::Ready),
        "503" => Some(HostHealth::NotReady(
            body.lines().map(str::to_owned).collect(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_and_the_lines_are_the_reasons() {
        let page =
            |status| format!("HTTP/1.1 {status}\r\ncontent-length: 9\r\n\r\none: a\ntwo: b\n");
        assert_eq!(health_of(&page("200 OK")), Some(HostHealth::Ready));
        let reasons = ["one: a", "two: b"].map(str::to_owned).to_vec();
        assert_eq!(
            health_of(&page("503 Service Unavailable")),
            Some(HostHealth::NotReady(reasons))
        );
        assert_eq!(health_of(&page("404 Not Found")), None);
        assert_eq!(health_of("220 smtp.example.com\r\n"), None);
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_this_machine() {
        let asked = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:9222"), "127.0.0.1:9222");
        assert_eq!(asked("[::]:9222"), "[::1]:9222");
        assert_eq!(asked("10.0.0.1:9222"), "10.0.0.1:9222");
    }
}
