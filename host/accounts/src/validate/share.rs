//! Exports and imports.

use std::collections::HashMap;

use portcullis_claims::{
    ActivationClaims, Export, Import, LatencySampling, ServiceLatency, ShareKind,
};

use super::subject::{Comparisons, has_wildcards, without_references};
use super::{Findings, shown};

/// Forms of a service's answers.
const RESPONSES: [&str; 4] = ["", "Singleton", "Stream", "Chunked"];

/// Imported services of one account, by the subject under which the library looks for overlaps.
#[derive(Debug, Default)]
struct Services {
    subjects: Vec<String>,
    /// Places of those with wildcards, and of the first of each that has none.
    open: Vec<usize>,
    literal: HashMap<String, usize>,
}

const NO_KIND: &str = "the kind is neither stream nor service";

impl Findings {
    pub(super) fn exports(&mut self, exports: &[Export], work: &mut Comparisons) {
        for export in exports {
            self.export(export);
        }
        let is_service = |export: &&Export| export.kind == Some(ShareKind::Service);
        let (services, streams): (Vec<_>, Vec<_>) = exports.iter().partition(is_service);
        for (kind, exports) in [("service", services), ("stream", streams)] {
            self.overlaps(kind, &exports, work);
        }
    }

    /// Reports each subject that also exports the subject of another export of the same kind.
    fn overlaps(&mut self, kind: &str, exports: &[&Export], work: &mut Comparisons) {
        let mut equal: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, export) in exports.iter().enumerate() {
            equal.entry(&export.subject).or_default().push(at);
        }
        for (at, outer) in exports.iter().enumerate() {
            if self.is_full() || work.is_exceeded() {
                return;
            }
            let mut all = exports.iter().enumerate();
            let inner = if has_wildcards(&outer.subject) {
                all.find(|(other, inner)| {
                    *other != at && work.is_contained(&inner.subject, &outer.subject)
                })
                .map(|(_, inner)| inner.subject.as_str())
            } else {
                // Without wildcards, it stands for itself alone.
                let equal = equal.get(outer.subject.as_str());
                equal
                    .is_some_and(|equal| equal.len() > 1)
                    .then_some(outer.subject.as_str())
            };
            if let Some(inner) = inner {
                self.error(format!(
                    "the {kind} export `{}` already exports `{}`; remove one of them",
                    shown(&outer.subject),
                    shown(inner)
                ));
            }
        }
    }

    fn export(&mut self, export: &Export) {
        let place = format!("export `{}`", shown(&export.subject));
        let is_service = export.kind == Some(ShareKind::Service);
        if export.kind.is_none() {
            self.error(format!("{place}: {NO_KIND}"));
        }
        let response = &export.response_type;
        if is_service && !RESPONSES.contains(&response.as_str()) {
            self.error(format!(
                "{place}: the form of answers `{response}` is none of Singleton, Stream and Chunked"
            ));
        }
        if export.kind == Some(ShareKind::Stream) {
            if !response.is_empty() {
                self.error(format!("{place}: only services have a form of answers"));
            }
            if export.allow_trace {
                self.error(format!(
                    "{place}: only exports of services can allow traces"
                ));
            }
        }
        if let Some(latency) = &export.latency {
            if !is_service {
                self.error(format!("{place}: only the latency of services is measured"));
            }
            self.latency(&place, latency);
        }
        if export.response_threshold < 0 {
            self.error(format!("{place}: the time limit of answers is negative"));
        }
        if export.response_threshold > 0 && !is_service {
            self.error(format!(
                "{place}: only services have a time limit of answers"
            ));
        }
        self.subject(&place, &export.subject);
        self.token_position(&place, export);
        self.info(&place, &export.description, &export.info_url);
    }

    fn latency(&mut self, place: &str, latency: &ServiceLatency) {
        if let LatencySampling::Percent(percent) = latency.sampling
            && percent > 100
        {
            self.error(format!(
                "{place}: the latency of {percent} % of the requests is to be measured, at most 100 % can be"
            ));
        }
        let results = format!("{place}, results of measurements");
        self.subject(&results, &latency.results);
        if has_wildcards(&latency.results) {
            self.error(format!("{results}: the subject has wildcards"));
        }
    }

    fn token_position(&mut self, place: &str, export: &Export) {
        let position = export.account_token_position;
        let Some(index) = position.checked_sub(1) else {
            return;
        };
        if !has_wildcards(&export.subject) {
            self.error(format!(
                "{place}: a position of the account's token needs a subject with wildcards"
            ));
            return;
        }
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        match export.subject.split('.').nth(index) {
            Some("*") => {}
            Some(token) => self.error(format!(
                "{place}: token {position} is `{token}`, and the account's token has to be a `*`"
            )),
            None => self.error(format!("{place}: the subject has no token {position}")),
        }
    }

    pub(super) fn imports(&mut self, account: &str, imports: &[Import], work: &mut Comparisons) {
        let mut services: HashMap<&str, Services> = HashMap::new();
        for import in imports {
            if import.kind == Some(ShareKind::Service) {
                let subject = exporters_subject(import);
                let known = services.entry(&import.account).or_default();
                if !self.is_full() && !work.is_exceeded() {
                    self.overlapping(&import.account, known, &subject, work);
                }
                known.insert(subject);
            }
            self.import(account, import);
        }
    }

    /// Reports the `known` services of the account `exporter` that overlap with `subject`.
    fn overlapping(
        &mut self,
        exporter: &str,
        known: &Services,
        subject: &str,
        work: &mut Comparisons,
    ) {
        for known in known.overlapping(subject, work) {
            self.error(format!(
                "the imports `{}` and `{}` of services of `{exporter}` overlap; remove one of them",
                shown(known),
                shown(subject)
            ));
        }
    }

    fn import(&mut self, account: &str, import: &Import) {
        let place = format!("import `{}`", shown(&import.subject));
        let is_service = import.kind == Some(ShareKind::Service);
        if import.kind.is_none() {
            self.error(format!("{place}: {NO_KIND}"));
        }
        if is_service && import.allow_trace {
            self.error(format!("{place}: only imports of streams can allow traces"));
        }
        if import.account.is_empty() {
            self.error(format!("{place}: the exporting account is missing"));
        }
        if !import.to.is_empty() {
            self.warning(format!(
                "{place}: the field `to` is deprecated; set `local_subject` in its place"
            ));
        }
        self.subject(&place, &import.subject);
        if !import.local_subject.is_empty() {
            let local = format!("{place}, local subject");
            self.renaming(&local, &import.local_subject, &import.subject);
            if !import.to.is_empty() {
                self.error(format!(
                    "{place}: `local_subject` and `to` exclude each other"
                ));
            }
        }
        if import.share && !is_service {
            self.error(format!(
                "{place}: only with services, requesters share their identity"
            ));
        }
        if !import.token.is_empty() {
            match ActivationClaims::decode(&import.token) {
                Ok(activation) => self.import_activation(&place, account, import, &activation),
                Err(error) => self.error(format!("{place}: the activation token: {error}")),
            }
        }
    }

    fn import_activation(
        &mut self,
        place: &str,
        account: &str,
        import: &Import,
        activation: &ActivationClaims,
    ) {
        let place = format!("{place}, activation token");
        let issuers = [
            activation.issuer.as_deref(),
            activation.nats.issuer_account.as_deref(),
        ];
        if !issuers.contains(&Some(&import.account)) {
            self.error(format!("{place}: another account issued it"));
        }
        if activation.subject.as_deref() != Some(account) {
            self.error(format!("{place}: it is for another importing account"));
        }
        if activation.nats.import_kind != import.kind {
            self.error(format!("{place}: it is for another kind of import"));
        }
        self.activation(&place, activation);
        let is_service = import.kind == Some(ShareKind::Service);
        let subject = if is_service && !import.to.is_empty() {
            &import.to
        } else {
            &import.subject
        };
        let granted = &activation.nats.import_subject;
        if !Comparisons::new().is_contained(subject, granted) {
            self.error(format!("{place}: it is for `{}`", shown(granted)));
        }
    }
}

impl Services {
    fn insert(&mut self, subject: String) {
        let place = self.subjects.len();
        if has_wildcards(&subject) {
            self.open.push(place);
        } else {
            self.literal.entry(subject.clone()).or_insert(place);
        }
        self.subjects.push(subject);
    }

    /// Returns the subjects of which one contains the other, in the order of their insertion.
    fn overlapping(&self, subject: &str, work: &mut Comparisons) -> Vec<&str> {
        let at = |place: &usize| self.subjects.get(*place).map(String::as_str);
        if has_wildcards(subject) {
            let all = self.subjects.iter().map(String::as_str);
            let overlaps = |known: &&str| {
                work.is_contained(subject, known) || work.is_contained(known, subject)
            };
            return all.filter(overlaps).collect();
        }
        let open = self
            .open
            .iter()
            .filter_map(|place| Some((*place, at(place)?)));
        let open = open.filter(|(_, known)| work.is_contained(subject, known));
        let equal = self.literal.get(subject);
        let equal = equal.and_then(|place| Some((*place, at(place)?)));
        let mut found: Vec<_> = open.chain(equal).collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, known)| known).collect()
    }
}

/// Returns the subject of an imported service under which the library looks for overlaps.
fn exporters_subject(import: &Import) -> String {
    if !import.to.is_empty() {
        import.to.clone()
    } else if import.local_subject.is_empty() {
        import.subject.clone()
    } else {
        without_references(&import.local_subject)
    }
}
