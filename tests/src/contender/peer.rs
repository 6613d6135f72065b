//! Who is compared.

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nobody: the server knows the user itself, with the token as the password.
    Nobody,
    /// Our host, with the policy `static-users`.
    Portcullis,
    /// The reference callout, by its own options; zero is its default.
    CalloutGo {
        /// How many requests are worked on at once.
        workers: u32,
        /// How many subscriptions there are, each with one request at a time.
        endpoints: u32,
    },
}

impl Peer {
    /// The reference callout as it is by default.
    pub const CALLOUT_GO: Self = Self::CalloutGo {
        workers: 0,
        endpoints: 0,
    };

    /// Everybody who is compared, ours first.
    pub const ALL: [Self; 4] = [
        Self::Portcullis,
        Self::CALLOUT_GO,
        Self::CalloutGo {
            workers: 10,
            endpoints: 0,
        },
        Self::CalloutGo {
            workers: 0,
            endpoints: 10,
        },
    ];
}

impl std::fmt::Display for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Nobody => formatter.pad("no callout"),
            Self::Portcullis => formatter.pad("portcullis"),
            Self::CALLOUT_GO => formatter.pad("callout.go"),
            Self::CalloutGo {
                workers,
                endpoints: 0,
            } => formatter.pad(&format!("callout.go, {workers} workers")),
            Self::CalloutGo { endpoints, .. } => {
                formatter.pad(&format!("callout.go, {endpoints} endpoints"))
            }
        }
    }
}
