//! Arguments that intents refuse, and lists that they never emit.

use super::*;
use crate::profile::{Combination, Profile};
use crate::template::Values;
use crate::{Permit, Request, Subject};

/// Names that are not one literal token.
const BAD_NAMES: [&str; 12] = [
    "", ".", "*", ">", "a.b", "a.*", "a.>", "a b", "a\t", "{{a}}", "$JS", "\u{a0}",
];

/// Filters and keys that a hostile client could widen, or that the host would reject.
const BAD_FILTERS: [&str; 7] = ["*", "a.*", "a.*.*", "", "a..b", "a.>.b", "a b"];

/// Subjects of the server, which intents of applications refuse.
const OF_THE_SERVER: [&str; 9] = [
    ">",
    "*",
    "*.a",
    "$JS.API.>",
    "$SYS.REQ.>",
    "$KV.b.k",
    "_INBOX.>",
    "_INBOX.alice.>",
    "{{a}}.b",
];

fn subject(text: &str) -> Subject {
    Subject::from_checked(text.to_owned())
}

fn refused(rights: &Rights, argument: &str) {
    let shown = argument.escape_debug().to_string();
    let named = |problem: &String| problem.contains(&format!("`{shown}`"));
    assert!(rights.problems().iter().any(named), "`{shown}`: {rights:?}");
    let permit = Permit::new("APP").allow(rights.clone());
    assert!(!permit.problems().is_empty(), "{shown}");
}

#[test]
fn a_name_is_one_literal_token() {
    for name in BAD_NAMES {
        for rights in [
            subscribe_in_queue(name, ["a"]),
            reply_in_queue(name, ["a"]),
            service(name, ["a"]),
            stream(name).publish(["a"]),
            stream(name).read(["a"]),
            stream(name).last(["a"]),
            stream(name).consume("c"),
            stream(name).consume_filtered("c", "a"),
            stream(name).receive("c", "a"),
            stream(name).manage(),
            stream(name).manage_consumers(),
            stream("S").consume(name),
            stream("S").consume_filtered(name, "a"),
            stream("S").receive(name, "a"),
            stream("S").in_domain(name).consume("c"),
            stream("S").with_v2_acks("A", name).consume("c"),
            kv(name).get(["a"]),
            kv(name).put(["a"]),
            kv(name).create(["a"]),
            kv(name).watch(["a"]),
            kv(name).manage(),
            object_store(name).get(["a"]),
            object_store(name).put(["a"]),
            object_store(name).replace(["a"]),
            object_store(name).list(),
            object_store(name).manage(),
        ] {
            refused(&rights, name);
        }
    }
    let prefixed = stream("S").with_api_prefix("a.*").consume("c");
    refused(&prefixed, "*");
}

#[test]
fn a_filter_is_literal_or_ends_in_everything_below() {
    for filter in BAD_FILTERS {
        for rights in [
            stream("S").read([subject(filter)]),
            stream("S").last([subject(filter)]),
            stream("S").consume_filtered("c", subject(filter)),
            kv("b").get([subject(filter)]),
            kv("b").put([subject(filter)]),
            kv("b").create([subject(filter)]),
            kv("b").watch([subject(filter)]),
            publish([subject(filter)]),
            request([subject(filter)]),
            subscribe([subject(filter)]),
            reply([subject(filter)]),
            stream("S").publish([subject(filter)]),
        ] {
            refused(&rights, filter);
        }
    }
    for filter in [">", "a.>", "a.*.b", "a"] {
        assert!(stream("S").read([subject(filter)]).problems().is_empty());
    }
    assert_eq!(
        object_store("s").get([""]).problems(),
        ["object ``: it is empty"]
    );
    assert_eq!(private_inbox("").problems().len(), 1);
}

#[test]
fn subjects_of_the_server_are_not_an_applications() {
    for text in OF_THE_SERVER {
        for rights in [
            publish([subject(text)]),
            subscribe([subject(text)]),
            subscribe_in_queue("q", [subject(text)]),
            request([subject(text)]),
            reply([subject(text)]),
            reply_in_queue("q", [subject(text)]),
            service("s", [subject(text)]),
            stream("S").publish([subject(text)]),
            stream("S").receive("c", subject(text)),
        ] {
            refused(&rights, text);
        }
    }
}

/// The rights of every intent, with good arguments.
fn every_right() -> Vec<Rights> {
    let stream = stream("S").with_v2_acks("A", "_");
    vec![
        publish(["a"]),
        subscribe(["a"]),
        request(["a"]),
        reply(["a"]),
        service("s", ["a"]),
        discover(),
        user_info(),
        private_inbox("alice"),
        stream.publish(["a"]),
        stream.read(["a.>"]),
        stream.last(["a"]),
        stream.consume("c"),
        stream.consume_filtered("c", "a.>"),
        stream.receive("c", "d"),
        stream.manage(),
        stream.manage_consumers(),
        kv("b").get(["k.>"]),
        kv("b").put(["k.>"]),
        kv("b").create(["k"]),
        kv("b").watch(["k.>"]),
        kv("b").manage(),
        object_store("o").get(["n"]),
        object_store("o").put(["n"]),
        object_store("o").replace(["n"]),
        object_store("o").list(),
        object_store("o").manage(),
    ]
}

/// What no scoped login may have, as subjects that a hostile client would use.
const NEVER: [&str; 13] = [
    "$JS.API.CONSUMER.CREATE.S",
    "$JS.API.CONSUMER.CREATE.S.c",
    "$JS.API.CONSUMER.DURABLE.CREATE.S.c",
    "$JS.API.STREAM.MSG.GET.S",
    "$JS.API.STREAM.MSG.GET.KV_b",
    "$JS.API.STREAM.MSG.GET.OBJ_o",
    "$JS.API.DIRECT.GET.S",
    "$JS.API.DIRECT.GET.KV_b",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.DELETE.OTHER",
    "$JS.ACK.S.other.1.1.1.1.1",
    "$JS.ACK._.OTHERHSH.S.c.1.1.1.1.1",
];

#[test]
fn no_intent_emits_what_must_never_be_granted() {
    for rights in every_right() {
        assert_eq!(rights.problems(), [""; 0]);
        for never in NEVER {
            let reached = rights
                .publish()
                .iter()
                .find(|allowed| matches(allowed, never));
            assert_eq!(reached, None, "{never}");
        }
        for inbox in ["_INBOX.bob.1", "_INBOX.x"] {
            let reached = rights
                .subscribe()
                .iter()
                .find(|allowed| matches(allowed, inbox));
            assert_eq!(reached, None, "{inbox}");
        }
        let permit = Permit::new("APP").allow(rights);
        assert_eq!(permit.problems(), [""; 0]);
    }
}

/// Whether a permission covers a subject, as servers match: a literal wildcard is a token.
fn matches(allowed: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for token in allowed.split('.') {
        match (token, subject.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(other)) if token == other => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

#[test]
fn a_permit_with_a_refused_right_is_denied() {
    use crate::__private::Slot;
    use crate::{NoSettings, Policy, SettingsError, Verdict};

    struct Careless;

    impl Policy for Careless {
        type Settings = NoSettings;

        fn configure(_: NoSettings) -> Result<Self, SettingsError> {
            Ok(Self)
        }

        fn decide(&self, request: &Request) -> Verdict {
            let name = request.username().unwrap_or_default();
            Permit::new("APP")
                .allow(stream("ORDERS").consume(&name))
                .allow(stream(name).last(["a"]))
                .into()
        }
    }

    let slot = Slot::<Careless>::empty();
    slot.configure("{}").unwrap();
    let decide = |name: &str| slot.decide(&Request::builder().username(name).build());
    assert!(matches!(decide("alice"), Verdict::Permit(_)));
    let Verdict::Deny(reason) = decide("*") else {
        panic!("a consumer of every name is permitted")
    };
    assert!(
        reason.starts_with("invalid permit: consumer `*`: expected one token")
            && reason.contains("; stream `*`: expected one token"),
        "{reason}"
    );
}

const SETTINGS: &str = r#"{ "intents": {
    "private-inbox": true,
    "publish": ["app.{{ claim.sub }}.new"],
    "subscribe": ["app.{{claim.sub}}.>", "jobs.{{ claim.sub }} workers"],
    "request": ["svc.echo"],
    "reply": ["svc.a", "svc.b q"],
    "services": { "calc": ["calc.add"] },
    "discover": true,
    "user-info": true,
    "streams": { "ORDERS": {
        "publish": ["orders.new"], "read": ["orders.eu.>"], "last": ["orders.eu.1"],
        "consume": ["w-{{claim.sub}}"], "consume-filtered": { "f-{{claim.sub}}": "orders.{{claim.sub}}.>" },
        "receive": { "pusher": "deliver.orders group" }, "manage": true, "manage-consumers": true
    } },
    "key-values": { "config": {
        "get": ["app.{{claim.sub}}.>"], "watch": ["w.>"], "put": ["p"], "create": ["c"], "manage": true
    } },
    "object-stores": { "files": {
        "get": ["a"], "put": ["b"], "replace": ["c"], "list": true, "manage": true
    } },
    "v2-acks": { "account": "A" }
} }"#;

/// The rights of `SETTINGS` for `sub`.
fn rights_of(sub: &'static str) -> Permit {
    let stream = stream("ORDERS").with_v2_acks("A", "_");
    let bucket = kv("config").with_v2_acks("A", "_");
    let store = object_store("files").with_v2_acks("A", "_");
    [
        private_inbox("alice"),
        publish([crate::subject!("app.{}.new", sub)]),
        subscribe([crate::subject!("app.{}.>", sub)]),
        subscribe_in_queue("workers", [crate::subject!("jobs.{}", sub)]),
        request(["svc.echo"]),
        reply(["svc.a"]),
        reply_in_queue("q", ["svc.b"]),
        service("calc", ["calc.add"]),
        discover(),
        user_info(),
        bucket.get([crate::subject!("app.{}.>", sub)]),
        bucket.watch(["w.>"]),
        bucket.put(["p"]),
        bucket.create(["c"]),
        bucket.manage(),
        stream.publish(["orders.new"]),
        stream.read(["orders.eu.>"]),
        stream.last(["orders.eu.1"]),
        stream.consume(format!("w-{sub}")),
        stream.consume_filtered(format!("f-{sub}"), crate::subject!("orders.{}.>", sub)),
        stream.receive("pusher", "deliver.orders group"),
        stream.manage(),
        stream.manage_consumers(),
        store.get(["a"]),
        store.put(["b"]),
        store.replace(["c"]),
        store.list(),
        store.manage(),
    ]
    .into_iter()
    .fold(Permit::new("APP").with_user_name("alice"), Permit::allow)
}

/// Returns the subjects of both sides, each once and in order.
fn sides(permit: &Permit) -> [std::collections::BTreeSet<String>; 2] {
    [permit.publish(), permit.subscribe()].map(|side| side.allow.iter().cloned().collect())
}

#[test]
fn settings_and_functions_grant_the_same() {
    let profile: Profile = serde_json::from_str(SETTINGS).unwrap();
    let template = profile.template("roles.r", &[]).unwrap();
    let request = Request::builder().claims(r#"{ "sub": "eu" }"#).build();
    let values = Values::new(&request).user_name("alice");
    let mut combination = Combination::default();
    combination.add("r", &template, &values).unwrap();
    let filled = combination.add_to(Permit::new("APP").with_user_name("alice"));
    assert_eq!(sides(&filled), sides(&rights_of("eu")));
    assert_eq!(filled.problems(), [""; 0]);

    let literal = SETTINGS
        .replace("{{ claim.sub }}", "eu")
        .replace("{{claim.sub}}", "eu");
    let profile: Profile = serde_json::from_str(&literal).unwrap();
    profile.check("profiles.p").unwrap();
    let plain = profile.add_to(Permit::new("APP").with_user_name("alice"));
    assert_eq!(sides(&plain), sides(&rights_of("eu")));
}

#[test]
fn no_value_of_a_login_widens_the_intents_of_settings() {
    let profile: Profile = serde_json::from_str(SETTINGS).unwrap();
    let template = profile.template("roles.r", &[]).unwrap();
    for value in ["*", ">", "a.b", "a b", "$JS"] {
        let claims = serde_json::json!({ "sub": value }).to_string();
        let request = Request::builder().claims(&claims).build();
        let mut combination = Combination::default();
        let values = Values::new(&request).user_name("alice");
        combination.add("r", &template, &values).unwrap();
        let permit = combination.add_to(Permit::new("APP").with_user_name("alice"));
        assert_eq!(permit.problems(), [""; 0]);
        let escaped = crate::template::escape(value);
        let consumer = format!("$JS.API.CONSUMER.MSG.NEXT.ORDERS.w-{escaped}");
        assert!(permit.publish().allow.contains(&consumer), "{permit:?}");
        let unchanged = |permit: &Permit| {
            let all = sides(permit).into_iter().flatten();
            all.filter(|subject| subject.contains(value)).count()
        };
        assert_eq!(unchanged(&permit), unchanged(&rights_of("eu")), "{value}");
    }
}

#[test]
fn every_problem_of_settings_has_its_key() {
    let bad = r#"{ "intents": {
        "publish": ["{{group}}.a"],
        "services": { "a.b": ["c"] },
        "streams": { "S": { "consume": ["*"], "read": ["a.*"] } },
        "key-values": { "b": { "put": ["k.*"] } },
        "object-stores": { "o": { "get": ["{{group}}"] } },
        "domain": "hub", "api-prefix": "acme.API"
    } }"#;
    let profile: Profile = serde_json::from_str(bad).unwrap();
    let error = profile.template("r", &[]).unwrap_err().to_string();
    for start in [
        "r.intents: `domain` and `api-prefix` exclude each other",
        "r.intents.publish: subject `{{group}}.a`: begin it with a token of your own",
        "r.intents.services.a.b: service `a.b`: expected one token",
        "r.intents.streams.S.consume: consumer `*`: expected one token",
        "r.intents.streams.S.read: filter `a.*`: a hostile client uses a final `*` as `>`",
        "r.intents.key-values.b.put: key `k.*`: a hostile client",
        "r.intents.object-stores.o.get: object `{{group}}`: no place is possible in it",
    ] {
        assert!(error.contains(start), "{start} is not in {error}");
    }
    let error = profile.check("p").unwrap_err().to_string();
    assert!(
        error.contains("p.intents.streams.S.consume: consumer `*`"),
        "{error}"
    );

    let unknown = r#"{ "intents": { "streams": { "S": { "consume": ["{{clam.a}}"] } } } }"#;
    let profile: Profile = serde_json::from_str(unknown).unwrap();
    let error = profile.template("r", &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("r.intents.streams.S.consume: unknown place `{{clam.a}}`"),
        "{error}"
    );
}
