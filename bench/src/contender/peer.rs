//! The kinds of contenders.

/// The process that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// No process: the server knows the user itself, with the token as the password.
    Nobody,
    /// Our host, with the policy `static-users`.
    Portcullis,
    /// Our host, which records each login in a file and a stream.
    Recording,
    /// The reference callout with its own options; zero means its default.
    CalloutGo {
        /// The number of requests that are handled concurrently.
        workers: u32,
        /// The number of subscriptions, each with one request at a time.
        endpoints: u32,
    },
}

impl Peer {
    /// The reference callout with its default options.
    pub const CALLOUT_GO: Self = Self::CalloutGo {
        workers: 0,
        endpoints: 0,
    };

    /// All contenders, ours first.
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
            Self::Recording => formatter.pad("portcullis with records"),
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
