//! Exports and imports.

use portcullis_claims::{
    ActivationClaims, Export, Import, LatencySampling, ServiceLatency, ShareKind,
};

use super::Findings;
use super::subject::{has_wildcards, is_contained_in, without_references};

/// Forms of a service's answers.
const RESPONSES: [&str; 4] = ["", "Singleton", "Stream", "Chunked"];

const NO_KIND: &str = "the kind is neither stream nor service";

impl Findings {
    pub(super) fn exports(&mut self, exports: &[Export]) {
        for export in exports {
            self.export(export);
        }
        let is_service = |export: &&Export| export.kind == Some(ShareKind::Service);
        let (services, streams): (Vec<_>, Vec<_>) = exports.iter().partition(is_service);
        for (kind, exports) in [("service", services), ("stream", streams)] {
            self.overlaps(kind, &exports);
        }
    }

    /// Reports each subject that also exports the subject of another export of the same kind.
    fn overlaps(&mut self, kind: &str, exports: &[&Export]) {
        for (at, outer) in exports.iter().enumerate() {
            let inner = exports.iter().enumerate().find(|(other, inner)| {
                *other != at && is_contained_in(&inner.subject, &outer.subject)
            });
            if let Some((_, inner)) = inner {
                self.error(format!(
                    "the {kind} export `{}` already exports `{}`; remove one of them",
                    outer.subject, inner.subject
                ));
            }
        }
    }

    fn export(&mut self, export: &Export) {
        let place = format!("export `{}`", export.subject);
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

    pub(super) fn imports(&mut self, account: &str, imports: &[Import]) {
        let mut services: Vec<(&str, String)> = Vec::new();
        for import in imports {
            if import.kind == Some(ShareKind::Service) {
                let subject = exporters_subject(import);
                for (other, known) in &services {
                    let overlaps =
                        is_contained_in(&subject, known) || is_contained_in(known, &subject);
                    if *other == import.account && overlaps {
                        self.error(format!(
                            "the imports `{known}` and `{subject}` of services of `{other}` overlap; remove one of them"
                        ));
                    }
                }
                services.push((&import.account, subject));
            }
            self.import(account, import);
        }
    }

    fn import(&mut self, account: &str, import: &Import) {
        let place = format!("import `{}`", import.subject);
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
        if !is_contained_in(subject, &activation.nats.import_subject) {
            self.error(format!(
                "{place}: it is for `{}`",
                activation.nats.import_subject
            ));
        }
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
