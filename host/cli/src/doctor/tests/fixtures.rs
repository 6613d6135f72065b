//! Evidence of a host and a server that agree, and the parts that breaks change.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use portcullis_authority::{Lock, PermitRules, TargetAccounts};
use portcullis_callout::{FoundService, Obstacle, OwnUser, QueueGroup, ServiceEndpoint};
use portcullis_connect::{PermissionSide, RequiredPermission};
use portcullis_toml::Problem;

use crate::doctor::evidence::*;
use crate::doctor::server_conf::{CalloutConf, ServerConf};

pub(in crate::doctor) const NOW: u64 = 1_795_300_862;
pub(in crate::doctor) const DAY: u64 = 24 * 60 * 60;

/// Returns the evidence of a host and a server that agree.
pub(in crate::doctor) fn good() -> Evidence {
    let target = Target {
        name: "APP".to_owned(),
        id: "APP".to_owned(),
        signers: Vec::new(),
    };
    Evidence {
        now: NOW,
        file: "portcullis.toml".into(),
        problems: Vec::new(),
        settings: Some(Settings {
            issuer: Some("A-OWN".to_owned()),
            other_issuers: Vec::new(),
            signer: Some("A-OWN".to_owned()),
            xkey: OwnXkey::Key("X-OWN".to_owned()),
            other_xkeys: Vec::new(),
            user: Some("U-OWN".to_owned()),
            group: QueueGroup::new("AUTH".parse().unwrap()),
            operator_mode: false,
            tls_first: false,
            tls_required: false,
            deadline: Duration::from_secs(1),
            clock_skew: Duration::from_secs(5),
            rules: PermitRules {
                accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse().unwrap()])),
                ..PermitRules::default()
            },
            system_account: "SYS".parse().unwrap(),
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
            issuers: BTreeMap::new(),
        }),
        state: Some(StateDirectory {
            path: "state".into(),
            trial: WriteTrial::Written,
        }),
        records: Some(records()),
        locks: Some(Locks {
            bucket: "locks".to_owned(),
            known: Ok(Vec::new()),
            file: "state/locks.json".into(),
            copy: LockCopyFound::Confirmed(NOW - 60),
        }),
        names: vec![named("APP", Namer::Settings)],
        rejected: Some(Ok(Vec::new())),
        servers: vec![server()],
        connections: vec![OtherConnection {
            table: "records.stream.nats",
            missing: Ok(Some(Vec::new())),
        }],
        services: Ok(vec![service("one", "yes", "q", "4f2a")]),
        server_conf: Some(Ok(server_conf())),
        system: Some(Ok(System {
            servers: vec![SystemServer {
                name: "n1".to_owned(),
                version: "2.15.3".to_owned(),
                auth_timeout: 5.0,
                max_control_line: Some(4096),
                sync_interval: Some(Duration::from_mins(2)),
            }],
            accounts: ["$G", "AUTH", "APP", "SYS"].map(str::to_owned).to_vec(),
            own_account: Some("SYS".to_owned()),
            missing_targets: Ok(Vec::new()),
            callout: None,
            targets: BTreeMap::new(),
        })),
    }
}

fn records() -> Records {
    Records {
        file: Some(RecordFile {
            path: "records/decisions.jsonl".into(),
            trial: WriteTrial::Absent,
        }),
        stream: Some(RecordStream {
            subject: "portcullis.decisions".to_owned(),
            found: Ok(Some("DECISIONS".to_owned())),
        }),
    }
}

fn server_conf() -> ServerConf {
    ServerConf {
        operator_mode: false,
        callout: Some(CalloutConf {
            issuer: "A-OWN".to_owned(),
            account: "AUTH".to_owned(),
            auth_users: vec!["U-OWN".to_owned()],
            xkey: Some("X-OWN".to_owned()),
        }),
        accounts: ["$G", "AUTH", "APP", "SYS"].map(str::to_owned).to_vec(),
        system_account: "SYS".to_owned(),
        timeout: Some(5.0),
        max_control_line: None,
    }
}

pub(in crate::doctor) fn server() -> Server {
    Server {
        address: "nats://n1:4222".to_owned(),
        resolved: Some("`n1` resolves to `192.0.2.7`".to_owned()),
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
pub(in crate::doctor) fn denied() -> Probe {
    Probe {
        answer: ProbeAnswer::Refused,
        after: Duration::from_millis(4),
        request: Ok(Some(ObservedRequest::Read(Box::new(request())))),
    }
}

pub(in crate::doctor) fn request() -> ReadRequest {
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

/// Returns an account that a place of this kind names.
pub(in crate::doctor) fn named(name: &str, namer: Namer) -> NamedAccount {
    let (file, key) = match namer {
        Namer::Settings => ("policies/users.toml", "settings.users.alice.account"),
        Namer::Assertion => ("assertions.toml", "account of `nobody reads payroll`"),
        Namer::Configuration => ("portcullis.toml", "ceilings.accounts.OTHER"),
    };
    NamedAccount {
        name: name.to_owned(),
        namer,
        file: file.into(),
        line: (namer != Namer::Configuration).then_some(7),
        key: key.to_owned(),
    }
}

/// Makes every account except the system account one that policies may place users in.
pub(in crate::doctor) fn open_to_all(evidence: &mut Evidence) {
    let settings = settings(evidence);
    settings.targets = Vec::new();
    settings.rules.accounts = TargetAccounts::Any {
        named: BTreeSet::new(),
        barred: BTreeSet::from([settings.system_account.clone()]),
    };
}

pub(in crate::doctor) fn service(id: &str, word: &str, group: &str, digest: &str) -> FoundService {
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

pub(in crate::doctor) type Break = fn(&mut Evidence);

pub(in crate::doctor) fn settings(evidence: &mut Evidence) -> &mut Settings {
    evidence.settings.as_mut().unwrap()
}

pub(in crate::doctor) fn probed(evidence: &mut Evidence, request: Option<ObservedRequest>) {
    evidence.servers[0].probe.as_mut().unwrap().request = Ok(request);
}

pub(in crate::doctor) fn read(evidence: &mut Evidence, change: fn(&mut ReadRequest)) {
    let mut read = request();
    change(&mut read);
    probed(evidence, Some(ObservedRequest::Read(Box::new(read))));
}

pub(in crate::doctor) fn fail(evidence: &mut Evidence, greeting: Greeting, error: &str) {
    let server = &mut evidence.servers[0];
    server.greeting = greeting;
    server.login = Login::Failed(error.to_owned());
    server.user = None;
    server.probe = Err("no connection is made".to_owned());
}

pub(in crate::doctor) fn conf(evidence: &mut Evidence) -> &mut ServerConf {
    evidence.server_conf.as_mut().unwrap().as_mut().unwrap()
}

/// Makes the host and the servers ones of operator mode that agree. Returns the JWT of the callout
/// account.
pub(in crate::doctor) fn operated(evidence: &mut Evidence) -> &mut AccountJwt {
    let settings = settings(evidence);
    settings.operator_mode = true;
    "A-APP".clone_into(&mut settings.targets[0].id);
    settings.targets[0].signers = vec!["A-APP-1".to_owned()];
    let jwt = AccountJwt {
        place: "server `n1`".to_owned(),
        auth_users: vec!["U-OWN".to_owned()],
        allowed_accounts: vec!["A-APP".to_owned()],
        xkey: Some("X-OWN".to_owned()),
        signers: vec!["AUTH".to_owned(), "A-OWN".to_owned()],
    };
    let of_target = AccountJwt {
        place: "server `n1`".to_owned(),
        signers: vec!["A-APP".to_owned(), "A-APP-1".to_owned()],
        ..AccountJwt::default()
    };
    let system = evidence.system.as_mut().unwrap().as_mut().unwrap();
    system.targets.insert("APP".to_owned(), Ok(vec![of_target]));
    let jwts = system.callout.insert(Ok(vec![jwt]));
    &mut jwts.as_mut().unwrap()[0]
}

pub(in crate::doctor) fn lacking(vital: bool) -> OwnUser {
    let lacks = RequiredPermission {
        side: PermissionSide::Publish,
        subject: "$SRV.INFO".to_owned(),
        instead: Vec::new(),
        purpose: "find other hosts that take part",
    };
    let obstacle = vital.then(|| Obstacle::NotPermitted(lacks.clone()));
    OwnUser {
        obstacles: obstacle.into_iter().collect(),
        missing: vec![lacks],
    }
}

pub(in crate::doctor) fn problem(problem: Problem) -> Vec<Problem> {
    vec![problem.at_key("callout.deadline")]
}

pub(in crate::doctor) fn trusting(evidence: &mut Evidence, credential_ends: u64) {
    evidence.credentials = vec![Credential {
        place: "`keys/service.creds` (`nats.creds-file`)".to_owned(),
        expires_at: Some(credential_ends),
    }];
}

/// Adds a certificate that is valid for a year until `end`.
pub(in crate::doctor) fn certified(evidence: &mut Evidence, end: u64) {
    evidence.certificates = vec![Certificate {
        place: "server `nats://n1:4222`".to_owned(),
        subject: "CN=n1".to_owned(),
        not_before: i64::try_from(end - 365 * DAY).unwrap(),
        not_after: i64::try_from(end).unwrap(),
    }];
}

/// Makes the server one of this release.
pub(in crate::doctor) fn released(evidence: &mut Evidence, version: &str) {
    evidence.system = None;
    if let Greeting::Info(info) = &mut evidence.servers[0].greeting {
        version.clone_into(&mut info.version);
    }
}

pub(in crate::doctor) fn locks(evidence: &mut Evidence) -> &mut Locks {
    evidence.locks.as_mut().unwrap()
}

/// Makes a lock since two days before the run with this end.
pub(in crate::doctor) fn locked(evidence: &mut Evidence, until: Option<u64>) -> &mut FoundLock {
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
pub(in crate::doctor) fn unwritable(evidence: &mut Evidence, kind: io::ErrorKind) {
    let file = evidence.records.as_mut().unwrap().file.as_mut();
    file.unwrap().trial = WriteTrial::Failed {
        bytes: 1 << 20,
        kind,
        error: kind.to_string(),
    };
}

pub(in crate::doctor) fn keys(evidence: &mut Evidence, keys: Result<usize, String>) {
    let name = "company".to_owned();
    let required = keys.is_err();
    evidence.issuers = vec![IssuerKeys {
        name,
        keys,
        required,
    }];
}

/// Has the host that runs hold this number of keys of the issuer.
pub(in crate::doctor) fn held(evidence: &mut Evidence, keys: u64, fetched_at: Option<u64>) {
    let held = HeldKeys { keys, fetched_at };
    evidence.health = Some(HostHealth::Running {
        not_ready: None,
        trouble: Vec::new(),
        issuers: BTreeMap::from([("company".to_owned(), held)]),
    });
}

/// Adds the result of `--bypass`.
pub(in crate::doctor) fn bypass(evidence: &mut Evidence, answer: ProbeAnswer, is_asked: bool) {
    let request = denied().request;
    evidence.servers[0].bypass = Some(Ok(Probe {
        answer,
        request: if is_asked { request } else { Ok(None) },
        ..denied()
    }));
}
