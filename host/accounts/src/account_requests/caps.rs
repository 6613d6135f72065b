//! The limits of an account that is signed on request: the smallest of what it asks for, of the
//! policy's limits and of the configured ones.

use std::collections::BTreeMap;

use portcullis_claims::{AccountLimits, JetStreamLimits};
use portcullis_core::AccountLimit;

/// Value for "no limit" in account JWTs.
const UNLIMITED: i64 = -1;

/// Maximum of limits that servers before 2.12 keep in 32 bits. With a larger one, they refuse every
/// login or message.
const MAX_NARROW: i64 = i32::MAX as i64;

/// Returns the limits of an account that asks for `asked`, with the limits of the permit and those
/// that the host grants at `most`.
///
/// An account that asks for no limits at all leaves them to the operator, as account JWTs that
/// signed themselves should (nats-io/jwt).
pub(super) fn capped(
    asked: &AccountLimits,
    permitted: &BTreeMap<AccountLimit, u64>,
    most: &AccountLimits,
) -> AccountLimits {
    let any = any();
    let asked = if *asked == AccountLimits::default() {
        &any
    } else {
        asked
    };
    let least = |limit: AccountLimit, asked: i64, most: i64| {
        let permitted = permitted.get(&limit);
        let permitted = permitted.map_or(UNLIMITED, |max| i64::try_from(*max).unwrap_or(i64::MAX));
        smallest([asked, permitted, most])
    };
    let narrow = |limit, asked, most| least(limit, asked, most).min(MAX_NARROW);
    let exports = least(AccountLimit::Exports, asked.exports, most.exports);
    let limits = AccountLimits {
        connections: narrow(
            AccountLimit::Connections,
            asked.connections,
            most.connections,
        ),
        leafnodes: narrow(AccountLimit::Leafnodes, asked.leafnodes, most.leafnodes),
        subs: narrow(AccountLimit::Subscriptions, asked.subs, most.subs),
        payload: narrow(AccountLimit::Payload, asked.payload, most.payload),
        data: smallest([asked.data, most.data, UNLIMITED]),
        imports: least(AccountLimit::Imports, asked.imports, most.imports),
        exports,
        wildcard_exports: asked.wildcard_exports && exports != 0,
        disallow_bearer: asked.disallow_bearer || most.disallow_bearer,
        jetstream: JetStreamLimits::default(),
        tiers: BTreeMap::new(),
    };
    AccountLimits {
        jetstream: jetstream(&asked.jetstream, &most.jetstream, least),
        ..limits
    }
}

fn jetstream(
    asked: &JetStreamLimits,
    most: &JetStreamLimits,
    least: impl Fn(AccountLimit, i64, i64) -> i64,
) -> JetStreamLimits {
    let memory_storage = least(
        AccountLimit::JetStreamMemory,
        asked.memory_storage,
        most.memory_storage,
    );
    let disk_storage = least(
        AccountLimit::JetStreamDisk,
        asked.disk_storage,
        most.disk_storage,
    );
    if (memory_storage, disk_storage) == (0, 0) {
        return JetStreamLimits::default();
    }
    JetStreamLimits {
        memory_storage,
        disk_storage,
        streams: least(
            AccountLimit::JetStreamStreams,
            counted(asked.streams),
            most.streams,
        ),
        consumers: least(
            AccountLimit::JetStreamConsumers,
            counted(asked.consumers),
            most.consumers,
        ),
        max_ack_pending: counted(asked.max_ack_pending),
        memory_max_stream_bytes: asked.memory_max_stream_bytes.max(0),
        disk_max_stream_bytes: asked.disk_max_stream_bytes.max(0),
        max_bytes_required: asked.max_bytes_required,
    }
}

/// Returns a number of streams, consumers or messages, of which servers read 0 as no limit.
const fn counted(number: i64) -> i64 {
    if number > 0 { number } else { UNLIMITED }
}

/// Returns the smallest limit. A negative one is none.
fn smallest(limits: [i64; 3]) -> i64 {
    let limits = limits.into_iter().filter(|limit| *limit >= 0);
    limits.min().unwrap_or(UNLIMITED)
}

fn any() -> AccountLimits {
    AccountLimits {
        jetstream: JetStreamLimits {
            memory_storage: UNLIMITED,
            disk_storage: UNLIMITED,
            ..JetStreamLimits::default()
        },
        ..AccountLimits::unlimited()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most() -> AccountLimits {
        AccountLimits {
            connections: 100,
            subs: 1000,
            payload: 1 << 20,
            data: UNLIMITED,
            exports: 5,
            jetstream: JetStreamLimits {
                disk_storage: 1 << 30,
                streams: 10,
                consumers: 20,
                ..JetStreamLimits::default()
            },
            ..AccountLimits::default()
        }
    }

    #[test]
    fn each_limit_is_the_smallest_of_three() {
        let asked = AccountLimits {
            connections: 7,
            subs: 5000,
            ..any()
        };
        let permitted = BTreeMap::from([
            (AccountLimit::Payload, 1 << 10),
            (AccountLimit::Connections, 50),
            (AccountLimit::Exports, u64::MAX),
            (AccountLimit::JetStreamDisk, 1 << 20),
            (AccountLimit::JetStreamMemory, 1 << 20),
        ]);
        let limits = capped(&asked, &permitted, &most());
        assert_eq!((limits.connections, limits.subs), (7, 1000));
        assert_eq!((limits.payload, limits.exports), (1 << 10, 5));
        assert_eq!((limits.imports, limits.leafnodes), (0, 0));
        let jetstream = limits.jetstream;
        assert_eq!(
            (jetstream.disk_storage, jetstream.memory_storage),
            (1 << 20, 0)
        );
        assert_eq!((jetstream.streams, jetstream.consumers), (10, 20));
    }

    #[test]
    fn an_account_that_asks_for_nothing_gets_what_it_may_have() {
        let limits = capped(&AccountLimits::default(), &BTreeMap::new(), &most());
        assert_eq!((limits.connections, limits.exports), (100, 5));
        assert_eq!(limits.jetstream.disk_storage, 1 << 30);
        assert!(limits.wildcard_exports);
    }

    #[test]
    fn no_limit_is_larger_than_every_server_keeps() {
        let asked = AccountLimits {
            connections: 1 << 31,
            subs: 1 << 32,
            payload: i64::MAX,
            leafnodes: 1 << 40,
            ..any()
        };
        let limits = capped(&asked, &BTreeMap::new(), &AccountLimits::unlimited());
        let narrow = [limits.connections, limits.subs, limits.payload];
        assert_eq!(narrow, [2_147_483_647; 3]);
        assert_eq!(limits.leafnodes, 2_147_483_647);
        assert_eq!(limits.imports, UNLIMITED);
    }

    #[test]
    fn no_negative_or_zero_number_opens_a_limit() {
        let asked = AccountLimits {
            connections: -7,
            payload: i64::MIN,
            jetstream: JetStreamLimits {
                disk_storage: -5,
                streams: 0,
                consumers: -1,
                ..JetStreamLimits::default()
            },
            ..AccountLimits::unlimited()
        };
        let limits = capped(&asked, &BTreeMap::new(), &most());
        assert_eq!((limits.connections, limits.payload), (100, 1 << 20));
        let jetstream = limits.jetstream;
        assert_eq!(jetstream.disk_storage, 1 << 30);
        assert_eq!((jetstream.streams, jetstream.consumers), (10, 20));
    }

    #[test]
    fn without_storage_there_is_no_jetstream() {
        let permitted = BTreeMap::from([(AccountLimit::JetStreamDisk, 0)]);
        let limits = capped(&any(), &permitted, &most());
        assert_eq!(limits.jetstream, JetStreamLimits::default());
        let without = AccountLimits::unlimited();
        let limits = capped(&without, &BTreeMap::new(), &most());
        assert_eq!(limits.jetstream, JetStreamLimits::default());
    }
}
