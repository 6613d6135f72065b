//! Exports and imports as arguments: `KIND:SUBJECT` and options after commas.

use portcullis_accounts::{AccountJwt, Store, StoreError};
use portcullis_claims::{
    AccountFields, ActivationClaims, Export, Import, KeyKind, PublicKey, ShareKind,
};

use super::report::{failure, wrong};
use super::values::misplaced_wildcard;
use crate::failure::Failure;

const EXPORT: &str = "KIND:SUBJECT[,token][,advertise][,trace][,response=FORM][,name=NAME]";
const IMPORT: &str = "KIND:ACCOUNT:SUBJECT[,as=SUBJECT][,share][,trace][,name=NAME]";

/// An option after a comma: `NAME` or `NAME=VALUE`.
type Pair<'a> = (&'a str, Option<&'a str>);

/// Adds an export. Replaces one of the same kind and subject.
pub(super) fn add_export(account: &mut AccountFields, text: &str) -> Result<(), Failure> {
    let (head, options) = split(text);
    let (kind, subject) = head
        .split_once(':')
        .ok_or_else(|| malformed(text, EXPORT))?;
    check_subject(subject)?;
    let mut export = Export {
        subject: subject.to_owned(),
        kind: Some(share_kind(kind, text, EXPORT)?),
        ..Export::default()
    };
    for (name, value) in options {
        match (name, value) {
            ("token", None) => export.token_req = true,
            ("advertise", None) => export.advertise = true,
            ("trace", None) => export.allow_trace = true,
            ("response", Some(form)) => form.clone_into(&mut export.response_type),
            ("name", Some(name)) => name.clone_into(&mut export.name),
            _ => return Err(malformed(text, EXPORT)),
        }
    }
    let same = |other: &Export| (other.kind, &other.subject) == (export.kind, &export.subject);
    account.exports.retain(|other| !same(other));
    account.exports.push(export);
    Ok(())
}

/// Adds an import into the account `importer`. Replaces one of the same kind, account and subject.
///
/// If the store has the exporting account and its export needs a token, its key signs one.
pub(super) fn add_import(
    store: &Store,
    importer: &str,
    account: &mut AccountFields,
    text: &str,
    now: u64,
) -> Result<(), Failure> {
    let (head, options) = split(text);
    let mut parts = head.splitn(3, ':');
    let (Some(kind), Some(exporter), Some(subject)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed(text, IMPORT));
    };
    let kind = share_kind(kind, text, IMPORT)?;
    let known = match store.account(exporter) {
        Ok(known) => Some(known),
        // An account of another operator is named by its key.
        Err(StoreError::Unknown { .. }) if PublicKey::is_valid(exporter, KeyKind::Account) => None,
        Err(error) => return Err(failure(error)),
    };
    let mut import = Import {
        subject: subject.to_owned(),
        account: known
            .as_ref()
            .map_or(exporter, |known| known.account.as_str())
            .to_owned(),
        kind: Some(kind),
        ..Import::default()
    };
    for (name, value) in options {
        match (name, value) {
            ("as", Some(subject)) => subject.clone_into(&mut import.local_subject),
            ("share", None) => import.share = true,
            ("trace", None) => import.allow_trace = true,
            ("name", Some(name)) => name.clone_into(&mut import.name),
            _ => return Err(malformed(text, IMPORT)),
        }
    }
    check_subject(subject)?;
    check_not_own(&import, importer)?;
    if let Some(exporter) = known {
        check_offer(&exporter, &import)?;
        import.token = activation(store, &exporter, importer, &import, now)?;
    }
    let same = |other: &Import| {
        (other.kind, &other.account, &other.subject)
            == (import.kind, &import.account, &import.subject)
    };
    account.imports.retain(|other| !same(other));
    account.imports.push(import);
    Ok(())
}

/// Checks the imports of `importer` that are not among those before. A patch has added them.
pub(super) fn check_added(
    store: &Store,
    importer: &str,
    before: &[Import],
    imports: &[Import],
) -> Result<(), Failure> {
    for import in imports.iter().filter(|import| !before.contains(import)) {
        check_not_own(import, importer)?;
        let exporter = match store.account(&import.account) {
            Ok(exporter) => exporter,
            // An account of another operator. The validation looks at its key.
            Err(StoreError::Unknown { .. }) => continue,
            Err(error) => return Err(failure(error)),
        };
        check_offer(&exporter, import)?;
        if import.token.is_empty() && needs_token(&exporter, import) {
            let subject = &import.subject;
            return Err(wrong(format!(
                "the export of `{subject}` needs an activation token: import it with `--import`, \
                 which signs one"
            )));
        }
    }
    Ok(())
}

fn check_not_own(import: &Import, importer: &str) -> Result<(), Failure> {
    if import.account == importer {
        return Err(wrong("an account does not import what it exports itself"));
    }
    Ok(())
}

fn needs_token(exporter: &AccountJwt, import: &Import) -> bool {
    let offers = exporter.claims.nats.exports.iter();
    let mut offers = offers.filter(|export| export.kind == import.kind && export.token_req);
    offers.any(|export| covers(&export.subject, &import.subject))
}

fn check_subject(subject: &str) -> Result<(), Failure> {
    misplaced_wildcard(subject).map_or(Ok(()), |problem| Err(wrong(problem)))
}

/// Checks that the exporting account offers what is imported. Servers would leave the import out.
fn check_offer(exporter: &AccountJwt, import: &Import) -> Result<(), Failure> {
    let mut offers = exporter.claims.nats.exports.iter();
    let is_offered =
        offers.any(|export| export.kind == import.kind && covers(&export.subject, &import.subject));
    if is_offered {
        return Ok(());
    }
    let name = exporter.claims.name.as_deref();
    let name = name.unwrap_or(exporter.account.as_str());
    let kind = match import.kind {
        Some(ShareKind::Service) => "service",
        _ => "stream",
    };
    let subject = &import.subject;
    Err(wrong(format!(
        "the account `{name}` exports no {kind} `{subject}`; export it first, with \
         `portcullis account edit {name} --export {kind}:{subject}`"
    )))
}

/// Returns an activation token of the exporting account. Empty if its export needs none.
fn activation(
    store: &Store,
    exporter: &AccountJwt,
    importer: &str,
    import: &Import,
    now: u64,
) -> Result<String, Failure> {
    let Some(kind) = import.kind.filter(|_| needs_token(exporter, import)) else {
        return Ok(String::new());
    };
    let key = exporter.account.as_str();
    let signer = store.keys().first_of(&[key]).map_err(failure)?;
    let signer = signer.signer().map_err(Failure::internal)?;
    let mut claims = ActivationClaims::new(importer, &import.subject, kind, now);
    claims.name = Some(import.subject.clone());
    claims.sign(&signer).map_err(Failure::internal)
}

/// Returns whether every subject that `inner` stands for is one of `outer`.
fn covers(outer: &str, inner: &str) -> bool {
    let (mut outer, mut inner) = (outer.split('.'), inner.split('.'));
    loop {
        match (outer.next(), inner.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(pattern), Some(token)) if pattern == token => {}
            _ => return false,
        }
    }
}

/// Removes the exports of a subject.
pub(super) fn remove_export(account: &mut AccountFields, subject: &str) -> Result<(), Failure> {
    let before = account.exports.len();
    account.exports.retain(|export| export.subject != subject);
    removed("export", subject, before != account.exports.len())
}

/// Removes the imports of a subject.
pub(super) fn remove_import(account: &mut AccountFields, subject: &str) -> Result<(), Failure> {
    let before = account.imports.len();
    account.imports.retain(|import| import.subject != subject);
    removed("import", subject, before != account.imports.len())
}

fn removed(what: &str, subject: &str, found: bool) -> Result<(), Failure> {
    if found {
        return Ok(());
    }
    Err(wrong(format!(
        "the account has no {what} `{subject}`; `portcullis account describe` shows those it has"
    )))
}

fn split(text: &str) -> (&str, impl Iterator<Item = Pair<'_>>) {
    let mut parts = text.split(',');
    let head = parts.next().unwrap_or_default();
    let pairs = parts.map(|part| match part.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (part, None),
    });
    (head, pairs)
}

fn share_kind(kind: &str, text: &str, form: &str) -> Result<ShareKind, Failure> {
    match kind {
        "stream" => Ok(ShareKind::Stream),
        "service" => Ok(ShareKind::Service),
        _ => Err(malformed(text, form)),
    }
}

fn malformed(text: &str, form: &str) -> Failure {
    wrong(format!(
        "`{text}` is not of the form {form}, with `stream` or `service` as KIND"
    ))
}
