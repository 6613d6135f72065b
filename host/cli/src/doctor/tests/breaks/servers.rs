//! Breaks of what servers do and say: release, limits, connection, callout, requests.

use std::time::Duration;

use portcullis_callout::Obstacle;

use super::Broken;
use crate::doctor::evidence::*;
use crate::doctor::finding::Code;
use crate::doctor::tests::fixtures::*;

pub(super) const BREAKS: &[Broken] = &[
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
        let error = "cannot use tls: `tls/a.pem` and `tls/a.key` are not a certificate and its key";
        fail(it, greeting, error);
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
    (&[Code::PermissionMissing], |it| {
        let lacks = lacking(false).missing;
        it.connections[0].missing = Ok(Some(lacks));
    }),
    (&[Code::ConnectionFailed], |it| {
        it.connections[0].missing = Err("Connection refused (os error 111)".to_owned());
    }),
    (&[Code::ConnectionFailed], |it| {
        it.connections[0] = OtherConnection {
            table: "system",
            missing: Err("`n1` refuses the login".to_owned()),
        };
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
];
