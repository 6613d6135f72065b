//! Table `[key-value]`: buckets in which policies look up keys.

use portcullis_core::BucketName;
use portcullis_mirror::KeyValueOptions;
use portcullis_toml::kinds::{SIZE, WORD};
use portcullis_toml::{InvalidValue, Kind, Section};

use crate::nats::Nats;
use crate::sources::NamedSecrets;

/// The table `[key-value]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// Buckets, without duplicates, and their limits.
    pub mirror: KeyValueOptions,
    /// Table `[key-value.nats]`: the connection to the account of the buckets. `None` selects the
    /// connections of `[nats]`.
    pub nats: Option<Box<Nats>>,
    /// Bucket with the locks of logins, one of those above. `None` without locks.
    pub locks: Option<BucketName>,
}

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-buckets";

pub(crate) const BUCKET: Kind<BucketName> = Kind {
    expected: "the name of a key-value bucket",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

impl KeyValue {
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<Self> {
        let buckets = match section.setting("buckets") {
            None => Some(Vec::new()),
            Some(setting) => setting.list(&BUCKET).filter(|buckets| {
                let mut sorted = buckets.clone();
                sorted.sort();
                let twice = sorted.windows(2).find(|pair| pair.first() == pair.last());
                if let Some([bucket, _]) = twice {
                    setting.report(format!("names bucket `{bucket}` twice"));
                }
                twice.is_none()
            }),
        };
        let locks = match section.setting("locks") {
            None => Some(None),
            Some(setting) => setting.parse(&BUCKET).map(|bucket| {
                if buckets.as_ref().is_some_and(|all| !all.contains(&bucket)) {
                    setting.report(format!("bucket `{bucket}` is not among `buckets`"));
                }
                Some(bucket)
            }),
        };
        let defaults = KeyValueOptions::new(Vec::new());
        let max_bytes = section.value("max-bytes", &SIZE, defaults.max_bytes);
        let domain = match section.setting("jetstream-domain") {
            None => Some(None),
            Some(setting) => setting.parse(&WORD).map(Some),
        };
        let why = "what is known of a bucket outlives its connection";
        let nats = Nats::read_other(section.section("nats"), NAME, why, secrets);
        section.finish();
        Some(Self {
            mirror: KeyValueOptions {
                buckets: buckets?,
                max_bytes: max_bytes?,
                domain: domain?,
            },
            nats: nats?,
            locks: locks?,
        })
    }
}
