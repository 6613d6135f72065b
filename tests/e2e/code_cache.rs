//! Compiled code that a later host reuses.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use portcullis_harness::{Accounts, Host, NatsServer, Release, Site, log_in};

use crate::health::metric;
use crate::support::{ALICE, POLICY, alice, settings, site_with};

const REFUSED: &str = "compiled code is not used and is replaced";

/// A site with one policy, whose hosts keep compiled code.
struct Keeping {
    site: Site,
    server: NatsServer,
}

/// The numbers of hits, misses and rejected entries.
type Counts = [u64; 3];

impl Keeping {
    async fn new(settings: &str) -> Result<Self> {
        let site = site_with(Release::Nats2_15, settings)?;
        let server = site.start_server(Accounts::Several).await?;
        Ok(Self { site, server })
    }

    /// Starts a host, logs in, and stops the host. Returns the cache's counts, which its log and
    /// its metrics must agree on.
    async fn start_and_stop(&self, client: &str) -> Result<(Counts, Host)> {
        let table = "code-cache = true\n[health]\nlisten = \"127.0.0.1:0\"\n";
        let mut host = self.site.spawn_host(&self.server, table)?;
        host.ready().await?;
        let words = "compiled code was looked for in the cache";
        let told = host.wait_for(words, |event| event.says(words)).await?;
        let number = |what: &str| told.number(&format!("code_cache.{what}"));
        let counts = ["hits", "misses", "refused"].map(|what| number(what).unwrap_or(u64::MAX));

        let served = host.wait_for("the address", |event| event.says("health served"));
        let served = served.await?;
        let address = served.text("health.address");
        for (what, count) in ["hits", "misses", "refused"].into_iter().zip(counts) {
            let name = format!("portcullis_code_cache_{what}_total");
            assert_eq!(metric(address, &name).await?, count, "{what}");
        }
        log_in(&self.server.url(), ALICE, client).await?;
        let decision = host.decision(client).await?;
        assert_eq!(decision.text("policy.name"), POLICY);
        host.ask_to_stop().await?;
        assert_eq!(host.ended().await?, Some(0));
        Ok((counts, host))
    }

    /// Returns every file of the cache except its key.
    fn entries(&self) -> Result<Vec<PathBuf>> {
        let files = fs::read_dir(self.site.path().join("state/code"))?;
        let mut files = files
            .map(|file| Ok(file?.path()))
            .collect::<Result<Vec<_>>>()?;
        files.retain(|file| !file.ends_with("key"));
        files.sort();
        Ok(files)
    }
}

#[tokio::test]
async fn compiled_code_is_used_by_the_next_start_if_this_host_wrote_it() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let [keeping, other] = [
        Keeping::new(&settings).await?,
        Keeping::new(&settings).await?,
    ];
    assert_eq!(keeping.start_and_stop("cold").await?.0, [0, 2, 0]);
    assert_eq!(keeping.start_and_stop("warm").await?.0, [2, 0, 0]);

    // One entry is damaged; the other one is what a different host compiled from the same policy.
    let entries = keeping.entries()?;
    let [damaged, foreign] = entries.as_slice() else {
        anyhow::bail!("expected two entries, found {entries:?}")
    };
    let mut bytes = fs::read(damaged)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("an empty entry")? ^= 1;
    fs::write(damaged, bytes)?;
    assert_eq!(other.start_and_stop("other").await?.0, [0, 2, 0]);
    let name = foreign.file_name().context("no name")?;
    fs::copy(other.site.path().join("state/code").join(name), foreign)?;

    let (counts, host) = keeping.start_and_stop("wary").await?;
    assert_eq!(counts, [0, 2, 2]);
    let events = host.log().all();
    let refused = events.iter().filter(|event| event.says(REFUSED));
    let mut refused: Vec<_> = refused
        .map(|event| PathBuf::from(event.text("file")))
        .collect();
    refused.sort();
    assert_eq!(refused, entries);
    assert_eq!(keeping.start_and_stop("mended").await?.0, [2, 0, 0]);
    Ok(())
}
