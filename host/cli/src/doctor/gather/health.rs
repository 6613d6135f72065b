//! The pages of a host that runs on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use portcullis_config::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::issuers;
use super::samples::samples;
use crate::doctor::evidence::HostHealth;

/// Time to wait for a page.
const LIMIT: Duration = Duration::from_secs(3);

/// Maximum size of a page, in bytes.
const MAX_PAGE: u64 = 4 << 20;

/// The values of a metric that show trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The value 0.
    Zero,
    /// Every value except 0.
    NotZero,
}

/// The metrics that show trouble, by their names as they are exported, with the consequence.
const METRICS: [(&str, Trouble, &str); 10] = [
    (
        "portcullis_state_directory_usable",
        Trouble::Zero,
        "the state directory is not trusted, or another host uses it, so good versions are not kept",
    ),
    (
        "portcullis_policies_not_kept",
        Trouble::NotZero,
        "a restart does not find the versions of these policies",
    ),
    (
        "portcullis_status_stale",
        Trouble::NotZero,
        "`portcullis policy status` shows an earlier state",
    ),
    (
        "portcullis_policy_directory_failing",
        Trouble::NotZero,
        "the policy directory cannot be read, and policies stay as they are",
    ),
    (
        "portcullis_configuration_failing",
        Trouble::NotZero,
        "the last reload changed nothing, because something is wrong; `portcullis reload` repeats it and says what",
    ),
    (
        "portcullis_file_failing",
        Trouble::NotZero,
        "the file cannot be read again, and its earlier content is in use",
    ),
    (
        "portcullis_key_value_current",
        Trouble::Zero,
        "look-ups use an earlier copy of the bucket, or fail",
    ),
    (
        "portcullis_decision_records_lost_total",
        Trouble::NotZero,
        "an audit does not find these logins in this place",
    ),
    (
        "portcullis_login_traces_lost_total",
        Trouble::NotZero,
        "the collector has no traces of these logins",
    ),
    (
        "portcullis_log_lines_dropped_total",
        Trouble::NotZero,
        "nothing read standard error in time, so the log is incomplete",
    ),
];

/// Asks the host at the configured address whether it is ready, and what fails.
pub(super) async fn ask(config: &Config) -> HostHealth {
    let Some(address) = config.health.listen.filter(|address| address.port() != 0) else {
        return HostHealth::NoAddress;
    };
    let at = reachable(address);
    let not_ready = match read(at, "/readyz").await {
        Ok(page) => reasons(&page),
        Err(error) => Err(error),
    };
    match not_ready {
        Ok(not_ready) => {
            let page = read(at, "/metrics").await.unwrap_or_default();
            HostHealth::Running {
                not_ready,
                trouble: trouble(&page),
                issuers: issuers::held(&page),
            }
        }
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

/// Reads a page, with its head.
async fn read(address: SocketAddr, path: &str) -> Result<String, String> {
    let reading = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut page = Vec::new();
        stream.take(MAX_PAGE).read_to_end(&mut page).await?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&page).into_owned())
    };
    match timeout(LIMIT, reading).await {
        Ok(page) => page.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer in time".to_owned()),
    }
}

/// Returns the reasons on a page `/readyz`. `None` if the host is ready.
fn reasons(page: &str) -> Result<Option<Vec<String>>, String> {
    let parts = page.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
        Some((status, body))
    });
    match parts {
        Some(("200", _)) => Ok(None),
        Some(("503", body)) => Ok(Some(body.lines().map(str::to_owned).collect())),
        _ => Err("the answer is not that of a host".to_owned()),
    }
}

/// Returns what a page `/metrics` says that fails, one a line.
fn trouble(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (sample, number) in samples(page) {
        let name = sample.split('{').next().unwrap_or_default();
        let rule = METRICS.iter().find(|(metric, _, _)| *metric == name);
        let Some((_, wrong, consequence)) = rule else {
            continue;
        };
        let is_zero = number == 0.0;
        if is_zero == (*wrong == Trouble::Zero) {
            lines.push(format!("`{sample}` is {number}: {consequence}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_and_the_lines_are_the_reasons() {
        let page =
            |status| format!("HTTP/1.1 {status}\r\ncontent-length: 9\r\n\r\none: a\ntwo: b\n");
        assert_eq!(reasons(&page("200 OK")), Ok(None));
        let lines = ["one: a", "two: b"].map(str::to_owned).to_vec();
        assert_eq!(reasons(&page("503 Service Unavailable")), Ok(Some(lines)));
        assert!(reasons(&page("404 Not Found")).is_err());
        assert!(reasons("220 smtp.example.com\r\n").is_err());
    }

    #[test]
    fn metrics_with_a_value_that_shows_trouble_are_named_with_their_labels() {
        let page = "HTTP/1.1 200 OK\r\n\r\n# HELP portcullis_file_failing 1\n\
            portcullis_file_failing{file=\"keys/a b.nk\"} 1.0\n\
            portcullis_file_failing{file=\"keys/c.nk\"} 0.0\n\
            portcullis_state_directory_usable 0.0\nportcullis_key_value_current{bucket=\"x\"} 1.0\n\
            portcullis_decision_records_lost_total{sink=\"file\"} 3\n\
            portcullis_policies_missing 1\n";
        let found = trouble(page);
        let starts = [
            "`portcullis_file_failing{file=\"keys/a b.nk\"}` is 1: ",
            "`portcullis_state_directory_usable` is 0: ",
            "`portcullis_decision_records_lost_total{sink=\"file\"}` is 3: ",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (line, start) in found.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
        assert_eq!(trouble(""), [""; 0]);
    }

    #[test]
    fn every_metric_that_shows_trouble_is_in_the_reference() {
        let page = include_str!("../../../../../docs/reference/metrics.md");
        for (name, _, _) in METRICS {
            let name = name.trim_start_matches("portcullis_");
            let name = name.trim_end_matches("_total");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_this_machine() {
        let asked = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:9222"), "127.0.0.1:9222");
        assert_eq!(asked("[::]:9222"), "[::1]:9222");
        assert_eq!(asked("10.0.0.1:9222"), "10.0.0.1:9222");
    }
}
