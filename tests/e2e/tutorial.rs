//! The tutorial of the NATS documentation about system events and decentralised JWTs, with the
//! commands of this program in place of nsc, nats-account-server and `nats`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use futures::future::Either;
use portcullis_harness::{
    Built, Finished, Host, Made, NatsServer, PATIENCE, Release, run_portcullis,
};
use portcullis_system::{ServerId, StatszRequest, SystemClient};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A store that nsc made, with the operator `OP` and a user `sys` of its system account.
const NSC: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../host/accounts/tests/fixtures/nsc"
);
/// The credentials file of the user of the system account.
const CREDS: &str = "sysu.creds";
/// The exit code of a command that a server refused.
const REFUSED: Option<i32> = Some(84);

/// The origin of operator, system account and user.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Commands,
    Nsc,
}

/// A system of the tutorial.
struct Tutorial {
    made: Made,
    server: NatsServer,
    /// The public key of the system account.
    account: String,
    _resolver: Host,
}

#[rstest]
#[tokio::test]
async fn the_tutorial_about_system_events(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(Origin::Commands, Origin::Nsc)] origin: Origin,
) -> Result<()> {
    let tutorial = Tutorial::start(release, origin).await?;
    tutorial.events().await?;
    let id = tutorial.services().await?;
    tutorial.orders(&id).await
}

impl Tutorial {
    /// Makes operator, account and user, and starts resolver and server.
    async fn start(release: Release, origin: Origin) -> Result<Self> {
        let made = Made::empty()?;
        let creds = made.path(CREDS).display().to_string();
        let commands = match origin {
            Origin::Commands => vec![
                "operator add SAOP".to_owned(),
                "account add SYS".to_owned(),
                "operator edit --system-account SYS".to_owned(),
                format!("user add SYSU --account SYS --creds {creds}"),
            ],
            Origin::Nsc => vec![
                format!("import nsc {NSC}"),
                format!("creds mint sys --account SYS --out {creds}"),
            ],
        };
        for command in commands {
            made.text(&command).await?;
        }
        let account = made.account_key("SYS").await?;
        let list = made.text("account list").await?;
        let shown = |line: &str| line.contains("SYS") && line.contains(&account);
        ensure!(list.lines().any(shown), "{list}");
        let (resolver, address) = made.start_resolver(&[]).await?;
        let config = made.path("server.conf");
        let operator = made.path("store/operator.jwt");
        fs::write(
            &config,
            format!(
                "operator: \"{}\"\nsystem_account: {account}\n\
                 resolver: URL(http://{address}/jwt/v1/accounts/)\n",
                operator.display()
            ),
        )?;
        Ok(Self {
            server: NatsServer::start(release, &config).await?,
            made,
            account,
            _resolver: resolver,
        })
    }

    /// Watches the events while a client publishes and disconnects.
    async fn events(&self) -> Result<()> {
        let (_process, mut lines) = self.watch()?;
        let publishes = async {
            loop {
                let client = self.log_in().await?;
                client.publish("foo", "bar".into()).await?;
                client.flush().await?;
            }
        };
        let seen = async {
            let (mut connected, mut counted) = (Vec::new(), false);
            loop {
                let line = lines.next_line().await?.context("the command ended")?;
                let event: Value = serde_json::from_str(&line)?;
                let is_of_account = event.pointer("/client/acc") == Some(&json!(self.account));
                match at(&event, "/event").as_str() {
                    Some("account-connections") => {
                        counted |= at(&event, "/acc") == self.account.as_str();
                    }
                    Some("connect") if is_of_account => {
                        connected.push(at(&event, "/client").clone());
                    }
                    Some("disconnect") if counted && is_of_account => {
                        let id = at(&event, "/client/id");
                        let before = connected.iter().find(|client| at(client, "/id") == id);
                        if let Some(before) = before {
                            return anyhow::Ok((before.clone(), event));
                        }
                    }
                    _ => {}
                }
            }
        };
        let seen = futures::future::select(Box::pin(seen), Box::pin(publishes));
        let (before, after) = match timeout(PATIENCE, seen).await? {
            Either::Left((seen, _)) => seen?,
            Either::Right((ended, _)) => {
                let ended: Result<()> = ended;
                ended?;
                anyhow::bail!("the client does not publish any more");
            }
        };
        assert_eq!(at(&after, "/reason"), "Client Closed", "{after:#}");
        for (direction, messages, bytes) in [("/sent", 1, 3), ("/received", 0, 0)] {
            let traffic = at(&after, direction);
            assert_eq!(at(traffic, "/msgs"), messages, "{after:#}");
            assert_eq!(at(traffic, "/bytes"), bytes, "{after:#}");
        }
        assert_eq!(at(&before, "/user"), at(&after, "/client/user"));
        assert_eq!(at(&before, "/lang"), "rust");
        assert!(at(&after, "/client/stop").is_string(), "{after:#}");
        Ok(())
    }

    /// Starts `portcullis system events`.
    fn watch(&self) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
        let kinds = ["connect", "disconnect", "account-connections"];
        let mut process = Command::new(Built::portcullis()?)
            .args(["system", "events", "--json", "--server", &self.server.url()])
            .arg("--creds")
            .arg(self.made.path(CREDS))
            .args(kinds.iter().flat_map(|kind| ["--kind", kind]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = process.stdout.take().context("no standard output")?;
        Ok((process, BufReader::new(lines).lines()))
    }

    /// Asks for the user, for the servers, and for the load of one. Returns the id of the server.
    async fn services(&self) -> Result<ServerId> {
        let system = SystemClient::new(self.log_in().await?).with_patience(PATIENCE);
        let info = system.user_info().await?;
        assert_eq!(info.account, self.account);
        assert!(info.user.starts_with('U'), "{info:?}");

        let mut ids = BTreeSet::new();
        for verb in ["servers", "ping"] {
            let answered = self.system(&[verb, "--expect", "1", "--json"]).await?;
            ensure!(answered.code == Some(0), "{answered:?}");
            let answer: Value = serde_json::from_str(answered.stdout.trim())?;
            let id = at(&answer, "/server/id").as_str().context("no id")?;
            ids.insert(id.to_owned());
            if verb == "ping" {
                // The client of this test and that of the command.
                assert_eq!(at(&answer, "/data/connections"), 2, "{answer:#}");
            }
        }
        ensure!(ids.len() == 1, "{ids:?}");
        let id: ServerId = ids.first().context("no id")?.parse()?;
        let statsz = system.ask(&id, &StatszRequest {}).await?;
        assert!(statsz.memory > 0 && statsz.connections > 0, "{statsz:?}");
        Ok(id)
    }

    /// Has the server make a profile, reload its configuration, and refuse a wrong one.
    async fn orders(&self, id: &ServerId) -> Result<()> {
        let profile = self.made.path("heap.pprof").display().to_string();
        let order = ["profile", id.as_str(), "heap", "--out", &profile];
        let made = self.system(&order).await?;
        assert_eq!(made.code, Some(0), "{made:?}");
        assert!(fs::read(&profile)?.starts_with(&[0x1f, 0x8b]));
        let reloaded = self.system(&["reload", id.as_str()]).await?;
        assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
        let config = self.made.path("server.conf");
        let text = fs::read_to_string(&config)?;
        fs::write(&config, text + "no_such_key: 1\n")?;
        let refused = self.system(&["reload", id.as_str()]).await?;
        assert_eq!(refused.code, REFUSED, "{refused:?}");
        assert!(refused.stderr.contains("no_such_key"), "{refused:?}");
        Ok(())
    }

    async fn log_in(&self) -> Result<async_nats::Client> {
        let creds = self.made.path(CREDS);
        self.made.log_in(&self.server, &creds).await
    }

    /// Runs `portcullis system`.
    async fn system(&self, arguments: &[&str]) -> Result<Finished> {
        let creds = self.made.path(CREDS).display().to_string();
        let url = self.server.url();
        let own = ["--server", &url, "--creds", &creds];
        run_portcullis(&[&["system"], arguments, &own].concat(), "").await
    }
}

/// Returns the part of a JSON value at this pointer. `null` if there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
