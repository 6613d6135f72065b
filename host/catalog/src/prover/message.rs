//! Messages between a host and its child, over the child's standard input and output.
//!
//! ```text
//! frame    one byte: the kind; four bytes, little-endian: the length of the rest; the rest
//! host     JOB MODULE [SETTINGS] [TESTS] [TEXT]… { FOUND | ABSENT }
//! child    CONFINEMENT { LOG | WANTED | COMPILED } REPORT [CODE]
//! ```
//!
//! If the host has a cache of compiled code, the child asks for code before it compiles (`WANTED`,
//! answered by `FOUND` or `ABSENT`). It offers the code that it has compiled (`COMPILED`). Only the
//! host opens the cache's files.
//!
//! Neither side trusts the other's lengths. Every kind of frame has a maximum, and a reader
//! allocates memory only for bytes that have arrived.

use std::io::{self, Read, Write};

use portcullis_core::Allowed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::task::Described;
use crate::content::Content;
use crate::languages::Texts;
use crate::policy_tests::TestOutcome;
use crate::seen::SeenLogin;
use crate::signature::Publisher;
use crate::terms::Terms;

/// The kinds of frames.
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
    /// The policy, sealed by the engine.
    Code,
    /// The name of code that the child is about to compile.
    Wanted,
    /// The requested code, sealed.
    Found,
    /// The answer that the cache has no such code.
    Absent,
    /// The name of compiled code, and the code.
    Compiled,
    /// A policy text.
    Text,
}

/// A frame that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// An error of reading a frame.
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

/// The task without the files.
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
    pub(super) trusted_publishers: Allowed<Publisher>,
    pub(super) yields: bool,
    pub(super) describes: bool,
    /// Key for the code that comes back. A secret between the two processes.
    pub(super) key: String,
    /// The most detailed level that the host logs.
    pub(super) level: String,
    /// Whether the host has a cache of compiled code.
    pub(super) caches: bool,
    pub(super) settings: bool,
    pub(super) tests: bool,
    /// The languages of which a text follows.
    pub(super) texts: Texts<bool>,
    /// Logins that the policy has decided.
    pub(super) seen: Vec<SeenLogin>,
}

/// The measures that confine the child, in words for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Confinement {
    /// Limits of the process.
    pub(super) limits: String,
    /// Restrictions on files and network, by landlock.
    pub(super) files: String,
    /// Restrictions on system calls, by seccomp.
    pub(super) calls: String,
    /// Whether all measures are in force.
    pub(super) whole: bool,
}

/// One log event of the child.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Line {
    pub(super) level: String,
    pub(super) message: String,
    pub(super) fields: Vec<(String, String)>,
}

/// The result of a proof.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Report {
    pub(super) description: Option<Result<Described, Refusal>>,
    /// The outcomes of the tests, after which the policy follows; or a refusal.
    pub(super) verdict: Result<Vec<TestOutcome>, Refusal>,
}

/// A [`crate::UnitError`], as sent to the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Refusal {
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) problem: String,
    pub(super) transient: bool,
}

impl Kind {
    const ALL: [Self; 13] = [
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
        Self::Text,
    ];

    /// Returns the maximum size of a frame of this kind, in bytes.
    const fn limit(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Wanted => 64,
            Self::Confinement => 16 << 10,
            Self::Log => 256 << 10,
            Self::Job => 1 << 20,
            Self::Settings | Self::Tests | Self::Text => 64 << 20,
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
        // The buffer grows with the bytes that arrive, regardless of the stated length.
        from.take(u64::from(length))
            .read_to_end(&mut bytes)
            .map_err(FrameError::Io)?;
        if u64::try_from(bytes.len()).ok() != Some(u64::from(length)) {
            return Err(FrameError::Ended);
        }
        Ok(Self { kind, bytes })
    }

    /// Reads the next frame. Fails if its kind is not `kind`.
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

    /// Decodes the message in the frame.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        parse(self.kind, &self.bytes)
    }
}

/// Decodes a message of this kind.
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

/// Writes the files of a unit.
pub(super) fn write_files(to: &mut impl Write, content: &Content) -> io::Result<()> {
    write(to, Kind::Module, &content.module)?;
    let texts = content.texts.iter().map(|text| (Kind::Text, text));
    let others = [
        (Kind::Settings, &content.settings),
        (Kind::Tests, &content.tests),
    ];
    for (kind, file) in others.into_iter().chain(texts) {
        if let Some(file) = file {
            write(to, kind, file)?;
        }
    }
    Ok(())
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
