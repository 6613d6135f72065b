//! The kinds of doubtful permissions.

/// A kind of doubtful permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// A login may send requests and cannot receive replies.
    RequestWithoutInbox,
    /// Logins can receive the replies to each other.
    SharedInbox,
    /// A login may use the whole API of `JetStream`, or delete or purge every stream.
    JetstreamApi,
    /// A login may create consumers without a filter in the subject.
    UnfilteredConsumer,
    /// A login may read every message of a stream without a consumer.
    WholeStream,
    /// A subject has a wildcard of another system.
    NotAWildcard,
    /// A subject has a place in single braces.
    SingleBraces,
    /// A subject or an account begins with a place.
    LeadingPlace,
    /// The policy does not read a setting.
    UnusedSetting,
    /// A rule has no effect, because of another one.
    NeverMatches,
}

impl Lint {
    /// All lints.
    pub const ALL: [Self; 10] = [
        Self::RequestWithoutInbox,
        Self::SharedInbox,
        Self::JetstreamApi,
        Self::UnfilteredConsumer,
        Self::WholeStream,
        Self::NotAWildcard,
        Self::SingleBraces,
        Self::LeadingPlace,
        Self::UnusedSetting,
        Self::NeverMatches,
    ];

    /// Returns the code of the lint, as reports show it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RequestWithoutInbox => "request-without-inbox",
            Self::SharedInbox => "shared-inbox",
            Self::JetstreamApi => "jetstream-api",
            Self::UnfilteredConsumer => "unfiltered-consumer",
            Self::WholeStream => "whole-stream",
            Self::NotAWildcard => "not-a-wildcard",
            Self::SingleBraces => "single-braces",
            Self::LeadingPlace => "leading-place",
            Self::UnusedSetting => "unused-setting",
            Self::NeverMatches => "never-matches",
        }
    }

    /// Returns the way out, in one line.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::RequestWithoutInbox => {
                "set `private-inbox` under `intents`, or allow the inbox of the login under `subscribe`"
            }
            Self::SharedInbox => {
                "allow an inbox for each login with `private-inbox` under `intents`, and set the same prefix in the client"
            }
            Self::JetstreamApi => {
                "allow the subjects of the streams and consumers that the login needs, or give it an account of its own"
            }
            Self::UnfilteredConsumer => {
                "allow the form with a filter, `$JS.API.CONSUMER.CREATE.STREAM.CONSUMER.FILTER`, or a consumer that an \
                 administrator makes"
            }
            Self::WholeStream => {
                "allow the form with a subject, `$JS.API.DIRECT.GET.STREAM.SUBJECT`, which reads the last message of that subject"
            }
            Self::NotAWildcard => {
                "write `*` for one token of a subject and a final `>` for the rest"
            }
            Self::SingleBraces => {
                "write `{{claim.sub}}` if the policy fills templates, and a subject without braces if it does not"
            }
            Self::LeadingPlace => "begin with a text of your own, such as `app.{{claim.sub}}.>`",
            Self::UnusedSetting => {
                "correct or remove it, and add `#[serde(deny_unknown_fields)]` to the settings of the policy"
            }
            Self::NeverMatches => "remove one of the two",
        }
    }
}
