//! The messages that a child may send, and their order. The host trusts no byte of them.

use std::io::{self, Read};

use super::message::{self, Confinement, Frame, FrameError, Kind, Line, Report};

/// The answer of a child, before the host takes the policy over.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) report: Report,
    /// The sealed policy. `None` if the report is a refusal.
    pub(super) code: Option<Vec<u8>>,
}

/// The host's handlers for the messages before a report.
pub(super) trait Listener {
    /// Records the confinement of the child, and sends its task.
    fn begin(&mut self, confinement: &Confinement) -> io::Result<()>;

    /// Handles a line of the child's log.
    fn log(&mut self, line: &Line);

    /// Sends the child the code of this name, or the answer that the cache has no such code.
    fn lend(&mut self, name: &[u8]) -> io::Result<()>;

    /// Takes code that the child has compiled; its name comes first.
    fn take_back(&mut self, named: &[u8]);
}

/// Reads all messages of a child up to its answer.
///
/// # Errors
///
/// Fails at the first message that is out of order, too long or malformed, and if the pipe ends
/// before the answer.
pub(super) fn hear(
    from: &mut impl Read,
    listener: &mut impl Listener,
) -> Result<Answer, FrameError> {
    let confinement = Frame::expect(from, Kind::Confinement, "its confinement")?;
    let confinement = message::parse(Kind::Confinement, &confinement)?;
    listener.begin(&confinement).map_err(FrameError::Io)?;
    let report: Report = loop {
        let frame = Frame::read(from)?;
        match frame.kind {
            Kind::Log => listener.log(&frame.parse()?),
            Kind::Wanted => listener.lend(&frame.bytes).map_err(FrameError::Io)?,
            Kind::Compiled => listener.take_back(&frame.bytes),
            Kind::Report => break frame.parse()?,
            found => {
                return Err(FrameError::Unexpected {
                    found,
                    wanted: "a report",
                });
            }
        }
    };
    let code = match &report.verdict {
        Ok(_) => Some(Frame::expect(from, Kind::Code, "the policy")?),
        Err(_) => None,
    };
    Ok(Answer { report, code })
}
