//! The way to the servers: credentials and certificates.

use std::path::Path;

use anyhow::Result;
use portcullis_harness::{Accounts, Authority, Operator, Resolver, unix_now};

use super::{configure, doctor, site};

#[tokio::test]
async fn expired_credentials_are_found() -> Result<()> {
    let site = site()?;
    let mut operator = Operator::new(&["APP"])?;
    operator.write(site.path())?;
    let server = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&server).await?;
    operator.service = operator
        .callout
        .renew(&operator.service, "service", unix_now() - 60)?;
    operator.write(site.path())?;
    site.write_config("portcullis.toml", &operator.host_config(&server.url(), ""))?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(
        report.codes(),
        ["credentials-expired", "login-refused"],
        "{report:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_wrong_authority_is_found() -> Result<()> {
    let site = site()?;
    let authority = Authority::create(&site.path().join("tls"))?;
    let other = Authority::create(&site.path().join("other"))?;
    let certificate = authority.issue("server")?;
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    let server = site
        .start_server_with(&format!(
            "{config}tls {{ cert_file: \"{}\", key_file: \"{}\", timeout: 5 }}\n",
            certificate.file.display(),
            certificate.key_file.display(),
        ))
        .await?;
    let trust = |file: &Path| {
        let line = format!("[nats]\ntls-ca-file = \"{}\"\n", file.display());
        move |config: String| config.replace("[nats]\n", &line)
    };

    configure(&site, &server, trust(&other.file))?;
    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["tls-failed"], "{report:#?}");
    assert!(
        report
            .finding("tls-failed")
            .contains("invalid peer certificate"),
        "{report:#?}"
    );

    configure(&site, &server, trust(&authority.file))?;
    let right = doctor(&site, &[], &[]).await?;
    assert_eq!(right.codes(), [""; 0], "{right:#?}");
    Ok(())
}
