//! A login, and the checks of its decision.

use anyhow::{Result, ensure};
use portcullis_harness::{Event, ForeignClient, Login, Session, Step};
use serde_json::json;

use crate::rules::Rule;
use crate::stage::{Stage, expect, expect_all};

/// The clients that speak NATS.
pub(super) const BOTH: [ForeignClient; 2] = [ForeignClient::Python, ForeignClient::JavaScript];

/// The subjects that clients may publish to.
pub(super) const PUBLISH: [&str; 2] = ["app.>", "$SYS.REQ.USER.INFO"];
/// The subjects that clients may subscribe to.
pub(super) const SUBSCRIBE: [&str; 2] = ["app.>", "_INBOX.>"];

/// The steps of a NATS client for [`Visitor::admits`].
const STEPS: [Step<'_>; 4] = [
    Step::UserInfo,
    Step::Publish("app.here"),
    Step::Publish("elsewhere"),
    Step::Subscribe("elsewhere"),
];

/// Fields of a decision's log line, with their values. An empty value means that the field must be
/// absent.
pub(super) type Fields<'a> = &'a [(&'a str, &'a str)];

/// A client that logs in.
pub(super) struct Visitor<'a> {
    pub(super) stage: &'a Stage,
    pub(super) client: ForeignClient,
    pub(super) url: &'a str,
    /// The server's name of the account that the login is placed in.
    pub(super) account: &'a str,
}

/// Makes `rule` permit its logins and allow `app.>`.
pub(super) fn lets_in(rule: Rule, account: &str) -> Rule {
    let rule = rule.permits(account);
    rule.publish(&PUBLISH).subscribe(&SUBSCRIBE)
}

impl Visitor<'_> {
    /// Logs in as the connection `name`, which must succeed. The decision must have these fields,
    /// and the client the permissions of [`lets_in`].
    pub(super) async fn admits(&self, login: &Login, name: &str, fields: Fields<'_>) -> Result<()> {
        let session = self.session(login, name, &STEPS).await?;
        ensure!(session.connected, "{:?}: {session:?}", self.client);
        let decision = self.stage.host.decision(name).await?;
        expect_fields(&decision, &[("decision", "permit")])?;
        expect_fields(&decision, fields)?;
        let info = session.result(0, "info");
        expect(&info, "/account", &json!(self.account))?;
        expect_all(&info, "/permissions/publish/allow", &PUBLISH)?;
        expect_all(&info, "/permissions/subscribe/allow", &SUBSCRIBE)?;
        ensure!(session.accepted(1), "may not do what it may: {session:?}");
        ensure!(
            session.refused(2) && session.refused(3),
            "may do what it may not: {session:?}"
        );
        Ok(())
    }

    /// Logs in over MQTT as the connection `name`, which must succeed. The decision must have these
    /// fields.
    pub(super) async fn admits_mqtt(
        &self,
        login: &Login,
        name: &str,
        fields: Fields<'_>,
    ) -> Result<()> {
        let steps = [
            Step::Subscribe("elsewhere"),
            Step::Subscribe("app/here"),
            Step::PublishAndHear("app/here", "hello"),
        ];
        let session = self.session(login, name, &steps).await?;
        ensure!(session.connected, "{session:?}");
        let decision = self.stage.host.decision(name).await?;
        expect_fields(&decision, &[("decision", "permit")])?;
        expect_fields(&decision, fields)?;
        ensure!(session.refused(0), "may do what it may not: {session:?}");
        ensure!(
            session.accepted(1) && session.result(2, "heard") == json!("hello"),
            "may not do what it may: {session:?}"
        );
        Ok(())
    }

    /// Logs in as the connection `name`, which the host must deny. The decision must have these
    /// fields, and the client must not learn the reason.
    pub(super) async fn refuses(
        &self,
        login: &Login,
        name: &str,
        fields: Fields<'_>,
    ) -> Result<()> {
        let session = self.session(login, name, &[]).await?;
        let decision = self.stage.host.decision(name).await?;
        ensure!(
            session.is_refused_without_reason(),
            "{session:?}: {decision:?}"
        );
        expect_fields(&decision, &[("decision", "deny")])?;
        expect_fields(&decision, fields)
    }

    /// Logs in as the connection `name`, which the server must refuse without asking the host.
    pub(super) async fn server_refuses(&self, login: &Login, name: &str) -> Result<()> {
        let session = self.session(login, name, &[]).await?;
        ensure!(!session.connected, "{session:?}");
        let events = self.stage.host.log().all();
        let asked = events.iter().find(|event| event.decides(name));
        ensure!(asked.is_none(), "the host was asked: {asked:?}");
        Ok(())
    }

    async fn session(&self, login: &Login, name: &str, steps: &[Step<'_>]) -> Result<Session> {
        self.client.run(self.url, login.clone(), name, steps).await
    }
}

/// Verifies that the log line of a decision has these fields.
pub(super) fn expect_fields(decision: &Event, fields: Fields<'_>) -> Result<()> {
    for (field, expected) in fields {
        let actual = decision.text(field);
        ensure!(
            actual == *expected,
            "`{field}` is `{actual}`, not `{expected}`, in {decision:?}"
        );
    }
    Ok(())
}
