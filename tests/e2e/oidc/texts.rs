//! Policies in Cedar and Rego, with the files of the guides.

use anyhow::{Context, Result};
use portcullis_harness::{Built, Credentials, ForeignClient, Provider, Release, Site, Step};
use rstest::rstest;
use serde_json::json;

use super::{HOUR, Trusting};

/// The name of the policy in the guides.
const POLICY: &str = "orders";

/// The issuer in the guides.
const ISSUER: &str = "https://login.example.com";

/// A guide, and what differs between the two.
struct Guide {
    text: &'static str,
    /// The package of the policy, which is also the extension of the text and the language of its
    /// code block.
    language: &'static str,
    /// A change of the text that lets this machine in: a part, and its replacement.
    local: [&'static str; 2],
    /// The class and the reason of the denial of a login from outside the office.
    outside: (&'static str, &'static str),
    /// The class of the denial of a login from another department.
    other: &'static str,
}

const CEDAR: Guide = Guide {
    text: include_str!("../../../docs/guide/from-cedar.md"),
    language: "cedar",
    local: [
        "unless { context has address && ",
        "unless { context has address && context.address.isLoopback() ||\n  context has address && ",
    ],
    outside: ("policy-denied", "`office-only` forbids `APP`"),
    other: "policy-denied",
};

const REGO: Guide = Guide {
    text: include_str!("../../../docs/guide/from-opa.md"),
    language: "rego",
    local: [
        "from_office if {\n",
        "from_office if input.client.host == \"127.0.0.1\"\n\nfrom_office if {\n",
    ],
    outside: ("policy-denied", "not in the office"),
    other: "end-of-chain",
};

impl Guide {
    /// Returns the code block number `index` in `language`.
    fn block(&self, language: &str, index: usize) -> Result<&'static str> {
        let fence = format!("```{language}\n");
        let mut blocks = self.text.split(fence.as_str()).skip(1);
        let block = blocks.nth(index).and_then(|rest| rest.split("```").next());
        block.with_context(|| format!("no block {index} in `{language}`"))
    }

    /// Returns the text of the guide, for the tokens of `issuer`.
    fn policy(&self, issuer: &str) -> Result<String> {
        Ok(self.block(self.language, 0)?.replace(ISSUER, issuer))
    }

    /// Writes the four files.
    fn put(&self, site: &Site, issuer: &str) -> Result<()> {
        let policies = &site.policies;
        let tests = self.block("toml", 1)?.replace(ISSUER, issuer);
        policies.put_text(&format!("{POLICY}.tests.toml"), &tests)?;
        self.put_policy(site, &self.policy(issuer)?)?;
        let settings = self.block("toml", 0)?.replace(ISSUER, issuer);
        policies.put_policy(POLICY, &Built::policy(self.language)?, &settings)
    }

    fn put_policy(&self, site: &Site, text: &str) -> Result<()> {
        let file = format!("{POLICY}.{}", self.language);
        site.policies.put_text(&file, text)
    }
}

#[rstest]
#[case::cedar(CEDAR)]
#[case::rego(REGO)]
#[tokio::test]
async fn the_guides_policy_decides_and_follows_its_text(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] guide: Guide,
) -> Result<()> {
    let provider = Provider::start().await?;
    let put = |site: &Site, issuer: &str| guide.put(site, issuer);
    let lines = "groups = [\"groups\"]";
    let mut trusting = Trusting::start_policies(provider, release, put, lines).await?;
    let clerk = json!({ "groups": ["orders"], "clearance": 2 });
    let clerk = trusting.provider.id_token(&clerk, HOUR).await?;
    let other = json!({ "groups": ["returns"], "clearance": 2 });
    let other = trusting.provider.id_token(&other, HOUR).await?;

    let (class, part) = guide.outside;
    let reason = trusting.expect(&clerk, "outside", Some(class)).await?;
    assert!(reason.contains(part), "{reason}");

    // Only the text changes.
    let mark = trusting.host.log().len();
    let text = guide.policy(trusting.provider.issuer())?;
    let [before, after] = guide.local;
    let local = text.replace(before, after);
    assert_ne!(local, text);
    guide.put_policy(&trusting.site, &local)?;
    trusting.host.published_from(mark, POLICY).await?;

    let steps = [
        Step::Publish("orders.new.alice"),
        Step::Publish("orders.new.bob"),
        Step::Subscribe("orders.new.*"),
        Step::Subscribe("returns.>"),
    ];
    let credentials = Credentials::Token(&clerk);
    let session = ForeignClient::Python
        .run(&trusting.server.url(), credentials, "clerk", &steps)
        .await?;
    assert!(session.accepted(0) && session.refused(1), "{session:?}");
    assert!(session.accepted(2) && session.refused(3), "{session:?}");
    let decision = trusting.host.decision("clerk").await?;
    assert_eq!(decision.text("policy.name"), POLICY);
    trusting.expect(&other, "other", Some(guide.other)).await?;

    // An error in the text leaves the version in service, and has its line.
    let mark = trusting.host.log().len();
    guide.put_policy(&trusting.site, &format!("{local}\n)\n"))?;
    let rejected = trusting.host.says_from(mark, "policy rejected").await?;
    let line = local.lines().count() + 2;
    assert_eq!(
        rejected.number("line"),
        u64::try_from(line).ok(),
        "{rejected:?}"
    );
    trusting.expect(&clerk, "again", None).await?;
    Ok(())
}
