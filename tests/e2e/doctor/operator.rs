//! Operator mode: the JWT of the callout account, compared with the host's configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use nkeys::{KeyPair, XKey};
use portcullis_harness::{NatsServer, Operator, Release, Resolver, Site};
use rstest::rstest;

use super::{Report, doctor};

/// A system in operator mode, and the host's files for it.
struct System {
    site: Site,
    operator: Operator,
    /// A credentials file of the system account.
    creds: String,
}

impl System {
    /// Makes an operator with the accounts `APP` and `OTHER`, whose servers encrypt their requests.
    fn new(release: Release) -> Result<Self> {
        let site = Site::create(release)?;
        let mut operator = Operator::new(&["APP", "OTHER"])?;
        operator.encrypt();
        let creds = operator.system.user("admin")?.credentials()?;
        let creds = site.write_config("system.creds", &creds)?;
        fs::set_permissions(&creds, fs::Permissions::from_mode(0o600))?;
        let creds = creds.to_string_lossy().into_owned();
        Ok(Self {
            site,
            operator,
            creds,
        })
    }

    /// Writes the host's files, and starts a server with this resolver.
    async fn start(&self, resolver: Resolver) -> Result<NatsServer> {
        let directory = self.site.path();
        self.operator.write(directory)?;
        let config = self.operator.server_config(resolver, directory, "")?;
        let config = config.replace("timeout: 5", "timeout: 2");
        let server = self.site.start_server_with(&config).await?;
        let config = self.operator.host_config(&server.url(), "");
        self.site.write_config("portcullis.toml", &config)?;
        Ok(server)
    }

    /// Replaces a seed of the host.
    fn replace_seed(&self, name: &str, seed: &str) -> Result<()> {
        let file = self.site.path().join("keys").join(name);
        Ok(fs::write(file, seed)?)
    }

    async fn doctor(&self) -> Result<Report> {
        doctor(&self.site, &["--creds", &self.creds], &[]).await
    }
}

#[rstest]
#[tokio::test]
async fn nothing_is_found_where_the_callout_accounts_jwt_fits(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(Resolver::Memory, Resolver::Full)] resolver: Resolver,
) -> Result<()> {
    let system = System::new(release)?;
    let _server = system.start(resolver).await?;

    let report = system.doctor().await?;

    assert_eq!(report.codes(), [""; 0], "{report:#?}");
    let looked_at = report.json["looked_at"].to_string();
    assert!(
        looked_at.contains("JWT of the callout account"),
        "{report:#?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_user_that_the_callout_accounts_jwt_does_not_name_is_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut system = System::new(release)?;
    system.operator.service = system.operator.callout.user("another")?;
    let _server = system.start(Resolver::Memory).await?;

    let report = system.doctor().await?;

    assert_eq!(
        report.codes(),
        ["login-refused", "callout-user-missing"],
        "{report:#?}"
    );
    let own = system.operator.service.public_key();
    let finding = report.finding("callout-user-missing");
    assert!(finding.contains(&own), "{finding}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_target_account_that_the_callout_accounts_jwt_does_not_allow_is_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut system = System::new(release)?;
    let app = system.operator.account("APP")?.public_key();
    let other = system.operator.account("OTHER")?.public_key();
    system.operator.allow_accounts(std::slice::from_ref(&app));
    let _server = system.start(Resolver::Full).await?;

    let report = system.doctor().await?;

    assert_eq!(
        report.codes(),
        ["callout-target-not-allowed"],
        "{report:#?}"
    );
    let finding = report.finding("callout-target-not-allowed");
    assert!(finding.contains(&other), "{finding}");
    assert!(!finding.contains(&app), "{finding}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn other_keys_than_those_of_the_callout_accounts_jwt_are_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::new(release)?;
    let _server = system.start(Resolver::Memory).await?;
    let xkey = XKey::new();
    system.replace_seed("curve.nk", &xkey.seed()?)?;
    system.replace_seed("AUTH.nk", &KeyPair::new_account().seed()?)?;

    let report = system.doctor().await?;

    assert_eq!(
        report.codes(),
        ["callout-xkey-differs", "callout-signer-unknown"],
        "{report:#?}"
    );
    let finding = report.finding("callout-xkey-differs");
    assert!(finding.contains(&xkey.public_key()), "{finding}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_seed_that_a_target_accounts_jwt_does_not_know_is_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut system = System::new(release)?;
    system.operator.account_mut("APP")?.use_signing_key();
    let _server = system.start(Resolver::Full).await?;
    let known = system.doctor().await?;
    assert_eq!(known.codes(), [""; 0], "{known:#?}");
    let other = KeyPair::new_account();
    system.replace_seed("APP.nk", &other.seed()?)?;

    let report = system.doctor().await?;

    assert_eq!(report.codes(), ["target-signer-unknown"], "{report:#?}");
    let finding = report.finding("target-signer-unknown");
    assert!(finding.contains(&other.public_key()), "{finding}");
    assert!(finding.contains("[operator.accounts.APP]"), "{finding}");
    Ok(())
}
