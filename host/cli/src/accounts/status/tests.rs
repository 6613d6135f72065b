//! Versions of servers, compared with the stored one.

use portcullis_accounts::Seed;
use portcullis_claims::{AccountClaims, KeyKind, SigningKey};
use portcullis_core::Secret;
use portcullis_system::{AccountDetail, Refusal, Reply, ReplyError, ServerInfo};

use super::on_disk::OnDisk;
use super::*;

const NOW: u64 = 1_795_300_862;

struct Issuer {
    operator: SigningKey,
    account: Seed,
}

impl Issuer {
    fn new() -> Self {
        let operator = Seed::generate(KeyKind::Operator).unwrap();
        Self {
            operator: operator.signer().unwrap(),
            account: Seed::generate(KeyKind::Account).unwrap(),
        }
    }

    fn jwt(&self, issued_at: u64) -> AccountJwt {
        let mut claims = AccountClaims::new(self.account.public.as_str(), issued_at);
        claims.name = Some("APP".to_owned());
        AccountJwt::decode(&claims.sign(&self.operator).unwrap()).unwrap()
    }
}

fn reply(name: &str, result: Result<Option<&str>, ReplyError>) -> Reply<Accountz> {
    let account = |jwt: Option<&str>| AccountDetail {
        jwt: jwt.map(Secret::new),
        ..AccountDetail::default()
    };
    Reply {
        server: ServerInfo {
            name: name.to_owned(),
            id: name.to_owned(),
            ..ServerInfo::default()
        },
        elapsed: Duration::ZERO,
        result: result.map(|jwt| Accountz {
            account: Some(account(jwt)),
            ..Accountz::default()
        }),
    }
}

fn refusal(description: &str) -> ReplyError {
    let description = description.to_owned();
    ReplyError::Refused(Refusal {
        code: 500,
        description,
        account: None,
    })
}

fn status(stored: &AccountJwt, replies: Vec<Reply<Accountz>>) -> Status {
    let end = GatheringEnd::Quiet;
    Status {
        servers: versions(stored, Gathered { replies, end }),
        account: stored.clone(),
        end,
        missing: None,
        allow_none: false,
    }
}

#[test]
fn versions_are_told_apart() {
    let issuer = Issuer::new();
    let stored = issuer.jwt(NOW);
    let (older, later) = (issuer.jwt(NOW - 1).token, issuer.jwt(NOW + 1).token);
    let unknown = format!("Account {} does not exist", stored.account);
    let status = status(
        &stored,
        vec![
            reply("f", Err(refusal("no"))),
            reply("e", Ok(Some("a.b.c"))),
            reply("d", Err(refusal(&unknown))),
            reply("c", Ok(None)),
            reply("b", Ok(Some(&later))),
            reply("a2", Ok(Some(&older))),
            reply("a1", Ok(Some(&stored.token))),
        ],
    );
    let words: Vec<_> = status.servers.iter().map(|it| it.version.word()).collect();
    let expected = [
        "current", "older", "later", "none", "none", "unknown", "unknown",
    ];
    assert_eq!(words, expected);
    assert_eq!(status.code(), ExitCode::NotCurrent);
    let text = status.conclusion();
    for line in [
        "`APP`: `a2`, `b`, `c`, `d`, `e`, `f` (6 of 7 servers that answered)",
        "server `f`: the server answers `no` (code 500)",
        "`portcullis account push APP` sends it",
        "another program signed it",
        "`--load` has it do so now, `--allow-none` accepts that",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let json = status.json();
    assert_eq!(json["servers"][1]["issued_at"], NOW - 1);
    assert_eq!(json["servers"][3]["issued_at"], Value::Null);
    assert_eq!(
        (&json["has_all"], &json["end"]),
        (&json!(false), &json!("quiet"))
    );
    assert!(!json.to_string().contains(&older), "no JWT is printed");
}

#[test]
fn servers_without_a_version_can_be_accepted() {
    let stored = Issuer::new().jwt(NOW);
    let replies = vec![reply("a", Ok(Some(&stored.token))), reply("b", Ok(None))];
    let mut status = status(&stored, replies);
    assert_eq!(status.code(), ExitCode::NotCurrent);
    status.allow_none = true;
    assert_eq!(status.code(), ExitCode::Success);
    let text = status.conclusion();
    assert!(text.contains("stored version of `APP`, or none"), "{text}");
    status.require().unwrap();
}

#[test]
fn a_missing_server_is_worse_than_an_older_version() {
    let issuer = Issuer::new();
    let stored = issuer.jwt(NOW);
    let older = issuer.jwt(NOW - 1).token;
    let mut status = status(&stored, vec![reply("a", Ok(Some(&older)))]);
    let missing = anyhow::anyhow!("1 of 2 servers answered");
    status.missing = Some(Failure::new(ExitCode::Unreachable, missing));
    let error = status.require().unwrap_err();
    assert_eq!(error.code(), ExitCode::Unreachable);
    let text = error.to_string();
    assert!(
        text.contains("`a`") && text.contains("1 of 2 servers answered"),
        "{text}"
    );
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn a_version_on_disk_is_told_unless_servers_store_different_ones() {
    let issuer = Issuer::new();
    let stored = issuer.jwt(NOW);
    let (older, later) = (issuer.jwt(NOW - 1).token, issuer.jwt(NOW + 1).token);
    let current = &stored.token;
    let none: Option<&str> = None;
    for (loaded, on_disk, expected) in [
        // No server has loaded the account.
        ([none, none], vec![current, current], ["stored", "stored"]),
        ([none, none], vec![&older, &older], ["older", "older"]),
        ([none, none], vec![&later, &later], ["later", "later"]),
        ([none, none], vec![current, &older], ["unknown", "unknown"]),
        ([none, none], vec![current], ["unknown", "unknown"]),
        ([none, none], vec![], ["unknown", "unknown"]),
        // A server stores what it has loaded.
        (
            [Some(current.as_str()), none],
            vec![&older, current],
            ["current", "older"],
        ),
        (
            [Some(older.as_str()), none],
            vec![&older, current],
            ["older", "stored"],
        ),
        // Its answer is missing.
        (
            [Some(current.as_str()), none],
            vec![&older],
            ["current", "unknown"],
        ),
    ] {
        let replies = vec![reply("a", Ok(loaded[0])), reply("b", Ok(loaded[1]))];
        let mut status = status(&stored, replies);
        let versions = on_disk.iter();
        let on_disk = OnDisk {
            servers: vec!["a".to_owned(), "b".to_owned()],
            versions: versions
                .map(|token| Version::of_token(&stored, token))
                .collect(),
        };
        on_disk.apply(&mut status.servers);
        let words: Vec<_> = status.servers.iter().map(|it| it.version.word()).collect();
        assert_eq!(words, expected);
    }
}

#[test]
fn a_server_that_stores_no_version_has_none() {
    let stored = Issuer::new().jwt(NOW);
    let mut status = status(&stored, vec![reply("b", Ok(None))]);
    let on_disk = OnDisk {
        servers: vec!["a".to_owned()],
        versions: vec![Version::Current],
    };
    on_disk.apply(&mut status.servers);
    assert_eq!(status.servers[0].version, Version::None);
}
