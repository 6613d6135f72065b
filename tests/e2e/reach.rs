//! Permissions as sets of subjects, compared with what a real server lets clients do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use portcullis_core::{
    DenyFilter, PermissionSubject, Permissions, Reach, SubjectPermission, WorkBudget,
};
use portcullis_harness::{Answer, NatsServer, Release, Site, Wire};
use rstest::rstest;
use serde_json::json;

/// Number of generated permissions.
const USERS: usize = 32;
/// Maximum number of tokens of a subscription and of a message. Lists have up to three.
const LONGEST: usize = 4;

/// A generator of numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }

    fn pick<'a>(&mut self, choice: &[&'a str]) -> &'a str {
        let picked = choice.get(self.roll(choice.len()));
        picked.copied().unwrap_or_default()
    }

    fn subject(&mut self, queues: &[&str]) -> Result<PermissionSubject> {
        let tokens = 1 + self.roll(3);
        let mut subject = String::new();
        for _ in 1..tokens {
            let _ = write!(subject, "{}.", self.pick(&["a", "b", "*"]));
        }
        subject.push_str(self.pick(&["a", "b", "*", "*", ">"]));
        if !queues.is_empty() && self.roll(2) == 0 {
            let _ = write!(subject, " {}", self.pick(queues));
        }
        Ok(subject.parse()?)
    }

    fn list(&mut self, longest: usize, queues: &[&str]) -> Result<Vec<PermissionSubject>> {
        let length = self.roll(longest + 1);
        (0..length).map(|_| self.subject(queues)).collect()
    }

    fn permissions(&mut self, denied_queues: &[&str]) -> Result<Permissions> {
        let queues: &[&str] = match self.roll(2) {
            0 => &["q", "r", "q.*"],
            _ => &[],
        };
        let mut publish = SubjectPermission {
            allow: self.list(3, &[])?,
            deny: self.list(2, &[])?,
        };
        let mut subscribe = SubjectPermission {
            allow: self.list(3, queues)?,
            deny: self.list(2, denied_queues)?,
        };
        // The host adds what older servers overlook to every user JWT.
        for side in [&mut publish, &mut subscribe] {
            let overlooked = side.overlooked(&mut WorkBudget::default())?;
            side.deny.extend(overlooked);
        }
        Ok(Permissions {
            publish,
            subscribe,
            responses: None,
        })
    }
}

fn side(side: &SubjectPermission) -> String {
    let list = |list: &[PermissionSubject]| {
        let quoted: Vec<_> = list
            .iter()
            .map(|subject| format!("\"{subject}\""))
            .collect();
        quoted.join(", ")
    };
    format!(
        "{{ allow: [{}], deny: [{}] }}",
        list(&side.allow),
        list(&side.deny)
    )
}

fn config(users: &[Permissions]) -> String {
    let mut config =
        "listen: \"127.0.0.1:-1\"\nauthorization { users: [\n{ user: all, password: p }\n"
            .to_owned();
    for (number, user) in users.iter().enumerate() {
        let (publish, subscribe) = (side(&user.publish), side(&user.subscribe));
        let _ = writeln!(
            config,
            "{{ user: u{number}, password: p, permissions: {{ publish: {publish}, subscribe: {subscribe} }} }}"
        );
    }
    config.push_str("] }\n");
    config
}

/// Returns the subjects of up to [`LONGEST`] tokens. `tokens` can stand anywhere, and `last` at the
/// end.
fn subjects(tokens: &[&str], last: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    let mut begun = vec![String::new()];
    for _ in 0..LONGEST {
        for end in last {
            all.extend(begun.iter().map(|begun| format!("{begun}{end}")));
        }
        let longer = |begun: &String| {
            let begun = begun.clone();
            tokens.iter().map(move |token| format!("{begun}{token}"))
        };
        let whole: Vec<_> = begun.iter().flat_map(longer).collect();
        begun = whole.iter().map(|subject| format!("{subject}.")).collect();
        all.extend(whole);
    }
    all
}

async fn log_in(server: &NatsServer, user: &str) -> Result<Wire> {
    let mut wire = Wire::open(server.port()).await?;
    let answer = wire.log_in(&json!({ "user": user, "pass": "p" })).await?;
    assert_eq!(answer, Answer::Admitted, "{user}");
    Ok(wire)
}

/// Sends `text`, then a PING, and returns the lines before the PONG.
async fn exchange(wire: &mut Wire, text: &str) -> Result<Vec<String>> {
    wire.say(&format!("{text}PING\r\n")).await?;
    let mut lines = Vec::new();
    loop {
        let line = wire
            .line()
            .await?
            .context("the server closed the connection")?;
        if line == "PONG" {
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// Returns the subjects of `messages` that the user may publish on.
async fn published(
    server: &NatsServer,
    user: &str,
    messages: &[String],
) -> Result<BTreeSet<String>> {
    let mut wire = log_in(server, user).await?;
    let mut published = BTreeSet::new();
    for message in messages {
        let lines = exchange(&mut wire, &format!("PUB {message} 0\r\n\r\n")).await?;
        match lines.iter().find(|line| line.starts_with("-ERR")) {
            None => {
                published.insert(message.clone());
            }
            // Another error would say nothing about the subject.
            Some(error) => assert!(
                error.contains("Permissions Violation"),
                "{message}: {error}"
            ),
        }
    }
    Ok(published)
}

/// Returns the subjects of `messages` that reach the user in `queue`, by all subscriptions that the
/// server accepts.
async fn received(
    server: &NatsServer,
    user: &str,
    queue: &str,
    messages: &[String],
) -> Result<BTreeSet<String>> {
    let mut wire = log_in(server, user).await?;
    for (id, subscription) in subjects(&["a", "b", "c", "*"], &[">"]).iter().enumerate() {
        exchange(&mut wire, &format!("SUB {subscription} {queue} {id}\r\n")).await?;
    }
    let mut publisher = log_in(server, "all").await?;
    let mut publish = String::new();
    for message in messages {
        let _ = write!(publish, "PUB {message} 0\r\n\r\n");
    }
    exchange(&mut publisher, &publish).await?;
    let lines = exchange(&mut wire, "").await?;
    let messages = lines.iter().filter_map(|line| line.strip_prefix("MSG "));
    Ok(messages
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

/// Returns whether the answer agrees with the server's. The answers about older servers may say
/// more.
fn is_right(filter: DenyFilter, answer: bool, server: bool) -> bool {
    match filter {
        DenyFilter::Overlapping => answer == server,
        DenyFilter::Containing => answer || !server,
    }
}

#[rstest]
#[case(Release::Newest, DenyFilter::Overlapping, &[])]
#[case(Release::Nats2_12, DenyFilter::Overlapping, &["q", "r"])]
#[case(Release::Nats2_10, DenyFilter::Containing, &["q", "r"])]
#[tokio::test]
async fn a_login_reaches_what_a_server_lets_it_reach(
    #[case] release: Release,
    #[case] filter: DenyFilter,
    #[case] denied_queues: &[&str],
) -> Result<()> {
    let mut dice = Dice(20_261_128);
    let users = (0..USERS).map(|_| dice.permissions(denied_queues));
    let users = users.collect::<Result<Vec<_>>>()?;
    let site = Site::create(release)?;
    let server = site.start_server_with(&config(&users)).await?;
    let messages = subjects(&["a", "b", "c"], &[]);
    for (number, permissions) in users.iter().enumerate() {
        let (user, reach) = (format!("u{number}"), Reach::new(permissions, filter));
        let mut work = WorkBudget::default();
        let published = published(&server, &user, &messages).await?;
        for message in &messages {
            let reached = reach.some_published(&message.parse()?, &mut work)?;
            let lists = &permissions.publish;
            let (reached, is_published) = (reached.is_some(), published.contains(message));
            assert!(
                is_right(filter, reached, is_published),
                "{message}: {reached} {is_published} {lists:?}"
            );
        }
        let lists = &permissions.subscribe;
        let mut by_any = BTreeSet::new();
        for queue in ["q", "r", "x", "q.x", ""] {
            let received = received(&server, &user, queue, &messages).await?;
            for message in &messages {
                if queue.is_empty() {
                    continue;
                }
                let subject = format!("{message} {queue}").parse()?;
                let reached = reach
                    .some_received(&subject, &mut WorkBudget::default())?
                    .is_some();
                let is_received = received.contains(message);
                let is_right = is_right(filter, reached, is_received);
                assert!(is_right, "{subject}: {reached} {is_received} {lists:?}");
            }
            by_any.extend(received);
        }
        for message in &messages {
            let reached = reach.some_received(&message.parse()?, &mut WorkBudget::default())?;
            let is_received = by_any.contains(message);
            let is_right = is_right(filter, reached.is_some(), is_received);
            assert!(is_right, "{message}: {reached:?} {is_received} {lists:?}");
        }
    }
    Ok(())
}
