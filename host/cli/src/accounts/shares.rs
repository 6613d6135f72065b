//! Exports and imports as arguments: `KIND:SUBJECT` and options after commas.

use portcullis_accounts::{AccountJwt, Store, StoreError, Validate as _};
use portcullis_claims::{
    AccountFields, ActivationClaims, Export, Import, KeyKind, LatencySampling, PublicKey, ShareKind,
};
use serde_json::json;

use super::jwt;
use super::lifetime::Lifetime;
use super::report::{Report, absent, failure, now, wrong};
use super::values::{misplaced_wildcard, some_time};
use crate::failure::Failure;

const EXPORT: &str = "KIND:SUBJECT[,token][,advertise][,trace][,response=FORM][,threshold=TIME][,position=NUMBER][,latency=SUBJECT][,sampling=PERCENT][,name=NAME]";
const IMPORT: &str = "KIND:ACCOUNT:SUBJECT[,as=SUBJECT][,share][,trace][,token=FILE][,name=NAME]";

/// An option after a comma: `NAME` or `NAME=VALUE`.
type Pair<'a> = (&'a str, Option<&'a str>);

/// Adds an export, or changes the one of the same kind and subject, which keeps what is not given.
pub(super) fn add_export(account: &mut AccountFields, text: &str) -> Result<(), Failure> {
    let (head, options) = split(text);
    let (kind, subject) = head
        .split_once(':')
        .ok_or_else(|| malformed(text, EXPORT))?;
    check_subject(subject)?;
    let kind = Some(share_kind(kind, text, EXPORT)?);
    let same = |other: &Export| other.kind == kind && other.subject == subject;
    let known = account.exports.iter().find(|other| same(other));
    let mut export = known.cloned().unwrap_or_else(|| Export {
        subject: subject.to_owned(),
        kind,
        ..Export::default()
    });
    for (name, value) in options {
        set_option(&mut export, name, value).ok_or_else(|| malformed(text, EXPORT))?;
    }
    if let Some(latency) = &export.latency {
        if latency.results.is_empty() {
            let problem = "`sampling` needs the subject of the measurements: add `latency=SUBJECT`";
            return Err(wrong(problem));
        }
        check_subject(&latency.results)?;
    }
    account.exports.retain(|other| !same(other));
    account.exports.push(export);
    Ok(())
}

/// Sets an option of an export. `None` if there is no such option or value.
fn set_option(export: &mut Export, name: &str, value: Option<&str>) -> Option<()> {
    let is_on = || value.map_or(Some(true), |value| value.parse().ok());
    match (name, value) {
        ("token", _) => export.token_req = is_on()?,
        ("advertise", _) => export.advertise = is_on()?,
        ("trace", _) => export.allow_trace = is_on()?,
        ("response", Some(form)) => form.clone_into(&mut export.response_type),
        ("threshold", Some(time)) => {
            let time = some_time(time).ok()?;
            export.response_threshold = i64::try_from(time.as_nanos()).ok()?;
        }
        ("position", Some(number)) => export.account_token_position = number.parse().ok()?,
        ("latency", Some("")) => export.latency = None,
        ("latency", Some(subject)) => {
            subject.clone_into(&mut export.latency.get_or_insert_default().results);
        }
        ("sampling", Some(percent)) => {
            let percent = percent.parse().ok()?;
            export.latency.get_or_insert_default().sampling = LatencySampling::Percent(percent);
        }
        ("name", Some(name)) => name.clone_into(&mut export.name),
        _ => return None,
    }
    Some(())
}

/// Revokes the activation tokens of an export that the account `importer` has now, or all accounts
/// with `*`.
pub(super) fn revoke_activation(
    account: &mut AccountFields,
    importer: &str,
    export: &str,
) -> Result<(), Failure> {
    let (kind, subject) = kind_and_subject(export)?;
    let mut exports = account.exports.iter_mut();
    let found = exports.find(|export| export.kind == Some(kind) && export.subject == subject);
    let found = found.ok_or_else(|| no_such("export", subject))?;
    if !found.token_req {
        return Err(wrong(format!(
            "the export of `{subject}` needs no token, so any account imports it"
        )));
    }
    // A token that was signed right after the last revocation is a second later than that.
    let last = found.revocations.get(importer);
    let last = last.map_or(i64::MIN, |last| last.saturating_add(1));
    let until = i64::try_from(now()).unwrap_or(i64::MAX).max(last);
    found.revocations.insert(importer.to_owned(), until);
    Ok(())
}

/// Reads `KIND:SUBJECT`.
fn kind_and_subject(text: &str) -> Result<(ShareKind, &str), Failure> {
    const FORM: &str = "KIND:SUBJECT";
    let (kind, subject) = text.split_once(':').ok_or_else(|| malformed(text, FORM))?;
    let kind = share_kind(kind, text, FORM)?;
    check_subject(subject)?;
    Ok((kind, subject))
}

/// Adds an import into the account `importer`. Replaces one of the same kind, account and subject.
///
/// If the store has the exporting account and its export needs a token, its key signs one.
pub(super) fn add_import(
    store: &Store,
    importer: &str,
    account: &mut AccountFields,
    text: &str,
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
            ("token", Some(file)) => file.clone_into(&mut import.token),
            ("name", Some(name)) => name.clone_into(&mut import.name),
            _ => return Err(malformed(text, IMPORT)),
        }
    }
    check_subject(subject)?;
    check_not_own(&import, importer)?;
    if let Some(exporter) = &known {
        check_offer(exporter, &import)?;
    }
    if !import.token.is_empty() {
        import.token = given_activation(&import.token, importer, &import)?;
    } else if let Some(exporter) = known
        && needs_token(&exporter, &import)
    {
        let expires = Lifetime::Unlimited;
        import.token = activation(store, &exporter, importer, kind, subject, expires)?;
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
    let name = shown(exporter);
    let (kind, subject) = (word(import.kind), &import.subject);
    Err(wrong(format!(
        "the account `{name}` exports no {kind} `{subject}`; export it first, with \
         `portcullis account edit {name} --export {kind}:{subject}`"
    )))
}

/// Returns why servers leave imports of `importer` out, as far as the store has the accounts that
/// export.
pub(super) fn refused_imports(store: &Store, importer: &AccountJwt) -> Vec<String> {
    let mut problems = Vec::new();
    for import in &importer.claims.nats.imports {
        // The account of another operator, or a damaged one, which has a problem of its own.
        let Ok(exporter) = store.account(&import.account) else {
            continue;
        };
        let named = kind_of(import.kind, &import.subject);
        if let Err(error) = check_offer(&exporter, import) {
            problems.push(format!("its import `{named}` is left out: {error}"));
        } else if needs_token(&exporter, import) && !is_active(&exporter, importer, import) {
            let name = shown(&exporter);
            problems.push(format!(
                "its import `{named}` is left out: it has no token, or a revoked one; give it again with `--import {}:{name}:{}`",
                word(import.kind),
                import.subject
            ));
        }
    }
    problems
}

/// Returns whether an import has a token that the exporting account has not revoked.
fn is_active(exporter: &AccountJwt, importer: &AccountJwt, import: &Import) -> bool {
    let Ok(token) = ActivationClaims::decode(&import.token) else {
        return false;
    };
    let kind = import.kind.unwrap_or(ShareKind::Stream);
    let revoked = revoked_at(exporter, importer.account.as_str(), kind, &import.subject);
    revoked.is_none_or(|at| token.issued_at.unwrap_or_default() > at)
}

/// Returns an activation token of the exporting account.
fn activation(
    store: &Store,
    exporter: &AccountJwt,
    importer: &str,
    kind: ShareKind,
    subject: &str,
    expires: Lifetime,
) -> Result<String, Failure> {
    let key = exporter.account.as_str();
    let signer = store.keys().first_of(&[key]).map_err(failure)?;
    let signer = signer.signer().map_err(Failure::internal)?;
    // A token of the time of its revocation is revoked.
    let after = revoked_at(exporter, importer, kind, subject).map(|at| at.saturating_add(1));
    let issued = after.map_or(now(), |after| after.max(now()));
    let mut claims = ActivationClaims::new(importer, subject, kind, issued);
    claims.name = Some(subject.to_owned());
    claims.expires_at = expires.end(now());
    let findings = claims.validate(now());
    if findings.is_refused() {
        return Err(failure(StoreError::Refused(findings)));
    }
    claims.sign(&signer).map_err(Failure::internal)
}

/// Returns the time up to which an account's activation tokens for a subject are revoked.
fn revoked_at(
    exporter: &AccountJwt,
    importer: &str,
    kind: ShareKind,
    subject: &str,
) -> Option<u64> {
    let exports = exporter.claims.nats.exports.iter();
    let exports =
        exports.filter(|export| export.kind == Some(kind) && covers(&export.subject, subject));
    let times = exports.flat_map(|export| {
        let keys = [importer, "*"].into_iter();
        keys.filter_map(|key| export.revocations.get(key))
    });
    times.filter_map(|at| u64::try_from(*at).ok()).max()
}

/// Returns the token in a file, if it activates this import.
fn given_activation(file: &str, importer: &str, import: &Import) -> Result<String, Failure> {
    let token = jwt::token(file)?;
    let token = token.expose();
    let claims = ActivationClaims::decode(token).map_err(|error| jwt::damaged(file, error))?;
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    let exporter = claims.nats.issuer_account.as_deref();
    let exporter = exporter.filter(|key| !key.is_empty()).unwrap_or(issuer);
    let problem = if claims.subject.as_deref() != Some(importer) {
        "is for another account"
    } else if exporter != import.account {
        "is of another account than the one that exports"
    } else if claims.nats.import_kind != import.kind {
        "is for the other kind, `stream` or `service`"
    } else if !covers(&claims.nats.import_subject, &import.subject) {
        "is for another subject"
    } else {
        return Ok(token.to_owned());
    };
    Err(wrong(format!("the activation token in `{file}` {problem}")))
}

/// Prints an activation token, with which the account `importer` imports an export of `account`.
pub(super) fn activate(
    store: &Store,
    account: &str,
    importer: &str,
    export: &str,
    expires: Option<Lifetime>,
) -> Result<Report, Failure> {
    if importer == "*" {
        return Err(wrong("a token is for one account: name it with `--for`"));
    }
    let exporter = store.account(account).map_err(failure)?;
    let (kind, subject) = kind_and_subject(export)?;
    let import = Import {
        subject: subject.to_owned(),
        account: exporter.account.to_string(),
        kind: Some(kind),
        ..Import::default()
    };
    check_not_own(&import, importer)?;
    check_offer(&exporter, &import)?;
    if !needs_token(&exporter, &import) {
        return Err(wrong(format!(
            "the export of `{subject}` needs no token: any account imports it"
        )));
    }
    let expires = expires.unwrap_or(Lifetime::Unlimited);
    let token = activation(store, &exporter, importer, kind, subject, expires)?;
    let json = json!({
        "exporter": exporter.account.as_str(),
        "importer": importer,
        "jwt": token,
    });
    Ok(Report::new(format!("{token}\n"), json))
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

/// Removes the export that `SUBJECT` or `KIND:SUBJECT` names.
pub(super) fn remove_export(account: &mut AccountFields, text: &str) -> Result<(), Failure> {
    let names = account.exports.iter();
    let names = names.map(|export| {
        (
            export.subject.clone(),
            kind_of(export.kind, &export.subject),
        )
    });
    let at = only("export", text, &names.collect::<Vec<_>>())?;
    account.exports.remove(at);
    Ok(())
}

/// Removes the import that `SUBJECT` or `KIND:ACCOUNT:SUBJECT` names. The account is named as in
/// the JWT, by its key, or by its name in the store.
pub(super) fn remove_import(
    store: &Store,
    account: &mut AccountFields,
    text: &str,
) -> Result<(), Failure> {
    let by_key = match text.splitn(3, ':').collect::<Vec<_>>().as_slice() {
        [kind, exporter, subject] => {
            let key = match store.account(exporter) {
                Ok(found) => found.account.to_string(),
                Err(_) => (*exporter).to_owned(),
            };
            format!("{kind}:{key}:{subject}")
        }
        _ => text.to_owned(),
    };
    let names = account.imports.iter().map(|import| {
        let (exporter, subject) = (&import.account, &import.subject);
        let full = kind_of(import.kind, &format!("{exporter}:{subject}"));
        (subject.clone(), full)
    });
    let at = only("import", &by_key, &names.collect::<Vec<_>>())?;
    account.imports.remove(at);
    Ok(())
}

/// Returns the name of an account, or its key if it has none.
fn shown(account: &AccountJwt) -> &str {
    let name = account.claims.name.as_deref();
    name.unwrap_or(account.account.as_str())
}

/// Returns the form `KIND:REST`.
fn kind_of(kind: Option<ShareKind>, rest: &str) -> String {
    format!("{}:{rest}", word(kind))
}

const fn word(kind: Option<ShareKind>) -> &'static str {
    match kind {
        Some(ShareKind::Service) => "service",
        _ => "stream",
    }
}

/// Returns the index of the only entry with the name `text`, of entries that each have a short and
/// a full name.
fn only(what: &str, text: &str, names: &[(String, String)]) -> Result<usize, Failure> {
    let found = names.iter().enumerate();
    let found = found.filter(|(_, (short, full))| short == text || full == text);
    match found.collect::<Vec<_>>().as_slice() {
        [(at, _)] => Ok(*at),
        [] => Err(no_such(what, text)),
        several => {
            let names: Vec<_> = several.iter().map(|(_, (_, full))| full.as_str()).collect();
            Err(wrong(format!(
                "the account has several {what}s `{text}`: give one of `{}`",
                names.join("`, `")
            )))
        }
    }
}

fn no_such(what: &str, subject: &str) -> Failure {
    absent(format!(
        "the account has no {what} `{subject}`; `portcullis account describe` shows those it has"
    ))
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
