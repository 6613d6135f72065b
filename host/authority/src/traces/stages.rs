//! The times at which the stages of a login ended.

use std::sync::OnceLock;
use std::time::Instant;

use portcullis_environment::Clock;

/// A stage of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The request is decrypted, decoded and verified.
    Open,
    /// The limits on failed attempts admit the login.
    Admit,
    /// The credentials are verified.
    Identify,
    /// The policies are evaluated.
    Decide,
    /// The permit is held to the host's own rules.
    Enforce,
    /// The account of the permit is made.
    MakeAccount,
    /// The response is signed, or the user JWT of the exchange.
    Seal,
    /// The response is sent.
    Reply,
}

/// The times at which the stages of one login ended. A stage that the login did not reach has none.
#[derive(Debug, Default)]
pub struct StageTimes {
    is_on: bool,
    ends: [OnceLock<Instant>; Stage::ALL.len()],
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Admit,
        Self::Identify,
        Self::Decide,
        Self::Enforce,
        Self::MakeAccount,
        Self::Seal,
        Self::Reply,
    ];

    /// Returns the name of the span.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Admit => "admit",
            Self::Identify => "identify",
            Self::Decide => "decide",
            Self::Enforce => "enforce",
            Self::MakeAccount => "make account",
            Self::Seal => "seal",
            Self::Reply => "reply",
        }
    }
}

impl StageTimes {
    /// Returns times without any end yet. If not `is_on`, they stay so, and no clock is read.
    pub fn new(is_on: bool) -> Self {
        Self {
            is_on,
            ..Self::default()
        }
    }

    /// Records that `stage` ends now.
    pub fn end(&self, stage: Stage, clock: &impl Clock) {
        if self.is_on {
            self.end_at(stage, clock.now());
        }
    }

    /// Records that `stage` ended at `at`. The first end counts.
    pub fn end_at(&self, stage: Stage, at: Instant) {
        if let (true, Some(end)) = (self.is_on, self.ends.get(stage as usize)) {
            let _ = end.set(at);
        }
    }

    /// Returns the stages that ended, in their order.
    pub(super) fn ended(&self) -> impl Iterator<Item = (Stage, Instant)> {
        let ends = Stage::ALL.into_iter().zip(&self.ends);
        ends.filter_map(|(stage, end)| Some((stage, *end.get()?)))
    }
}
