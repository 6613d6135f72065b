//! A server in operator mode, and a host with both front doors.

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use portcullis_harness::{
    Answer, Built, Host, NatsServer, Operator, Release, Resolver, Site, Wire, ask, plain_hashes,
};
use serde_json::{Value, json};

/// The token of the one user. It is compared in plain text, so that no password hash is measured.
const TOKEN: &str = "0c5e4d8f3a7b4e1f9d2a6b8c7e5f4a3d";

/// The host's log level. Decisions are not logged, but the address of the exchange is.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_authority=warn,portcullis_callout=warn,portcullis_connect=warn";

const SETTINGS: &str = r#"
[settings]
dangerous-plain-text-passwords = true

[settings.profiles.one]
publish = { allow = ["orders.>", "events.measured"] }
subscribe = { allow = ["_INBOX.>", "orders.>"] }
"#;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A login whose token an auth callout decides.
    Callout,
    /// `POST /core/tokens` with the token.
    Core,
    /// `POST /v1/nonces` and `POST /v1/tokens`, with a proof of the seed.
    Proved,
    /// A login with an exchanged user JWT.
    UserJwt,
}

impl Work {
    /// All works. Others are compared with the first.
    pub(crate) const ALL: [Self; 4] = [Self::Callout, Self::Core, Self::Proved, Self::UserJwt];

    /// Returns the name of the work in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Callout => "login by auth callout",
            Self::Core => "exchange",
            Self::Proved => "exchange with a proof",
            Self::UserJwt => "login with an exchanged user JWT",
        }
    }
}

/// The processes, and a user with an exchanged JWT.
pub(crate) struct Stage {
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
    /// The host and port of the exchange.
    address: String,
    operator: Operator,
    seed: String,
    nkey: String,
    jwt: String,
    _site: Site,
}

impl Stage {
    pub(crate) async fn start() -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let operator = Operator::new(&["APP"])?;
        operator.write(site.path())?;
        let user = format!(
            "[settings.users.measured]\ntoken = \"plain:{TOKEN}\"\naccount = \"APP\"\nprofile = \"one\"\n"
        );
        let module = Built::policy("static-users")?;
        let settings = format!("{SETTINGS}{user}");
        site.policies.put_policy("users", &module, &settings)?;
        let config = operator.server_config(Resolver::Memory, site.path(), "")?;
        let server = site.start_server_with(&config).await?;
        let exchange = "[exchange]\nlisten = \"127.0.0.1:0\"\n";
        let extra = format!("{}{exchange}", plain_hashes(&["users"]));
        let config = operator.host_config(&server.url(), &extra);
        let config = site.write_config("measured.toml", &config)?;
        let host = Host::spawn(&config, &["--log-level", LOG_LEVEL])?;
        let listening = host.says("tokens exchanged").await?;
        host.ready().await.context("the host")?;
        let key = KeyPair::new_user();
        let mut stage = Self {
            server,
            host,
            address: listening.text("exchange.address").to_owned(),
            operator,
            seed: key.seed()?,
            nkey: key.public_key(),
            jwt: String::new(),
            _site: site,
        };
        stage.jwt = stage.core().await?;
        Ok(stage)
    }

    /// Does the work once.
    pub(crate) async fn run(&self, work: Work) -> Result<()> {
        let mut wire = match work {
            Work::Core => return self.core().await.map(drop),
            Work::Proved => return self.proved().await,
            Work::Callout | Work::UserJwt => Wire::open(self.server.port()).await?,
        };
        let answer = if work == Work::Callout {
            let sentinel = self.operator.sentinel.jwt();
            let fields = json!({ "jwt": sentinel, "auth_token": TOKEN });
            wire.log_in(&fields).await?
        } else {
            let key = KeyPair::from_seed(&self.seed)?;
            wire.log_in_with_jwt(&self.jwt, &key).await?
        };
        ensure!(answer == Answer::Admitted, "{answer:?}");
        Ok(())
    }

    async fn core(&self) -> Result<String> {
        let body = json!({ "user_pub_key": self.nkey, "user_name": "measured" });
        self.post("/core/tokens", &body).await
    }

    async fn proved(&self) -> Result<()> {
        let answer: Value = serde_json::from_str(&self.post("/v1/nonces", &json!({})).await?)?;
        let nonce = answer.get("nonce").and_then(Value::as_str);
        let (nonce, nkey) = (nonce.context("no nonce")?, &self.nkey);
        let signed = format!("portcullis-exchange-v1\n{nonce}\n{nkey}");
        let signature = KeyPair::from_seed(&self.seed)?.sign(signed.as_bytes())?;
        let signature = BASE64URL_NOPAD.encode(&signature);
        let proof = json!({ "nonce": nonce, "signature": signature });
        let body = json!({ "nkey": nkey, "name": "measured", "proof": proof });
        self.post("/v1/tokens", &body).await.map(drop)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<String> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let page = ask(&self.address, &request).await?;
        ensure!(page.status == 201, "status {}", page.status);
        Ok(page.content)
    }
}
