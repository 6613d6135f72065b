use super::*;
use crate::fixtures::NOW;

fn key() -> IssuerKey {
    IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap()
}

fn permit(account: &str, role: Option<&str>) -> Permit {
    let mut builder = Permit::builder(account, NOW);
    if let Some(role) = role {
        builder.role(role);
    }
    builder.finish().unwrap()
}

/// Returns keys of operator mode. `APP` signs with its own key and has the role `reader`;
/// `JOBS` has roles only.
fn operator() -> (Issuers, [String; 2]) {
    let (app, reader, jobs) = (key(), key(), key());
    let keys = [app.public_key().to_owned(), reader.public_key().to_owned()];
    let account = |key: &IssuerKey| key.public_key().parse().unwrap();
    let accounts = BTreeMap::from([
        (
            "APP".parse().unwrap(),
            AccountIssuer {
                key: account(&app),
                roles: BTreeMap::from([("reader".to_owned(), reader)]),
                issuer: Some(app),
            },
        ),
        (
            "JOBS".parse().unwrap(),
            AccountIssuer {
                key: account(&jobs),
                issuer: None,
                roles: BTreeMap::new(),
            },
        ),
    ]);
    let callout = key();
    let account = account(&callout);
    let issuers = Issuers::Operator(Box::new(OperatorIssuers::new(account, callout, accounts)));
    (issuers, keys)
}

#[test]
fn accounts_are_known_by_name_and_by_key() {
    let (issuers, [app, reader]) = operator();
    for account in ["APP", &app] {
        let Issuers::Operator(operator) = &issuers else {
            panic!("{issuers:?}")
        };
        let (name, _) = named(&operator.accounts, &account.parse().unwrap()).unwrap();
        assert_eq!(name.as_str(), "APP");
        let plain = issuers.for_permit(&permit(account, None)).unwrap();
        assert_eq!(plain.key().public_key(), app);
        let scoped = issuers
            .for_permit(&permit(account, Some("reader")))
            .unwrap();
        assert_eq!(scoped.key().public_key(), reader);
        assert!(matches!(scoped, UserIssuer::Operator { scoped: true, .. }));
    }
}

#[test]
fn a_permit_without_a_signer_is_named() {
    let (issuers, _) = operator();
    let error = |account, role| {
        issuers
            .for_permit(&permit(account, role))
            .unwrap_err()
            .to_string()
    };
    assert!(error("OTHER", None).contains("no signing key for account `OTHER`"));
    assert!(error("APP", Some("writer")).contains("it has `reader`"));
    assert!(error("JOBS", None).contains("it has none"));
    let mut builder = Permit::builder("APP", NOW);
    builder.role("reader");
    builder.publish_deny(">");
    let own = builder.finish().unwrap();
    assert_eq!(
        issuers.for_permit(&own).unwrap_err(),
        NoIssuer::PermissionsBesideRole("reader".to_owned())
    );
    let mut builder = Permit::builder("APP", NOW);
    builder.role("reader");
    builder.time_allow("08:00:00", "17:00:00");
    builder.times_location("Europe/Berlin");
    assert_eq!(
        issuers.for_permit(&builder.finish().unwrap()).unwrap_err(),
        NoIssuer::BoundsBesideRole("reader".to_owned())
    );
    let config = Issuers::Config(key());
    assert!(config.for_permit(&permit("APP", Some("reader"))).is_err());
    assert!(config.for_permit(&permit("APP", None)).is_ok());
}

#[test]
fn responses_name_the_callout_account_when_their_signer_is_not_it() {
    let (own, _) = operator();
    assert_eq!(own.response_account(), None);
    let callout = key();
    let account: PublicKey = callout.public_key().parse().unwrap();
    let signing = Issuers::Operator(Box::new(OperatorIssuers::new(
        account.clone(),
        key(),
        BTreeMap::new(),
    )));
    assert_eq!(signing.response_account(), Some(account.as_str()));
    assert_eq!(signing.request_subject(), account.as_str());
}

#[test]
fn an_added_account_signs_until_it_is_removed() {
    let (issuers, [app, _]) = operator();
    let Issuers::Operator(operator) = &issuers else {
        panic!("{issuers:?}")
    };
    let added = || {
        let key = key();
        let issuer = AccountIssuer {
            key: key.public_key().parse().unwrap(),
            issuer: Some(key),
            roles: BTreeMap::new(),
        };
        (issuer.key.to_string(), issuer)
    };
    let signer = |account: &str| {
        let permit = permit(account, None);
        let added = issuers.added(&permit);
        let issuers = added.as_deref().unwrap_or(&issuers);
        let issuer = issuers.for_permit(&permit);
        issuer.map(|issuer| issuer.key().public_key().to_owned())
    };
    let (key, issuer) = added();
    operator.add("NEW".parse().unwrap(), issuer);
    assert_eq!(signer("NEW").unwrap(), key);
    // The callout account is the same, and the configured accounts keep their keys.
    let new = issuers.added(&permit("NEW", None)).unwrap();
    assert_eq!(new.request_subject(), issuers.request_subject());
    let (_, other) = added();
    operator.add("APP".parse().unwrap(), other);
    assert_eq!(signer("APP").unwrap(), app);
    operator.remove(&"NEW".parse().unwrap());
    assert!(matches!(signer("NEW"), Err(NoIssuer::Account(_))));
}
