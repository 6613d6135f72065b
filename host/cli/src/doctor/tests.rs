use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use portcullis_authority::Lock;
use portcullis_callout::{FoundService, Obstacle, OwnUser, QueueGroup, ServiceEndpoint};
use portcullis_connect::{PermissionSide, RequiredPermission};
use portcullis_toml::Problem;

use super::checks;
use super::evidence::*;
use super::finding::{Code, Finding, Severity};
use super::report::{Report, render};
use super::server_conf::{CalloutConf, ServerConf};
use crate::exit::ExitCode;

const NOW: u64 = 1_795_300_862;
const DAY: u64 = 24 * 60 * 60;

/// Returns the evidence of a host and a server that agree.
pub(super) fn good() -> Evidence {
    let target = Target {
        name: "APP".to_owned(),
        id: "APP".to_owned(),
    };
    Evidence {
        now: NOW,
        file: "portcullis.toml".into(),
        problems: Vec::new(),
        settings: Some(Settings {
            issuer: Some("A-OWN".to_owned()),
            other_issuers: Vec::new(),
            xkey: OwnXkey::Key("X-OWN".to_owned()),
            other_xkeys: Vec::new(),
            user: Some("U-OWN".to_owned()),
            group: QueueGroup::new("AUTH".parse().unwrap()),
            operator_mode: false,
            tls_first: false,
            tls_required: false,
            deadline: Duration::from_secs(1),
            clock_skew: Duration::from_secs(5),
            targets: vec![target],
            features: Features::default(),
        }),
        credentials: Vec::new(),
        certificates: Vec::new(),
        machine: Some(Ok(())),
        issuers: Vec::new(),
        health: Some(HostHealth::Running {
            not_ready: None,
            trouble: Vec::new(),
        }),
        state: Some(StateDirectory {
            path: "state".into(),
            trial: WriteTrial::Written,
        }),
        records: Some(Records {
            file: Some(RecordFile {
                path: "records/decisions.jsonl".into(),
                trial: WriteTrial::Absent,
            }),
            stream: Some(RecordStream {
                subject: "portcullis.decisions".to_owned(),
                found: Ok(Some("DECISIONS".to_owned())),
            }),
        }),
        locks: Some(Locks {
            bucket: "locks".to_owned(),
            known: Ok(Vec::new()),
            file: "state/locks.json".into(),
            copy: LockCopyFound::Confirmed(NOW - 60),
        }),
        servers: vec![server()],
        services: Ok(vec![service("one", "yes", "q", "4f2a")]),
        server_conf: Some(Ok(ServerConf {
            operator_mode: false,
            callout: Some(CalloutConf {
                issuer: "A-OWN".to_owned(),
                account: "AUTH".to_owned(),
                auth_users: vec!["U-OWN".to_owned()],
                xkey: Some("X-OWN".to_owned()),
            }),
            accounts: vec!["$G".to_owned(), "AUTH".to_owned(), "APP".to_owned()],
            timeout: Some(5.0),
            max_control_line: None,
        })),
        system: Some(Ok(System {
            servers: vec![SystemServer {
                name: "n1".to_owned(),
                version: "2.15.3".to_owned(),
                auth_timeout: 5.0,
                max_control_line: Some(4096),
                sync_interval: Some(Duration::from_mins(2)),
            }],
            missing_targets: Ok(Vec::new()),
        })),
    }
}

fn server() -> Server {
    Server {
        address: "nats://n1:4222".to_owned(),
        greeting: Greeting::Info(ServerInfo {
            server_name: "n1".to_owned(),
            version: "2.15.3".to_owned(),
            max_payload: 1 << 20,
            ..ServerInfo::default()
        }),
        login: Login::Accepted,
        user: Some(OwnUser::default()),
        probe: Ok(denied()),
        bypass: None,
    }
}

/// Returns a probe that a host has denied.
fn denied() -> Probe {
    Probe {
        answer: ProbeAnswer::Refused,
        after: Duration::from_millis(4),
        request: Ok(Some(ObservedRequest::Read(Box::new(request())))),
    }
}

fn request() -> ReadRequest {
    ReadRequest {
        server_name: "n1".to_owned(),
        server_id: "N-ONE".to_owned(),
        encrypted: true,
        expected: "A-OWN".to_owned(),
        lifetime: Some(5),
        ahead: 0,
        trusted: true,
        fault: None,
    }
}

fn service(id: &str, word: &str, group: &str, digest: &str) -> FoundService {
    let facts = [("participating", word), ("policy.users", digest)];
    let facts = facts.map(|(key, fact)| (key.to_owned(), fact.to_owned()));
    FoundService {
        id: id.to_owned(),
        name: "portcullis".to_owned(),
        version: "0.1.0".to_owned(),
        metadata: Some(BTreeMap::from(facts)),
        endpoints: Some(vec![ServiceEndpoint {
            subject: "$SYS.REQ.USER.AUTH".to_owned(),
            queue_group: group.to_owned(),
        }]),
    }
}

type Break = fn(&mut Evidence);

fn settings(evidence: &mut Evidence) -> &mut Settings {
    evidence.settings.as_mut().unwrap()
}

fn probed(evidence: &mut Evidence, request: Option<ObservedRequest>) {
    evidence.servers[0].probe.as_mut().unwrap().request = Ok(request);
}

fn read(evidence: &mut Evidence, change: fn(&mut ReadRequest)) {
    let mut read = request();
    change(&mut read);
    probed(evidence, Some(ObservedRequest::Read(Box::new(read))));
}

fn fail(evidence: &mut Evidence, greeting: Greeting, error: &str) {
    let server = &mut evidence.servers[0];
    server.greeting = greeting;
    server.login = Login::Failed(error.to_owned());
    server.user = None;
    server.probe = Err("no connection is made".to_owned());
}

fn conf(evidence: &mut Evidence) -> &mut ServerConf {
    evidence.server_conf.as_mut().unwrap().as_mut().unwrap()
}

fn lacking(vital: bool) -> OwnUser {
    let lacks = RequiredPermission {
        side: PermissionSide::Publish,
        subject: "$SRV.INFO".to_owned(),
        purpose: "find other hosts that take part",
    };
    let obstacle = vital.then(|| Obstacle::NotPermitted(lacks.clone()));
    OwnUser {
        obstacles: obstacle.into_iter().collect(),
        missing: vec![lacks],
    }
}

fn problem(problem: Problem) -> Vec<Problem> {
    vec![problem.at_key("callout.deadline")]
}

fn trusting(evidence: &mut Evidence, credential_ends: u64) {
    evidence.credentials = vec![Credential {
        place: "`keys/service.creds` (`nats.creds-file`)".to_owned(),
        expires_at: Some(credential_ends),
    }];
}

/// Adds a certificate that is valid for a year until `end`.
fn certified(evidence: &mut Evidence, end: u64) {
    evidence.certificates = vec![Certificate {
        place: "server `nats://n1:4222`".to_owned(),
        subject: "CN=n1".to_owned(),
        not_before: i64::try_from(end - 365 * DAY).unwrap(),
        not_after: i64::try_from(end).unwrap(),
    }];
}

/// Makes the server one of this release.
fn released(evidence: &mut Evidence, version: &str) {
    evidence.system = None;
    if let Greeting::Info(info) = &mut evidence.servers[0].greeting {
        version.clone_into(&mut info.version);
    }
}

fn locks(evidence: &mut Evidence) -> &mut Locks {
    evidence.locks.as_mut().unwrap()
}

/// Makes a lock since two days before the run with this end.
fn locked(evidence: &mut Evidence, until: Option<u64>) -> &mut FoundLock {
    let lock = Lock {
        until,
        reason: "lost laptop".to_owned(),
    };
    let known = locks(evidence).known.as_mut().unwrap();
    known.push(FoundLock {
        key: "user.alice".to_owned(),
        since: NOW - 2 * DAY,
        expires: None,
        lock: Some(lock),
    });
    known.last_mut().unwrap()
}

/// Makes the file of decision records one that cannot be written.
fn unwritable(evidence: &mut Evidence, kind: io::ErrorKind) {
    let file = evidence.records.as_mut().unwrap().file.as_mut();
    file.unwrap().trial = WriteTrial::Failed {
        bytes: 1 << 20,
        kind,
        error: kind.to_string(),
    };
}

fn keys(evidence: &mut Evidence, keys: Result<usize, String>) {
    let name = "company".to_owned();
    let required = keys.is_err();
    evidence.issuers = vec![IssuerKeys {
        name,
        keys,
        required,
    }];
}

/// Adds the result of `--bypass`.
fn bypass(evidence: &mut Evidence, answer: ProbeAnswer, is_asked: bool) {
    let request = denied().request;
    evidence.servers[0].bypass = Some(Ok(Probe {
        answer,
        request: if is_asked { request } else { Ok(None) },
        ..denied()
    }));
}

/// One change of good evidence for each way to a finding, with the codes that the report then has.
const BREAKS: &[(&[Code], Break)] = &[
    (&[Code::ConfigurationInvalid], |it| {
        it.problems = problem(Problem::error(
            "portcullis.toml",
            "expected a time such as `1s`",
        ));
    }),
    (&[Code::ConfigurationDoubtful], |it| {
        it.problems = problem(Problem::warning(
            "portcullis.toml",
            "longer than servers wait",
        ));
    }),
    (&[Code::ConfigurationExposed], |it| {
        let found = Problem::warning(
            "portcullis.toml",
            "every user of this machine can change it",
        );
        it.problems = vec![found.with_code("configuration-exposed")];
    }),
    (&[Code::SecretExposed], |it| {
        let found = Problem::warning("portcullis.toml", "`keys/a.nk` can be read by every user");
        it.problems = vec![found.with_code("secret-exposed")];
    }),
    (&[Code::PoliciesInvalid], |it| {
        it.problems = vec![Problem::error("policies/a.wasm", "not a component")];
    }),
    (&[Code::PoliciesDoubtful], |it| {
        it.problems =
            vec![Problem::warning("policies/a.tests.toml", "policy `a` has no tests").at_line(3)];
    }),
    (&[Code::PoliciesExposed], |it| {
        let found = Problem::warning(
            "policies",
            "every user of this machine can change the policies",
        );
        it.problems = vec![found.with_code("policies-exposed")];
    }),
    (&[Code::StateDirectoryUnused], |it| {
        let found = Problem::warning(
            "portcullis.toml",
            "`state` is not used: other users can write to it",
        );
        it.problems = vec![found.with_code("state-directory-unused")];
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::StorageFull,
            error: "No space left on device (os error 28)".to_owned(),
        };
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::PermissionDenied,
            error: "Permission denied (os error 13)".to_owned(),
        };
    }),
    (&[Code::StateDirectoryFull], |it| {
        it.state.as_mut().unwrap().trial = WriteTrial::Failed {
            bytes: 1 << 20,
            kind: io::ErrorKind::ReadOnlyFilesystem,
            error: "Read-only file system (os error 30)".to_owned(),
        };
    }),
    (&[Code::CredentialsExpired], |it| {
        trusting(it, NOW - DAY);
    }),
    (&[Code::CredentialsExpireSoon], |it| {
        trusting(it, NOW + DAY);
    }),
    (&[Code::CertificateExpired], |it| {
        certified(it, NOW - DAY);
    }),
    (&[Code::CertificateExpired], |it| {
        certified(it, NOW + 366 * DAY);
    }),
    (&[Code::CertificateExpiresSoon], |it| {
        certified(it, NOW + DAY);
    }),
    (&[Code::MachineUnfit], |it| {
        it.machine = Some(Err("this process may not make memory executable".to_owned()));
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Err("connection refused".to_owned()));
    }),
    (&[Code::IssuerKeysMissing], |it| {
        keys(it, Ok(0));
    }),
    (&[Code::ServerTooOld], |it| {
        released(it, "2.9.25");
    }),
    (&[Code::ServerReleaseUnknown], |it| {
        released(it, "9.0.0");
    }),
    (&[Code::ServerReleaseUnknown], |it| {
        released(it, "fork");
    }),
    (
        &[Code::ServerReleasePitfalls, Code::ServerReleaseNotes],
        |it| {
            settings(it).operator_mode = true;
            released(it, "2.10.26");
        },
    ),
    (&[Code::ServerReleaseNotes], |it| {
        released(it, "2.15.1");
    }),
    (&[Code::ControlLineSmall], |it| {
        settings(it).features.tokens = true;
    }),
    (&[Code::ControlLineSmall], |it| {
        settings(it).features.tokens = true;
        it.system = None;
    }),
    (&[Code::PayloadSmall], |it| {
        if let Greeting::Info(info) = &mut it.servers[0].greeting {
            info.max_payload = 1024;
        }
    }),
    (&[Code::SyncIntervalLong], |it| {
        settings(it).features.buckets = true;
    }),
    (&[Code::ServerUnreachable], |it| {
        let error = "Connection refused (os error 111)";
        fail(it, Greeting::Failed(error.to_owned()), error);
    }),
    (&[Code::ServerUnreachable], |it| {
        fail(it, Greeting::Silent, "timed out");
    }),
    (&[Code::SessionFailed], |it| {
        let greeting = it.servers[0].greeting.clone();
        fail(it, greeting, "IO error: nats: maximum connections exceeded");
    }),
    (&[Code::TlsFailed], |it| {
        let info = ServerInfo {
            version: "2.15.3".to_owned(),
            max_payload: 1 << 20,
            tls_required: true,
            ..ServerInfo::default()
        };
        fail(
            it,
            Greeting::Info(info),
            "invalid peer certificate: UnknownIssuer",
        );
    }),
    (&[Code::TlsFailed], |it| {
        settings(it).tls_required = true;
        let greeting = it.servers[0].greeting.clone();
        fail(it, greeting, "the server has no TLS");
    }),
    (&[Code::TlsFailed], |it| {
        settings(it).tls_first = true;
        fail(
            it,
            Greeting::TlsFirst,
            "invalid peer certificate: UnknownIssuer",
        );
    }),
    (&[Code::TlsFirstDiffers], |it| {
        fail(it, Greeting::TlsFirst, "the connection timed out");
    }),
    (&[Code::TlsFirstDiffers], |it| {
        settings(it).tls_first = true;
        let greeting = it.servers[0].greeting.clone();
        fail(it, greeting, "received corrupt message");
    }),
    (&[Code::LoginRefused], |it| {
        let server = &mut it.servers[0];
        server.login = Login::Refused {
            after: Duration::from_millis(5003),
        };
        server.user = None;
    }),
    (&[Code::AccountDiffers], |it| {
        it.servers[0].user.as_mut().unwrap().obstacles = vec![Obstacle::WrongAccount {
            actual: "APP".to_owned(),
            expected: "AUTH".parse().unwrap(),
        }];
    }),
    (&[Code::UserUnconfirmed], |it| {
        it.servers[0].user.as_mut().unwrap().obstacles = vec![Obstacle::Unconfirmed];
    }),
    (&[Code::PermissionVital], |it| {
        it.servers[0].user = Some(lacking(true));
    }),
    (&[Code::PermissionMissing], |it| {
        it.servers[0].user = Some(lacking(false));
    }),
    (&[Code::CalloutNotAsked], |it| {
        probed(it, None);
    }),
    (&[Code::ServerLetsIn], |it| {
        probed(it, None);
        it.servers[0].probe.as_mut().unwrap().answer = ProbeAnswer::LetIn;
    }),
    (&[Code::CalloutAbsent], |it| {
        conf(it).callout = None;
    }),
    (&[Code::CalloutAccountDiffers], |it| {
        conf(it).callout.as_mut().unwrap().account = "OTHER".to_owned();
    }),
    (&[Code::CalloutUserMissing], |it| {
        conf(it).callout.as_mut().unwrap().auth_users = vec!["U-OTHER".to_owned()];
    }),
    (&[Code::CalloutIssuerDiffers], |it| {
        conf(it).callout.as_mut().unwrap().issuer = "A-OTHER".to_owned();
    }),
    (&[Code::CalloutIssuerDiffers], |it| {
        read(it, |request| request.expected = "A-OTHER".to_owned());
    }),
    (&[Code::CalloutXkeyDiffers], |it| {
        conf(it).callout.as_mut().unwrap().xkey = Some("X-OTHER".to_owned());
    }),
    (&[Code::CalloutXkeyDiffers], |it| {
        probed(it, Some(ObservedRequest::OtherXkey));
    }),
    (&[Code::CalloutXkeyMissingHere; 2], |it| {
        settings(it).xkey = OwnXkey::Absent;
        probed(it, Some(ObservedRequest::Encrypted));
    }),
    (&[Code::CalloutXkeyMissingThere; 2], |it| {
        conf(it).callout.as_mut().unwrap().xkey = None;
        read(it, |request| request.encrypted = false);
    }),
    (&[Code::ServerNotTrusted], |it| {
        read(it, |request| request.trusted = false);
    }),
    (&[Code::RequestInvalid], |it| {
        read(it, |request| {
            request.fault =
                Some("the request is valid for 90 s, and at most 60 s are accepted".to_owned());
        });
    }),
    (&[Code::CalloutTimeoutTooShort; 3], |it| {
        conf(it).timeout = Some(0.5);
        it.system.as_mut().unwrap().as_mut().unwrap().servers[0].auth_timeout = 0.5;
        read(it, |request| request.lifetime = Some(1));
    }),
    (&[Code::ClockDiffers], |it| {
        read(it, |request| request.ahead = 300);
    }),
    (&[Code::ClockDiffers], |it| {
        read(it, |request| request.ahead = -300);
    }),
    (&[Code::AccountMissing], |it| {
        let missing = settings(it).targets.clone();
        it.system
            .as_mut()
            .unwrap()
            .as_mut()
            .unwrap()
            .missing_targets = Ok(missing);
    }),
    (&[Code::AccountMissing], |it| {
        it.system = None;
        conf(it).accounts = vec!["$G".to_owned()];
    }),
    (&[Code::ServerConfUnreadable], |it| {
        it.server_conf = Some(Err("`server.conf`: line 3: a map has no `}`".to_owned()));
    }),
    (&[Code::SystemLoginRefused], |it| {
        it.system = Some(Err("gave up connecting to nats after 1 attempts".to_owned()));
    }),
    (&[Code::BypassOpen], |it| {
        bypass(it, ProbeAnswer::LetIn, false);
    }),
    (&[Code::BypassClosed], |it| {
        bypass(it, ProbeAnswer::Refused, true);
    }),
    (&[Code::BypassUnclear], |it| {
        bypass(it, ProbeAnswer::LetIn, true);
    }),
    (&[Code::BypassUnclear], |it| {
        bypass(it, ProbeAnswer::Refused, false);
    }),
    (&[Code::LocksInForce], |it| {
        locked(it, None);
        locked(it, Some(NOW));
        let damaged = locked(it, None);
        damaged.key = "user.bob".to_owned();
        damaged.since = NOW - DAY;
        damaged.lock = None;
    }),
    (&[Code::LocksInForce, Code::LockEndsSoon], |it| {
        locked(it, Some(NOW + DAY - 1));
    }),
    (&[Code::LocksInForce, Code::LockEndsSoon], |it| {
        locked(it, None).expires = Some(NOW + DAY - 1);
    }),
    (&[Code::LockLasting, Code::LocksInForce], |it| {
        locked(it, None).since = NOW - 31 * DAY;
    }),
    (&[Code::LockLasting, Code::LocksInForce], |it| {
        locked(it, Some(NOW + 29 * DAY));
    }),
    (&[Code::LocksUnreadable], |it| {
        locks(it).known = Err("the bucket is missing".to_owned());
    }),
    (&[Code::LocksCopyStale], |it| {
        locks(it).copy = LockCopyFound::Confirmed(NOW - DAY);
    }),
    (&[Code::LocksCopyStale], |it| {
        locks(it).copy = LockCopyFound::Unusable("it is no copy of locks".to_owned());
    }),
    (&[Code::HostAbsent], |it| {
        it.services = Ok(Vec::new());
    }),
    (&[Code::HostNotDeciding], |it| {
        it.services = Ok(vec![service("one", "denying", "q", "4f2a")]);
    }),
    (&[Code::HostNotDeciding], |it| {
        it.services = Ok(vec![service("one", "no", "q", "4f2a")]);
    }),
    (&[Code::HostNotReady], |it| {
        let reasons = ["issuer-keys: a reason", "own-login: another"];
        let reasons = reasons.map(str::to_owned).to_vec();
        it.health = Some(HostHealth::Running {
            not_ready: Some(reasons),
            trouble: Vec::new(),
        });
    }),
    (&[Code::HostImpaired], |it| {
        let trouble = "`portcullis_policies_not_kept` is 1: a restart does not find these policies";
        it.health = Some(HostHealth::Running {
            not_ready: None,
            trouble: vec![trouble.to_owned()],
        });
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::StorageFull);
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::PermissionDenied);
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::ReadOnlyFilesystem);
    }),
    (&[Code::RecordsStreamMissing], |it| {
        let stream = it.records.as_mut().unwrap().stream.as_mut();
        stream.unwrap().found = Ok(None);
    }),
    (&[Code::HostsDiffer], |it| {
        let (one, mut two) = (
            service("one", "yes", "q", "4f2a"),
            service("two", "yes", "q", "77ab"),
        );
        two.version = "0.2.0".to_owned();
        let facts = two.metadata.as_mut().unwrap();
        facts.insert("rules".to_owned(), "90ff".to_owned());
        it.services = Ok(vec![one, two]);
    }),
    (&[Code::QueueGroupsDiffer], |it| {
        it.services = Ok(vec![
            service("one", "yes", "q", "4f2a"),
            service("two", "yes", "other", "4f2a"),
        ]);
    }),
];

fn report_of(change: Break) -> Report {
    let mut evidence = good();
    change(&mut evidence);
    checks::run(&evidence)
}

#[test]
fn nothing_is_found_where_host_and_servers_agree_and_everything_was_looked_at() {
    let report = report_of(|_| {});
    assert_eq!(report.findings, []);
    assert_eq!(report.not_looked_at, []);
    assert_eq!(report.code(), ExitCode::Success);
    insta::assert_snapshot!(report.to_text(), @r"
    looked at: configuration and policies, state directory, credentials, certificates, limits of this process, issuers' keys, readiness of the host on this machine, servers, releases of servers, login of the host's user, permissions of the host's user, probe login, issuer, xkey and trust, timeout, clock, server configuration, system account, target accounts, token sizes, message sizes, JetStream, decision records, locks, hosts
    found: 0 errors, 0 warnings
    ");
}

#[test]
fn a_server_may_expect_another_key_of_the_host_while_keys_are_rotated() {
    let report = report_of(|it| {
        settings(it).other_issuers = vec!["A-NEXT".to_owned()];
        settings(it).other_xkeys = vec!["X-NEXT".to_owned()];
        let callout = conf(it).callout.as_mut().unwrap();
        callout.issuer = "A-NEXT".to_owned();
        callout.xkey = Some("X-NEXT".to_owned());
        read(it, |request| request.expected = "A-NEXT".to_owned());
    });
    assert_eq!(report.findings, []);
}

#[test]
fn every_break_is_found_by_its_code_and_every_code_has_a_break() {
    let mut found = BTreeSet::new();
    for (codes, change) in BREAKS {
        let report = report_of(*change);
        let actual: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(actual, *codes, "{report:#?}");
        found.extend(codes.iter().map(|code| code.as_str()));
        let expected = match codes[0].severity() {
            Severity::Error => ExitCode::FoundErrors,
            Severity::Warning => ExitCode::FoundWarnings,
            Severity::Info => ExitCode::Success,
        };
        assert_eq!(report.code(), expected);
    }
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(found, all);
}

#[test]
fn the_text_of_every_finding_is_as_reviewed() {
    let reports = BREAKS.iter().map(|(_, change)| report_of(*change));
    let findings: Vec<_> = reports.flat_map(|report| report.findings).collect();
    let texts: Vec<_> = findings.iter().map(render).collect();
    insta::assert_snapshot!("findings", texts.join("\n\n"));
}

#[test]
fn every_finding_as_json_is_as_reviewed() {
    let reports = BREAKS.iter().map(|(_, change)| report_of(*change));
    let report = Report {
        findings: reports.flat_map(|report| report.findings).collect(),
        looked_at: Vec::new(),
        not_looked_at: vec![("a check", "a reason".to_owned())],
    };
    let json = serde_json::to_string_pretty(&report.to_json()).unwrap();
    insta::assert_snapshot!("findings-json", json);
}

#[test]
fn a_check_that_cannot_run_is_named_with_the_reason() {
    let report = report_of(|evidence| {
        evidence.settings = None;
        evidence.machine = None;
        evidence.health = None;
        evidence.state = None;
        evidence.records = None;
        evidence.servers = Vec::new();
        evidence.services = Err("the configuration is invalid".to_owned());
        evidence.server_conf = None;
        evidence.system = None;
    });
    assert_eq!(report.looked_at, ["configuration and policies"]);
    let names: Vec<_> = report.not_looked_at.iter().map(|(name, _)| *name).collect();
    for name in [
        "state directory",
        "servers",
        "clock",
        "target accounts",
        "hosts",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let without = report_of(|evidence| {
        evidence.server_conf = None;
        evidence.system = None;
    });
    let reasons: Vec<_> = without
        .not_looked_at
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        reasons,
        ["server configuration", "system account", "target accounts"]
    );
}

#[test]
fn texts_of_servers_stay_on_their_line() {
    let hostile =
        Finding::new(Code::LoginRefused, "a\nfound: 0 errors", "b\u{1b}[2J").because("c\r");
    assert_eq!(render(&hostile).lines().count(), 3);
    assert!(!render(&hostile).contains('\u{1b}'));
}

#[test]
fn the_reference_lists_every_code() {
    let mut table = "| code | severity | meaning |\n| --- | --- | --- |\n".to_owned();
    for code in Code::ALL {
        let (name, severity, meaning) = (code.as_str(), code.severity(), code.meaning());
        writeln!(table, "| `{name}` | {severity} | {meaning} |").unwrap();
    }
    let page = include_str!("../../../../docs/reference/doctor.md");
    assert!(page.contains(&table), "the page should contain\n{table}");
}

#[test]
fn the_report_as_json_has_all_of_it() {
    let json = report_of(|evidence| probed(evidence, None)).to_json();
    assert_eq!(json["findings"][0]["code"], "callout-not-asked");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["errors"], 1);
    assert_eq!(json["not_looked_at"][0]["check"], "issuer, xkey and trust");
}
