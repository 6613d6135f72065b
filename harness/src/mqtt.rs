//! MQTT 3.1.1 by hand: the part that a login needs.

use anyhow::{Context, Result, ensure};
use portcullis_test_support::unsigned_leb128;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::PATIENCE;

/// The first byte of CONNECT.
const CONNECT: u8 = 0x10;
/// The first byte of CONNACK.
const CONNACK: u8 = 0x20;
/// The variable header: the protocol's name and version, the flags of user name, password and clean
/// session, and a keep-alive of a minute.
const HEADER: [u8; 10] = [0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 60];

/// The server's answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttAnswer {
    /// The login was accepted.
    Accepted,
    /// The login was refused. MQTT 3.1.1 gives no reason.
    NotAuthorized,
    /// A different return code.
    Other(u8),
}

/// Logs in at `port` of this machine with a client id, a user name and a password, and disconnects.
///
/// # Errors
///
/// Fails if the connection fails, or if the server does not answer in time.
pub async fn mqtt_log_in(port: u16, id: &str, user: &str, password: &str) -> Result<MqttAnswer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&connect(id, user, password)?).await?;
    let mut answer = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .context("the server does not answer CONNECT")??;
    let [kind, length, _, code] = answer;
    ensure!(
        (kind, length) == (CONNACK, 2),
        "the server does not answer CONNECT but says {answer:?}"
    );
    Ok(match code {
        0 => MqttAnswer::Accepted,
        5 => MqttAnswer::NotAuthorized,
        code => MqttAnswer::Other(code),
    })
}

fn connect(id: &str, user: &str, password: &str) -> Result<Vec<u8>> {
    let mut body = HEADER.to_vec();
    for text in [id, user, password] {
        body.extend(u16::try_from(text.len())?.to_be_bytes());
        body.extend(text.bytes());
    }
    let mut packet = vec![CONNECT];
    packet.extend(unsigned_leb128(body.len()));
    packet.extend(body);
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_is_written_as_the_protocol_has_it() {
        let packet = connect("c", "me", "pw").unwrap();
        assert_eq!(
            packet,
            b"\x10\x15\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c\x00\x02me\x00\x02pw"
        );
    }
}
