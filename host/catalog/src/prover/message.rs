//! What a host and its child say to each other over the child's standard input and output.
//!
//! ```text
//! frame    one byte: which; four bytes, little-endian: how long the rest is; the rest
//! host     JOB MODULE [SETTINGS] [TESTS] { FOUND | ABSENT }
//! child    CONFINEMENT { LOG | WANTED | COMPILED } REPORT [CODE]
//! ```
//!
//! With a cache of compiled code, the child asks for what it is about to compile (`WANTED`, answered by `FOUND` or `ABSENT`), and
//! offers what it has compiled (`COMPILED`). The host alone opens the cache's files.
//!
//! Neither believes the other's lengths: every kind of frame has a most, and memory is only taken for bytes that came.

use std::io::{self, Read, Write};

use portcullis_engine::Description;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::signature::Publisher;
use crate::terms::Terms;
use crate::vectors::TestOutcome;

/// Kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// [`Job`], as JSON.
    Job = 1,
    /// The module.
    Module,
    /// The settings file.
    Settings,
    /// The test file.
    Tests,
    /// [`Confinement`], as JSON.
    Confinement,
    /// [`Line`], as JSON.
    Log,
    /// [`Report`], as JSON.
    Report,
    /// The policy, as the engine hands it over.
    Code,
    /// The name of code that the child is about to compile.
    Wanted,
    /// That code, sealed.
    Found,
    /// That there is no such code.
    Absent,
    /// The name of code that was compiled, and the code.
    Compiled,
}

/// One frame, as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// What a frame is not to be, or what reading it failed for.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the other side has closed the pipe")]
    Ended,
    #[error("{0}")]
    Io(#[source] io::Error),
    #[error("it sent a message of unknown kind {0}")]
    Unknown(u8),
    #[error("it sent {length} bytes where at most {limit} are taken ({kind:?})")]
    TooLong { kind: Kind, length: u32, limit: u64 },
    #[error("its message makes no sense ({kind:?}): {problem}")]
    Malformed { kind: Kind, problem: String },
    #[error("it sent {found:?} where {wanted} was due")]
    Unexpected { found: Kind, wanted: &'static str },
}

/// What to prove, besides the files.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a message: each says whether something is wanted, or follows"
)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) module: String,
    pub(super) terms: Terms,
    pub(super) trusted_publishers: Vec<Publisher>,
    pub(super) yields: bool,
    pub(super) describes: bool,
    /// For the code that comes back. A secret, between two processes.
    pub(super) key: String,
    /// The most detailed level that is logged.
    pub(super) level: String,
    /// Whether the host keeps compiled code.
    pub(super) caches: bool,
    pub(super) settings: bool,
    pub(super) tests: bool,
}

/// What keeps the child from doing more than it should, in words for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Confinement {
    /// Limits of the process.
    pub(super) limits: String,
    /// Files and network, by landlock.
    pub(super) files: String,
    /// System calls, by seccomp.
    pub(super) calls: String,
    /// Whether all of it is in force.
    pub(super) whole: bool,
}

/// Something that the child logs.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Line {
    pub(super) level: String,
    pub(super) message: String,
    pub(super) fields: Vec<(String, String)>,
}

/// What proving came to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Report {
    pub(super) description: Option<Result<Description, Refusal>>,
    /// The policy itself follows if this is no refusal.
    pub(super) verdict: Result<Vec<TestOutcome>, Refusal>,
}

/// A [`crate::UnitError`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Refusal {
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) problem: String,
    pub(super) transient: bool,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Job,
        Self::Module,
        Self::Settings,
        Self::Tests,
        Self::Confinement,
        Self::Log,
        Self::Report,
        Self::Code,
        Self::Wanted,
        Self::Found,
        Self::Absent,
        Self::Compiled,
    ];

    /// The most bytes of such a frame.
    const fn limit(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Wanted => 64,
            Self::Confinement => 16 << 10,
            Self::Log => 256 << 10,
            Self::Job => 1 << 20,
            Self::Settings | Self::Tests => 64 << 20,
            Self::Report => 32 << 20,
            Self::Module | Self::Code | Self::Found | Self::Compiled => 1 << 30,
        }
    }
}

impl Frame {
    /// Reads the next frame.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, FrameError> {
        let mut head = [0; 5];
        from.read_exact(&mut head).map_err(ended)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        let kind = Kind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or(FrameError::Unknown(kind))?;
        let limit = kind.limit();
        if u64::from(length) > limit {
            return Err(FrameError::TooLong {
                kind,
                length,
                limit,
            });
        }
        let mut bytes = Vec::new();
        // Grows with what comes, whatever the length says.
        from.take(u64::from(length))
            .read_to_end(&mut bytes)
            .map_err(FrameError::Io)?;
        if u64::try_from(bytes.len()).ok() != Some(u64::from(length)) {
            return Err(FrameError::Ended);
        }
        Ok(Self { kind, bytes })
    }

    /// Reads the next frame, which has to be of this kind.
    pub(super) fn expect(
        from: &mut impl Read,
        kind: Kind,
        wanted: &'static str,
    ) -> Result<Vec<u8>, FrameError> {
        let frame = Self::read(from)?;
        if frame.kind == kind {
            Ok(frame.bytes)
        } else {
            Err(FrameError::Unexpected {
                found: frame.kind,
                wanted,
            })
        }
    }

    /// Reads what the frame says.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        parse(self.kind, &self.bytes)
    }
}

/// Reads a message of this kind.
pub(super) fn parse<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(bytes).map_err(|error| FrameError::Malformed {
        kind,
        problem: error.to_string(),
    })
}

/// Writes a frame.
pub(super) fn write(to: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, format!("{kind:?} is too long"));
    let length = u32::try_from(bytes.len()).map_err(|_| too_long())?;
    if u64::from(length) > kind.limit() {
        return Err(too_long());
    }
    let [a, b, c, d] = length.to_le_bytes();
    to.write_all(&[kind as u8, a, b, c, d])?;
    to.write_all(bytes)
}

/// Writes a message as a frame of this kind.
pub(super) fn say(to: &mut impl Write, kind: Kind, message: &impl Serialize) -> io::Result<()> {
    write(to, kind, &serde_json::to_vec(message)?)
}

fn ended(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => FrameError::Ended,
        _ => FrameError::Io(error),
    }
}
