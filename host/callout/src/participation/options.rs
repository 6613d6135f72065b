//! The conditions under which a host takes part.

/// The conditions under which a host takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipationOptions {
    /// Number of consecutive requests for another issuer, key or clock after which the host leaves.
    /// Also the number of consecutive permits that servers rejected because of the host's keys or
    /// accounts. Default: 8.
    pub max_mismatches: u64,
    /// The behaviour of a host that cannot decide when no other host takes part. Default:
    /// [`WhenAlone::Deny`].
    pub when_alone: WhenAlone,
}

/// Returns options with eight mismatches and [`WhenAlone::Deny`].
impl Default for ParticipationOptions {
    fn default() -> Self {
        Self {
            max_mismatches: 8,
            when_alone: WhenAlone::Deny,
        }
    }
}

/// The behaviour of a host that cannot decide when no other host takes part. Default:
/// [`WhenAlone::Deny`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenAlone {
    /// The host takes the logins and denies them with a named reason. The default.
    #[default]
    Deny,
    /// The host leaves the logins to the servers' timeout.
    Silent,
}
