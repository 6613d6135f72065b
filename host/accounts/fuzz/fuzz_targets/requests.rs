//! Requests to the resolver over NATS: the first line is the subject below `$SYS.REQ`, and the rest
//! the payload (`src/lib.rs`).
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portcullis_accounts::resolver::{ResolverOptions, Servers};
use portcullis_accounts_fuzz::{Site, body, expand};
use portcullis_connect::{MemoryNats, Nats as _, Subject};
use portcullis_system::ServerInfo;
use tokio::runtime::{Builder, Runtime};

/// The time after which an answer counts as missing.
const LONG: Duration = Duration::from_secs(60);
const LIST: &str = "$SYS.REQ.CLAIMS.LIST";

/// A resolver that answers over a server in memory.
struct Served {
    site: Site,
    nats: MemoryNats,
    runtime: Runtime,
}

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    let site = Site::new(ResolverOptions {
        allow_delete: true,
        ..ResolverOptions::default()
    });
    let nats = MemoryNats::default();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let (resolver, connection) = (site.resolver.clone(), nats.clone());
    runtime.spawn(async move {
        let servers = Servers::new();
        servers
            .answer(resolver, connection, ServerInfo::default())
            .await
    });
    runtime.block_on(async {
        while nats.request(LIST.into(), LONG).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    Served {
        site,
        nats,
        runtime,
    }
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (subject, payload) = text.split_once('\n').unwrap_or((text, ""));
    let Served {
        site,
        nats,
        runtime,
    } = &*SERVED;
    let subject = format!("$SYS.REQ.{}", expand(subject, site));
    if subject.contains([' ', '\t', '\r']) || subject.split('.').any(str::is_empty) {
        return;
    }
    let payload = body(payload, site).into_bytes();
    runtime.block_on(async {
        let inbox: Subject = nats.new_inbox().into();
        let sent = nats.publish_with_reply(Subject::from(subject.as_str()), inbox, payload.into());
        let _ = sent.await;
        // The resolver still answers everything else.
        let list = nats.request(LIST.into(), LONG).await.unwrap();
        assert!(list.payload.starts_with(b"{"));
    });
    site.check_and_reset();
});
