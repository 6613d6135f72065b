//! The standing of a host: whether it is in the queue group.

use std::fmt;

/// The membership of the host in the queue group, and its reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Not in the queue group yet: the host has not decided whether to join. The default.
    #[default]
    Starting,
    /// In the queue group, able to decide.
    TakesPart,
    /// In the queue group with an obstacle: no other host takes part.
    Alone,
    /// In the queue group again after mismatches or rejected permits, to find out whether they are
    /// over.
    OnTrial,
    /// Out of the queue group, with an obstacle.
    StandsBy,
    /// About to leave the queue group for good.
    Stopping,
}

impl Standing {
    /// Returns whether a host of this standing is in the queue group.
    pub const fn is_in_group(self) -> bool {
        matches!(self, Self::TakesPart | Self::Alone | Self::OnTrial)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "starting",
            Self::TakesPart => "takes-part",
            Self::Alone => "alone",
            Self::OnTrial => "on-trial",
            Self::StandsBy => "stands-by",
            Self::Stopping => "stopping",
        })
    }
}
