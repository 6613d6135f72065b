//! What a child may say, and in which order. No byte of it is trusted.

use std::io::{self, Read};

use super::message::{self, Confinement, Frame, FrameError, Kind, Line, Report};

/// What came of a child, before the policy is taken over.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) report: Report,
    /// The policy, sealed. `None` if the report is a refusal.
    pub(super) code: Option<Vec<u8>>,
}

/// What the host does with the messages that come before a report.
pub(super) trait Listener {
    /// Takes note of what confines the child, and gives it its task.
    fn begin(&mut self, confinement: &Confinement) -> io::Result<()>;

    /// Takes a line of the child's log.
    fn log(&mut self, line: &Line);

    /// Answers the child with the code of this name, or that there is none.
    fn lend(&mut self, name: &[u8]) -> io::Result<()>;

    /// Takes code that the child has compiled, after its name.
    fn take_back(&mut self, named: &[u8]);
}

/// Hears a child out.
///
/// # Errors
///
/// The first message that is not due, too long or malformed; the end of the pipe before the answer.
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
